"""``format``: all of ``(ice-9 format)``, which also does what ``simple-format`` does.

The template is parsed once into literal pieces and directives, nested where brackets
nest; then it is carried out on the arguments.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

from services.scheme import ports
from services.scheme.errors import misc_error
from services.scheme.library.checks import items, string
from services.scheme.library.formatting_numbers import (
    currency_text,
    english,
    exponential_text,
    fixed_text,
    general_text,
    integer_digits,
    roman,
)
from services.scheme.library.numbers import is_number, to_float
from services.scheme.library.numerals import number_text, parse_number
from services.scheme.library.output import output, put
from services.scheme.library.text import displayed, written
from services.scheme.parameters import value_of
from services.scheme.primitives import Library
from services.scheme.types import Char, Value

LIBRARY = Library()

_match_directive = re.compile(
    r"~((?:(?:[-+]?\d+|'.|[vV#])?,)*(?:[-+]?\d+|'.|[vV#])?)([:@]*)(.)", re.DOTALL
).match
_CLOSERS = {"{": "}", "[": "]", "(": ")"}
_WIDEST = 1 << 20  # columns a directive may pad to


class _Directive(NamedTuple):
    letter: str
    parameters: tuple[Any, ...]
    colon: bool
    at: bool
    # For brackets: the parts between ~; and whether each came after ~:;
    parts: tuple[list[Any], ...] = ()
    has_default: bool = False
    close_colon: bool = False


class _Escape(Exception):
    """``~^`` with no arguments left."""


def _error(message: str) -> Exception:
    return misc_error(None, "error in format: ~A", message)


def _parse(template: str, start: int, closer: str) -> tuple[list[list[Any]], int, bool, bool]:
    """Parts up to ``~closer``; the offset after it; default part?; closed with a colon?"""
    parts: list[list[Any]] = [[]]
    has_default = False
    while True:
        tilde = template.find("~", start)
        if tilde < 0:
            if closer:
                raise _error(f"missing ~{closer}")
            parts[-1].append(template[start:])
            return parts, len(template), has_default, False
        if tilde > start:
            parts[-1].append(template[start:tilde])
        match = _match_directive(template, tilde)
        if match is None:
            raise _error("tilde at the end of the template")
        parameters, flags, letter = match.groups()
        letter = letter.lower()
        start = match.end()
        if letter == closer and closer:
            return parts, start, has_default, ":" in flags
        if letter == ";" and closer == "]":
            has_default = ":" in flags
            parts.append([])
        elif letter in _CLOSERS:
            inner, start, default, colon = _parse(template, start, _CLOSERS[letter])
            parts[-1].append(
                _Directive(letter, _parameters(parameters), ":" in flags, "@" in flags,
                           tuple(inner), default, colon)
            )  # fmt: skip
        elif letter == "\n":
            # A tilde at the end of a line joins it with the next.
            if "@" in flags:
                parts[-1].append("\n")
            if ":" not in flags:
                while start < len(template) and template[start] in " \t":
                    start += 1
        else:
            parts[-1].append(
                _Directive(letter, _parameters(parameters), ":" in flags, "@" in flags)
            )


def _parameters(text: str) -> tuple[Any, ...]:
    if not text:
        return ()
    found: list[Any] = []
    for entry in re.findall(r"(?:[-+]?\d+|'.|[vV#])?(?:,|\Z)", text, re.DOTALL):
        entry = entry[:-1] if entry.endswith(",") and entry != "'," else entry
        if not entry:
            found.append(None)
        elif entry[0] == "'":
            found.append(entry[1:2])
        elif entry in "vV#":
            found.append(entry.lower())
        else:
            found.append(max(-_WIDEST, min(_WIDEST, int(entry[:9]))))
    if text.endswith(",") is False and found and found[-1] is None and len(found) > 1:
        found.pop()
    return tuple(found)


class _Formatter:
    """Carries out a parsed template on a list of arguments."""

    def __init__(self, arguments: list[Value], at_line_start: bool = True) -> None:
        self.arguments = arguments
        self.index = 0
        self.out: list[str] = []
        self.at_line_start = at_line_start

    def run(self, pieces: list[Any]) -> None:
        for piece in pieces:
            if type(piece) is str:
                self.out.append(piece)
            else:
                self.directive(piece)

    def next(self) -> Value:
        if self.index >= len(self.arguments):
            raise _error("missing argument(s)")
        self.index += 1
        return self.arguments[self.index - 1]

    def left(self) -> int:
        return len(self.arguments) - self.index

    def directive(self, d: _Directive) -> None:
        values: list[Any] = []
        for parameter in d.parameters:
            if parameter == "v":
                given = self.next()
                if type(given) is Char:
                    values.append(given.text)
                elif type(given) is int:
                    values.append(max(-_WIDEST, min(_WIDEST, given)))
                else:
                    values.append(None)
            elif parameter == "#":
                values.append(self.left())
            else:
                values.append(parameter)
        handler = _HANDLERS.get(d.letter)
        if handler is None:
            raise misc_error("format", "FORMAT: Unsupported format option ~~~A", Char(d.letter))
        handler(self, d, values)

    def column(self) -> int:
        text = "".join(self.out)
        return len(text) - (text.rfind("\n") + 1)


def _number(values: list[Any], index: int, default: Any) -> Any:
    value = values[index] if index < len(values) else None
    if value is None:
        return default
    if type(value) is not type(default) and default is not None:
        return ord(value) if type(default) is int else chr(value) if value >= 0 else default
    return value


def _padded(text: str, d: _Directive, values: list[Any]) -> str:
    """``text`` padded as ~mincol,colinc,minpad,padchar say."""
    width, step = _number(values, 0, 0), max(_number(values, 1, 1), 1)
    least, mark = _number(values, 2, 0), _number(values, 3, " ")
    padding = max(least, 0)
    while len(text) + padding < width:
        padding += step
    fill: str = mark * padding
    return fill + text if d.at else text + fill


def _show(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    value = f.next()
    text = displayed(value) if d.letter == "a" else written(value)
    f.out.append(_padded(text, d, values))


def _integer(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    value = f.next()
    radix = {"d": 10, "x": 16, "o": 8, "b": 2}[d.letter]
    if type(value) is not int and not (is_number(value) and float(value).is_integer()):
        raise _error("argument not an integer")
    f.out.append(integer_digits(value, radix, d.colon, d.at, values))


def _radix(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    value = f.next()
    if type(value) is not int:
        raise _error("argument not an integer")
    if values and type(values[0]) is int:
        if not 2 <= values[0] <= 36:
            raise _error("bad radix")
        f.out.append(integer_digits(value, values[0], d.colon, d.at, values[1:]))
    elif d.at:
        f.out.append(roman(value, d.colon))
    else:
        f.out.append(english(value, d.colon))


def _real(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    value: Any = f.next()
    if type(value) is str:
        value = parse_number(value)
    if not is_number(value):
        raise _error("argument is not a number or a number string")
    show = {"f": fixed_text, "e": exponential_text, "g": general_text, "$": currency_text}
    numbers = [v if type(v) is not str or n >= 3 else None for n, v in enumerate(values)]
    f.out.append(show[d.letter](to_float(value), d.at, numbers))


def _locale_number(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    value = f.next()
    if not is_number(value):
        raise _error("argument is not a number")
    width = _number(values, 0, 0)
    digits = values[1] if len(values) > 1 and type(values[1]) is int else None
    text = (
        number_text(value) if digits is None else fixed_text(to_float(value), False, [None, digits])
    )
    f.out.append(text.rjust(width, _number(values, 2, " ")))


def _character(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    if values and type(values[0]) is int:
        value: Value = Char(chr(values[0] & 0x7F))
    else:
        value = f.next()
    if type(value) is not Char:
        raise _error("~c expects a character")
    if d.at:
        f.out.append(written(value))
    elif d.colon and ord(value.text) < 32:
        f.out.append("^" + chr(ord(value.text) + 64))
    else:
        f.out.append(value.text)


def _plural(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    if d.colon:
        if not f.index:
            raise _error("no previous argument")
        f.index -= 1
    one = f.next() == 1
    f.out.append(("y" if one else "ies") if d.at else ("" if one else "s"))


def _repeat(text: str) -> Any:
    def handler(f: _Formatter, d: _Directive, values: list[Any]) -> None:
        f.out.append(text * max(_number(values, 0, 1), 0))

    return handler


def _fresh_line(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    count = _number(values, 0, 1)
    if count <= 0:
        return
    text = "".join(f.out)
    start = text.endswith("\n") if text else f.at_line_start
    f.out.append("\n" * (count - 1 if start else count))


def _tabulate(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    column, step = _number(values, 0, 1), _number(values, 1, 1)
    here = f.column()
    if d.at:
        f.out.append(" " * max(column, 0))
        here += max(column, 0)
        if step > 0 and here % step:
            f.out.append(" " * (step - here % step))
    elif here < column:
        f.out.append(" " * (column - here))
    elif step > 0:
        f.out.append(" " * (step - (here - column) % step))


def _goto(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    count = _number(values, 0, 0 if d.at else 1)
    index = count if d.at else f.index - count if d.colon else f.index + count
    if not 0 <= index <= len(f.arguments):
        raise _error("argument out of range")
    f.index = index


def _recursive(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    template = string(f.next(), "format", 2)
    if d.at:
        f.run(_parse(template, 0, "")[0][0])
        return
    f.out.append(formatted(template, items(f.next(), "format", 3)))


def _case(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    outer, f.out = f.out, []
    try:
        f.run(d.parts[0])
    finally:
        text, f.out = "".join(f.out), outer
    if d.colon:
        text = text.upper()  # ~:( as well as ~:@(, as measured
    elif d.at:
        text = text.capitalize()
    else:
        text = text.lower()
    f.out.append(text)


def _conditional(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    if d.colon:
        index: int = 0 if f.next() is False else 1
    elif d.at:
        if f.next() is False:
            return
        f.index -= 1
        index = 0
    elif values and type(values[0]) is int:
        index = values[0]
    else:
        chosen = f.next()
        if type(chosen) is not int:
            raise _error("~[ expects an integer")
        index = chosen
    if not 0 <= index < len(d.parts):
        if not d.has_default:
            return
        index = len(d.parts) - 1
    f.run(d.parts[index])


def _iteration(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    pieces = d.parts[0]
    if not pieces:
        pieces = _parse(string(f.next(), "format", 2), 0, "")[0][0]
    limit = values[0] if values and type(values[0]) is int else 1 << 30
    if d.at:
        inner = _Formatter(f.arguments[f.index :])
    else:
        inner = _Formatter(items(f.next(), "format", 3))
    inner.out = f.out
    count = 0
    try:
        while count < limit and (inner.left() or (d.close_colon and not count)):
            before = inner.index
            if d.colon:
                row = _Formatter(items(inner.next(), "format", 3))
                row.out = f.out
                with contextlib.suppress(_Escape):
                    row.run(pieces)
            else:
                inner.run(pieces)
            count += 1
            if inner.index == before and not d.colon:
                break  # consumes nothing: it would never end
    except _Escape:
        pass
    if d.at:
        f.index += inner.index


def _escape(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    if values:
        done = values[0] == 0 if len(values) == 1 else values[0] == values[1]
    else:
        done = not f.left()
    if done:
        raise _Escape


def _nothing(f: _Formatter, d: _Directive, values: list[Any]) -> None:
    pass


_HANDLERS: dict[str, Any] = {
    "a": _show, "s": _show, "w": _show, "d": _integer, "x": _integer, "o": _integer,
    "b": _integer, "r": _radix, "f": _real, "e": _real, "g": _real, "$": _real,
    "h": _locale_number, "i": _show, "c": _character, "p": _plural, "%": _repeat("\n"),
    "~": _repeat("~"), "|": _repeat("\f"), "_": _repeat(" "), "/": _repeat("\t"),
    "&": _fresh_line, "t": _tabulate, "*": _goto, "?": _recursive, "k": _recursive,
    "(": _case, "[": _conditional, "{": _iteration, "^": _escape, "!": _nothing,
    "y": _show,
}  # fmt: skip


def formatted(template: str, arguments: list[Value], at_line_start: bool = True) -> str:
    """The text of ``template`` filled in."""
    formatter = _Formatter(arguments, at_line_start)
    pieces = _parse(template, 0, "")[0][0]
    with contextlib.suppress(_Escape):
        formatter.run(pieces)
    return "".join(formatter.out)


def _deliver(destination: Value, template: Value, arguments: tuple[Value, ...], who: str) -> Any:
    if type(destination) is str and who == "format":
        # (format "template" args ...): an old form that stands for #f.
        return formatted(destination, [template, *arguments] if template is not None else [])
    if destination is False:
        text = string(template, who, 2)
        return formatted(text, list(arguments))
    if destination is True:
        port = output(None, who, 1)
    elif is_number(destination):
        port = output(value_of(ports.current_error), who, 1)
    else:
        port = output(destination, who, 1)
    text = formatted(string(template, who, 2), list(arguments), port.at_line_start)
    put(port, text, who)
    return None


@LIBRARY.primitive("format", 1, None)
def format_(destination: Value, template: Value = None, *arguments: Value) -> Any:
    if template is not None and type(template) is not str and type(destination) is not str:
        raise misc_error(None, "format: expected a string for format string ~S", template)
    return _deliver(destination, template, arguments, "format")


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
