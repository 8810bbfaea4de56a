"""The command ``bench/run``: what to measure, and where the results go."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from bench import measures, place, report
from bench.daemon import Candidate
from bench.results import DROVER, GNU, Results
from bench.services import Program
from pid1.launchers import site_directories, write_launchers

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs/performance.md"
_COUNTS = [1, 10, 100, 1000]


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Compare drover with the GNU Shepherd."
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", metavar="NAME", action="append", choices=measures.NAMES,
                        help=f"measure only this: {', '.join(measures.NAMES)}")  # fmt: skip
    parser.add_argument("-n", metavar="N", type=int, nargs="+", default=None,
                        help="numbers of services (1 10 100 1000)")  # fmt: skip
    parser.add_argument("--rounds", metavar="N", type=int, help="how often each is measured")
    parser.add_argument("--alone", action="store_true", help="measure drover only")
    parser.add_argument("--python", metavar="FILE", default=getattr(sys, "_base_executable", None),
                        help="the interpreter for drover")  # fmt: skip
    parser.add_argument("--update", action="store_true", help=f"write into {_PAGE.name} too")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run the benchmarks; return the exit status."""
    options = _arguments(words)
    alone = "asked for" if options.alone else place.enter(words)
    if alone is not None:
        print(f"Without the GNU Shepherd: {alone}", file=sys.stderr)
    effort = measures.QUICK if options.quick else measures.FULL
    chosen: list[str] = options.only or list(measures.NAMES)
    counts = options.n or ([1] if options.quick else _COUNTS)
    results = Results()
    here = place.Place()
    try:
        candidates = _candidates(here, options.python)
        program = Program(here.work)
        bench = measures.Bench(here.work, program, effort, chosen, results)
        _measure(bench, candidates, counts, options.rounds or effort.rounds, chosen)
        conditions = [
            f"Command: `{shlex.join(['bench/run', *words])}`; medians of "
            f"{options.rounds or effort.rounds} rounds, the daemons taking turns",
            f"Machine: {report.machine()}",
            *[f"{one.name}: {version}" for one, version in _versions(candidates, options.python)],
            f"The program of each service: {program.description}",
        ]
    finally:
        here.close()
    _derive(results)
    print(report.text(results, conditions))
    if options.update:
        report.update(_PAGE, report.markdown(results, conditions))
    return 0


def _candidates(here: place.Place, python: str) -> list[Candidate]:
    # As installed: nothing is compiled while it is measured, if these may be written.
    rooms = [str(_ROOT / room) for room in ("hurd", "pid1", "services", "boot")]
    subprocess.run([python, "-m", "compileall", "-qq", *rooms], check=False)
    site = site_directories()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(site)}
    subprocess.run(
        [python, "-m", "boot.bundle"],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    launchers = here.work / "bin"
    write_launchers(launchers, str(Path(python).absolute()), _ROOT, site)
    drover = Candidate(DROVER, str(launchers / "shepherd"), str(launchers / "herd"))
    if here.chroot is None:
        return [drover]
    return [Candidate(GNU, "/usr/bin/shepherd", "/usr/bin/herd", here.chroot), drover]


def _versions(candidates: list[Candidate], python: str) -> list[tuple[Candidate, str]]:
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    interpreters = {DROVER: version.stdout.strip(), GNU: "Guile"}
    return [(one, f"{one.version()}, {interpreters[one.name]}") for one in candidates]


def _measure(
    bench: measures.Bench,
    candidates: list[Candidate],
    counts: list[int],
    rounds: int,
    chosen: list[str],
) -> None:
    for count in counts:
        if any(name not in ("endless", "output") for name in chosen):
            for number in range(rounds):
                _progress(f"{count} services, round {number + 1} of {rounds}")
                # Whoever comes second finds the machine warmer: take turns in that too.
                for candidate in candidates if number % 2 == 0 else candidates[::-1]:
                    bench.round(candidate, count, number == 0)
    if "endless" in chosen:
        _progress("a start that never ends")
        for candidate in candidates:
            bench.endless(candidate, counts[0])
    if "output" in chosen:
        # The GNU Shepherd takes a minute for each.
        for _ in range(min(3, bench.effort.rounds)):
            for candidate in candidates:
                _progress(f"{bench.effort.lines:,} lines through {candidate.name}")
                bench.output(candidate)


def _progress(text: str) -> None:
    load = os.getloadavg()[0]
    print(f"{text} (load {load:.1f})", file=sys.stderr, flush=True)


def _derive(results: Results) -> None:
    """Memory per service is the growth between two numbers of services."""
    for low in (10, 100):
        for name in (GNU, DROVER):
            slope = results.slope("memory", low, 1000, name)
            if slope is not None:
                results.add("per-service", low, name, slope)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
