"""What a service prints: lines per second, what each costs, and who is kept waiting meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median

from bench import client, usage
from bench.daemon import Candidate, Daemon
from bench.results import Results

# Bytes of a line with its newline.
_LINE = 100
_END = b"the last line\n"
# Bytes that hold the end of a log file.
_TAIL = 2000
_INTERVAL = 0.002
# Seconds without another byte after which no more is expected.
_STALLED = 2.0
# Seconds after which something has gone wrong.
_PATIENCE = 300.0

_CONFIGURATION = """\
(define (printer name command . rest)
  (service (list name)
    #:start (apply make-forkexec-constructor (list "/bin/sh" "-c" command) rest)
    #:stop (make-kill-destructor)))
(define once "cat {lines}; exec sleep 1000000")
(register-services
  (list (printer 'file once #:log-file "{log}")
        (printer 'daemon once)
        (printer 'endless "while :; do cat {lines}; done" #:log-file "/dev/null")))
"""


class Output:
    """One daemon whose services print ``count`` lines of 100 bytes."""

    def __init__(self, work: Path, candidate: Candidate, count: int, results: Results) -> None:
        work.mkdir()
        lines = work / "lines"
        with lines.open("wb") as file:
            for number in range(count - 1):
                file.write(b"%0*d\n" % (_LINE - 1, number))
            file.write(_END)
            # Or the disk is busy with it while the lines are captured.
            file.flush()
            os.fsync(file.fileno())
        self._log = work / "log"
        configuration = work / "configuration"
        configuration.write_text(
            _CONFIGURATION.format(lines=lines, log=self._log), encoding="utf-8"
        )
        self._count = count
        self._candidate = candidate
        self._results = results
        self._daemon = Daemon(candidate, work / "daemon", configuration)

    def measure(self, herds: int) -> None:
        """Capture to a file of the service's own, then to the daemon's log; then run herd."""
        try:
            while b"endless" not in self._status():
                time.sleep(_INTERVAL)
            self._capture("file", self._log)
            self._capture("daemon", self._daemon.log)
            self._wait(herds)
        finally:
            self._daemon.kill()

    def _status(self) -> bytes:
        try:
            return self._daemon.request("status", "root")
        except OSError:
            return b""

    def _note(self, metric: str, *values: float) -> None:
        self._results.add(metric, 1, self._candidate.name, *values)

    def _capture(self, service: str, log: Path) -> None:
        before = usage.cpu(self._daemon.pid)
        began = time.monotonic()
        client.send(self._daemon.socket, "start", service)
        size, grown = 0, began
        while _END not in _tail(log):
            now = time.monotonic()
            if log.exists() and log.stat().st_size != size:
                size, grown = log.stat().st_size, now
            elif now - grown > _STALLED:
                # The GNU Shepherd may keep the end of its log until there is more to write.
                self._daemon.request("enable", service)
            if now - began > _PATIENCE:
                raise RuntimeError(f"{self._candidate.name} loses the last line")
            time.sleep(_INTERVAL)
        stalled = time.monotonic() - grown > _STALLED
        took = (grown if stalled else time.monotonic()) - began
        processor = usage.cpu(self._daemon.pid) - before
        if log.read_bytes().count(b"\n") < self._count:
            raise RuntimeError(f"{self._candidate.name} has lost lines")
        self._note(f"lines-{service}", took / self._count * 1e6)
        self._note(f"lines-{service}-cpu", processor / self._count * 1e6)
        self._daemon.request("stop", service)

    def _wait(self, herds: int) -> None:
        """Run herd, and ask on the socket, while a service prints without end."""
        client.send(self._daemon.socket, "start", "endless")
        time.sleep(0.1)
        programs, requests = [], []
        for _ in range(herds):
            programs.append(self._daemon.herd("status", "file").seconds * 1e3)
            began = time.monotonic()
            self._daemon.request("status", "file")
            requests.append((time.monotonic() - began) * 1e3)
        self._note("printing-herd", median(programs))
        self._note("printing-request", median(requests))
        self._note("printing-worst", max(requests))


def _tail(log: Path) -> bytes:
    if not log.exists():
        return b""
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        return file.read()
