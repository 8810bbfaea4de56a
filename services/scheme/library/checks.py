"""Argument checks shared by the library, with Guile's wording (measured on Guile 3.0.11).

Each check returns its argument so that it can be used inside an expression, and
raises the ``SchemeError`` that the real procedure raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.errors import SchemeError, out_of_range, wrong_type, wrong_type_expecting
from services.scheme.types import (
    NIL,
    Char,
    Pair,
    Procedure,
    Symbol,
    Value,
    is_circular_list,
    scheme_list,
)

if TYPE_CHECKING:
    from fractions import Fraction

Real: TypeAlias = "int | float | Fraction"

UNSIGNED_LONG = 18446744073709551615
_MAX_ITEMS = 1 << 22  # list and vector elements: 32 MB of pointers
_MAX_BYTES = 1 << 26  # strings and bytevectors: 64 MB
_MAX_BITS = 1 << 18  # integers: to write one, or to divide by it, takes 0.3 s


def expecting(who: str, position: int, what: str, value: Value) -> SchemeError:
    """``Wrong type argument in position N (expecting WHAT): VALUE``."""
    return SchemeError(
        "wrong-type-arg",
        (
            who,
            "Wrong type argument in position ~A (expecting ~A): ~S",
            scheme_list((position, what, value)),
            scheme_list((value,)),
        ),
    )


def not_in_range(low: int, high: int, value: Value) -> SchemeError:
    """``Value out of range LOW to< HIGH: VALUE``."""
    return SchemeError(
        "out-of-range",
        (
            False,
            "Value out of range ~S to< ~S: ~S",
            scheme_list((low, high, value)),
            scheme_list((value,)),
        ),
    )


def argument_out_of_range(who: str, position: int, value: Value) -> SchemeError:
    """``Argument N out of range: VALUE``."""
    return SchemeError(
        "out-of-range",
        (
            who,
            "Argument ~A out of range: ~S",
            scheme_list((position, value)),
            scheme_list((value,)),
        ),
    )


def wrong_type_anonymous(what: str, value: Value) -> SchemeError:
    """``Wrong type (expecting WHAT): VALUE``, raised by no procedure in particular."""
    error = wrong_type_expecting("", what, value)
    error.arguments = (False, *error.arguments[1:])
    return error


def numerical_overflow(who: str) -> SchemeError:
    """``Numerical overflow``, as division by zero makes it."""
    return SchemeError("numerical-overflow", (who, "Numerical overflow", False, False))


def too_large(who: str, value: Value) -> SchemeError:
    """Refusal of a request that would need more memory than a daemon can spare."""
    return out_of_range(who, value)


def string(value: Value, who: str, position: int) -> str:
    if type(value) is not str:
        raise expecting(who, position, "string", value)
    return value


def plain_string(value: Value) -> str:
    """A string argument of a system call."""
    if type(value) is not str:
        raise wrong_type_anonymous("string", value)
    if "\0" in value:
        raise SchemeError(
            "misc-error",
            (False, "string contains #\\nul character: ~S", scheme_list((value,)), False),
        )
    return value


def symbol(value: Value, who: str, position: int) -> Symbol:
    if type(value) is not Symbol:
        raise expecting(who, position, "symbol", value)
    return value


def char(value: Value, who: str, position: int) -> str:
    if type(value) is not Char:
        raise expecting(who, position, "character", value)
    return value.text


def real(value: Value, who: str, position: int) -> Real:
    kind = type(value)
    if kind is not int and kind is not float and kind.__name__ != "Fraction":
        raise wrong_type(who, position, value)
    return value  # type: ignore[no-any-return]


def integer(value: Value, who: str, position: int) -> int:
    """An exact integer."""
    if type(value) is not int:
        raise wrong_type(who, position, value)
    return value


def exact_integer(value: Value) -> int:
    """An exact integer given to a procedure written in C."""
    if type(value) is not int:
        raise wrong_type_anonymous("exact integer", value)
    return value


def size(value: Value, limit: int = _MAX_ITEMS) -> int:
    """The length of something to be made: at least 0, and not absurd."""
    number = exact_integer(value)
    if number < 0:
        raise not_in_range(0, UNSIGNED_LONG, value)
    if number > limit:
        raise out_of_range(None, value)
    return number


def byte_size(value: Value) -> int:
    """The length in bytes or characters of something to be made."""
    return size(value, _MAX_BYTES)


def bits_fit(bits: int | float) -> bool:
    """Whether an integer of so many bits may be made."""
    return bits <= _MAX_BITS


def fractions_fit(*numbers: Any) -> bool:
    """Whether to calculate with these takes no longer than with the largest integers."""
    bits: int = sum(
        number.numerator.bit_length() + number.denominator.bit_length()
        for number in numbers
        if type(number) is not float
    )
    return bits <= _MAX_BITS // 4


def c_int(value: Value) -> int:
    """An integer that fits a C ``int``."""
    number = exact_integer(value)
    if not -2147483648 <= number <= 2147483647:
        raise not_in_range(-2147483648, 2147483647, value)
    return number


def procedure(value: Value, who: str, position: int) -> Procedure:
    if not isinstance(value, Procedure):
        raise wrong_type(who, position, value)
    return value


def items(value: Value, who: str, position: int) -> list[Value]:
    """The elements of a proper list; a circular one is refused."""
    result: list[Value] = []
    rest = value
    while type(rest) is Pair:
        result.append(rest.car)
        rest = rest.cdr
        if len(result) % 65536 == 0:
            refuse_cycle(value, who, position)
    if rest is not NIL:
        raise wrong_type(who, position, value)
    return result


def refuse_cycle(value: Value, who: str, position: int) -> None:
    """Raise if the list ``value`` is circular."""
    if is_circular_list(value):
        raise wrong_type(who, position, value)


def span(text: Value, start: Value, end: Value, length: int) -> tuple[int, int]:
    """Check ``start`` and ``end`` (None: the whole) against ``length``."""
    low, high = 0, length
    if end is not None:
        high = exact_integer(end)
    if start is not None:
        low = exact_integer(start)
        if not 0 <= low <= length:
            raise not_in_range(0, length, start)
    if not low <= high <= length:
        raise not_in_range(low, length, end)
    return low, high
