"""Numbers as text: ``number->string``, ``string->number`` and the reader's numerals.

Digits of floats are the shortest that read back as the same number, laid out as
Guile does, always with a point.
"""

from __future__ import annotations

import math
from typing import Any

from services.scheme.errors import wrong_type
from services.scheme.library.checks import exact_integer, not_in_range, string
from services.scheme.library.numbers import is_number, simplest, to_float
from services.scheme.library.rational import fraction
from services.scheme.primitives import Library
from services.scheme.types import Value

LIBRARY = Library()

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MAX_DIGITS = 80_000  # of an integer; longer ones are no numbers, as in the reader
_MAX_EXPONENT = 4096  # of an exact numeral such as #e1e4096


def integer_text(number: int, radix: int = 10) -> str:
    """Digits of an integer in ``radix``; no limit on their number."""
    if radix == 10:
        return _decimal(number)
    if radix == 16:
        return f"{number:x}"
    if radix == 8:
        return f"{number:o}"
    if radix == 2:
        return f"{number:b}"
    sign, number = ("-", -number) if number < 0 else ("", number)
    return sign + (_split(number, radix) or "0")


def _decimal(number: int) -> str:
    # str() refuses more than 4300 digits; splitting keeps below that and is no slower.
    if -(1 << 13000) < number < (1 << 13000):
        return str(number)
    return ("-" if number < 0 else "") + _split(abs(number), 10)


def _split(number: int, radix: int) -> str:
    """Digits of a positive integer by divide and conquer, without a leading zero."""
    powers = [radix]
    while powers[-1] * powers[-1] <= number:
        powers.append(powers[-1] * powers[-1])

    def digits(part: int, level: int) -> str:
        if level < 0:
            return _DIGITS[part]
        high, low = divmod(part, powers[level])
        return digits(high, level - 1) + digits(low, level - 1)

    return digits(number, len(powers) - 1).lstrip("0")


def float_text(number: float, radix: int = 10) -> str:
    """A float as Guile writes it."""
    if number != number:
        return "+nan.0"
    if math.isinf(number):
        return "+inf.0" if number > 0 else "-inf.0"
    if radix != 10:
        return _float_in_radix(number, radix)
    text = repr(number)
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.lstrip("-").partition(".")
    digits = (whole + part).lstrip("0")
    if not digits:
        return sign + "0.0"
    # value = 0.DIGITS * 10**point
    point = len(whole) + int(exponent or 0) - (len(whole + part) - len((whole + part).lstrip("0")))
    digits = digits.rstrip("0")
    # Measured: zeros are spelled out up to 1e6, or three of them after the last digit.
    if 0 < point <= 7 or 7 < point <= len(digits) + 3:
        body = digits[:point].ljust(point, "0") + "." + (digits[point:] or "0")
    elif -3 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        body = f"{digits[0]}.{digits[1:] or '0'}e{point - 1}"
    return sign + body


def _float_in_radix(number: float, radix: int) -> str:
    sign = "-" if math.copysign(1, number) < 0 else ""
    exact = fraction(abs(number))
    whole = math.floor(exact)
    rest = exact - whole
    digits: list[str] = []
    while rest and len(digits) < 1100:
        rest *= radix
        digits.append(_DIGITS[math.floor(rest)])
        rest -= math.floor(rest)
    return f"{sign}{integer_text(whole, radix)}.{''.join(digits) or '0'}"


def number_text(number: Any, radix: int = 10) -> str:
    """Any number as text."""
    kind = type(number)
    if kind is int:
        return integer_text(number, radix)
    if kind is float:
        return float_text(number, radix)
    return f"{integer_text(number.numerator, radix)}/{integer_text(number.denominator, radix)}"


@LIBRARY.primitive("number->string", 1, 2)
def number_to_string(value: Value, radix: Value = 10) -> str:
    base = exact_integer(radix)
    if not 2 <= base <= 36:
        raise not_in_range(2, 36, radix)
    if not is_number(value):
        raise wrong_type("number->string", 1, value)
    return number_text(value, base)


@LIBRARY.primitive("string->number", 1, 2)
def string_to_number(text: Value, radix: Value = 10) -> Any:
    string(text, "string->number", 1)
    base = exact_integer(radix)
    if not 2 <= base <= 2147483647:
        raise not_in_range(2, 2147483647, radix)
    result = parse_number(text, base)
    return False if result is None else result


def parse_number(text: str, radix: int = 10) -> Any:
    """The number that ``text`` denotes, or None; ``#x``, ``#e`` and so on are understood."""
    exactness = ""
    while text[:1] == "#":
        mark = text[1:2].lower()
        if mark in "ei" and mark and not exactness:
            exactness = mark
        elif mark and mark in "xobd":
            radix = {"x": 16, "o": 8, "b": 2, "d": 10}[mark]
        else:
            return None
        text = text[2:]
    number = _real(text, radix, exactness == "e")
    if number is None or not exactness:
        return number
    if exactness == "i":
        return to_float(number)
    if type(number) is float:
        return simplest(fraction(number)) if math.isfinite(number) else None
    return number


def _real(text: str, radix: int, exactly: bool) -> Any:
    sign, body = 1, text
    if text[:1] in ("+", "-"):
        sign, body = (-1 if text[0] == "-" else 1), text[1:]
        special = body.lower()
        if special == "inf.0":
            return sign * math.inf
        if special == "nan.0":
            return math.nan
    if not body or not body.isascii():
        return None
    whole = _natural(body, radix)
    if whole is not None:
        return sign * whole
    if "/" in body:
        top, _, bottom = body.partition("/")
        numerator, denominator = _natural(top, radix), _natural(bottom, radix)
        if numerator is None or not denominator:
            return None
        return simplest(fraction(sign * numerator, denominator))
    return _decimal_fraction(body, sign, exactly) if radix == 10 else None


def _natural(text: str, radix: int) -> int | None:
    if not text or not text.isascii() or not text.isalnum() or len(text) > _MAX_DIGITS:
        return None
    if radix == 10:
        if not text.isdigit():
            return None
        if len(text) <= 4000:
            return int(text)
    try:
        if len(text) <= 4000 or radix in (2, 4, 8, 16, 32):
            return int(text, radix) if radix <= 36 else None
        if radix > 36:
            return None
        half = len(text) // 2
        high, low = _natural(text[:half], radix), _natural(text[half:], radix)
    except ValueError:
        return None
    if high is None or low is None:
        return None
    scale: int = radix ** (len(text) - half)
    return high * scale + low


def _decimal_fraction(text: str, sign: int, exactly: bool) -> Any:
    mantissa, mark, exponent = text.lower().partition("e")
    whole, point, part = mantissa.partition(".")
    if not (whole or part) or (whole and not whole.isdigit()) or (part and not part.isdigit()):
        return None
    if mark:
        digits = exponent[1:] if exponent[:1] in ("+", "-") else exponent
        if not digits.isdigit() or len(digits) > 18:
            return None
    elif not point:
        return None
    if exactly:
        power = int(exponent or 0)
        if abs(power) > _MAX_EXPONENT or len(mantissa) > _MAX_EXPONENT:
            return None
        number = fraction(int(whole + part or 0), 10 ** len(part)) * fraction(10) ** power
        return simplest(sign * number)
    return sign * float(f"{whole or 0}.{part or 0}e{exponent or 0}")
