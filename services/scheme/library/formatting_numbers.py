"""How ``format`` writes numbers: radixes, fixed and exponential reals, words, Roman."""

from __future__ import annotations

import math
from typing import Any

from services.scheme.library.numerals import float_text, integer_text


def _option(values: list[Any], index: int, default: Any) -> Any:
    value = values[index] if index < len(values) else None
    if value is None:
        return default
    if type(default) is str and type(value) is int:
        return chr(value) if 0 <= value < 0xD800 else default
    if type(default) is int and type(value) is str:
        return ord(value)
    return value


def integer_digits(value: Any, radix: int, commas: bool, sign: bool, values: list[Any]) -> str:
    """~mincol,padchar,commachar,commawidthD and its relatives."""
    if type(value) is not int:
        text = float_text(float(value))
    else:
        text = integer_text(abs(value), radix)
        if commas:
            mark, width = _option(values, 2, ","), max(_option(values, 3, 3), 1)
            first = len(text) % width or width
            groups = [text[:first]]
            groups += [text[n : n + width] for n in range(first, len(text), width)]
            text = mark.join(groups)
        text = ("-" if value < 0 else "+" if sign else "") + text
    return str(text.rjust(_option(values, 0, 0), _option(values, 1, " ")))


def _rounded(value: float, digits: int) -> str:
    """``abs(value)`` with ``digits`` decimals, halves of the shortest decimal rounded up."""
    from decimal import ROUND_HALF_UP, Context, Decimal

    digits = max(0, min(digits, 400))
    context = Context(prec=1200)
    exact = Decimal(repr(abs(value)))
    return format(exact.quantize(Decimal(1).scaleb(-digits, context), ROUND_HALF_UP, context), "f")


def _finish(sign: str, body: str, width: int, overflow: Any, mark: str) -> str:
    text = sign + body
    if width and len(text) > width and body.startswith("0.") and len(body) > 2:
        text = sign + body[1:]
    if width and len(text) > width and type(overflow) is str:
        return overflow * width
    return text.rjust(width, mark)


def fixed_text(value: float, plus: bool, values: list[Any]) -> str:
    """~width,digits,scale,overflowchar,padcharF."""
    width, digits = _option(values, 0, 0), _option(values, 1, None)
    scale = _option(values, 2, 0)
    mark = _option(values, 4, " ")
    if not math.isfinite(value):
        return float_text(value).rjust(width, mark)
    if scale:
        value *= 10.0 ** max(-300, min(300, scale))
    sign = "-" if math.copysign(1, value) < 0 else "+" if plus else ""
    if digits is None:
        body = _positional(abs(value))
        room = width - len(sign)
        if width and len(body) > room:
            decimals = room - body.index(".") - 1
            if decimals > 0:
                body = _rounded(value, decimals)
    else:
        body = _rounded(value, digits)
        if digits == 0:
            body += "."
    return _finish(sign, body, width, _option(values, 3, None), mark)


def _positional(value: float) -> str:
    from decimal import Decimal

    text = format(Decimal(repr(value)), "f")
    return text if "." in text else text + ".0"


def exponential_text(value: float, plus: bool, values: list[Any]) -> str:
    """~width,digits,expdigits,scale,overflowchar,padchar,expcharE."""
    width, digits = _option(values, 0, 0), _option(values, 1, None)
    places, mark = _option(values, 2, 0), _option(values, 5, " ")
    if not math.isfinite(value):
        return float_text(value).rjust(width, mark)
    sign = "-" if math.copysign(1, value) < 0 else "+" if plus else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    if digits is None:
        shortest = f"{abs(value):.16e}"
        for precision in range(17):
            shortest = f"{abs(value):.{precision}e}"
            if float(shortest) == abs(value):
                break
    else:
        shortest = f"{abs(value):.{max(0, min(digits, 400))}e}"
    mantissa, _, exponent = shortest.partition("e")
    if "." not in mantissa:
        mantissa += ".0" if digits is None else "."
    power = int(exponent)
    letter = _option(values, 6, "E")
    body = f"{mantissa}{letter}{'-' if power < 0 else '+'}{str(abs(power)).rjust(places, '0')}"
    return _finish(sign, body, width, _option(values, 4, None), mark)


def general_text(value: float, plus: bool, values: list[Any]) -> str:
    """~G: fixed with four blanks after it if the number fits, else exponential."""
    if not math.isfinite(value):
        return float_text(value)
    power = math.floor(math.log10(abs(value))) + 1 if value else 0
    digits = _option(values, 1, None)
    if digits is None:
        digits = max(len(f"{abs(value)!r}".replace(".", "")), min(power, 7))
    if not 0 <= power <= digits:
        return exponential_text(value, plus, values)
    width = _option(values, 0, 0)
    inner: list[Any] = [max(width - 4, 0) or None, None]
    if len(values) > 1 and values[1] is not None:
        inner[1] = max(digits - power, 0)
    return fixed_text(value, plus, inner) + "    "


def currency_text(value: float, plus: bool, values: list[Any]) -> str:
    """~digits,wholedigits,width,padchar$."""
    digits, whole = _option(values, 0, 2), _option(values, 1, 1)
    width, mark = _option(values, 2, 0), _option(values, 3, " ")
    if not math.isfinite(value):
        return float_text(value).rjust(width, mark)
    body = _rounded(value, digits)
    integer, point, part = body.partition(".")
    sign = "-" if value < 0 else "+" if plus else ""
    return f"{sign}{integer.rjust(whole, '0')}{point or '.'}{part}".rjust(width, mark)


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_GROUPS = [
    "_",
    "thousand",
    "million",
    "billion",
    "trillion",
    "quadrillion",
    "quintillion",
    "sextillion",
    "septillion",
    "octillion",
    "nonillion",
    "decillion",
]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def _below_thousand(number: int) -> str:
    words = []
    if number >= 100:
        words.append(f"{_ONES[number // 100]} hundred")
        number %= 100
    if number >= 20:
        tens = _TENS[number // 10]
        words.append(f"{tens}-{_ONES[number % 10]}" if number % 10 else tens)
    elif number:
        words.append(_ONES[number])
    return " ".join(words)


def english(value: int, ordinal: bool) -> str:
    """A number in words."""
    if abs(value) >= 1000 ** len(_GROUPS):
        return integer_text(value)
    words, number, group = [], abs(value), 0
    while number:
        number, part = divmod(number, 1000)
        if part:
            words.append(_below_thousand(part) + (f" {_GROUPS[group]}" if group else ""))
        group += 1
    text = ("minus " if value < 0 else "") + (", ".join(reversed(words)) or "zero")
    if not ordinal:
        return text
    cut = max(text.rfind(" "), text.rfind("-")) + 1
    last = text[cut:]
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return text[:cut] + last


_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def roman(value: int, old: bool) -> str:
    """A Roman numeral; numbers that have none in digits."""
    if not 0 < value < 5000:
        return integer_text(value)
    result = ""
    for number, letters in _ROMAN:
        if old and len(letters) == 2:
            continue
        count, value = divmod(value, number)
        result += letters * count
    return result
