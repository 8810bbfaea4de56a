"""``simple-format``."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import misc_error
from services.scheme.library.checks import string
from services.scheme.library.output import output, put
from services.scheme.library.text import displayed, written
from services.scheme.primitives import Library
from services.scheme.types import Char, Value

LIBRARY = Library()


@LIBRARY.primitive("simple-format", 2, None)
def simple_format(destination: Value, template: Value, *arguments: Value) -> Any:
    """Only ``~A``, ``~S``, ``~%`` and ``~~``, with errors of its own."""
    text = string(template, "simple-format", 2)
    if destination is not False and destination is not True:
        output(destination, "simple-format", 1)
    result, rest = [], list(arguments)
    pieces = text.split("~")
    result.append(pieces[0])
    index = 1
    while index < len(pieces):
        piece = pieces[index]
        letter = piece[:1].lower()
        if letter in ("a", "s"):
            if not rest:
                raise misc_error(
                    "simple-format", "FORMAT: Missing argument for ~~~A", Char(piece[0])
                )
            value = rest.pop(0)
            result.append((displayed if letter == "a" else written)(value) + piece[1:])
        elif letter == "%":
            result.append("\n" + piece[1:])
        elif not piece and index + 1 < len(pieces):
            index += 1
            result.append("~" + pieces[index])
        else:
            raise misc_error(
                "simple-format",
                "FORMAT: Unsupported format option ~~~A - use (ice-9 format) instead",
                Char(piece[0]) if piece else False,
            )
        index += 1
    if rest:
        raise misc_error("simple-format", "FORMAT: ~A superfluous arguments", len(rest))
    filled = "".join(result)
    if destination is False:
        return filled
    put(output(destination, "simple-format", 1), filled, "simple-format")
    return None
