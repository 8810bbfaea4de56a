"""Ports: where Scheme code reads and writes.

A port keeps bytes that were read and not yet consumed, and bytes that are still to
be written.  Nothing here waits: reading takes what ``fill`` has brought in, and the
procedures of ``library.input`` wait for a descriptor before they fill.  Text is
UTF-8; bytes that are not become U+FFFD, as with Guile's default ports.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from contextvars import ContextVar

from services.scheme.parameters import Parameter


def _to_stdout(text: str) -> None:
    os.write(1, text.encode("utf-8", "replace"))


# What receives text written to the default current-output-port.
write_output: ContextVar[Callable[[str], object]] = ContextVar("write_output", default=_to_stdout)

_CHUNK = 65536  # bytes asked of the kernel at once
_BUFFER = 4096  # bytes kept before a regular file is written
_LIMIT = 1 << 24  # bytes kept for a reader that does not read
_SAFE = 512  # _POSIX_PIPE_BUF: a pipe that polls writable takes so many bytes at once


class Port:
    """A port; string ports are those without a descriptor.

    ``data[start:]`` was read and not consumed.  ``regular`` tells that reading and
    writing never block.  ``at_line_start`` serves ``~&``.
    """

    __slots__ = (
        "__weakref__", "at_line_start", "data", "ended", "fd", "input", "line", "name", "output",
        "pending", "regular", "start",
    )  # fmt: skip

    def __init__(
        self, name: object = None, input: bool = False, output: bool = False, fd: int | None = None
    ) -> None:
        self.name = name
        self.input = input
        self.output = output
        self.fd = fd
        self.data = b""
        self.start = 0
        self.ended = fd is None
        self.pending = bytearray()
        self.line = 0
        self.at_line_start = True
        self.regular = True
        if fd is not None:
            mode = os.fstat(fd).st_mode
            self.regular = stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode)

    @property
    def closed(self) -> bool:
        return not (self.input or self.output)

    def __str__(self) -> str:
        if self.closed:
            kind = "closed"
        else:
            kind = "-".join(
                word for word, yes in (("input", self.input), ("output", self.output)) if yes
            )
        if self.fd is None:
            return f"#<{kind}: {self.name or 'file'} {id(self):x}>"
        return f"#<{kind}: {self.name or 'file'} {self.fd}>"

    __repr__ = __str__

    # Reading

    def fill(self) -> None:
        """Read more bytes; ``ended`` is set at the end.  Raises OSError."""
        if self.fd is None:
            self.ended = True
            return
        more = os.read(self.fd, _CHUNK)
        if more:
            self.data = self.data[self.start :] + more
            self.start = 0
        else:
            self.ended = True

    def take(self, count: int) -> bytes:
        """Consume ``count`` bytes that are there."""
        taken = self.data[self.start : self.start + count]
        self.start += count
        self.line += taken.count(b"\n")
        return taken

    # Writing

    def write(self, text: str) -> None:
        """Write text.  Raises OSError."""
        if text:
            self.at_line_start = text[-1] == "\n"
            self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, data: bytes | bytearray) -> None:
        """Write bytes; to a pipe or a terminal only as many as go without waiting."""
        self.pending += data
        if self.fd is not None and (not self.regular or len(self.pending) > _BUFFER):
            self.flush()
            if len(self.pending) > _LIMIT:
                self.pending.clear()
                raise BlockingIOError(11, "reader does not read")

    def flush(self) -> bool:
        """Write what is pending; False if the other side takes no more now."""
        if self.fd is None:
            return True
        while self.pending:
            if self.regular:
                done = os.write(self.fd, self.pending)
            else:
                if not writable(self.fd):
                    return False
                try:
                    done = os.write(self.fd, bytes(self.pending[:_SAFE]))
                except BlockingIOError:
                    return False
            del self.pending[:done]
        return True

    def text(self) -> str:
        """What was written to a string port."""
        return self.pending.decode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Write what can be written and close the descriptor.  Raises OSError."""
        if self.closed:
            return
        self.input = self.output = False
        fd, self.fd = self.fd, None
        if fd is None:
            return
        self.fd = fd
        try:
            self.flush()
        finally:
            self.fd = None
            os.close(fd)

    def __del__(self) -> None:
        # A port that was forgotten is written out and closed, but never a standard one.
        if getattr(self, "fd", None) is not None and self.fd is not None and self.fd > 2:
            with contextlib.suppress(OSError):
                self.close()


class OutputPort(Port):
    """The default current-output-port: text goes to ``write_output``."""

    __slots__ = ()

    def write(self, text: str) -> None:
        if text:
            self.at_line_start = text[-1] == "\n"
            write_output.get()(text)

    def write_bytes(self, data: bytes | bytearray) -> None:
        self.write(data.decode("utf-8", "replace"))


class ErrorPort(Port):
    """The default current-error-port: descriptor 2, at once."""

    __slots__ = ()

    def write(self, text: str) -> None:
        if text:
            self.at_line_start = text[-1] == "\n"
            with contextlib.suppress(OSError):
                os.write(2, text.encode("utf-8", "replace"))

    def write_bytes(self, data: bytes | bytearray) -> None:
        self.write(data.decode("utf-8", "replace"))


class VoidPort(Port):
    """Takes everything, gives nothing."""

    __slots__ = ()

    def write(self, text: str) -> None:
        pass

    def write_bytes(self, data: bytes | bytearray) -> None:
        pass


def writable(fd: int) -> bool:
    """Whether a write to ``fd`` takes at least one byte at once (or fails at once)."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def string_input(text: str) -> Port:
    """A port that reads ``text``."""
    port = Port(input=True)
    port.data = text.encode("utf-8", "surrogateescape")
    return port


def string_output() -> Port:
    """A port that collects what is written to it: see ``Port.text``."""
    return Port(output=True)


def _standard(kind: type[Port], name: str, number: int, output: bool) -> Port:
    port = kind(name, input=not output, output=output)
    port.fd = number
    port.ended = False
    port.regular = output
    return port


current_input = Parameter(_standard(Port, "file", 0, False), None, "current-input-port")
current_output = Parameter(_standard(OutputPort, "file", 1, True), None, "current-output-port")
current_error = Parameter(_standard(ErrorPort, "file", 2, True), None, "current-error-port")
current_warning = Parameter(current_error.default, None, "current-warning-port")
