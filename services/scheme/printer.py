"""How values are printed: ``write`` and ``display`` in Guile's notation.

Neither depth nor length costs Python stack.  A circular structure is cut off; an object
of the host is printed as its ``str``.
"""

from __future__ import annotations

from typing import Any

from pid1.sexp import write_number, write_symbol
from pid1.sexp import write_string as write_text
from services.scheme.types import (
    EOF,
    NIL,
    Char,
    HashTable,
    Keyword,
    Pair,
    Record,
    RecordType,
    Symbol,
    Value,
    Values,
)

_CHARACTER_NAMES = {
    "\0": "nul", "\a": "alarm", "\b": "backspace", "\t": "tab", "\n": "newline", "\v": "vtab",
    "\f": "page", "\r": "return", "\x1b": "esc", " ": "space", "\x7f": "delete",
}  # fmt: skip
_SUSPECT = 20_000  # items after which a structure is examined for cycles
_LIMIT = 1_000_000  # items printed at most: shared structure can grow without bound
_DATUM, _TEXT, _REST, _ITEMS = range(4)


def write(value: Value) -> str:
    """``value`` as ``write`` prints it."""
    return _print(value, True)


def display(value: Value) -> str:
    """``value`` as ``display`` prints it."""
    if type(value) is str:
        return value
    return _print(value, False)


def _print(value: Value, writing: bool) -> str:
    out: list[str] = []
    put = out.append
    stack: list[tuple[int, Any]] = [(_DATUM, value)]
    pop, push = stack.pop, stack.append
    count, limit = 0, _SUSPECT
    while stack:
        kind, item = pop()
        if kind == _DATUM:
            count += 1
            if count > limit:
                if limit == _LIMIT or is_circular(value):
                    put("...")
                    break
                limit = _LIMIT
            what = type(item)
            if what is Symbol:
                put(write_symbol(item.name) if writing else item.name)
            elif what is str:
                put(write_text(item) if writing else item)
            elif what is Pair:
                put("(")
                push((_REST, item.cdr))
                push((_DATUM, item.car))
            elif what is list:
                put("#(")
                push((_ITEMS, (iter(item), "")))
            elif what is Record:
                _record(item, put, push, writing)
            else:
                put(_atom(item, writing))
        elif kind == _TEXT:
            put(item)
        elif kind == _REST:
            if type(item) is Pair:
                put(" ")
                push((_REST, item.cdr))
                push((_DATUM, item.car))
            elif item is NIL:
                put(")")
            else:
                put(" . ")
                push((_TEXT, ")"))
                push((_DATUM, item))
        else:
            items, separator = item
            for part in items:
                if separator:
                    put(separator)
                push((_ITEMS, (items, " ")))
                push((_DATUM, part))
                break
            else:
                put(")")
    return "".join(out)


def _record(record: Record, put: Any, push: Any, writing: bool) -> None:
    kind = record.type
    if kind.printer is not None:
        put(_printed_by(kind.printer, record))
        return
    put(f"#<{kind.name}")
    push((_TEXT, ">"))
    pairs = list(zip(kind.fields, record.values, strict=False))
    for name, value in reversed(pairs):
        push((_DATUM, value) if writing else (_TEXT, write(value)))
        push((_TEXT, f" {name}: "))


def _printed_by(printer: Value, record: Record) -> str:
    """What a printer set with ``set-record-type-printer!`` writes; it must not suspend."""
    from services.scheme.errors import SchemeError
    from services.scheme.evaluation import run_now
    from services.scheme.ports import string_output
    from services.scheme.types import Procedure

    if not isinstance(printer, Procedure):
        return str(printer(record))
    port = string_output()
    try:
        run_now(printer, (record, port))
    except SchemeError:
        return f"#<{record.type.name} {id(record):x}>"
    return port.text()


def _atom(value: Value, writing: bool) -> str:
    kind = type(value)
    if value is True:
        return "#t"
    if value is False:
        return "#f"
    if value is None:
        return "#<unspecified>"
    if kind is int:
        return _integer(value)
    if kind is Char:
        return write_character(value.text) if writing else value.text
    if kind is Keyword:
        return "#:" + (write_symbol(value.name) if writing else value.name)
    if kind is float:
        return write_number(value)
    if value is NIL or value is EOF:
        return repr(value)
    if kind.__name__ == "Fraction":
        return f"{_integer(value.numerator)}/{_integer(value.denominator)}"
    if kind is bytearray:
        return "#vu8(" + " ".join(map(str, value)) + ")"
    if kind is RecordType:
        return f"#<record-type {value.name}>"
    if kind is HashTable:
        return f"#<hash-table {id(value):x} {len(value.entries)}/31>"
    if kind is Values:
        return " ".join([write(item) for item in value.items]) or "#<unspecified>"
    from services.scheme.descriptions import describe

    return describe(value)


def _integer(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python converts in one go
        from services.scheme.library.numerals import integer_text

        return integer_text(value)


def write_character(text: str) -> str:
    """``#\\a``, ``#\\newline``; unprintable characters in octal."""
    name = _CHARACTER_NAMES.get(text)
    if name is None:
        name = text if text.isprintable() else f"{ord(text):o}"
    return "#\\" + name


def is_circular(value: Value) -> bool:
    """Whether pairs, vectors or records of ``value`` contain themselves."""
    open_ids: set[int] = set()
    done: set[int] = set()
    stack: list[tuple[bool, Any]] = [(False, value)]
    while stack:
        leaving, item = stack.pop()
        kind = type(item)
        if kind is not Pair and kind is not list and kind is not Record:
            continue
        key = id(item)
        if leaving:
            open_ids.discard(key)
            done.add(key)
        elif key in open_ids:
            return True
        elif key not in done:
            open_ids.add(key)
            stack.append((True, item))
            if kind is Pair:
                stack.append((False, item.car))
                stack.append((False, item.cdr))
            else:
                stack.extend((False, part) for part in (item if kind is list else item.values))
    return False
