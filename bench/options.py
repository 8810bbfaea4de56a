"""The command line of ``bench/run``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import measures
from bench.hurd_boot import SYSV_ROOT
from bench.page import SECTIONS
from bench.peers import PEERS

_COUNTS = [1, 10, 100, 1000]
HURD_ROOT = "DROVER_HURD_ROOT"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Compare drover with the GNU Shepherd and other service managers, the image "
        "builder with mke2fs, and drover's boot of a Hurd with the native one.",
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", metavar="NAME", action="append",
                        choices=[*SECTIONS, *measures.NAMES],
                        help=f"measure only this section ({', '.join(SECTIONS)}) or figure of the "
                        f"daemons ({', '.join(measures.NAMES)}); may be repeated")  # fmt: skip
    parser.add_argument("--peers", metavar="NAME", nargs="*", choices=list(PEERS),
                        default=list(PEERS),
                        help=f"which other service managers ({', '.join(PEERS)})")  # fmt: skip
    parser.add_argument("-n", metavar="N", type=_positive, nargs="+", default=None,
                        help="numbers of services (1 10 100 1000)")  # fmt: skip
    parser.add_argument("--rounds", metavar="N", type=_positive, help="how often each is measured")
    parser.add_argument("--alone", action="store_true", help="of the daemons, only drover")
    parser.add_argument("--python", metavar="FILE",
                        default=getattr(sys, "_base_executable", None),
                        help="the interpreter for drover")  # fmt: skip
    parser.add_argument("--results", metavar="FILE", type=Path,
                        help="write the raw results there (--update: beside the page)")  # fmt: skip
    parser.add_argument("--from", metavar="FILE", type=Path, dest="source",
                        help="measure nothing: make the tables of these results")  # fmt: skip
    parser.add_argument("--update", action="store_true",
                        help="write the tables into docs/performance.md")  # fmt: skip
    parser.add_argument("--inside", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    options.words = [word for word in words if word != "--inside"]
    chosen: list[str] = options.only or list(SECTIONS)
    figures = [name for name in chosen if name in measures.NAMES]
    if options.update and figures:
        parser.error(f"--update writes whole sections: not with --only {figures[0]}")
    if options.source and options.only:
        parser.error("--from makes all tables: not with --only")
    options.sections = [
        name for name in SECTIONS if name in chosen or (name == "daemons" and figures)
    ]
    if options.alone and "peers" in options.sections:
        options.sections.remove("peers")
    options.figures = list(measures.NAMES) if "daemons" in chosen else figures
    options.counts = options.n or ([1] if options.quick else _COUNTS)
    options.effort = measures.QUICK if options.quick else measures.FULL
    options.rounds = options.rounds or options.effort.rounds
    if "boot" in options.sections and not os.environ.get(HURD_ROOT):
        if options.only and "boot" in options.only:
            parser.error(f"boot needs the root of a Hurd, and {HURD_ROOT} is not set")
        if not (options.source or options.inside):
            print(f"Without the boot of a Hurd: {HURD_ROOT} is not set", file=sys.stderr)
        options.sections.remove("boot")
    sysv_root = os.environ.get(SYSV_ROOT)
    if "boot" in options.sections and sysv_root and not os.path.lexists(f"{sysv_root}/sbin/init"):
        parser.error(f"{SYSV_ROOT}: there is no {sysv_root}/sbin/init")
    return options


def _positive(word: str) -> int:
    if not word.isdecimal() or not int(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a positive whole number")
    return int(word)
