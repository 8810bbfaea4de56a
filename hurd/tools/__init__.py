"""The Hurd's translator tools in Python: settrans, showtrans, fsysopts, mount and umount.

Options, output and exit status are those of the Hurd's own programs of these names (utils/ of the
Hurd's sources). `python3 -m hurd.tools settrans …` runs one; `settrans_main` and its relatives are
entry points for installed commands.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "0.1.0"
TOOLS = ("settrans", "showtrans", "fsysopts", "mount", "umount")


def run(tool: str, argv: Sequence[str]) -> int:
    """Run the tool called `tool` with the words `argv` and return its exit status.

    Raises LookupError for a tool that there is not.
    """
    if tool not in TOOLS:
        raise LookupError(f"{tool}: no such tool; there are {', '.join(TOOLS)}")
    from importlib import import_module

    main = import_module(f"hurd.tools.{tool}").main
    try:
        status = int(main(argv) or 0)
    except SystemExit as stop:
        status = int(stop.code or 0)
    except KeyboardInterrupt:
        status = 130
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        status = status or 1
    return status


def _forget_output() -> None:
    # The reader is gone; the interpreter must not complain about it when it ends.
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def settrans_main() -> int:
    return run("settrans", sys.argv[1:])


def showtrans_main() -> int:
    return run("showtrans", sys.argv[1:])


def fsysopts_main() -> int:
    return run("fsysopts", sys.argv[1:])


def mount_main() -> int:
    return run("mount", sys.argv[1:])


def umount_main() -> int:
    return run("umount", sys.argv[1:])
