"""Standard output and error of the client programs: colours, encoding, error lines.

Text is collected and written in one system call, directly to the descriptor, for speed and so that
the order of output and errors is that of their making.
"""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_RESET = "\033[0m"


class OutputError(Exception):
    """Standard output could not be written; ``errno`` says why (EPIPE: nobody reads it)."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.errno = error.errno


class FatalError(Exception):
    """An error that ends the program with status 1 and this message (None: it is printed)."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message)
        self.message = message


def locale_encoding() -> str:
    """Return the codec of the user's locale: utf-8, ascii, or what the locale names.

    Python turns the C locale into UTF-8 when it starts, Guile takes it for ASCII.  Until 3.15,
    which uses UTF-8 always, the flag tells that this has happened.
    """
    import sys
    from _locale import CODESET, nl_langinfo

    if sys.flags.utf8_mode and sys.version_info < (3, 15):
        return "ascii"
    codeset = nl_langinfo(CODESET)
    if codeset == "UTF-8":
        return "utf-8"
    return "ascii" if codeset in ("ANSI_X3.4-1968", "US-ASCII", "") else codeset


def _wants_colour(descriptor: int) -> bool:
    return b"NO_COLOR" not in posix.environ and posix.isatty(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[posix.write(descriptor, data) :]


def _painter(codes: str, colour: bool) -> Callable[[str], str]:
    if colour:
        start = f"\033[{codes}m"
        return lambda text: start + text + _RESET
    return lambda text: text


class Terminal:
    """The program's output, which need not be a terminal at all.

    ``bold``, ``success``, ``warning``, ``failure`` and ``dim`` return their argument in colour if
    standard output is a terminal and ``NO_COLOR`` is unset.  A newline is part of the coloured
    text, as in the GNU herd.  ``is_terminal`` says whether anything may go to a terminal.
    """

    __slots__ = (
        "_parts", "bold", "colour", "dim", "encoding", "failure", "is_terminal", "program", "put",
        "success", "warning",
    )  # fmt: skip

    def __init__(self, program: str) -> None:
        self.program = program
        self.encoding = locale_encoding()
        self.is_terminal = posix.isatty(1) or posix.isatty(2)
        self.colour = _wants_colour(1)
        self._parts: list[str] = []
        self.put = self._parts.append
        self.bold = _painter("1", self.colour)
        self.success = _painter("1;32", self.colour)
        self.warning = _painter("1;35", self.colour)
        self.failure = _painter("1;31", self.colour)
        self.dim = _painter("2", self.colour)

    def _encode(self, text: str) -> bytes:
        if self.encoding == "utf-8":
            # Arguments that are not UTF-8 come back as the bytes they were.
            return text.encode("utf-8", "surrogateescape")
        try:
            return text.encode(self.encoding, "replace")
        except LookupError:
            return text.encode("ascii", "replace")

    def flush(self) -> None:
        """Write what was put; raises OutputError."""
        if self._parts:
            data = self._encode("".join(self._parts))
            self._parts.clear()
            self._write(data)

    def put_bytes(self, data: bytes) -> None:
        """Write bytes as they are, after what was put; raises OutputError."""
        self.flush()
        self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            _write_all(1, data)
        except OSError as error:
            raise OutputError(error) from None

    def _report(self, kind: str, codes: str, message: str) -> None:
        self.flush()
        label = _painter(codes, _wants_colour(2))(kind)
        self.put_error(f"{self.program}: {label}: {message}\n")

    def put_error(self, text: str) -> None:
        """Write ``text`` to standard error; that this fails can be told to nobody."""
        self.flush()
        try:  # noqa: SIM105 - contextlib costs more than the rest of herd
            _write_all(2, self._encode(text))
        except OSError:
            pass

    def error(self, message: str) -> None:
        """Print ``PROGRAM: error: MESSAGE``."""
        self._report("error", "1;31", message)

    def hint(self, message: str) -> None:
        """Print ``PROGRAM: hint: MESSAGE``."""
        self._report("hint", "1;36", message)


def run(program: str, body: Callable[[Terminal], int]) -> int:
    """Return the exit status of ``body``, having reported what it raised.

    130 after an interrupt, 141 if nobody reads the output (what a shell shows for a death by
    SIGINT or SIGPIPE), 1 after an error.
    """
    terminal = Terminal(program)
    try:
        try:
            status = body(terminal)
            terminal.flush()
        except FatalError as error:
            terminal.flush()
            if error.message is not None:
                terminal.error(error.message)
            status = 1
    except KeyboardInterrupt:
        status = 130
    except OutputError as error:
        from errno import EPIPE

        if error.errno == EPIPE:
            status = 141
        else:
            terminal.error(f"standard output: {error}")
            status = 1
    return status
