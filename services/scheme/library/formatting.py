"""``format``: all of ``(ice-9 format)``, which also does what ``simple-format`` does.

The template is parsed once into literal pieces and directives, nested where brackets
nest; then it is carried out on the arguments.
"""

from __future__ import annotations

import contextlib
from typing import Any

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
from services.scheme.library.formatting_templates import (
    WIDEST,
    Directive,
    Escape,
    format_error,
    parse,
)
from services.scheme.library.numbers import is_number, to_float
from services.scheme.library.numerals import number_text, parse_number
from services.scheme.library.output import output, put
from services.scheme.library.text import displayed, written
from services.scheme.parameters import value_of
from services.scheme.primitives import Library
from services.scheme.types import Char, Value

LIBRARY = Library()


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
            raise format_error("missing argument(s)")
        self.index += 1
        return self.arguments[self.index - 1]

    def left(self) -> int:
        return len(self.arguments) - self.index

    def directive(self, d: Directive) -> None:
        values: list[Any] = []
        for parameter in d.parameters:
            if parameter == "v":
                given = self.next()
                if type(given) is Char:
                    values.append(given.text)
                elif type(given) is int:
                    values.append(max(-WIDEST, min(WIDEST, given)))
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


def _padded(text: str, d: Directive, values: list[Any]) -> str:
    """``text`` padded as ~mincol,colinc,minpad,padchar say."""
    width, step = _number(values, 0, 0), max(_number(values, 1, 1), 1)
    least, mark = _number(values, 2, 0), _number(values, 3, " ")
    padding = max(least, 0)
    while len(text) + padding < width:
        padding += step
    fill: str = mark * padding
    return fill + text if d.at else text + fill


def _show(f: _Formatter, d: Directive, values: list[Any]) -> None:
    value = f.next()
    text = displayed(value) if d.letter == "a" else written(value)
    if d.letter == "y":
        text += "\n"
    f.out.append(_padded(text, d, values))


def _integer(f: _Formatter, d: Directive, values: list[Any]) -> None:
    value = f.next()
    radix = {"d": 10, "x": 16, "o": 8, "b": 2}[d.letter]
    if type(value) is not int and not (is_number(value) and float(value).is_integer()):
        raise format_error("argument not an integer")
    f.out.append(integer_digits(value, radix, d.colon, d.at, values))


def _radix(f: _Formatter, d: Directive, values: list[Any]) -> None:
    value = f.next()
    if type(value) is not int:
        raise format_error("argument not an integer")
    if values and type(values[0]) is int:
        if not 2 <= values[0] <= 36:
            raise format_error("bad radix")
        f.out.append(integer_digits(value, values[0], d.colon, d.at, values[1:]))
    elif d.at:
        f.out.append(roman(value, d.colon))
    else:
        f.out.append(english(value, d.colon))


def _real(f: _Formatter, d: Directive, values: list[Any]) -> None:
    value: Any = f.next()
    if type(value) is str:
        value = parse_number(value)
    if not is_number(value):
        raise format_error("argument is not a number or a number string")
    show = {"f": fixed_text, "e": exponential_text, "g": general_text, "$": currency_text}
    numbers = [v if type(v) is not str or n >= 3 else None for n, v in enumerate(values)]
    f.out.append(show[d.letter](to_float(value), d.at, numbers))


def _locale_number(f: _Formatter, d: Directive, values: list[Any]) -> None:
    value = f.next()
    if not is_number(value):
        raise format_error("argument is not a number")
    width = _number(values, 0, 0)
    digits = values[1] if len(values) > 1 and type(values[1]) is int else None
    text = (
        number_text(value) if digits is None else fixed_text(to_float(value), False, [None, digits])
    )
    f.out.append(text.rjust(width, _number(values, 2, " ")))


def _character(f: _Formatter, d: Directive, values: list[Any]) -> None:
    if values and type(values[0]) is int:
        value: Value = Char(chr(values[0] & 0x7F))
    else:
        value = f.next()
    if type(value) is not Char:
        raise format_error("~c expects a character")
    if d.at:
        f.out.append(written(value))
    elif d.colon and ord(value.text) < 32:
        f.out.append("^" + chr(ord(value.text) + 64))
    else:
        f.out.append(value.text)


def _plural(f: _Formatter, d: Directive, values: list[Any]) -> None:
    if d.colon:
        if not f.index:
            raise format_error("no previous argument")
        f.index -= 1
    one = f.next() == 1
    f.out.append(("y" if one else "ies") if d.at else ("" if one else "s"))


def _repeat(text: str) -> Any:
    def handler(f: _Formatter, d: Directive, values: list[Any]) -> None:
        f.out.append(text * max(_number(values, 0, 1), 0))

    return handler


def _fresh_line(f: _Formatter, d: Directive, values: list[Any]) -> None:
    count = _number(values, 0, 1)
    if count <= 0:
        return
    text = "".join(f.out)
    start = text.endswith("\n") if text else f.at_line_start
    f.out.append("\n" * (count - 1 if start else count))


def _tabulate(f: _Formatter, d: Directive, values: list[Any]) -> None:
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


def _goto(f: _Formatter, d: Directive, values: list[Any]) -> None:
    count = _number(values, 0, 0 if d.at else 1)
    index = count if d.at else f.index - count if d.colon else f.index + count
    if not 0 <= index <= len(f.arguments):
        raise format_error("argument out of range")
    f.index = index


def _recursive(f: _Formatter, d: Directive, values: list[Any]) -> None:
    template = string(f.next(), "format", 2)
    if d.at:
        f.run(parse(template, 0, "")[0][0])
        return
    f.out.append(formatted(template, items(f.next(), "format", 3)))


def _case(f: _Formatter, d: Directive, values: list[Any]) -> None:
    outer, f.out = f.out, []
    try:
        f.run(d.parts[0])
    finally:
        text, f.out = "".join(f.out), outer
    if d.colon:
        text = text.upper()  # ~:( as well as ~:@(, as measured
    elif d.at:
        text = text.upper()
    else:
        text = text.lower()
    f.out.append(text)


def _conditional(f: _Formatter, d: Directive, values: list[Any]) -> None:
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
            raise format_error("~[ expects an integer")
        index = chosen
    if not 0 <= index < len(d.parts):
        if not d.has_default:
            return
        index = len(d.parts) - 1
    f.run(d.parts[index])


def _iteration(f: _Formatter, d: Directive, values: list[Any]) -> None:
    pieces = d.parts[0]
    if not pieces:
        pieces = parse(string(f.next(), "format", 2), 0, "")[0][0]
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
                with contextlib.suppress(Escape):
                    row.run(pieces)
            else:
                inner.run(pieces)
            count += 1
            if inner.index == before and not d.colon:
                break  # consumes nothing: it would never end
    except Escape:
        pass
    if d.at:
        f.index += inner.index


def _escape(f: _Formatter, d: Directive, values: list[Any]) -> None:
    if values:
        done = values[0] == 0 if len(values) == 1 else values[0] == values[1]
    else:
        done = not f.left()
    if done:
        raise Escape


def _nothing(f: _Formatter, d: Directive, values: list[Any]) -> None:
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
    pieces = parse(template, 0, "")[0][0]
    with contextlib.suppress(Escape):
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
