"""Characters: predicates, comparison, case."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, out_of_range
from services.scheme.library.checks import char, exact_integer, not_in_range
from services.scheme.primitives import Library
from services.scheme.types import Char, Symbol, Value

LIBRARY = Library()

LIBRARY.primitive("char?", 1)(lambda value: type(value) is Char)


@LIBRARY.primitive("char->integer", 1)
def char_to_integer(value: Value) -> int:
    return ord(char(value, "char->integer", 1))


@LIBRARY.primitive("integer->char", 1)
def integer_to_char(value: Value) -> Char:
    number = exact_integer(value)
    if number > 1114111:
        raise not_in_range(-1, 1114111, value)
    if number < 0 or 0xD800 <= number <= 0xDFFF:
        raise out_of_range("integer->char", value)
    return Char(chr(number))


def _recased(name: str, fn: Callable[[str], str]) -> None:
    def convert(value: Value) -> Char:
        text = fn(char(value, name, 1))
        return Char(text) if len(text) == 1 else value

    LIBRARY.primitive(name, 1)(convert)


_recased("char-upcase", str.upper)
_recased("char-downcase", str.lower)
_recased("char-titlecase", str.title)
_recased("char-foldcase", str.lower)


def _tested(name: str, fn: Callable[[str], bool]) -> None:
    # Guile asks a character set, and its error says so.
    LIBRARY.primitive(name, 1)(lambda value: fn(char(value, "char-set-contains?", 2)))


_tested("char-alphabetic?", str.isalpha)
_tested("char-numeric?", str.isdecimal)
_tested("char-whitespace?", str.isspace)
_tested("char-upper-case?", str.isupper)
_tested("char-lower-case?", str.islower)
_tested("char-is-both?", lambda text: text.isupper() or text.islower())


def _compared(name: str, compare: Callable[[str, str], bool], fold: bool) -> None:
    def test(*args: Value) -> bool:
        texts = [char(value, name, min(n, 2)) for n, value in enumerate(args, 1)]
        if fold:
            texts = [text.lower() for text in texts]
        return all(compare(texts[n], texts[n + 1]) for n in range(len(texts) - 1))

    LIBRARY.primitive(name, 0, None)(test)


COMPARISONS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("=", operator.eq), ("<", operator.lt), (">", operator.gt), ("<=", operator.le),
    (">=", operator.ge),
)  # fmt: skip
for _sign, _operation in COMPARISONS:
    _compared(f"char{_sign}?", _operation, False)
    _compared(f"char-ci{_sign}?", _operation, True)


@LIBRARY.primitive("digit-value", 1)
def digit_value(value: Value) -> Any:
    text = char(value, "digit-value", 1)
    return int(text) if text.isdecimal() else False


@LIBRARY.primitive("char-general-category", 1)
def general_category(value: Value) -> Any:
    import unicodedata

    category = unicodedata.category(char(value, "char-general-category", 1))
    return False if category == "Cn" else Symbol(category)


@LIBRARY.primitive("char->digit", 1, 2)
def char_to_digit(value: Value, radix: Value = 10) -> Any:
    base = exact_integer(radix)
    try:
        return int(char(value, "char->digit", 1), base)
    except (ValueError, SchemeError):
        return False
