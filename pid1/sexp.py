"""The few Scheme data types that cross the control socket, and how they are written.

Shared by the daemon, the ``herd`` client and the Scheme interpreter; it imports
nothing, because ``herd`` pays for every import.  In wire data a proper list is
a Python list, a dotted pair is a 2-tuple, and booleans, numbers and strings are
themselves.
"""

from __future__ import annotations

from sys import getrefcount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self

# Names of a kind that there may be before those that nobody uses any more are forgotten.
_FIRST_LIMIT = 4096


class _Interned:
    """Names of one kind: equal ones are one object, so ``is`` compares."""

    __slots__ = ("name",)
    name: str
    _table: ClassVar[dict[str, Any]]
    _limit: ClassVar[int] = _FIRST_LIMIT

    def __init_subclass__(cls) -> None:
        cls._table = {}

    def __new__(cls, name: str) -> Self:
        found: Self | None = cls._table.get(name)
        if found is None:
            if len(cls._table) >= cls._limit:
                cls._forget_unused()
            found = object.__new__(cls)
            found.name = name
            cls._table[name] = found
        return found

    @classmethod
    def _forget_unused(cls) -> None:
        """Drop those that only the table knows; weak references would cost all of them."""
        # One that not even the table knows tells how many references this function has itself.
        entries = [object.__new__(cls), *cls._table.values()]
        unused = 0
        for one in entries:
            if not unused:
                unused = getrefcount(one) + 1
            elif getrefcount(one) <= unused:
                del cls._table[one.name]
        cls._limit = max(_FIRST_LIMIT, 2 * len(cls._table))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.name,)


class Symbol(_Interned):
    """A Scheme symbol."""

    __slots__ = ()


class Keyword(_Interned):
    """A Scheme keyword, written ``#:name``; ``name`` has no prefix."""

    __slots__ = ()


class Raw:
    """Text that is already written, for caching parts of a reply."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Vector(list[object]):
    """A Scheme vector in wire data, ``#(1 2)``."""

    __slots__ = ()


_PLAIN_STRING = frozenset(
    " !#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"
)
_PLAIN_SYMBOL = frozenset(
    "!$%&*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ^_abcdefghijklmnopqrstuvwxyz|~"
)
_STRING_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a",
}  # fmt: skip


def write_string(text: str) -> str:
    """Return ``text`` as Guile's ``write`` prints a string (SHEPHERD.md 11.7)."""
    if _PLAIN_STRING.issuperset(text):
        return f'"{text}"'
    out = []
    for char in text:
        if char in _PLAIN_STRING:
            out.append(char)
        elif char in _STRING_ESCAPES:
            out.append(_STRING_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif ord(char) < 0x100:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):06x}")
    return '"' + "".join(out) + '"'


def _looks_like_number(name: str) -> bool:
    """Whether the reader would take ``name`` for a number."""
    if name[0] not in "0123456789+-.":
        return False
    if name in ("+inf.0", "-inf.0", "+nan.0", "-nan.0", "+i", "-i"):
        return True
    # Complex numbers, which nothing here can read as anything else.
    if name[-1] == "i" and name[1:-1].replace(".", "").isdigit():
        return True
    head, slash, tail = name.partition("/")
    if slash:
        return head.lstrip("+-").isdigit() and tail.isdigit()
    try:
        float(name)
    except ValueError:
        return False
    return "_" not in name


def write_symbol(name: str) -> str:
    """Return a symbol as Guile's ``write`` prints it: ``foo``, ``#{a b}#``, ``#{1+}#``."""
    if name and name[0] not in "0123456789,'`" and name != "." and not _looks_like_number(name):
        if _PLAIN_SYMBOL.issuperset(name):
            return name
        if all(
            c in _PLAIN_SYMBOL or c in "',`\\" or (c.isprintable() and c > "\x7f") for c in name
        ):
            return name
    out = []
    for char in name:
        if char in "()[]{}\\" or not char.isprintable():
            out.append(f"\\x{ord(char):x};")
        else:
            out.append(char)
    return "#{" + "".join(out) + "}#"


def write_number(value: object) -> str:
    """Return a number in Guile's notation: ``2.5``, ``1.0e21``, ``+inf.0``, ``1/3``."""
    if isinstance(value, float):
        if value != value:
            return "+nan.0"
        if value in (float("inf"), float("-inf")):
            return "+inf.0" if value > 0 else "-inf.0"
        text = repr(value)
        if "e" in text:
            mantissa, _, exponent = text.partition("e")
            if "." not in mantissa:
                mantissa += ".0"
            text = f"{mantissa}e{int(exponent)}"
        return text
    return str(value)


def write(value: object) -> str:
    """Return wire data as text in Guile's ``write`` notation.

    Raises TypeError for a value that is not wire data.
    """
    out: list[str] = []
    _write(value, out.append)
    return "".join(out)


def _write(value: object, put: Callable[[str], object]) -> None:
    # An explicit stack instead of recursion: a client may send data of any depth.
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Raw):
            put(item.text)
        elif isinstance(item, str):
            put(write_string(item))
        elif isinstance(item, Symbol):
            put(write_symbol(item.name))
        elif item is True:
            put("#t")
        elif item is False:
            put("#f")
        elif isinstance(item, list):
            put("#(" if isinstance(item, Vector) else "(")
            stack.append(_CLOSE)
            for index in range(len(item) - 1, -1, -1):
                stack.append(item[index])
                if index:
                    stack.append(_SPACE)
        elif isinstance(item, tuple):
            car, cdr = item
            stack += [_CLOSE, cdr, _DOT, car]
            put("(")
        elif isinstance(item, Keyword):
            put(f"#:{item.name}")
        elif isinstance(item, float) or hasattr(item, "numerator"):
            put(write_number(item))
        else:
            raise TypeError(f"not wire data: {item!r}")


_CLOSE = Raw(")")
_SPACE = Raw(" ")
_DOT = Raw(" . ")
