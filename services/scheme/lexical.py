"""The parts of a token: numbers, character names, bytes, escapes in strings.

Measured on Guile 3.0.11.  Used by the reader and by ``string->number``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheme.errors import out_of_range

if TYPE_CHECKING:
    from fractions import Fraction

    from services.scheme.types import Value

CHARACTER_NAMES = {
    "nul": "\0", "null": "\0", "alarm": "\a", "backspace": "\b", "tab": "\t", "newline": "\n",
    "linefeed": "\n", "vtab": "\v", "page": "\f", "return": "\r", "esc": "\x1b",
    "escape": "\x1b", "space": " ", "delete": "\x7f", "del": "\x7f", "nl": "\n", "lf": "\n",
    "cr": "\r", "ht": "\t", "sp": " ", "bs": "\b", "np": "\f", "vt": "\v", "bel": "\a",
}  # fmt: skip

STRING_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0",
    '"': '"', "\\": "\\", "|": "|", "/": "/", "(": "(", "\n": "",
}  # fmt: skip

# Digits after \x, \u and \U; there is no terminator (that is an R6RS option of the reader).
HEX_ESCAPES = {"x": 2, "u": 4, "U": 6}

_SPECIAL = {
    "+inf.0": float("inf"), "-inf.0": float("-inf"), "+nan.0": float("nan"),
    "-nan.0": float("nan"),
}  # fmt: skip
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_RADIX = {"x": 16, "b": 2, "o": 8, "d": 10}
_MAX_DIGITS = 4300  # what CPython converts in one go; longer literals are not numbers here
_MAX_EXPONENT = 10000


def parse_number(text: str, radix: int = 10) -> int | float | Fraction | None:
    """The number that ``text`` denotes, or None; prefixes ``#x #b #o #d #e #i`` included."""
    exactness = ""
    while len(text) > 2 and text[0] == "#":
        letter = text[1].lower()
        if letter in _RADIX:
            radix = _RADIX[letter]
        elif letter in "ei" and not exactness:
            exactness = letter
        else:
            return None
        text = text[2:]
    value = _parse_real(text, radix, exactness == "e")
    if value is None or not exactness:
        return value
    if exactness == "i":
        return _to_float(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        return _exact(value)
    return value


def _exact(value: int | float | str, denominator: int = 1) -> int | Fraction:
    # Imported when a fraction is met: it takes 2 ms, and few files have one.
    from fractions import Fraction

    return normalise(Fraction(value) / denominator)


def normalise(value: Fraction) -> int | Fraction:
    """A fraction with denominator 1 is an integer."""
    return value.numerator if value.denominator == 1 else value


def _to_float(value: int | float | Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _parse_integer(text: str, radix: int) -> int | None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or len(digits) > _MAX_DIGITS or not digits.isascii():
        return None
    if radix == 10:
        return int(text) if digits.isdigit() else None
    allowed = _DIGITS[:radix]
    return int(text, radix) if all(c in allowed for c in digits.lower()) else None


def _parse_real(text: str, radix: int, exact: bool) -> int | float | Fraction | None:
    integer = _parse_integer(text, radix)
    if integer is not None:
        return integer
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    numerator, slash, denominator = text.partition("/")
    if slash:
        above = _parse_integer(numerator, radix)
        below = _parse_integer(denominator, radix)
        if above is None or below is None or below == 0 or denominator[0] in "+-":
            return None
        return _exact(above, below)
    if radix != 10 or not text.isascii() or len(text) > _MAX_DIGITS:
        return None
    if any(c not in "0123456789+-.eE" for c in text):
        return None
    _, mark, exponent = text.lower().partition("e")
    if mark and (len(exponent) > 6 or abs(_parse_integer(exponent, 10) or 0) > _MAX_EXPONENT):
        return None
    try:
        return _exact(text) if exact else float(text)
    except ValueError:
        return None


def parse_character(name: str) -> str | None:
    """The character ``#\\name`` denotes, or None."""
    if len(name) == 1:
        return name
    known = CHARACTER_NAMES.get(name.lower())
    if known is not None:
        return known
    code = None
    if name[0] == "x" and len(name) <= 9:
        code = _parse_integer(name[1:], 16) if name[1] not in "+-" else None
    elif len(name) <= 8:
        code = _parse_integer(name, 8) if name[0] not in "+-" else None
    if code is None or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return None
    return chr(code)


def parse_bytes(items: list[Value]) -> bytearray:
    """The bytevector that ``#vu8(…)`` denotes; raises SchemeError for what is no byte."""
    for item in items:
        if type(item) is not int or not 0 <= item < 256:
            raise out_of_range("bytevector-u8-set!", item)
    return bytearray(items)
