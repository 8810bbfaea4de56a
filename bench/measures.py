"""What is done with a running daemon to get the figures; times are in milliseconds."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import client, usage
from bench.daemon import Candidate, Daemon
from bench.output import Output
from bench.results import Results
from bench.services import RESPAWN_DELAY, Beacon, Program, write_configuration

_CLIENTS = 200
_CROWD = 500
# Clients that say nothing or half of it, and how often another asks beside them.
_NUISANCES = 1000
_ASKED = 50
_NEVER = float("inf")
# The number of services at which 200 clients ask: the replies are long, and the point is made.
_CLIENTS_AT = 100
# Seconds for things to calm down before an idle daemon is looked at.
_CALM = 1.0
# Seconds that a status may take before the daemon counts as not answering.
_NO_ANSWER = 2.0


@dataclass(frozen=True)
class Effort:
    """How often each thing is done; ``idle`` is in seconds."""

    rounds: int
    herd: int
    requests: int
    cycles: int
    respawns: int
    endless: int
    idle: float
    lines: int
    peer_rounds: int
    peer_respawns: int


FULL = Effort(rounds=3, herd=10, requests=2000, cycles=100, respawns=5, endless=1000, idle=10,
              lines=1_000_000, peer_rounds=2, peer_respawns=3)  # fmt: skip
QUICK = Effort(rounds=1, herd=3, requests=100, cycles=5, respawns=1, endless=50, idle=0.5,
               lines=50_000, peer_rounds=1, peer_respawns=1)  # fmt: skip


class Bench:
    """The measurements that ``chosen`` names, of one candidate at a time, noted in ``results``."""

    def __init__(self, work: Path, program: Program, effort: Effort, chosen: Collection[str],
                 results: Results) -> None:  # fmt: skip
        self._work = work
        self._program = program
        self._effort = effort
        self._chosen = chosen
        self._results = results
        self._runs = 0

    def round(self, candidate: Candidate, count: int, first: bool) -> None:
        """Measure everything once; what needs much time or varies little only if ``first``."""
        with _Run(self, candidate, count) as run:
            run.start()
            if first and "idle" in self._chosen:
                run.idle(self._effort.idle)
            for name, measure in run.measures().items():
                if name in self._chosen:
                    measure()
        if "shutdown" in self._chosen:
            with _Run(self, candidate, count) as run:
                run.start()
                run.note("shutdown", run.daemon.shut_down() * 1e3)

    def endless(self, candidate: Candidate, count: int) -> None:
        """Ask for a status while a start procedure loops for ever."""
        with _Run(self, candidate, count) as run:
            run.start(noted=False)
            run.endless(self._effort.endless)

    def output(self, candidate: Candidate) -> None:
        """Let services print."""
        Output(self.directory(), candidate, self._effort.lines, self._results).measure(
            self._effort.herd
        )

    def directory(self) -> Path:
        """A fresh name for the files of one daemon."""
        self._runs += 1
        return self._work / str(self._runs)

    @property
    def program(self) -> Program:
        return self._program

    @property
    def effort(self) -> Effort:
        return self._effort

    @property
    def results(self) -> Results:
        return self._results


class _Run:
    """One life of a daemon."""

    def __init__(self, bench: Bench, candidate: Candidate, count: int) -> None:
        directory = bench.directory()
        self._bench = bench
        self._candidate = candidate
        self._count = count
        self._ready = Beacon(directory.with_suffix(".ready"))
        self._beacon = Beacon(directory.with_suffix(".fifo"))
        configuration = directory.with_suffix(".scm")
        write_configuration(
            configuration, bench.program.path, count, self._ready.path, self._beacon.path
        )
        self.daemon = Daemon(candidate, directory, configuration)

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.daemon.kill()
        self._ready.close()
        self._beacon.close()

    def note(self, metric: str, *values: float) -> None:
        """Note samples of a metric."""
        self._bench.results.add(metric, self._count, self._candidate.name, *values)

    def start(self, noted: bool = True) -> None:
        """Wait until every service runs."""
        took = self.daemon.wait_until_running(self._count, self._ready)
        processor = usage.cpu_with_children(self.daemon.pid)
        if noted:
            self.note("ready", took * 1e3)
            self.note("ready-cpu", processor * 1e3)

    def measures(self) -> dict[str, Callable[[], None]]:
        """The measurements in the order in which they disturb each other least."""
        return {
            "memory": self._memory,
            "herd": self._herd,
            "requests": self._requests,
            "clients": self._clients,
            "cycles": self._cycles,
            "respawn": self._respawn,
            "stop": self._stop,
            "nuisance": self._nuisance,
        }

    def _memory(self) -> None:
        self.note("memory", usage.memory([self.daemon.pid]))

    def idle(self, seconds: float) -> None:
        """Count how often the daemon wakes up when there is nothing to do."""
        time.sleep(_CALM)
        before = usage.switches(self.daemon.pid)
        time.sleep(seconds)
        self.note("idle", usage.switches(self.daemon.pid) - before)

    def _herd(self) -> None:
        for _ in range(self._bench.effort.herd):
            for metric, arguments in (
                ("status-one", ("status", "s0")),
                ("status-all", ("status",)),
            ):
                cost = self.daemon.herd(*arguments)
                self.note(metric, cost.seconds * 1e3)
                self.note(f"{metric}-cpu", cost.processor * 1e3)

    def _requests(self) -> None:
        count = self._bench.effort.requests
        began = time.monotonic()
        for _ in range(count):
            self.daemon.request("status", "s0")
        self.note("requests", count / (time.monotonic() - began))

    def _clients(self) -> None:
        if self._count != _CLIENTS_AT:
            return
        for metric, service in (("clients-one", "s0"), ("clients-all", "root")):
            took = client.many(self.daemon.socket, _CLIENTS, "status", service)
            self.note(metric, max(took) * 1e3 if len(took) == _CLIENTS else _NEVER)
        took = client.many(self.daemon.socket, _CROWD, "status", "s0")
        self.note("crowd", median(took) * 1e3 if len(took) == _CROWD else _NEVER)

    def _nuisance(self) -> None:
        if self._count != _CLIENTS_AT:
            return
        nuisance = client.Nuisance(self.daemon.socket, _NUISANCES)
        try:
            self.note("nuisance", max(self._latencies(_ASKED, "s0")))
        finally:
            nuisance.close()

    def _latencies(self, count: int, service: str) -> list[float]:
        """Ask for a status ``count`` times; return the milliseconds that each took."""
        found = []
        try:
            for _ in range(count):
                began = time.monotonic()
                self.daemon.request("status", service, _NO_ANSWER)
                found.append((time.monotonic() - began) * 1e3)
        except OSError:
            return [_NEVER]
        return found

    def _cycles(self) -> None:
        count = self._bench.effort.cycles
        began = time.monotonic()
        for _ in range(count):
            self.daemon.request("stop", "s0")
            self.daemon.request("start", "s0")
        self.note("cycles", count / (time.monotonic() - began))

    def _respawn(self) -> None:
        before = set(usage.children(self.daemon.pid))
        self.daemon.request("start", "beacon")
        self._beacon.wait()
        latencies = []
        for _ in range(self._bench.effort.respawns):
            (pid,) = set(usage.children(self.daemon.pid)) - before
            time.sleep(0.05)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            latencies.append((self._beacon.wait() - began - RESPAWN_DELAY) * 1e3)
        self.note("respawn", median(latencies))
        self.daemon.request("stop", "beacon")

    def _stop(self) -> None:
        began = time.monotonic()
        self.daemon.request("stop", "base")
        self.note("stop", (time.monotonic() - began) * 1e3)
        if usage.children(self.daemon.pid):
            raise RuntimeError(f"{self._candidate.name} has not stopped all services")

    def endless(self, count: int) -> None:
        """Ask for a status, ``count`` times, beside a start that never ends."""
        client.send(self.daemon.socket, "start", "endless")
        time.sleep(0.1)
        latencies = self._latencies(count, "s0")
        self.note("endless-median", median(latencies))
        self.note("endless-worst", max(latencies))


# What --only accepts.
NAMES = ("start", "memory", "idle", "herd", "requests", "clients", "cycles", "respawn", "stop",
         "shutdown", "endless", "output",
         "nuisance", "bindings")  # fmt: skip
