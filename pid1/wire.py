"""Commands and replies of the control socket (SHEPHERD.md section 11).

Before a command is read (``pid1.wire_reader``), ``DatumScanner`` finds the end of the datum in
what has arrived, so that nothing is parsed twice and no client can make the parser recurse
without bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pid1.errors import ActionNotFound, KeyedError, ServiceNotFound
from pid1.sexp import Raw, Symbol, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Match

# Limits on a request; herd's own are a few hundred bytes and two levels deep.
MAX_REQUEST: Final = 1 << 20
MAX_DEPTH: Final = 100
# Parentheses, strings and other words: parsing so many holds up everybody else for 0.1 s.
MAX_WORDS: Final = 20_000


class WireError(Exception):
    """The client did not send a command; it gets no answer."""


class Command:
    """A request: wire data for action, service and each argument."""

    __slots__ = ("action", "arguments", "directory", "service")

    def __init__(
        self, action: object, service: object, arguments: list[object], directory: object
    ) -> None:
        self.action = action
        self.service = service
        self.arguments = arguments
        self.directory = directory


class DatumScanner:
    """Finds where the first datum of a byte stream begins and ends.

    Remembers how far it has looked, so that a datum that trickles in is scanned once.
    """

    # Compiled with the first client: a start does without the module.
    _match_token: Callable[..., Match[bytes] | None]
    _match_string: Callable[..., Match[bytes] | None]

    def __init__(self) -> None:
        if not hasattr(DatumScanner, "_match_token"):
            import re

            DatumScanner._match_token = re.compile(rb'[()\[\]";|#\\]|\s+|[^()\[\]";|#\\\s]+').match
            DatumScanner._match_string = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL).match
        self._data = bytearray()
        self._position = 0
        self._start = 0
        self._depth = 0
        self._words = 0
        self._in_string = False
        # What ends the comment or odd symbol that the position is in.
        self._until = b""

    def feed(self, chunk: bytes) -> bytes | None:
        """Add bytes; return the datum once it is complete.

        Raises WireError when there is too much of it, or it cannot be a command.
        """
        self._data += chunk
        if len(self._data) > MAX_REQUEST:
            raise WireError("request too long")
        data = self._data
        while self._position < len(data):
            if self._until:
                if not self._skip_past(self._until):
                    return None
            elif self._in_string:
                match = self._match_string(data, self._position)
                assert match is not None
                self._position = match.end()
                if self._position >= len(data) or data[self._position] == 0x5C:
                    return None
                self._position += 1
                self._in_string = False
            elif self._token():
                return bytes(data[self._start : self._position])
            elif len(data) - self._position == 1 and data[self._position] in b"#\\":
                # Two characters long, of which one is missing.
                return None
        return None

    def received(self) -> bytes:
        """All bytes so far."""
        return bytes(self._data)

    def _skip_past(self, mark: bytes) -> bool:
        end = self._data.find(mark, self._position)
        if end < 0:
            self._position = max(self._position, len(self._data) - len(mark) + 1)
            return False
        self._position = end + len(mark)
        self._until = b""
        return True

    def _token(self) -> bool:
        """Look at one token; True at the end of the datum."""
        data = self._data
        match = self._match_token(data, self._position)
        assert match is not None
        token = match.group()
        following = bytes(data[match.end() : match.end() + 1])
        if token in (b"#", b"\\") and not following:
            return False
        self._words += not token.isspace()
        if self._words > MAX_WORDS:
            raise WireError("too many words")
        if token == b"#" and following in (b"|", b"{"):
            if following == b"{" and self._depth == 0:
                raise WireError("not a list")
            self._until = b"|#" if following == b"|" else b"}#"
            self._position = match.end() + 1
            return False
        begin, self._position = self._position, match.end()
        if token == b";":
            self._until = b"\n"
        elif token in (b"(", b"["):
            if self._depth == 0:
                self._start = begin
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise WireError("nested too deeply")
        elif token in (b")", b"]"):
            self._depth -= 1
            if self._depth < 0:
                raise WireError("unbalanced")
            return self._depth == 0
        elif token.isspace():
            pass
        elif self._depth == 0:
            raise WireError("not a list")
        elif token == b'"':
            self._in_string = True
        elif token == b"\\":
            self._position += 1
        return False


def read_datum(data: bytes) -> object:
    """Parse one datum; raises WireError for anything that is not wire data."""
    # Imported by the first command: nobody waits for it when the daemon starts.
    from pid1.wire_reader import parse

    return parse(data)


_COMMAND: Final = Symbol("shepherd-command")
_PROPERTIES: Final = tuple(
    Symbol(name) for name in ("version", "action", "service", "arguments", "directory")
)


def read_command(data: bytes) -> Command:
    """Parse a request; raises WireError unless it has exactly the five properties in order."""
    datum = read_datum(data)
    if not (isinstance(datum, list) and len(datum) == 6 and datum[0] is _COMMAND):
        raise WireError("not a command")
    for item, name in zip(datum[1:], _PROPERTIES, strict=True):
        if not (isinstance(item, list) and len(item) >= 2 and item[0] is name):
            raise WireError(f"property {name.name} is missing")
        if name is not _PROPERTIES[0] and len(item) != 2:
            raise WireError(f"property {name.name} is malformed")
    version = datum[1][1]
    if type(version) is not int or version != 0:
        raise WireError("unknown version")
    arguments = datum[4][1]
    if not isinstance(arguments, list):
        raise WireError("arguments are not a list")
    return Command(datum[2][1], datum[3][1], arguments, datum[5][1])


def error_to_wire(error: Exception, action: object, service: object) -> object:
    """Return the ``error`` part of a reply."""
    head: list[object] = [Symbol("error"), [Symbol("version"), 0]]
    if isinstance(error, ServiceNotFound):
        name = error.name
        return [*head, Symbol("service-not-found"), Symbol(name) if type(name) is str else name]
    if isinstance(error, ActionNotFound):
        return [*head, Symbol("action-not-found"), error.action, error.service]
    if isinstance(error, KeyedError):
        if error.service is not None and error.action is not None:
            action, service = Symbol(error.action), Symbol(error.service)
        return [
            *head, Symbol("action-exception"), action, service,
            Symbol(error.key), error.arguments,
        ]  # fmt: skip
    return [*head, Symbol("service-error")]


def write_reply(result: object, error: object, messages: list[str]) -> bytes:
    """Return a reply as it is sent."""
    text = write(
        [
            Symbol("reply"),
            [Symbol("version"), 0],
            [Symbol("result"), result],
            [Symbol("error"), error],
            [Symbol("messages"), list[object](messages)],
        ]
    )
    return text.encode(errors="replace")


__all__ = [
    "MAX_DEPTH", "MAX_REQUEST", "MAX_WORDS", "Command", "DatumScanner", "Raw", "WireError",
    "error_to_wire", "read_command", "read_datum", "write_reply",
]  # fmt: skip
