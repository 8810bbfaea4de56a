"""eq?, eqv?, equal? and the keys by which hash tables and lists compare.

A number is never equal to a boolean, an exact number never to an inexact one.
``equal?`` walks with a stack of its own: data may be nested deeper than the
interpreter's stack.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from services.scheme.primitives import Library
from services.scheme.types import NIL, Char, Pair, Record, Value

LIBRARY = Library()

_MANY = 100_000  # compounds that `equal?` compares before it minds going in circles


def same(a: Value, b: Value) -> bool:
    """eqv?: identity, but by value for numbers and characters; ``""`` strings by identity."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is int or kind.__name__ == "Fraction" or kind is Char:
        return bool(a == b)
    if kind is float:
        return _same_float(a, b)
    return False


def _same_float(a: float, b: float) -> bool:
    if a == b:
        return a != 0 or math.copysign(1, a) == math.copysign(1, b)
    return a != a and b != b


def identical(a: Value, b: Value) -> bool:
    """eq?: as eqv?, but bignums, fractions and floats only when they are one object."""
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is int:
        return bool(a == b) and -(1 << 61) <= a < (1 << 61)
    return kind is Char and bool(a == b)


def equal(a: Value, b: Value) -> bool:
    """equal?: the same shape and eqv? leaves; strings by their text.

    Lists that go in circles are equal if they unfold to the same (R7RS, 6.1).
    """
    pending: list[tuple[Value, Value]] = []
    # Of what has been compared, once that is more than most lists have.
    compared: set[tuple[int, int]] = set()
    steps = 0
    while True:
        kind = type(a)
        if a is b:
            pass
        elif kind is not type(b):
            return False
        elif kind is Pair or kind is list or kind is Record:
            steps += 1
            if steps > _MANY:
                if (id(a), id(b)) in compared:
                    a, b = pending.pop() if pending else (NIL, NIL)
                    continue
                compared.add((id(a), id(b)))
            if kind is Pair:
                pending.append((a.cdr, b.cdr))
                a, b = a.car, b.car
                continue
            if kind is list:
                if len(a) != len(b):
                    return False
                pending.extend(zip(a, b, strict=True))
            else:
                if a.type is not b.type:
                    return False
                pending.extend(zip(a.values, b.values, strict=True))
        elif kind is str or kind is bytearray:
            if a != b:
                return False
        elif kind is float:
            if not _same_float(a, b):
                return False
        elif kind is int or kind.__name__ == "Fraction" or kind is Char:
            if a != b:
                return False
        else:
            return False
        if not pending:
            return True
        a, b = pending.pop()


class _Whole:
    """Wraps a compound key so that Python's dict compares it with ``equal``."""

    __slots__ = ("code", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.code = _hash(value)

    def __eq__(self, other: object) -> bool:
        return type(other) is _Whole and equal(self.value, other.value)

    def __hash__(self) -> int:
        return self.code


def _hash(value: Value) -> int:
    """A hash of the first leaves of a compound value, in agreement with ``equal``."""
    code, budget, pending = 0, 32, [value]
    while pending and budget:
        budget -= 1
        value = pending.pop()
        kind = type(value)
        if kind is Pair:
            pending.append(value.cdr)
            pending.append(value.car)
            part = 1
        elif kind is list:
            pending.extend(reversed(value[:8]))
            part = len(value) + 2
        elif kind is Record:
            part = id(value.type)
        elif kind is bytearray:
            part = hash(bytes(value))
        else:
            part = hash(eqv_key(value) if kind is not str else value)
        code = hash((code, part))
    return code


def equal_key(value: Value) -> Any:
    """A Python dict key; two are equal when their values are ``equal?``."""
    kind = type(value)
    if kind is str:
        return value
    if kind is Pair or kind is list or kind is Record or kind is bytearray:
        return _Whole(value)
    return eqv_key(value)


def eqv_key(value: Value) -> Any:
    """A Python dict key; two are equal when their values are ``eqv?``.

    Symbols and other objects that compare by identity are their own keys.
    """
    kind = type(value)
    if kind is int or kind.__name__ == "Fraction":
        return ("number", value)
    if kind is float:
        return ("float", "nan" if value != value else (value, math.copysign(1, value)))
    if kind is Char:
        return value
    if kind is str:
        return ("text", value)
    if kind is Pair or kind is list or kind is bytearray or kind is Record:
        return ("object", id(value))
    if kind is bool:
        return ("boolean", value)
    return value


# Strings are immutable here, so equal strings cannot be told apart by mutation; a name read
# twice must still find its entry in a table keyed by eq?, hence ("text", value).


def _chain(name: str, compare: Any) -> None:
    def test(*args: Value) -> bool:
        if len(args) == 2:
            return bool(compare(*args))
        return all(compare(a, b) for a, b in itertools.pairwise(args))

    LIBRARY.primitive(name, 0, None)(test)


_chain("eq?", identical)
_chain("eqv?", same)
_chain("equal?", equal)
