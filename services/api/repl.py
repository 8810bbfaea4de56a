"""``(shepherd service repl)``: a conversation in Scheme with the running daemon."""

from __future__ import annotations

import asyncio
import codecs
from typing import Any

from pid1 import repl
from pid1.awaiting import is_awaitable
from pid1.service import Service
from services import keywords
from services.api import directories
from services.scheme import Module, SchemeError, evaluate
from services.scheme.modules import core
from services.scheme.parameters import Parameter, value_of
from services.scheme.ports import write_output
from services.scheme.primitives import Library
from services.scheme.printer import write
from services.scheme.reader import Reader
from services.scheme.types import EOF, Value, Values

LIBRARY = Library()

_BANNER = """\
drover, a GNU-Shepherd-compatible init and service manager.
This program is free software, and you are welcome to redistribute it
under the terms of the GNU General Public License, version 3 or later.

Enter `,help' for help.
"""
_HELP = """\
,help       this text
,quit       leave; also at the end of input
EXPRESSION  evaluate it; its values are kept as $1, $2, ...
(use-modules (shepherd service)) makes services known here.
"""
_PROMPT = "scheme@(shepherd-user)> "
# What a client may have sent without completing an expression, and what it may leave unread.
_MAX_INPUT = 1 << 20
_MAX_OUTPUT = 1 << 24

# One for all clients, as in the GNU Shepherd: a definition is there for the next one.
_user_module: list[Module] = []


socket_file = Parameter(f"{directories.sockets()}/repl", None, "default-repl-socket-file")
LIBRARY.bind("default-repl-socket-file", socket_file)


@LIBRARY.primitive("repl-service", 0, 1)
def repl_service(path: Value = None) -> Service:
    if path is None:
        path = value_of(socket_file)
    if not isinstance(path, str):
        raise keywords.wrong_type("repl-service", "socket-file", path)
    return repl.repl_service(path, converse)


def _module() -> Module:
    if not _user_module:
        module = Module(("shepherd-user",))
        module.uses.append(core)
        _user_module.append(module)
    return _user_module[0]


class _Done(Exception):
    """The client has had enough."""


class _Input:
    """What a client has sent and is not yet used up."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""

    async def more(self) -> None:
        """Wait for more; raises _Done at the end, or if there is too much."""
        data = await self._reader.read(65536)
        self.text += self._decoder.decode(data)
        if not data or len(self.text) > _MAX_INPUT:
            raise _Done

    def datum(self) -> Value:
        """Take a complete datum; EOF if there is none yet.  Raises SchemeError."""
        reader = Reader(self.text, "socket")
        try:
            datum = reader.read()
        except SchemeError as error:
            if _incomplete(error):
                return EOF
            # The line is no good.
            self.text = self.text.partition("\n")[2]
            raise
        if datum is EOF or (reader.position == len(self.text) and self.text[-1] not in ')]"'):
            return EOF  # "12" may become "123"
        self.text = self.text[reader.position :]
        return datum

    def command(self) -> str | None:
        """Take a line that begins with a comma, without it."""
        stripped = self.text.lstrip()
        if not stripped.startswith(",") or "\n" not in stripped:
            return None
        line, _, self.text = stripped.partition("\n")
        return line[1:].strip()


def _incomplete(error: SchemeError) -> bool:
    if error.key != "read-error" or len(error.arguments) < 3:
        return False
    message = str(error.arguments[1])
    irritants = error.arguments[2]
    return (
        "end of input" in message
        or "unterminated" in message
        or getattr(irritants, "car", None) is EOF
    )


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, evaluate and print until the client leaves."""

    def put(text: str) -> None:
        if writer.transport.get_write_buffer_size() > _MAX_OUTPUT:
            writer.transport.abort()
        writer.write(text.encode(errors="replace"))

    write_output.set(put)
    source = _Input(reader)
    count = 0
    put(_BANNER + _PROMPT)
    try:
        while True:
            try:
                if source.text.lstrip().startswith(","):
                    line = source.command()
                    if line is None:
                        await source.more()
                        continue
                    _meta_command(line, put)
                else:
                    datum = source.datum()
                    if datum is EOF:
                        await source.more()
                        continue
                    for value in await _evaluate(datum):
                        count += 1
                        _module().define(f"${count}", value)
                        put(f"${count} = {write(value)}\n")
            except SchemeError as error:
                if error.key == "quit":
                    return
                put(f"{_message(error)}\n")
            if not source.text.strip():
                source.text = ""
                put(_PROMPT)
            await writer.drain()
    except _Done:
        await writer.drain()


def _meta_command(line: str, put: Any) -> None:
    word = line.split()[0] if line else ""
    if word in ("q", "quit"):
        raise _Done
    put(_HELP if word in ("h", "help") else f"Unknown meta command: {word}\n")


async def _evaluate(datum: Value) -> list[Value]:
    """Return the values to show."""
    value = evaluate(datum, _module())
    if is_awaitable(value):
        value = await value
    values = value.items if isinstance(value, Values) else [value]
    return [one for one in values if one is not None]


def _message(error: SchemeError) -> str:
    from services.configuration import error_message

    where = f"{error.location}: " if error.location is not None else ""
    text = error_message(error)
    # Guile compiles what its REPL reads, and compiled code says this in other words.
    for start in ("In procedure car: Wrong type", "In procedure cdr: Wrong type"):
        if text.startswith(f"{start} (expecting pair)"):
            text = f"{start} argument in position 1{text[len(start) :]}"
    hint = getattr(error, "hint", None)
    if hint is not None and hint():
        text = f"{text}\n{hint()}"
    return text if text.startswith(where.rstrip()) else where + text
