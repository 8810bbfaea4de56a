"""The daemon's own log, and where the output of a command goes.

``log`` is for what the controller says: it goes to the log only.  ``say`` is for what
the requester says: it also goes to the client whose command is being carried out, which
a context variable names, so that it follows tasks.  Destinations never block: what
cannot be written at once is dropped and counted, and the count is logged later.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from hurd.system import system
from pid1.files import open_carefully
from pid1.visible import visible

HISTORY: Final = 20
LINE_FORMAT: Final = "%Y-%m-%d %H:%M:%S "
# Lines that may wait for the end of the turn.
_MOST_WAITING: Final = 1000
# A write of this size to a pipe that polls writable does not block (POSIX PIPE_BUF).
_ATOMIC: Final = 512


class Output:
    """What one command has printed: complete lines, and the start of the next one.

    ``finished``: it has been sent, and what the command has left behind, a fiber for example,
    prints to the log only.
    """

    __slots__ = ("finished", "lines", "partial")

    def __init__(self) -> None:
        self.finished = False
        self.lines: list[str] = []
        self.partial = ""

    def finish(self) -> list[str]:
        """End an incomplete line and return all lines; it takes no more."""
        if self.partial:
            partial, self.partial = self.partial, ""
            say(partial)
        self.finished = True
        return self.lines


# The output of the client command being carried out; None outside of one.
client_output: ContextVar[Output | None] = ContextVar("client_output", default=None)

_prefix_cache: tuple[int, str] = (0, "")


def time_prefix(now: int) -> str:
    """Return the prefix of a log line written at ``now`` (seconds since the epoch)."""
    global _prefix_cache
    if _prefix_cache[0] != now:
        _prefix_cache = (now, time.strftime(LINE_FORMAT, time.localtime(now)))
    return _prefix_cache[1]


class LineFile:
    """Appends lines to a file that may refuse them, when the disk is full for example.

    What it does not take is dropped and counted, and the count is written once it takes
    lines again.  ``descriptor`` is -1 while there is no file.
    """

    __slots__ = ("_lost", "_torn", "descriptor")

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor
        self._lost = 0
        # The last line was taken in part.
        self._torn = False

    def append(self, prefix: str, lines: list[str], mark: str = "") -> None:
        """Append each line, after ``prefix`` and ``mark``."""
        if self.descriptor < 0:
            return
        start = prefix + mark
        text = start + f"\n{start}".join(lines) + "\n"
        head = 0
        if self._lost:
            torn = "\n" if self._torn else ""
            text = f"{torn}{prefix}{self._lost} line(s) lost.\n{text}"
            head = 1 + len(torn)
        data = text.encode(errors="replace")
        taken = 0
        try:
            while taken < len(data):
                taken += os.write(self.descriptor, data[taken:])
            self._lost, self._torn = 0, False
        except OSError:
            if taken:
                self._torn = data[taken - 1] != 0x0A
            complete = data.count(b"\n", 0, taken) - head
            self._lost = len(lines) + (self._lost if complete < 0 else -complete)

    @property
    def lost(self) -> int:
        """How many lines were lost and are not counted in the file yet."""
        return self._lost

    def replace(self, descriptor: int) -> None:
        """Go on in another file."""
        old, self.descriptor = self.descriptor, descriptor
        if old >= 0:
            with contextlib.suppress(OSError):
                os.close(old)

    def close(self) -> None:
        """Close the file, if it is open."""
        self.replace(-1)


class FileDestination:
    """A log file: each line stamped with the time; mode 640, parents created 700.

    Lines wait until ``flush``, so that a turn of the loop costs one write.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.join(os.getcwd(), path)
        self._file = LineFile(self._open())
        self._waiting: list[str] = []
        self._since = 0

    def _open(self) -> int:
        return open_carefully(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640, 0o700)

    def append(self, mark: str, lines: list[str]) -> None:
        """Append lines; a full disk drops them and says how many were lost afterwards."""
        now = int(time.time())
        if now != self._since or len(self._waiting) > _MOST_WAITING:
            self.flush()
            self._since = now
        self._waiting += [mark + line for line in lines] if mark else lines

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._file.append(time_prefix(self._since), lines)

    def reopen(self, rename_to: str | None = None) -> None:
        """Go on in a fresh file, after renaming the old one if asked (log rotation)."""
        self.flush()
        if rename_to is not None:
            os.rename(self.path, rename_to)
        self._file.replace(self._open())


class StandardOutput:
    """The daemon's standard output: lines without a prefix, fit for a terminal if it is one."""

    def __init__(self) -> None:
        self._is_terminal = os.isatty(1)

    def append(self, mark: str, lines: list[str]) -> None:
        """Write lines as far as that is possible without waiting."""
        text = "".join([f"{mark}{line}\n" for line in lines])
        data = (visible(text) if self._is_terminal else text).encode(errors="replace")
        with contextlib.suppress(OSError, ValueError):
            poll = select.poll()
            poll.register(1, select.POLLOUT)
            start = 0
            while start < len(data) and poll.poll(0):
                # Whole lines where they fit: what follows may be dropped.
                end = data.rfind(b"\n", start, start + _ATOMIC) + 1
                start += os.write(1, data[start : end or start + _ATOMIC])


class SyslogDestination:
    """A syslog socket; while nobody listens there, the kernel's log or the console."""

    def __init__(self, path: str = "/dev/log") -> None:
        self.path = path
        self._socket: socket.socket | None = None

    def append(self, mark: str, lines: list[str]) -> None:
        """Send one datagram ``shepherd[PID]: LINE`` for each line (SHEPHERD.md 8.3)."""
        for line in lines:
            self._send(mark + line)

    def _send(self, line: str) -> None:
        data = f"shepherd[{os.getpid()}]: {visible(line)}\n".encode(errors="replace")
        # Tried anew for every line: a system log that starts later takes over.
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(data, self.path)
            return
        except OSError:
            pass
        for fallback in system.console_log_files():
            try:
                flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(fallback, flags)
            except OSError:
                continue
            try:
                os.write(descriptor, data)
                return
            except OSError:
                continue
            finally:
                os.close(descriptor)


class DaemonLog:
    """The log: destinations, the newest lines, and the line being built outside commands."""

    def __init__(self) -> None:
        self.destinations: list[FileDestination | SyslogDestination] = []
        self.stdout: StandardOutput | None = None
        self.history: list[tuple[int, str]] = []
        self.output = Output()
        self.observers: list[Callable[[str], None]] = []
        # For the cached wire form of the root service.
        self.version = 0
        # Calls a function at the end of the turn, while a loop runs: the loop's call_soon.
        self.defer: Callable[[Callable[[], None]], object] | None = None
        self._deferred = False

    def flush(self) -> None:
        """Write what waits for the end of the turn."""
        self._deferred = False
        for destination in self.destinations:
            if isinstance(destination, FileDestination):
                destination.flush()

    def recent(self) -> list[tuple[int, str]]:
        """The newest lines, newest first."""
        return self.history

    def files(self) -> list[str]:
        """The files it goes to."""
        return [d.path for d in self.destinations if isinstance(d, FileDestination)]

    def write(self, line: str, to_stdout: bool = True) -> None:
        """Write a line to every destination and remember it."""
        self.append([line], to_stdout=to_stdout)

    def append(self, lines: list[str], mark: str = "", to_stdout: bool = True) -> None:
        """Write lines, each after ``mark``, in one go to every destination."""
        self.version += 1
        now = int(time.time())
        newest = [(now, mark + line) for line in lines[: -HISTORY - 1 : -1]]
        self.history = newest + self.history[: HISTORY - len(newest)]
        for destination in self.destinations:
            destination.append(mark, lines)
        if self.defer is None:
            self.flush()
        elif not self._deferred:
            self._deferred = True
            self.defer(self.flush)
        if to_stdout and self.stdout is not None:
            self.stdout.append(mark, lines)
        for observer in self.observers:
            for line in lines:
                observer(mark + line)


the_log = DaemonLog()


def _output() -> Output | None:
    """The output of the command being carried out, if its client still waits for it."""
    output = client_output.get()
    return output if output is not None and not output.finished else None


def log(line: str) -> None:
    """Write a line to the log only."""
    the_log.write(line, to_stdout=_output() is None)


def say(line: str) -> None:
    """Write a line to the log and to the client whose command this is."""
    output = _output()
    if output is not None:
        output.lines.append(line)
    the_log.write(line, to_stdout=output is None)


def write_output(text: str) -> None:
    """Print text of a configuration's code: whole lines are said, the rest waits."""
    output = _output() or the_log.output
    *lines, output.partial = (output.partial + text).split("\n")
    for line in lines:
        say(line)


def say_all(lines: list[str]) -> None:
    """Say several lines."""
    for line in lines:
        say(line)
