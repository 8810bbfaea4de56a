"""The command line of the modules that write files into a directory when drover is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def main(module: str, write: Callable[[Path], list[Path]], arguments: list[str] | None) -> int:
    """Run ``python -m MODULE DIRECTORY``: print the files written; return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1 or words[0].startswith("-"):
        print(f"Usage: python -m {module} DIRECTORY", file=sys.stderr)
        return 1
    try:
        names = write(Path(words[0]))
    except OSError as error:
        print(f"{module.rpartition('.')[2]}: error: {error}", file=sys.stderr)
        return 1
    for name in names:
        print(name)
    return 0
