"""The rule of the house: nobody outside hurd/ asks which kernel this is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]

_ASKING = {
    "sys.platform", "platform.system", "platform.uname", "platform.platform", "system.name",
}  # fmt: skip
_KERNELS = {"linux", "linux2", "gnu", "gnu0", "gnu/hurd", "hurd", "darwin", "freebsd"}


def kernel_questions(source: str) -> list[str]:
    """The places of a module that ask for the kernel, or go around `hurd.system` to it.

    `os.uname()` may be asked for the machine and the host's name, not for the system.
    """
    found = []
    allowed: set[int] = set()
    for node in ast.walk(ast.parse(source)):  # outer ones first
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if text in ("os.uname().machine", "os.uname().nodename"):
                assert isinstance(node.value, ast.Call)
                allowed.add(id(node.value.func))
            elif id(node) not in allowed and (
                text in {*_ASKING, "os.uname"} or node.attr == "prctl"
            ):
                names = [text]
        elif isinstance(node, ast.Compare):
            words = [node.left, *node.comparators]
            names = [f"== {ast.unparse(word)}" for word in words if names_a_kernel(word)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".startswith"):
            names = [f"like {ast.unparse(word)}" for word in node.args if names_a_kernel(word)]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n for n in names if n in {*_ASKING, "os.uname"} or forbidden(n)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if forbidden(alias.name)]
        found += [f"{name}:{getattr(node, 'lineno', 0)}" for name in names]
    return found


def names_a_kernel(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).lower() in _KERNELS


def forbidden(module: str) -> bool:
    return module.split(".")[0] == "ctypes" or module.startswith("hurd.system.linux")


def test_no_other_room_asks_which_kernel_it_runs_on():
    rooms = ("pid1", "services", "boot", "image")
    modules = [path for room in rooms for path in (TOP / room).rglob("*.py")]
    # Scheme's own `uname` procedure: it reports, and decides nothing.
    modules.remove(TOP / "services/scheme/library/environment.py")
    assert modules
    asking = {
        str(path.relative_to(TOP)): questions
        for path in modules
        if (questions := kernel_questions(path.read_text(encoding="utf-8")))
    }
    assert asking == {}


@pytest.mark.parametrize(
    "line",
    [
        "import sys; x = sys.platform == 'linux'",
        "from sys import platform",
        "import os; os.uname().sysname",
        "import os; os.uname()[0]",
        "import os; x = os.uname().machine + os.uname().sysname",
        "from os import uname",
        "import platform; platform.system()",
        "import ctypes",
        "libc.prctl(36, 1)",
        "from hurd.system.linux import LinuxSystem",
        "system.name",
        "kernel() == 'GNU'",
        "'linux' != name",
        "name.startswith('gnu')",
    ],
)
def test_the_search_finds_such_a_question(line):
    assert kernel_questions(line)


def test_the_search_lets_pass_what_is_no_such_question():
    assert not kernel_questions("import os; os.uname().machine + os.uname().nodename")
