"""The division operators: quotient, remainder, modulo and the R6RS and R7RS families.

Each family is a rule that gives an integer quotient; the remainder follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scheme.errors import wrong_type
from services.scheme.library.checks import (
    Real,
    bits_fit,
    numerical_overflow,
    real,
    too_large,
)
from services.scheme.library.numbers import is_integer, simplest, to_float
from services.scheme.library.rational import fraction
from services.scheme.primitives import Library
from services.scheme.types import Value, Values

if TYPE_CHECKING:
    from fractions import Fraction

LIBRARY = Library()

_MAX_WORK = 1 << 24  # bits of a power by bits of a modulus: 0.3 s


def _floor(n: Any, d: Any) -> Any:
    return n // d


def _ceiling(n: Any, d: Any) -> Any:
    return -((-n) // d)


def _truncate(n: Any, d: Any) -> Any:
    q = abs(n) // abs(d)
    return q if (n < 0) == (d < 0) else -q


def _euclidean(n: Any, d: Any) -> Any:
    return n // d if d > 0 else -(n // -d)


def _round(n: Any, d: Any) -> Any:
    return round(fraction(n) / fraction(d))


def _centered(n: Any, d: Any) -> Any:
    size = abs(fraction(d))
    q = math.floor(fraction(n) / size + fraction(1, 2))
    return q if d > 0 else -q


def _divide(rule: Callable[[Any, Any], Any], n: Real, d: Real, who: str) -> tuple[Any, Any]:
    if d == 0:
        raise numerical_overflow(who)
    if type(n) is int and type(d) is int:
        q = rule(n, d)
        return q, n - q * d
    if type(n) is float or type(d) is float:
        if not (math.isfinite(n) and math.isfinite(d)):
            return math.nan, math.nan
        q = rule(fraction(n), fraction(d))
        return to_float(q), to_float(fraction(n) - q * fraction(d))
    q = rule(fraction(n), fraction(d))
    return simplest(q), simplest(n - q * d)


def _integer(value: Value, who: str, position: int) -> Any:
    if not is_integer(value):
        raise wrong_type(who, position, value)
    return value


def _define(
    name: str, rule: Callable[[Any, Any], Any], part: int | None, inner: str, integers: bool
) -> None:
    check = _integer if integers else real

    def fn(n: Value, d: Value) -> Any:
        if part is not None and type(n) is int and type(d) is int and d:
            q = rule(n, d)
            return q if part == 0 else n - q * d
        both = _divide(rule, check(n, name, 1), check(d, name, 2), inner)
        return Values(both) if part is None else both[part]

    LIBRARY.primitive(name, 2)(fn)


_define("quotient", _truncate, 0, "truncate-quotient", True)
_define("remainder", _truncate, 1, "truncate-remainder", True)
_define("modulo", _floor, 1, "floor-remainder", True)
for _name, _rule in (
    ("floor", _floor), ("ceiling", _ceiling), ("truncate", _truncate),
    ("euclidean", _euclidean), ("round", _round), ("centered", _centered),
):  # fmt: skip
    _define(f"{_name}/", _rule, None, f"{_name}/", False)
    _define(f"{_name}-quotient", _rule, 0, f"{_name}-quotient", False)
    _define(f"{_name}-remainder", _rule, 1, f"{_name}-remainder", False)
for _new, _old in (
    ("div", "euclidean-quotient"), ("mod", "euclidean-remainder"), ("div-and-mod", "euclidean/"),
):  # fmt: skip
    LIBRARY.alias(_new, _old)


def _accumulated(name: str, step: Callable[[int, int], int], unit: int) -> None:
    def fn(*args: Value) -> Any:
        total, inexact = unit, False
        for position, arg in enumerate(args, 1):
            number = _integer(arg, name, min(position, 2))
            inexact = inexact or type(number) is float
            if not bits_fit(total.bit_length() + int(number).bit_length()):
                raise too_large(name, arg)
            total = step(total, int(number))
        return float(total) if inexact else abs(total)

    LIBRARY.primitive(name, 0, None)(fn)


_accumulated("gcd", math.gcd, 0)
_accumulated("lcm", math.lcm, 1)


@LIBRARY.primitive("modulo-expt", 3)
def modulo_expt(base: Value, power: Value, modulus: Value) -> int:
    for position, value in enumerate((base, power, modulus), 1):
        if type(value) is not int:
            raise wrong_type("modulo-expt", position, value)
    if modulus == 0:
        raise numerical_overflow("modulo-expt")
    if power.bit_length() * modulus.bit_length() > _MAX_WORK:
        raise too_large("modulo-expt", power)
    try:
        return pow(base, power, modulus)
    except ValueError:
        raise numerical_overflow("modulo-expt") from None


@LIBRARY.primitive("rationalize", 2)
def rationalize(value: Value, tolerance: Value) -> Any:
    """The simplest rational within ``tolerance`` of ``value`` (Stern-Brocot search)."""
    x: Any
    eps: Any
    x, eps = real(value, "rationalize", 1), abs(real(tolerance, "rationalize", 2))
    inexact = type(x) is float or type(eps) is float
    if not (math.isfinite(x) and math.isfinite(eps)):
        return (
            math.nan
            if x != x or eps != eps or math.isinf(x) == math.isinf(eps)
            else (0.0 if math.isinf(eps) else x)
        )
    found = _simplest_between(fraction(x) - fraction(eps), fraction(x) + fraction(eps))
    return to_float(found) if inexact else simplest(found)


def _simplest_between(low: Fraction, high: Fraction) -> Fraction:
    if low > 0:
        terms = []
        while True:
            whole = math.floor(low)
            if low == whole or whole < math.floor(high):
                terms.append(whole if low == whole else whole + 1)
                break
            terms.append(whole)
            low, high = 1 / (high - whole), 1 / (low - whole)
        result = fraction(terms.pop())
        for term in reversed(terms):
            result = term + 1 / result
        return result
    return -_simplest_between(-high, -low) if high < 0 else fraction(0)
