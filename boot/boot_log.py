"""Where PID 1 of a machine writes its log: to the system log, and what matters to the console.

Until the system log runs, lines are kept for it.  The console shows what went wrong and what takes
long, and of that nothing while people work there and the system log has it; with
``drover.log=console`` it shows every line.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from boot import running
from boot.guard import offers_login
from pid1.log import SyslogDestination
from pid1.service import RUNNING, STARTING
from pid1.visible import visible

if TYPE_CHECKING:
    from pid1.daemon import Daemon

# Lines that are kept for a system log which is not there yet.
KEPT: Final = 1000
# Seconds after which it is said what a boot is waiting for, and again after as many.
PATIENCE: Final = 8.0

_SYSTEM_LOGS: Final = ("system-log", "syslogd")
# What the daemon says when all goes well.
_ROUTINE_STARTS: Final = (
    "Starting service ", "Stopping service ", "Successfully started ", "Made ", "Listening on ",
    "Configuration successfully loaded", "Terminating system log", "Evaluating ", "drover ",
    "Service root ", "Loading ", "Closing ", "Transient service ", "Terminating timer ",
)  # fmt: skip
_ROUTINE_ENDS: Final = (" started.", " stopped.", " is now stopped.", " has been started.")


def is_routine(mark: str, line: str) -> bool:
    """Whether nobody needs to see a line, which ``mark`` says a program has printed."""
    if mark:
        return "fsck" not in mark  # what was done to the disks is for whoever owns them
    if line.startswith(_ROUTINE_STARTS):
        return True
    if "could not be started" in line:
        return False
    return line.startswith("Service ") and (
        line.endswith(_ROUTINE_ENDS) or " running with value " in line
    )


class BootLog(SyslogDestination):
    """The destination of PID 1's log; all lines are on the console if ``verbose``."""

    def __init__(self, verbose: bool) -> None:
        super().__init__()
        self.verbose = verbose
        self.waiting: deque[str] = deque(maxlen=KEPT)
        self._lost = 0

    def append(self, mark: str, lines: list[str]) -> None:
        for line in lines:
            if self.verbose or (not is_routine(mark, line) and self._is_watched()):
                print_line(mark + line)
            if len(self.waiting) == KEPT:
                self._lost += 1
            self.waiting.append(mark + line)
        self.hand_over()

    def hand_over(self) -> None:
        """Give the system log what waits for it, if it runs."""
        daemon = running.daemon
        for name in _SYSTEM_LOGS if daemon is not None else ():
            service = daemon.supervisor.registry.get(name)  # type: ignore[union-attr]
            if service is not None and service.status == RUNNING:
                # Ours takes it directly; to another one's socket it is sent.
                accept = getattr(service.value, "accept", self._send)
                if self._lost:
                    accept(f"shepherd[1]: {self._lost} line(s) lost.")
                    self._lost = 0
                while self.waiting:
                    accept(f"shepherd[{os.getpid()}]: {self.waiting.popleft()}")
                return

    def _send(self, line: str) -> None:
        super()._send(line.partition(": ")[2])

    def _is_watched(self) -> bool:
        """Whether the console is the place for what is important."""
        daemon = running.daemon
        if daemon is None or daemon.ending is not None:
            return True
        registry = daemon.supervisor.registry
        logs = [registry.get(name) for name in _SYSTEM_LOGS]
        if not any(log is not None and log.status == RUNNING for log in logs):
            return True
        return not any(offers_login(service) for service in registry)


def print_line(text: str) -> None:
    """Print a line on the console, without ever waiting for it."""
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open("/dev/console", flags)
    except OSError:
        return
    try:
        # Programs, and names of files, are not to talk to the console.
        os.write(descriptor, f"drover: {visible(text)}\n".encode(errors="replace"))
    except OSError:
        pass
    finally:
        os.close(descriptor)


def watch_slow_starts(daemon: Daemon, patience: float = PATIENCE) -> None:
    """Say what the boot is waiting for, whenever that takes long, until somebody can log in."""

    def look() -> None:
        services = list(daemon.supervisor.registry)
        if daemon.ending is not None or any(offers_login(service) for service in services):
            return
        busy = [service.name for service in services if service.status == STARTING]
        if busy:
            print_line(f"Waiting for {', '.join(busy)}.")
        daemon.loop.call_later(patience, look)

    daemon.loop.call_later(patience, look)
