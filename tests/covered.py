"""Prints how much of each package, and of what least, a report of coverage.py says was run."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

_WORST = 15  # modules


def main(path: str, *least: str) -> int:
    """Print what the JSON report in the file ``path`` says; return the exit status.

    That is 1 if fewer branches of a package were taken than ``least``, such as "pid1=90", asks for
    in per cent.
    """
    files: dict[str, dict[str, Any]] = json.loads(Path(path).read_text())["files"]
    packages: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    modules = []
    for name, report in files.items():
        one = report["summary"]
        figures = [one[key] for key in ("covered_branches", "num_branches",
                                        "covered_lines", "num_statements")]  # fmt: skip
        package = packages[Path(name).parts[0]]
        package[:] = [a + b for a, b in zip(package, figures, strict=True)]
        modules.append((one["num_branches"] - one["covered_branches"], name, figures))
    print(f"{'package':40} {'branches':>20} {'lines':>20}")
    for package, figures in sorted(packages.items()):
        print(_row(package, figures))
    print("Modules with the most branches that were not taken:")
    for _, name, figures in sorted(modules, reverse=True)[:_WORST]:
        print(_row(name, figures))
    status = 0
    for package, wanted in (one.split("=") for one in least):
        taken, branches, *_ = packages[package]
        if 100 * taken < float(wanted) * branches or not branches:
            print(f"{package}: fewer than {wanted} % of the branches are taken", file=sys.stderr)
            status = 1
    return status


def _row(name: str, figures: list[int]) -> str:
    branches, all_branches, lines, all_lines = figures
    return f"{name:40} {_share(branches, all_branches)} {_share(lines, all_lines)}"


def _share(part: int, whole: int) -> str:
    return f"{part:6}/{whole:<5}{100 * part / (whole or 1):6.1f} %"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
