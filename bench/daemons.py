"""Measuring the daemons in turns: drover and the GNU Shepherd closely, the others beside them.

This is the part of ``bench/run`` that runs inside of the namespaces.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import floor, measures, place
from bench.daemon import Candidate
from bench.metrics import DROVER, FLOOR, GNU
from bench.peers import PEERS
from bench.peers.base import Peer
from bench.peers.running import IDLE_AT, Running
from bench.peers.shepherd import Shepherd
from bench.results import Results, Section
from bench.services import Program
from pid1.launchers import site_directories, write_launchers

_ROOT = Path(__file__).resolve().parent.parent
# Figures that have nothing to do with the number of services.
_ONCE = ("endless", "output", "bindings")
_IMPORTS = 9


def measure(chosen: argparse.Namespace) -> tuple[dict[str, Section], int]:
    """Measure what was chosen; return the sections, and how often something failed.

    A failure is said on standard error; what else was measured is there.
    """
    here = place.Place()
    try:
        daemons = _Daemons(chosen, here)
        return daemons.measure(), daemons.failures
    finally:
        here.close()


class _Daemons:
    def __init__(self, chosen: argparse.Namespace, here: place.Place) -> None:
        self._chosen = chosen
        self._here = here
        self._directories = itertools.count()
        self._program = Program(here.work)
        self._floor = floor.Floor(here.work, chosen.python)
        self._candidates = _candidates(here, chosen.python)
        self._closely = Results()
        self._beside = Results()
        self._bench = measures.Bench(
            here.work, self._program, chosen.effort, chosen.figures, self._closely
        )
        self._peers = self._find_peers()
        self.failures = 0

    def _find_peers(self) -> list[Peer]:
        if "peers" not in self._chosen.sections or os.getpid() != 1:
            return []
        found: list[Peer] = [Shepherd(candidate) for candidate in self._candidates]
        for name in self._chosen.peers:
            peer = PEERS[name](self._here.peers or Path("/"))
            if reason := peer.missing():
                print(f"Without {reason}", file=sys.stderr)
            else:
                found.append(peer)
        return found

    def measure(self) -> dict[str, Section]:
        """Measure in rounds; return the sections that were chosen."""
        chosen = self._chosen
        for count in chosen.counts:
            for turn in range(chosen.rounds):
                _progress(f"{count} services, round {turn + 1} of {chosen.rounds}")
                self._round(count, turn)
                if turn < chosen.effort.peer_rounds:
                    self._peer_round(count, turn)
        self._once()
        sections = {}
        if "daemons" in chosen.sections:
            self._closely.derive()
            sections["daemons"] = Section(self._conditions(), self._closely)
        if self._peers:
            self._beside.derive()
            sections["peers"] = Section(self._peer_conditions(), self._beside)
        return sections

    def _round(self, count: int, turn: int) -> None:
        if all(name in _ONCE for name in self._chosen.figures):
            return
        for metric, value in {
            **self._floor.spawn(self._program.path, count),
            **self._floor.interpreter(),
        }.items():
            self._closely.add(metric, count, FLOOR, value)
        # Whoever comes second finds the machine warmer: take turns in that too.
        for candidate in self._candidates if turn % 2 == 0 else self._candidates[::-1]:
            with self._forgiving(f"{candidate.name}, {count} services"):
                self._bench.round(candidate, count, turn == 0)

    @contextlib.contextmanager
    def _forgiving(self, what: str) -> Iterator[None]:
        """Let the rest be measured, which takes many minutes, if something fails."""
        try:
            yield
        except Exception as error:
            self.failures += 1
            print(f"failed: {what}: {type(error).__name__}: {error}", file=sys.stderr)

    def _peer_round(self, count: int, turn: int) -> None:
        shift = turn % len(self._peers) if self._peers else 0
        for peer in self._peers[shift:] + self._peers[:shift]:
            with self._forgiving(f"{peer.name} beside the others, {count} services"):
                self._peer(peer, count, turn == 0)

    def _peer(self, peer: Peer, count: int, first: bool) -> None:
        effort = self._chosen.effort
        running = self._running(peer, count)
        try:
            running.start()
            running.memory()
            if first and count == IDLE_AT:
                running.idle(effort.idle)
            running.status(effort.herd)
            running.respawn(effort.peer_respawns)
            running.stop_all()
        finally:
            running.close()
        running = self._running(peer, count)
        try:
            running.start()
            running.shut_down()
        finally:
            running.close()

    def _running(self, peer: Peer, count: int) -> Running:
        directory = self._here.memory / str(next(self._directories))
        return Running(peer, directory, self._program, count, self._beside)

    def _once(self) -> None:
        figures, candidates, bench = self._chosen.figures, self._candidates, self._bench
        if "endless" in figures:
            _progress("a start that never ends")
            for candidate in candidates:
                with self._forgiving(candidate.name):
                    bench.endless(candidate, self._chosen.counts[0])
        if "output" in figures:
            # The GNU Shepherd takes a minute for each.
            for _ in range(min(2, self._chosen.rounds)):
                for candidate in candidates:
                    _progress(f"{bench.effort.lines:,} lines through {candidate.name}")
                    with self._forgiving(candidate.name):
                        bench.output(candidate)
        if "bindings" in figures:
            for _ in range(_IMPORTS):
                milliseconds = floor.bindings(self._chosen.python)
                self._closely.add("bindings", 0, DROVER, milliseconds)

    def _conditions(self) -> list[str]:
        return [
            f"Rounds: {self._chosen.rounds}, the daemons taking turns; figures are medians",
            *[f"{one.name}: {self._version(one)}" for one in self._candidates],
            f"The program of each service: {self._program.description}",
        ]

    def _peer_conditions(self) -> list[str]:
        rounds = min(self._chosen.rounds, self._chosen.effort.peer_rounds)
        others = [peer.version() for peer in self._peers if not isinstance(peer, Shepherd)]
        return [f"Rounds: {rounds}, in the same run", f"Versions: {'; '.join(others)}"]

    def _version(self, candidate: Candidate) -> str:
        if candidate.name == GNU:
            return f"{candidate.version()}, Guile"
        python = [self._chosen.python, "--version"]
        done = subprocess.run(python, capture_output=True, text=True, check=True)
        return f"{candidate.version()}, {done.stdout.strip()}"


def _candidates(here: place.Place, python: str) -> list[Candidate]:
    # As installed: nothing is compiled while it is measured, if these may be written.
    rooms = [str(_ROOT / room) for room in ("hurd", "pid1", "services", "boot")]
    subprocess.run([python, "-m", "compileall", "-qq", *rooms], check=False)
    site = site_directories()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(site)}
    bundle = subprocess.run(
        [python, "-m", "boot.bundle"],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if bundle.returncode:
        print("drover starts without a bundle of its modules, more slowly", file=sys.stderr)
    launchers = here.work / "bin"
    write_launchers(launchers, str(Path(python).absolute()), _ROOT, site)
    drover = Candidate(DROVER, str(launchers / "shepherd"), str(launchers / "herd"))
    if here.shepherd is None:
        return [drover]
    return [drover, Candidate(GNU, "/usr/bin/shepherd", "/usr/bin/herd", here.shepherd)]


def _progress(text: str) -> None:
    load = os.getloadavg()[0]
    print(f"{text} (load {load:.1f})", file=sys.stderr, flush=True)
