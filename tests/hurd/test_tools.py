"""What all of hurd.tools have in common, as commands."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from standin.control import Standin

from hurd.tools import TOOLS, VERSION, run

NODE = "/etc/motd"
HELLO = "/hurd/hello"

Tool = Callable[..., tuple[int, str, str]]


def test_no_tool_leaves_a_right(standin: Standin, tool: Tool) -> None:
    tool("settrans", "-a", NODE, HELLO)
    before = standin.references()
    for _ in range(5):
        tool("showtrans", NODE, "/nowhere")
        tool("fsysopts", NODE)
        tool("fsysopts", "/", "--update")
        tool("settrans", NODE, HELLO)
        tool("settrans", "-k", NODE)
        tool("settrans", "-a", NODE, "/bin/true")
    assert standin.references() == before


def test_a_tool_that_there_is_not_is_named() -> None:
    with pytest.raises(LookupError, match=r"settran: no such tool; there are settrans, "):
        run("settran", [])


def test_an_interrupted_tool_says_so_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_words: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("hurd.tools.settrans.main", interrupt)
    assert run("settrans", []) == 130


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback() -> None:
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from hurd.tools import mount_main as m"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{code}; sys.exit(m())", "--help"],
            stdout=output, stderr=subprocess.PIPE, check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("words", [[], ["nothing"]])
def test_a_module_that_is_run_without_a_tool_says_which_there_are(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hurd.tools.__main__ import main

    monkeypatch.setattr("sys.argv", ["hurd.tools", *words])
    assert main() == 64
    said = capsys.readouterr().err
    assert said.startswith("nothing: no such tool\nUsage: " if words else "Usage: ")
    monkeypatch.setattr("sys.argv", ["hurd.tools", "mount", "--version"])
    assert main() == 0


def test_they_run_as_commands() -> None:
    """As processes of their own, where there is no Hurd."""
    root = Path(__file__).parents[2]

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c",
             f"import sys; sys.path.insert(0, {str(root)!r});"
             "from hurd.tools.__main__ import main; sys.exit(main())", *words],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    done = command("settrans", "--version")
    assert (done.returncode, done.stdout) == (0, f"settrans (drover) {VERSION}\n")
    for words in ([], ["nothing"]):
        done = command(*words)
        assert done.returncode == 64
        assert (
            "Usage: python3 -m hurd.tools {settrans|showtrans|fsysopts|mount|umount}" in done.stderr
        )


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_has_an_entry_point(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import hurd.tools

    monkeypatch.setattr("sys.argv", [name, "--version"])
    assert getattr(hurd.tools, f"{name}_main")() == 0
    assert capsys.readouterr().out == f"{name} (drover) {VERSION}\n"
