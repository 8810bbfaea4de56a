"""Bytevectors: bytes, text encodings and integers in either byte order."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import SchemeError, out_of_range, syntax_error, wrong_type
from services.scheme.library import checks
from services.scheme.library.checks import exact_integer, expecting, items, span, string
from services.scheme.primitives import Library
from services.scheme.syntax import Macro
from services.scheme.types import Symbol, Value, scheme_list

LIBRARY = Library()

LIBRARY.primitive("bytevector?", 1)(lambda value: type(value) is bytearray)


def bytes_argument(value: Value, who: str, position: int = 1) -> bytearray:
    if type(value) is not bytearray:
        raise expecting(who, position, "bytevector", value)
    return value


def _byte(value: Value, who: str) -> int:
    number = exact_integer(value)
    if not -128 <= number <= 255:
        raise out_of_range(who, value)
    return number & 255


@LIBRARY.primitive("make-bytevector", 1, 2)
def make_bytevector(count: Value, fill: Value = 0) -> bytearray:
    return bytearray([_byte(fill, "make-bytevector")]) * checks.byte_size(count)


@LIBRARY.primitive("bytevector", 0, None)
def bytevector(*values: Value) -> bytearray:
    return bytearray([_byte(value, "bytevector") for value in values])


@LIBRARY.primitive("bytevector-length", 1)
def bytevector_length(value: Value) -> int:
    return len(bytes_argument(value, "scm_c_bytevector_length"))


def _place(data: bytearray, index: Value, width: int, who: str) -> int:
    number = exact_integer(index)
    if not 0 <= number <= len(data) - width:
        raise out_of_range(who, index)
    return number


def _accessors(kind: str, width: int, signed: bool, ordered: bool) -> None:
    """``bytevector-KIND-ref`` and ``-set!``, with an endianness argument or as the host."""
    reader, writer = f"bytevector-{kind}-ref", f"bytevector-{kind}-set!"
    low = -(1 << (8 * width - 1)) if signed else 0
    high = (1 << (8 * width - (1 if signed else 0))) - 1

    def ref(value: Value, index: Value, order: Value = None) -> int:
        data = bytes_argument(value, reader)
        place = _place(data, index, width, reader)
        return int.from_bytes(data[place : place + width], _order(order, reader), signed=signed)

    def assign(value: Value, index: Value, new: Value, order: Value = None) -> None:
        data = bytes_argument(value, writer)
        place = _place(data, index, width, writer)
        number = exact_integer(new)
        if not low <= number <= high:
            raise out_of_range(writer, new)
        data[place : place + width] = number.to_bytes(width, _order(order, writer), signed=signed)

    extra = 1 if ordered else 0
    LIBRARY.primitive(reader, 2 + extra)(ref)
    LIBRARY.primitive(writer, 3 + extra)(assign)


def _order(value: Value, who: str) -> Any:
    if value is None:
        import sys

        return sys.byteorder
    if value not in (Symbol("big"), Symbol("little")):
        raise wrong_type(who, 3, value)
    return value.name


_accessors("u8", 1, False, False)
_accessors("s8", 1, True, False)
for _bits in (16, 32, 64):
    for _letter in "us":
        _accessors(f"{_letter}{_bits}", _bits // 8, _letter == "s", True)
        _accessors(f"{_letter}{_bits}-native", _bits // 8, _letter == "s", False)


def _endianness(form: Value) -> Value:
    """``(endianness big)``: the symbol, unevaluated."""
    parts = items(form, "endianness", 1)
    if len(parts) != 2 or parts[1] not in (Symbol("big"), Symbol("little")):
        raise syntax_error("endianness", "unsupported endianness", form)
    return scheme_list((Symbol("quote"), parts[1]))


LIBRARY.bind("endianness", Macro("endianness", _endianness))


@LIBRARY.primitive("native-endianness", 0)
def native_endianness() -> Symbol:
    import sys

    return Symbol(sys.byteorder)


@LIBRARY.primitive("bytevector-copy", 1, 3)
def bytevector_copy(value: Value, start: Value = None, end: Value = None) -> bytearray:
    data = bytes_argument(value, "bytevector-copy")
    low, high = span(value, start, end, len(data))
    return data[low:high]


@LIBRARY.primitive("bytevector-append", 0, None)
def bytevector_append(*values: Value) -> bytearray:
    result = bytearray()
    for position, value in enumerate(values, 1):
        result += bytes_argument(value, "bytevector-append", position)
    return result


@LIBRARY.primitive("bytevector-copy!", 5)
def bytevector_copy_into(
    source: Value, start: Value, target: Value, at: Value, count: Value
) -> None:
    origin = bytes_argument(source, "bytevector-copy!", 1)
    data = bytes_argument(target, "bytevector-copy!", 3)
    length = checks.byte_size(count)
    low = _place(origin, start, length, "bytevector-copy!")
    place = _place(data, at, length, "bytevector-copy!")
    data[place : place + length] = origin[low : low + length]


@LIBRARY.primitive("bytevector-fill!", 2, 4)
def bytevector_fill(value: Value, fill: Value, start: Value = None, end: Value = None) -> None:
    data = bytes_argument(value, "bytevector-fill!")
    low, high = span(value, start, end, len(data))
    data[low:high] = bytearray([_byte(fill, "bytevector-fill!")]) * (high - low)


@LIBRARY.primitive("bytevector=?", 2)
def bytevectors_equal(a: Value, b: Value) -> bool:
    return bytes_argument(a, "bytevector=?") == bytes_argument(b, "bytevector=?", 2)


@LIBRARY.primitive("bytevector->u8-list", 1)
def bytevector_to_list(value: Value) -> Value:
    return scheme_list(list(bytes_argument(value, "bytevector->u8-list")))


@LIBRARY.primitive("u8-list->bytevector", 1)
def list_to_bytevector(value: Value) -> bytearray:
    elements = items(value, "u8-list->bytevector", 1)
    for element in elements:
        if type(element) is not int or not 0 <= element <= 255:
            raise wrong_type("u8-list->bytevector", 1, element)
    return bytearray(elements)


@LIBRARY.primitive("string->utf8", 1)
def string_to_utf8(value: Value) -> bytearray:
    return bytearray(string(value, "string->utf8", 1).encode("utf-8", "surrogateescape"))


@LIBRARY.primitive("utf8->string", 1)
def utf8_to_string(value: Value) -> str:
    data = bytes_argument(value, "utf8->string")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SchemeError(
            "decoding-error",
            ("scm_from_utf8_stringn", "input locale conversion error", 84, value),
        ) from None


@LIBRARY.primitive("string->bytevector", 2, 3)
def string_to_bytevector(value: Value, encoding: Value, strategy: Value = None) -> bytearray:
    text, name = string(value, "string->bytevector", 1), string(encoding, "string->bytevector", 2)
    try:
        return bytearray(text.encode(name))
    except (LookupError, ValueError):
        raise SchemeError(
            "encoding-error",
            ("string->bytevector", "conversion to port encoding failed", 84, False, value),
        ) from None


@LIBRARY.primitive("bytevector->string", 2, 3)
def bytevector_to_string(value: Value, encoding: Value, strategy: Value = None) -> str:
    data = bytes_argument(value, "bytevector->string")
    name = string(encoding, "bytevector->string", 2)
    try:
        return str(data.decode(name))
    except (LookupError, ValueError):
        raise SchemeError(
            "decoding-error", ("bytevector->string", "input decoding error", 84, value)
        ) from None
