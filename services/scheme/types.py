"""The values of the language: what a Scheme datum is in Python.

============================  =========================================
Scheme                        Python
============================  =========================================
boolean, integer, real        ``bool``, ``int``, ``float``, ``Fraction``
string (immutable here)       ``str``
symbol, keyword               ``pid1.sexp.Symbol``, ``Keyword`` (interned)
character                     ``Char``
pair, empty list              ``Pair``, ``NIL``
vector, bytevector            ``list``, ``bytearray``
unspecified value             ``None``
end-of-file object            ``EOF``
multiple values               ``Values``
hash table                    ``HashTable``
procedure                     ``Procedure`` and its subclasses
record                        ``RecordType``, ``Record``
============================  =========================================

Only ``False`` is false; ``NIL``, ``None``, ``0`` and ``""`` are true.  Use
``value is False``, never truth, and never ``==`` between a bool and a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from pid1.sexp import Keyword, Symbol

# A Scheme value: any of the types above.  Checked at run time, by each primitive.
Value: TypeAlias = Any

__all__ = [
    "EOF", "NIL", "Char", "HashTable", "Keyword", "Pair", "Procedure", "Record", "RecordType",
    "Symbol", "Value", "Values", "is_list", "iterate", "scheme_list",
]  # fmt: skip


class Pair:
    """A cons cell.  Mutable: ``set-car!`` and ``set-cdr!`` assign the slots."""

    __slots__ = ("car", "cdr")

    def __init__(self, car: Value, cdr: Value) -> None:
        self.car = car
        self.cdr = cdr


class _Singleton:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NIL: Final = _Singleton("()")
EOF: Final = _Singleton("#<eof>")


class Char:
    """A character; ``text`` is a string of length one."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is Char and other.text == self.text

    def __hash__(self) -> int:
        return hash(("char", self.text))


class Values:
    """Multiple values other than exactly one; ``items`` may be empty."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Value, ...]) -> None:
        self.items = items


class Procedure:
    """Anything that can be applied: closures, primitives, parameters, continuations."""

    __slots__ = ()


class RecordType:
    """A record type; ``name`` includes the angle brackets when it was written with them."""

    __slots__ = ("fields", "name", "parent", "printer")

    def __init__(
        self, name: str, fields: tuple[str, ...], parent: RecordType | None = None
    ) -> None:
        self.name = name
        self.fields = fields
        self.parent = parent
        self.printer: Value = None

    def is_a(self, wanted: RecordType) -> bool:
        """Whether this is ``wanted`` or derived from it."""
        kind: RecordType | None = self
        while kind is not None:
            if kind is wanted:
                return True
            kind = kind.parent
        return False


class Record:
    """An instance: ``values`` in the order of ``type.fields`` (parents' fields first)."""

    __slots__ = ("type", "values")

    def __init__(self, type: RecordType, values: list[Value]) -> None:
        self.type = type
        self.values = values


class HashTable:
    """A mutable hash table; keys are wrapped by the library so that eq?/eqv?/equal? agree."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[Any, tuple[Value, Value]] = {}


def scheme_list(items: Iterable[Value], tail: Value = NIL) -> Value:
    """Build a Scheme list from ``items``, ending in ``tail``."""
    sequence = items if isinstance(items, (list, tuple)) else list(items)
    result = tail
    for item in reversed(sequence):
        result = Pair(item, result)
    return result


def is_list(value: Value) -> bool:
    """Whether ``value`` is a proper, finite list."""
    slow = value
    while True:
        if value is NIL:
            return True
        if type(value) is not Pair:
            return False
        value = value.cdr
        if value is NIL:
            return True
        if type(value) is not Pair:
            return False
        value = value.cdr
        slow = slow.cdr
        if value is slow:
            return False


def is_circular_list(value: Value) -> bool:
    """Whether the tail of the list ``value`` comes round again."""
    slow = fast = value
    while type(fast) is Pair and type(fast.cdr) is Pair:
        slow, fast = slow.cdr, fast.cdr.cdr
        if slow is fast:
            return True
    return False


def iterate(value: Value) -> Iterator[Value]:
    """Yield the elements of a list; stops silently at an improper tail.

    A circular list ends too, some time after all its elements came.
    """
    slow = value
    while type(value) is Pair:
        yield value.car
        value = value.cdr
        if type(value) is not Pair:
            return
        yield value.car
        value = value.cdr
        slow = slow.cdr
        if value is slow:
            return
