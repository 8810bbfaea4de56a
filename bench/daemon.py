"""The daemons that are compared: how each is started, asked and ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import client, process
from bench.services import Beacon

# Seconds between two looks.
_INTERVAL = 0.0005


@dataclass(frozen=True)
class Candidate:
    """An implementation: its programs, as seen from its root directory."""

    name: str
    shepherd: str
    herd: str
    root: Path = field(default=Path("/"))

    def version(self) -> str:
        """The first line that the daemon says about itself."""
        return process.output(self.root, [self.shepherd, "--version"]).splitlines()[0]


class Daemon:
    """A running daemon; its files are in ``directory``, which is created."""

    def __init__(self, candidate: Candidate, directory: Path, configuration: Path) -> None:
        directory.mkdir(mode=0o700)
        self.candidate = candidate
        self.socket = directory / "socket"
        self.log = directory / "log"
        self._errors = directory / "errors"
        self.started = time.monotonic()
        self._process = process.start(
            candidate.root,
            [
                candidate.shepherd,
                f"--config={configuration}",
                f"--socket={self.socket}",
                f"--logfile={self.log}",
                "--silent",
            ],
            self._errors,
        )
        self.pid = self._process.pid

    def wait_until_running(self, count: int, ready: Beacon) -> float:
        """Wait until ``count`` services run; return the seconds since the daemon was started.

        Not from the log: the GNU Shepherd's may lack its end. Services are started in
        order, so the last one is asked for, once all their programs have said that they run.
        """
        try:
            ready.wait_for(count, self._check)
        except TimeoutError as error:
            raise RuntimeError(f"{error}; {self._complaint()}") from None
        last = f"s{count - 1}"
        while b"(status running)" not in self.request("status", last):
            time.sleep(_INTERVAL)
        took = time.monotonic() - self.started
        running = self.request("status", "root").count(b"(status running)")
        # The root service and the common requirement run too.
        if running != count + 2:
            raise RuntimeError(f"{running} services of {self.candidate.name} run, not {count + 2}")
        return took

    def _check(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(self._complaint())

    def _complaint(self) -> str:
        log = self.log.read_text()[-1000:] if self.log.exists() else ""
        return f"{self.candidate.name} does not get ready: {self._errors.read_text()}\n{log}"

    def request(self, action: str, service: str, timeout: float | None = process.PATIENCE) -> bytes:
        """Send a command over the socket; return the reply."""
        return client.request(self.socket, action, service, timeout)

    def herd(self, *arguments: str) -> process.Cost:
        """Run ``herd``, the whole program; return what it took."""
        candidate = self.candidate
        return process.run(candidate.root, [candidate.herd, f"--socket={self.socket}", *arguments])

    def wait(self) -> None:
        """Wait until the daemon has ended."""
        process.wait(self._process)

    def shut_down(self) -> float:
        """Stop everything in order; return the seconds until the daemon is gone."""
        began = time.monotonic()
        self.request("stop", "root")
        self.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """End the daemon, whatever state it is in, and its services."""
        process.kill(self._process)
