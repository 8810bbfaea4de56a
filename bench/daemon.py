"""The daemons that are compared: how each is started, asked and ended."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import client, usage

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "USER": "root"}
# Enough for 1,000 services; the same for both, since some programs close them one by one.
_DESCRIPTORS = 4096
# Seconds after which something has gone wrong.
_PATIENCE = 120.0
# Seconds between two looks.
_INTERVAL = 0.0005
# Between looks, as a share of the time so far: each takes the processor from who is measured.
_SHARE = 0.01


@dataclass(frozen=True)
class Candidate:
    """An implementation: its programs, as seen from its root directory."""

    name: str
    shepherd: str
    herd: str
    root: Path = field(default=Path("/"))

    def prepare(self) -> Callable[[], None]:
        """What the child does before it executes one of the programs."""
        root = str(self.root)

        def before() -> None:
            if root != "/":
                os.chroot(root)
            os.chdir("/")
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, hard), hard))

        return before

    def version(self) -> str:
        """The first line that the daemon says about itself."""
        done = subprocess.run(
            [self.shepherd, "--version"],
            preexec_fn=self.prepare(),
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[0]


class Daemon:
    """A running daemon; its files are in ``directory``, which is created."""

    def __init__(self, candidate: Candidate, directory: Path, configuration: Path) -> None:
        directory.mkdir(mode=0o700)
        self.candidate = candidate
        self.socket = directory / "socket"
        self.log = directory / "log"
        self._errors = directory / "errors"
        with self._errors.open("w") as errors:
            self.started = time.monotonic()
            self._process = subprocess.Popen(
                [
                    candidate.shepherd,
                    f"--config={configuration}",
                    f"--socket={self.socket}",
                    f"--logfile={self.log}",
                    "--silent",
                ],
                preexec_fn=candidate.prepare(),
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.pid = self._process.pid

    def wait_until_running(self, count: int) -> float:
        """Wait until ``count`` services run; return the seconds since the daemon was started.

        Not from the log: the GNU Shepherd's may lack its end. Services are started in
        order, so the last one is asked for, once there are enough processes.
        """
        while not self._counts(count):
            time.sleep(max(_INTERVAL, _SHARE * (time.monotonic() - self.started)))
        last = f"s{count - 1}"
        while b"(status running)" not in self.request("status", last):
            time.sleep(_INTERVAL)
        took = time.monotonic() - self.started
        running = self.request("status", "root").count(b"(status running)")
        # The root service and the common requirement run too.
        if running != count + 2:
            raise RuntimeError(f"{running} services of {self.candidate.name} run, not {count + 2}")
        return took

    def _counts(self, count: int) -> bool:
        if self._process.poll() is not None or time.monotonic() - self.started > _PATIENCE:
            raise RuntimeError(
                f"{self.candidate.name} does not get ready: {self._errors.read_text()}\n"
                + (self.log.read_text() if self.log.exists() else "")[-1000:]
            )
        return len(usage.children(self.pid)) >= count

    def request(self, action: str, service: str, timeout: float | None = _PATIENCE) -> bytes:
        """Send a command over the socket; return the reply."""
        return client.request(self.socket, action, service, timeout)

    def herd(self, *arguments: str) -> tuple[float, float]:
        """Run ``herd``; return the seconds it took and the seconds of processor time it used."""
        candidate = self.candidate
        began = time.monotonic()
        process = subprocess.Popen(
            [candidate.herd, f"--socket={self.socket}", *arguments],
            preexec_fn=candidate.prepare(),
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"herd of {candidate.name} failed: {arguments}")
        return took, usage.ru_utime + usage.ru_stime

    def wait(self) -> None:
        """Wait until the daemon has ended."""
        self._process.wait(_PATIENCE)

    def shut_down(self) -> float:
        """Stop everything in order; return the seconds until the daemon is gone."""
        began = time.monotonic()
        self.request("stop", "root")
        self.wait()
        return time.monotonic() - began

    def kill(self) -> None:
        """End the daemon, whatever state it is in, and its services."""
        if self._process.poll() is None:
            for pid in [self.pid, *usage.children(self.pid)]:
                os.kill(pid, signal.SIGKILL)
            self._process.wait()
        # As process 1 of the namespace we inherit what it left, and the dead count as processes.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if os.getpid() != 1 else 0)[0]:
                pass
