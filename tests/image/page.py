"""A page of docs/ whose commands a test carries out, each in a shell of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.system.pages import check, commands

_PATIENCE = 300.0


def carried_out(
    page: Path, home: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Carry out the page's commands in the directory ``home``, where its files are written.

    Each command comes with what it has printed, which is as the page shows.
    """
    exported: dict[str, str] = {}
    for command, expected in commands(page, home):
        done = subprocess.run(
            ["/bin/bash", "--norc", "-c", command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=home,
            env={**environment, **exported}, timeout=_PATIENCE, check=False,
        )  # fmt: skip
        # A guest's console ends lines with both characters, and may stop within a line.
        printed = done.stdout.decode(errors="replace").replace("\r", "")
        check(command, expected, f"{printed}\n" if printed and printed[-1] != "\n" else printed)
        yield command, printed
        variable = re.fullmatch(r"export (\w+)=(\S+)\n", command)
        if variable:
            exported[variable[1]] = variable[2]
