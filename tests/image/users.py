"""Running code as an ordinary user, also when the tests are run by root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NOBODY = 65534
_SITE = [name for name in sys.path if name.endswith("site-packages")]


def as_ordinary_user(code: str, *directories: Path) -> tuple[int, str, str]:
    """Run Python code as an ordinary user; return status, output and errors.

    That user owns ``directories`` from now on, and can pass those above them.
    """
    return run_as_ordinary_user([python_for_all(), "-c", code], *directories)


def python_for_all() -> str:
    """Return a Python that an ordinary user can run; skips the test if there is none."""
    for name in (sys.executable, "/usr/bin/python3"):
        if os.getuid() != 0 or (Path(name).exists() and _passable(Path(name))):
            found = subprocess.run([name, "-c", "import sys; print(sys.version_info >= (3, 11))"],
                                   capture_output=True, text=True)  # fmt: skip
            if found.stdout == "True\n":
                return name
    pytest.skip("an ordinary user can reach no Python 3.11 or newer")


def run_as_ordinary_user(
    words: list[str], *directories: Path, env: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run a program as an ordinary user, in the first of ``directories``."""
    identity: dict[str, int | list[int]] = {}
    if os.getuid() == 0:
        if not _passable(ROOT / "image"):
            pytest.skip("an ordinary user cannot reach these files")
        identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        for directory in directories:
            for name in (directory, *directory.rglob("*")):
                os.lchown(name, _NOBODY, _NOBODY)
            _open_the_way(directory)
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=directories[0],
        env={
            "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(ROOT), *_SITE]),
            "HOME": str(directories[0]), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            **(env or {}),
        },
        **identity,  # type: ignore[arg-type]
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def _open_the_way(directory: Path) -> None:
    for above in directory.parents:
        mode = above.stat().st_mode
        if not mode & 0o001:
            above.chmod(mode & 0o7777 | 0o001)


def _passable(program: Path) -> bool:
    real = program.resolve()
    return all(above.stat().st_mode & 0o001 for above in (*real.parents, *program.parents))
