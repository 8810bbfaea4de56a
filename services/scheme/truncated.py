"""Printing a value on at most so many columns, as Guile's ``truncated-print`` does.

What does not fit becomes ``#``; the end of a list, a string or an object ``…``.
"""

from __future__ import annotations

from services.scheme.printer import write
from services.scheme.types import NIL, Pair, Value, is_list

_MAX_DEPTH = 200  # no wider output can nest deeper: each level takes two columns


def truncated(value: Value, width: int = 50) -> str:
    """``value`` as ``write`` prints it, on at most ``width`` columns."""
    return _fit(value, min(width, 2 * _MAX_DEPTH))


def _fit(value: Value, width: int) -> str:
    kind = type(value)
    if kind is Pair and is_list(value):
        if width < 3:
            return "#"
        items = _prefix(value, width)
        return f"({_sequence(items, width - 2, _length(value))})"
    if kind is list:
        if width < 4:
            return "#"
        return f"#({_sequence(value[: width + 2], width - 3, len(value))})"
    if kind is Pair:
        return _improper(value, width)
    text = write(value)
    if len(text) <= width:
        return text
    if width >= 3 and text[0] == '"':
        return f'{text[: width - 2]}…"'
    if width >= 5 and text.startswith("#<"):
        return f"{text[: width - 2]}…>"
    return "#"


def _prefix(value: Value, width: int) -> list[Value]:
    """As many elements as could be shown."""
    items: list[Value] = []
    while type(value) is Pair and len(items) < width + 2:
        items.append(value.car)
        value = value.cdr
    return items


def _length(value: Value) -> int:
    length = 0
    while value is not NIL:
        length += 1
        value = value.cdr
    return length


def _sequence(items: list[Value], width: int, length: int) -> str:
    out: list[str] = []
    for index, item in enumerate(items):
        if index:
            out.append(" ")
        if index == length - 1 and (index == 0 or width > 1):
            out.append(_fit(item, width if index == 0 else width - 1))
            break
        if width <= 2:
            out.append("…")
            break
        text = _fit(item, width - 2)
        out.append(text)
        width -= 1 + len(text)
    return "".join(out)


def _improper(value: Value, width: int) -> str:
    """``(a b . c)``."""
    if width < 5:
        return "#"
    width -= 5
    out = ["("]
    while True:
        text = _fit(value.car, max(1, width))
        out.append(text)
        width -= len(text)
        rest = value.cdr
        if type(rest) is not Pair:
            out += [" . ", _fit(rest, max(1, width))]
            break
        if width < 5:
            out.append(" . …")
            break
        out.append(" ")
        width -= 1
        value = rest
    out.append(")")
    return "".join(out)
