"""Every page of docs/ does what it says.

A block ``scheme NAME`` or ``python NAME`` is written to the file NAME; a block ``console`` is
a session of a shell: lines that begin with ``$ `` are typed, and those with ``> `` after them;
the others are what is printed, where ``…`` stands for anything within a line, and a line ``…``
for any number of lines.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# These need an archive of packages and a disk: tests/image/test_image_docs.py and test_vm_docs.py.
ELSEWHERE = {ROOT / "docs" / "image-builder.md", ROOT / "docs" / "virtual-machine.md"}
PAGES = sorted(set((ROOT / "docs").glob("*.md")) - ELSEWHERE)
BLOCK = re.compile(r"^```([a-z]+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Marks the end of a command's output.
END = "=== end of command ==="


def blocks(page: Path) -> list[tuple[str, str, str]]:
    return [match.groups(default="") for match in BLOCK.finditer(page.read_text())]  # type: ignore[misc]


def session(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output it should have."""
    commands: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:], ""))
        elif line.startswith("> ") and not commands[-1][1]:
            commands[-1] = (commands[-1][0] + line[2:], "")
        else:
            command, expected = commands[-1]
            commands[-1] = (command, expected + line)
    return commands


def matches(expected: str, printed: str) -> bool:
    parts = []
    for line in expected.splitlines(keepends=True):
        if line == "…\n":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(map(re.escape, line.split("…"))))
    return re.fullmatch("".join(parts), printed) is not None


PAGES_WITH_EXAMPLES = [page for page in PAGES if any(b[0] == "console" for b in blocks(page))]


def test_there_are_examples() -> None:
    assert any(page.name == "getting-started.md" for page in PAGES_WITH_EXAMPLES)


@pytest.mark.parametrize("page", PAGES_WITH_EXAMPLES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "HOME": str(home),
        "PATH": f"{ROOT}/.venv/libexec:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(home),
    }
    shell = subprocess.Popen(
        ["/bin/bash", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env=environment,
        text=True,
        start_new_session=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    try:
        for kind, name, text in blocks(page):
            if name:
                (home / name).write_text(text)
            if kind != "console":
                continue
            for command, expected in session(text):
                shell.stdin.write(f"{command}\necho '{END}'\n")
                shell.stdin.flush()
                printed = ""
                for line in shell.stdout:
                    if line == f"{END}\n":
                        break
                    printed += line
                else:
                    pytest.fail(f"the shell ended after: {command}{printed}")
                assert matches(expected, printed), (
                    f"$ {command}printed:\n{printed}expected:\n{expected}"
                )
    finally:
        shell.kill()
        shell.wait()
        subprocess.run(["pkill", "-KILL", "-f", str(home)], check=False)
