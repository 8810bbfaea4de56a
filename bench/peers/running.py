"""What is measured of every service manager, by the same rules; times are in milliseconds."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from statistics import median

from bench import process, usage
from bench.peers.base import Peer, Setup
from bench.results import Results
from bench.services import Beacon, Program

# Seconds spent on one command, after the least number of times.
_ENOUGH = 2.0
_LEAST = 3
# Seconds for things to calm down before an idle manager is looked at.
_CALM = 1.0
# Seconds between two looks whether services are left.
_INTERVAL = 0.0005
# The number of services at which idleness is looked at.
IDLE_AT = 100


class Running:
    """One life of a manager with ``count`` services, noted in ``results``."""

    def __init__(self, peer: Peer, place: Path, program: Program, count: int,
                 results: Results) -> None:  # fmt: skip
        place.mkdir()
        self._peer = peer
        self._count = count
        self._results = results
        self._program = program.path
        self._ready = Beacon(place / "ready")
        directory = place / "services"
        directory.mkdir(mode=0o700)
        names = [f"s{number}" for number in range(count)]
        self._setup = Setup(directory, names, program.path, self._ready.path)
        peer.write(self._setup)
        self._errors = place / "errors"
        self._began = time.monotonic()
        self._process = process.start(peer.root, peer.command(self._setup), self._errors)

    def close(self) -> None:
        """End the manager and its services, whatever state they are in."""
        process.kill(self._process)
        self._ready.close()

    def note(self, metric: str, *values: float) -> None:
        """Note samples of a metric."""
        self._results.add(metric, self._count, self._peer.name, *values)

    def start(self, noted: bool = True) -> None:
        """Wait until every service's program has said that it runs."""
        self._ready.wait_for(self._count, self._check)
        took = time.monotonic() - self._began
        if noted:
            self.note("ready", took * 1e3)
            processor = usage.cpu_with_children(self._process.pid)
            self.note("ready-cpu", processor * 1e3)

    def _check(self) -> None:
        if self._process.poll() is not None:
            errors = self._errors.read_text(errors="replace")[-1000:]
            raise RuntimeError(f"{self._peer.name} does not get ready: {errors}")

    def _services(self) -> list[int]:
        return [pid for pid in usage.descendants(self._process.pid) if self._is_service(pid)]

    def _is_service(self, pid: int) -> bool:
        return usage.runs(pid, self._program)

    def _managers(self) -> list[int]:
        below = usage.descendants(self._process.pid)
        return [self._process.pid, *[pid for pid in below if not self._is_service(pid)]]

    def memory(self) -> None:
        """The memory of all processes but the services' own."""
        self.note("memory", usage.memory(self._managers()))

    def idle(self, seconds: float) -> None:
        """Count how often they wake up when there is nothing to do."""
        time.sleep(_CALM)
        managers = self._managers()
        before = sum(map(usage.switches, managers))
        time.sleep(seconds)
        self.note("idle", sum(map(usage.switches, managers)) - before)

    def status(self, times: int) -> None:
        """Ask for one service and for all."""
        setup = self._setup
        for metric, command in (
            ("status-one", self._peer.status_one(setup, setup.names[0])),
            ("status-all", self._peer.status_all(setup)),
        ):
            began = time.monotonic()
            for number in range(times):
                if number >= _LEAST and time.monotonic() - began > _ENOUGH:
                    break
                cost = process.run(self._peer.root, command)
                self.note(metric, cost.seconds * 1e3)
                self.note(f"{metric}-cpu", cost.processor * 1e3)

    def respawn(self, times: int) -> None:
        """Kill a service, and wait for its program to run again."""
        took = []
        for _ in range(times):
            time.sleep(self._peer.settle)
            self._ready.forget()
            pid = self._services()[-1]
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            took.append((self._ready.wait() - began - self._peer.respawn_delay) * 1e3)
        self.note("respawn", median(took))

    def stop_all(self) -> None:
        """Stop all services by command, the manager going on, until they are gone."""
        began = time.monotonic()
        process.run(self._peer.root, self._peer.stop_all(self._setup))
        while left := self._services():
            if time.monotonic() - began > process.PATIENCE:
                raise RuntimeError(f"{self._peer.name} does not stop {len(left)} services")
            time.sleep(_INTERVAL)
        self.note("stop", (time.monotonic() - began) * 1e3)
        self._check()

    def shut_down(self) -> None:
        """End the manager with its services; wait until nothing is left of them."""
        time.sleep(self._peer.settle)
        began = time.monotonic()
        os.kill(self._process.pid, self._peer.end)
        process.wait(self._process)
        process.reap()
        self.note("shutdown", (time.monotonic() - began) * 1e3)
