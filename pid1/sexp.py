"""The few Scheme data types that cross the control socket, and how they are written.

Shared by the daemon, the ``herd`` client and the Scheme interpreter; it imports
nothing, because ``herd`` pays for every import.  In wire data a proper list is
a Python list, a dotted pair is a 2-tuple, and booleans, numbers and strings are
themselves.
"""

from __future__ import annotations


class Symbol:
    """An interned Scheme symbol: equal names are one object, so ``is`` compares."""

    __slots__ = ("name",)
    name: str
    _table: dict[str, Symbol] = {}

    def __new__(cls, name: str) -> Symbol:
        symbol = cls._table.get(name)
        if symbol is None:
            symbol = object.__new__(cls)
            symbol.name = name
            cls._table[name] = symbol
        return symbol

    def __repr__(self) -> str:
        return f"Symbol({self.name!r})"

    def __reduce__(self) -> tuple[type[Symbol], tuple[str]]:
        return Symbol, (self.name,)


class Keyword:
    """An interned Scheme keyword, written ``#:name``; ``name`` has no prefix."""

    __slots__ = ("name",)
    name: str
    _table: dict[str, Keyword] = {}

    def __new__(cls, name: str) -> Keyword:
        keyword = cls._table.get(name)
        if keyword is None:
            keyword = object.__new__(cls)
            keyword.name = name
            cls._table[name] = keyword
        return keyword

    def __repr__(self) -> str:
        return f"Keyword({self.name!r})"

    def __reduce__(self) -> tuple[type[Keyword], tuple[str]]:
        return Keyword, (self.name,)


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
    "!$%&*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ^_abcdefghijklmnopqrstuvwxyz~"
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
    if name in ("+inf.0", "-inf.0", "+nan.0", "-nan.0"):
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
    if name and _PLAIN_SYMBOL.issuperset(name):
        if name != "." and name[0] not in "0123456789" and not _looks_like_number(name):
            return name
    elif name and all(c in _PLAIN_SYMBOL or (c.isprintable() and ord(c) > 0x7F) for c in name):
        return name
    out = []
    for char in name:
        if char in "{}\\" or not char.isprintable():
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


def _write(value: object, emit: object) -> None:
    # An explicit stack instead of recursion: a client may send data of any depth.
    put: object = emit
    stack: list[object] = [value]
    assert callable(put)
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is Raw:
            put(item.text)  # type: ignore[attr-defined]
        elif kind is str:
            put(write_string(item))  # type: ignore[arg-type]
        elif kind is Symbol:
            put(write_symbol(item.name))  # type: ignore[attr-defined]
        elif item is True:
            put("#t")
        elif item is False:
            put("#f")
        elif kind is int:
            put(str(item))
        elif kind is list or kind is Vector:
            put("(" if kind is list else "#(")
            stack.append(Raw(")"))
            for index in range(len(item) - 1, -1, -1):  # type: ignore[arg-type]
                stack.append(item[index])  # type: ignore[index]
                if index:
                    stack.append(Raw(" "))
        elif kind is tuple:
            car, cdr = item  # type: ignore[misc]
            stack += [Raw(")"), cdr, Raw(" . "), car, Raw("(")]
        elif kind is Keyword:
            put(f"#:{item.name}")  # type: ignore[attr-defined]
        elif kind is float or hasattr(item, "numerator"):
            put(write_number(item))
        else:
            raise TypeError(f"not wire data: {item!r}")
