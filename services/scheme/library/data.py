"""Reading a datum from a port with the language's reader."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import SchemeError
from services.scheme.library.waiting import filled
from services.scheme.ports import Port
from services.scheme.primitives import Steps
from services.scheme.reader import Reader
from services.scheme.types import EOF


def read_datum(port: Port, next_line: Any) -> Steps:
    """The next datum.

    A string or a regular file is taken whole.  From anything else lines are taken until
    they make a datum, since its end may be long in coming.
    """
    name = port.name if type(port.name) is str else None
    data = b""
    if port.regular:
        while not port.ended:
            yield from filled(port, "read")
        port.ended = port.fd is None
        data = port.take(len(port.data) - port.start)
    while True:
        more = b"" if port.regular else (yield from next_line(port, "read"))
        data += more
        text = data.decode("utf-8", "replace")
        reader = Reader(text, name)
        try:
            value = reader.read()
        except SchemeError as error:
            if more and "unexpected end of input" in str(error.arguments[1]):
                continue
            raise
        if value is EOF and more:
            continue
        rest = text[reader.position :].encode("utf-8")
        port.data = rest + port.data[port.start :]
        port.start = 0
        return value
