"""The command ``bench/run``: what to measure, and where the results go."""

from __future__ import annotations

import argparse
import datetime
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import daemons, images, options, page, place
from bench.results import Section, load, save


def main(words: list[str]) -> int:
    """Measure, print the tables, and write them where it is asked for; return the exit status."""
    chosen = options.parse(words)
    if chosen.inside:
        measured, failures = daemons.measure(chosen)
        save(chosen.inside, measured)
        return 1 if failures else 0
    try:
        if chosen.source:
            sections, status = load(chosen.source), 0
        else:
            sections, status = _measure(chosen, words)
    except (OSError, ValueError) as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 1
    print(page.text(sections))
    if chosen.results:
        save(chosen.results, sections)
    if chosen.update:
        # Sections that were not measured now stay as they are.
        known = load(page.RAW) if page.RAW.exists() else {}
        merged = {**known, **sections}
        ordered = {name: merged[name] for name in page.SECTIONS if name in merged}
        page.write(page.PAGE, ordered)
        save(page.RAW, ordered)
    return status


def _measure(chosen: argparse.Namespace, words: list[str]) -> tuple[dict[str, Section], int]:
    """Measure the sections; what fails is said and does not keep the others from being measured."""
    sections: dict[str, Section] = {}
    status = 0
    steps: list[Callable[[], dict[str, Section]]] = []
    if {"daemons", "peers"} & set(chosen.sections):

        def both() -> dict[str, Section]:
            nonlocal status
            found, failed = _daemons(chosen, words)
            status |= failed
            return found

        steps.append(both)
    if "images" in chosen.sections:
        steps.append(lambda: {"images": images.measure_builder(chosen.quick)})
    if "boot" in chosen.sections:
        steps.append(lambda: {"boot": images.measure_boot(chosen.quick)})
    for step in steps:
        try:
            sections.update(step())
        except Exception as error:  # whatever it is, what was measured in many minutes is kept
            traceback.print_exception(error)
            status = 1
    command = f"Command: `{shlex.join(['bench/run', *words])}`, {datetime.date.today():%-d %B %Y}"
    for section in sections.values():
        section.conditions[:0] = [command, page.machine()]
    return sections, status


def _daemons(chosen: argparse.Namespace, words: list[str]) -> tuple[dict[str, Section], int]:
    # In a process of its own, which is process 1 of a namespace.
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as directory:
        file = Path(directory, "results")
        inside = ["bench", f"--inside={file}", *words]
        if chosen.alone:
            status = subprocess.run([sys.executable, "-m", *inside], check=False).returncode
        else:
            status = place.run(inside, "peers" in chosen.sections)
        if not file.exists():
            raise RuntimeError(f"the daemons were not measured: status {status}")
        return load(file), status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
