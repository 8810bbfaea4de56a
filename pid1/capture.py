"""What services print: one pipe per process, read line by line without blocking the loop.

Lines go to the service's log file, stamped with the time, or to the daemon's log; the
newest are kept for ``herd status``.  A chunk of output is handled as a whole, so that a
chatty service costs little per line.
"""

from __future__ import annotations

import asyncio
import os
import time
from codecs import utf_8_decode
from typing import Any, Final

from pid1.files import open_carefully
from pid1.log import LineFile, log, the_log, time_prefix

HISTORY: Final = 20
MAX_LINE: Final = 512
_CHUNK: Final = 65536
# Bytes taken from all pipes in one turn of the loop (64 KiB are about 0.3 ms of work); beyond
# that each gives little, so that clients are answered soon however many services print at once.
_TURN: Final = 4 * _CHUNK
_LITTLE: Final = 4096


def open_log_file(path: str) -> int:
    """Open a service's log file for appending: mode 640, parents created.

    Opened so that a FIFO without a reader or a dead terminal cannot block the daemon, and that
    nobody makes it write elsewhere.  Raises OSError with ``filename`` set.
    """
    return open_carefully(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640, 0o777)


class _Allowance:
    """How much may be read from one pipe in the current turn of the loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left = 0

    def take(self, loop: asyncio.AbstractEventLoop) -> int:
        """Return the number of bytes that may be read now."""
        if self._loop is not loop:
            self._loop, self._left = loop, _TURN
            # Runs in the next turn, before anything is read.
            loop.call_soon(self._end_turn)
        if self._left <= 0:
            return _LITTLE
        self._left -= _CHUNK
        return _CHUNK

    def _end_turn(self) -> None:
        self._loop = None


_allowance = _Allowance()


def _without(descriptors: tuple[int, ...], descriptor: int) -> tuple[int, ...]:
    return tuple([one for one in descriptors if one != descriptor])


class Capture:
    """Reads the output of a service's processes.

    Several processes of one service may be read at once; the newest lines and the
    log file are common to them.
    """

    __slots__ = ("_file", "_history", "_partial", "_path", "_pipes", "_returned", "pid", "program",
                 "version")  # fmt: skip

    def __init__(self, program: str, path: str | None = None) -> None:
        self.program = program
        # Known once the process runs; the lines before that are marked with the name only.
        self.pid: int | None = None
        self.version = 0
        self._path = os.path.join(os.getcwd(), path) if path is not None else None
        self._file = LineFile(open_log_file(self._path) if self._path is not None else -1)
        self._history: list[tuple[int, str]] = []
        self._partial: dict[int, bytes] = {}
        # Tuples, nearly always of one or none: an empty set takes 216 bytes per service.
        self._pipes: tuple[int, ...] = ()
        # Pipes whose last byte was a carriage return.
        self._returned: tuple[int, ...] = ()

    def recent(self) -> list[tuple[int, str]]:
        """The newest lines as (time, line), newest first."""
        return self._history[::-1]

    def files(self) -> list[str]:
        """The log file, if there is one."""
        return [self._path] if self._path is not None else []

    def add(self, descriptor: int) -> None:
        """Read a pipe until its end; the descriptor is owned from here on."""
        os.set_blocking(descriptor, False)
        self._pipes = (*self._pipes, descriptor)
        asyncio.get_running_loop().add_reader(descriptor, self._read, descriptor)

    def pipes(self) -> list[int]:
        """The descriptors being read."""
        return sorted(self._pipes)

    def carry(self) -> dict[str, Any]:
        """What the next image of the daemon has to know; the files stay open for it."""
        file = self._file.descriptor
        return {
            "program": self.program,
            "path": self._path,
            "pid": self.pid,
            "history": self._history,
            "pipes": self.pipes(),
            "file": file,
            "descriptors": [*self.pipes(), *([file] if file >= 0 else [])],
            "partial": {fd: data.decode("latin-1") for fd, data in self._partial.items()},
        }

    @classmethod
    def carried(cls, state: dict[str, Any]) -> Capture:
        """Go on with the pipes and the log file of the previous image."""
        capture = cls(state["program"])
        capture._path, capture._file = state["path"], LineFile(state["file"])
        if state["file"] >= 0:
            os.set_inheritable(state["file"], False)
        capture.pid = state["pid"]
        capture._history = [(when, line) for when, line in state["history"]]
        dead = []
        for descriptor in state["pipes"]:
            os.set_inheritable(descriptor, False)
            partial = state["partial"].get(str(descriptor))
            if partial is not None:
                capture._partial[descriptor] = partial.encode("latin-1")
            try:
                capture.add(descriptor)
            except OSError:
                dead.append(descriptor)  # the Hurd's server of pipes has died, and they with it
        for descriptor in dead:
            capture._end(descriptor)
        return capture

    def note(self, line: str) -> None:
        """Take a line that the program reported otherwise as one that it printed."""
        self._lines([line])

    def close(self) -> None:
        """Close the file of a capture that never had a pipe."""
        self._file.close()

    def forget(self) -> None:
        """The service has stopped: forget the lines; the file is closed at end of file."""
        self._history = []
        self.version += 1

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _allowance.take(asyncio.get_running_loop()))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(descriptor)
            return
        self._handle(descriptor, data)

    def _handle(self, descriptor: int, data: bytes) -> None:
        if descriptor in self._returned:
            # The second half of CR LF.
            self._returned = _without(self._returned, descriptor)
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            if data.endswith(b"\r"):
                self._returned = (*self._returned, descriptor)
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        held = self._partial.pop(descriptor, None)
        if held:
            data = held + data
        complete, end, rest = data.rpartition(b"\n")
        lines = complete.decode(errors="replace").split("\n") if end else []
        if len(rest) > MAX_LINE:
            # Whole lines of it; the last character may lack its end.
            text, used = utf_8_decode(rest, "replace", False)
            cut = (len(text) - 1) // MAX_LINE * MAX_LINE
            if cut:
                lines.append(text[:cut])
                rest = text[cut:].encode() + rest[used:]
        if rest:
            self._partial[descriptor] = rest
        if lines:
            self._lines(lines)

    def _end(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(descriptor)
        os.close(descriptor)
        self._pipes = _without(self._pipes, descriptor)
        self._returned = _without(self._returned, descriptor)
        rest = self._partial.pop(descriptor, None)
        if rest:
            self._lines([rest.decode(errors="replace")])
        if not self._pipes:
            if self._file.lost:
                # There is nobody whose next line would tell.
                lost = f"{self._file.lost} line(s) of {self.program} lost"
                log(f"{lost}: cannot write '{self._path}'.")
            self._file.close()

    def _lines(self, lines: list[str]) -> None:
        if max(map(len, lines)) > MAX_LINE:
            lines = [
                line[start : start + MAX_LINE]
                for line in lines
                for start in range(0, len(line) or 1, MAX_LINE)
            ]
        now = int(time.time())
        self.version += 1
        self._history += [(now, line) for line in lines[-HISTORY:]]
        del self._history[:-HISTORY]
        if self._path is None:
            mark = f"{self.program}[{self.pid}] " if self.pid is not None else f"[{self.program}] "
            the_log.append(lines, mark)
            return
        self._file.append(time_prefix(now), lines)

    def reopen(self, rename_to: str | None = None) -> None:
        """Go on in a fresh file, after renaming the old one if asked (log rotation).

        Raises OSError when the new file cannot be opened; the old one is kept then.
        """
        if self._path is None:
            return
        if rename_to is not None:
            os.rename(self._path, rename_to)
        self._file.replace(open_log_file(self._path))
