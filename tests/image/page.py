"""A page of docs/ whose commands a test carries out, each in a shell of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.system.test_docs import blocks, matches, session

_PATIENCE = 300.0


def carried_out(
    page: Path, home: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Carry out the page's commands in the directory ``home``, where its files are written.

    Each command comes with what it has printed, which is as the page shows.
    """
    exported: dict[str, str] = {}
    for kind, name, text in blocks(page):
        if name:
            (home / name).write_text(text)
        if kind != "console":
            continue
        for command, expected in session(text):
            done = subprocess.run(
                ["/bin/bash", "--norc", "-c", command], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home,
                env={**environment, **exported}, timeout=_PATIENCE, check=False,
            )  # fmt: skip
            # A guest's console ends lines with both characters.
            printed = done.stdout.decode(errors="replace").replace("\r", "")
            whole = f"{printed}\n" if printed and not printed.endswith("\n") else printed
            assert matches(expected, whole), f"$ {command}printed:\n{printed}expected:\n{expected}"
            yield command, printed
            variable = re.fullmatch(r"export (\w+)=(\S+)\n", command)
            if variable:
                exported[variable[1]] = variable[2]
