"""The examples on a page of docs/: files to write, commands, and what these print.

A block ``scheme NAME`` or ``python NAME`` is written to the file NAME; a block ``console`` is
a session of a shell: lines that begin with ``$ `` are typed, and those with ``> `` after them;
the others are what is printed, where ``…`` stands for anything within a line, and a line ``…``
for any number of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```([a-z]+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def has_commands(page: Path) -> bool:
    return any(kind == "console" for kind, _, _ in _blocks(page))


def commands(page: Path, home: Path) -> Iterator[tuple[str, str]]:
    """The commands in order, each with the output it should have.

    A file of the page is in the directory ``home`` once a command may need it.
    """
    for kind, name, text in _blocks(page):
        if name:
            (home / name).write_text(text)
        if kind == "console":
            yield from _session(text)


def check(command: str, expected: str, printed: str) -> None:
    """Fail if a command has printed something else than the page says."""
    said = f"$ {command}printed:\n{printed}expected:\n{expected}"
    assert _matches(expected, printed), said


def _blocks(page: Path) -> list[tuple[str, str, str]]:
    return [match.groups(default="") for match in _BLOCK.finditer(page.read_text())]  # type: ignore[misc]


def _session(text: str) -> list[tuple[str, str]]:
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


def _matches(expected: str, printed: str) -> bool:
    parts = []
    for line in expected.splitlines(keepends=True):
        if line == "…\n":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(map(re.escape, line.split("…"))))
    return re.fullmatch("".join(parts), printed) is not None
