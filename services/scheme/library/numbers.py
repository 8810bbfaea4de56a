"""Arithmetic, comparison and predicates of numbers: the real tower, without complex numbers.

Results that cannot be represented (``(sqrt -4)``) raise out-of-range; so do numbers of
more than 78000 digits, as everybody would wait for PID 1 while it calculates with them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from services.scheme.errors import wrong_type
from services.scheme.library.checks import (
    Real,
    argument_out_of_range,
    bits_fit,
    fractions_fit,
    numerical_overflow,
    real,
    too_large,
)
from services.scheme.library.rational import fraction, is_fraction
from services.scheme.primitives import Library
from services.scheme.types import Value

LIBRARY = Library()


def is_number(value: Value) -> bool:
    kind = type(value)
    return kind is int or kind is float or is_fraction(value)


def simplest(value: Any) -> Any:
    """A Fraction with denominator 1 as an int."""
    if is_fraction(value) and value.denominator == 1:
        return value.numerator
    return value


def to_float(value: Real) -> float:
    """The nearest float; beyond its range an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _inexactly(fn: Callable[[Any, Any], Any], a: Real, b: Real) -> Any:
    """Apply ``fn`` to two numbers of which at least one may be a float."""
    try:
        return fn(a, b)
    except OverflowError:
        return fn(to_float(a), to_float(b))


def _check_fractions(name: str, a: Real, b: Value) -> None:
    if (is_fraction(a) or is_fraction(b)) and not fractions_fit(a, b):
        raise too_large(name, b)


def _folded(name: str, unit: int, fn: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def fold(*args: Value) -> Any:
        if len(args) == 2:
            a, b = args
            if type(a) is int and type(b) is int:
                return fn(a, b)
        elif not args:
            return unit
        total = real(args[0], name, 1)
        for arg in args[1:]:
            kind = type(arg)
            if kind is not int and kind is not float and not is_fraction(arg):
                raise wrong_type(name, 2, arg)
            _check_fractions(name, total, arg)
            total = _inexactly(fn, total, arg)
            if is_fraction(total):
                total = simplest(total)
        return total

    LIBRARY.primitive(name, 0, None)(fold)
    return fold


def _product(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int and not bits_fit(a.bit_length() + b.bit_length()):
        raise too_large("*", b)
    return a * b


add = _folded("+", 0, operator.add)
multiply = _folded("*", 1, _product)


@LIBRARY.primitive("-", 1, None)
def subtract(first: Value, *rest: Value) -> Any:
    if not rest:
        return -real(first, "-", 1)
    if len(rest) == 1:
        other = rest[0]
        if type(first) is int and type(other) is int:
            return first - other
    total: Any = real(first, "-", 1)
    for arg in rest:
        _check_fractions("-", total, real(arg, "-", 2))
        total = simplest(_inexactly(operator.sub, total, arg))
    return total


def quotient_of(a: Real, b: Real) -> Any:
    """``a / b``, exact when both are."""
    if type(b) is not float and b == 0:
        raise numerical_overflow("divide")
    if type(a) is float or type(b) is float:
        x, y = to_float(a), to_float(b)
        if y == 0:
            if x == 0 or x != x:
                return math.nan
            return math.copysign(math.inf, x) * math.copysign(1, y)
        return x / y
    if not fractions_fit(a, b):
        raise too_large("/", b)
    return simplest(fraction(a) / fraction(b))


@LIBRARY.primitive("/", 1, None)
def divide(first: Value, *rest: Value) -> Any:
    total: Any = real(first, "/", 1)
    if not rest:
        return quotient_of(1, total)
    for arg in rest:
        total = quotient_of(total, real(arg, "/", 2))
    return total


@LIBRARY.primitive("1+", 1)
def increment(value: Value) -> Any:
    return value + 1 if type(value) is int else simplest(real(value, "+", 1) + 1)


@LIBRARY.primitive("1-", 1)
def decrement(value: Value) -> Any:
    return value - 1 if type(value) is int else simplest(real(value, "-", 1) - 1)


def _compared(name: str, compare: Callable[[Any, Any], bool], second: int) -> None:
    # Guile reports the second argument of = as position 1 and swaps those of > and <=.
    def test(*args: Value) -> bool:
        if len(args) == 2:
            a, b = args
            if type(a) is int and type(b) is int:
                return compare(a, b)
        if not args:
            return True
        previous = real(args[0], name, 1)
        result = True
        for arg in args[1:]:
            number = real(arg, name, second)
            if result and not compare(previous, number):
                result = False
            previous = number
        return result

    LIBRARY.primitive(name, 0, None)(test)


_compared("=", operator.eq, 1)
_compared("<", operator.lt, 2)
_compared(">", operator.gt, 2)
_compared("<=", operator.le, 2)
_compared(">=", operator.ge, 2)


def _sign_test(name: str, test: Callable[[Any], bool]) -> None:
    LIBRARY.primitive(name, 1)(lambda value: test(real(value, name, 1)))


_sign_test("zero?", lambda n: n == 0)
_sign_test("positive?", lambda n: n > 0)
_sign_test("negative?", lambda n: n < 0)
_sign_test("exact?", lambda n: type(n) is not float)
_sign_test("inexact?", lambda n: type(n) is float)
_sign_test("nan?", lambda n: n != n)
_sign_test("inf?", lambda n: type(n) is float and math.isinf(n))
_sign_test("finite?", lambda n: type(n) is not float or math.isfinite(n))


def is_integer(value: Value) -> bool:
    kind = type(value)
    return kind is int or (kind is float and value.is_integer())


for _name in ("number?", "complex?", "real?"):
    LIBRARY.primitive(_name, 1)(is_number)
LIBRARY.primitive("integer?", 1)(is_integer)
LIBRARY.primitive("exact-integer?", 1)(lambda value: type(value) is int)
LIBRARY.primitive("exact-rational?", 1)(lambda value: type(value) is int or is_fraction(value))
LIBRARY.primitive("exact-nonnegative-integer?", 1)(lambda v: type(v) is int and v >= 0)
LIBRARY.primitive("rational?", 1)(
    lambda value: is_number(value) and (type(value) is not float or math.isfinite(value))
)


def _parity(name: str, remainder: int) -> None:
    def test(value: Value) -> bool:
        if not is_integer(value):
            raise wrong_type(name, 1, value)
        return bool(value % 2 == remainder)

    LIBRARY.primitive(name, 1)(test)


_parity("even?", 0)
_parity("odd?", 1)


@LIBRARY.primitive("abs", 1)
def absolute(value: Value) -> Any:
    return abs(real(value, "abs", 1))


LIBRARY.primitive("magnitude", 1)(lambda value: abs(real(value, "magnitude", 1)))


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> None:
    def pick(first: Value, *rest: Value) -> Any:
        best = real(first, name, 1)
        inexact = type(best) is float
        for arg in rest:
            number = real(arg, name, 2)
            inexact = inexact or type(number) is float
            if number != number or (best == best and better(number, best)):
                best = number
        return to_float(best) if inexact else best

    LIBRARY.primitive(name, 1, None)(pick)


_extreme("max", operator.gt)
_extreme("min", operator.lt)


def to_exact(value: Value, who: str = "inexact->exact") -> Any:
    """The exact number equal to ``value``."""
    number = real(value, who, 1)
    if type(number) is float:
        if not math.isfinite(number):
            raise argument_out_of_range(who, 1, value)
        return simplest(fraction(number))
    return number


LIBRARY.primitive("inexact->exact", 1)(to_exact)
LIBRARY.primitive("exact", 1)(to_exact)
LIBRARY.primitive("exact->inexact", 1)(lambda v: to_float(real(v, "exact->inexact", 1)))
LIBRARY.primitive("inexact", 1)(lambda v: to_float(real(v, "inexact", 1)))


def _rounded(name: str, exactly: Callable[[Any], int]) -> None:
    def fn(value: Value) -> Any:
        number = real(value, name, 1)
        if type(number) is float:
            if not math.isfinite(number):
                return number
            whole = float(exactly(number))
            return whole if name == "round" else math.copysign(whole, number)
        return number if type(number) is int else exactly(number)

    LIBRARY.primitive(name, 1)(fn)


_rounded("floor", math.floor)
_rounded("ceiling", math.ceil)
_rounded("truncate", math.trunc)
_rounded("round", round)


@LIBRARY.primitive("numerator", 1)
def numerator(value: Value) -> Any:
    result = to_exact(value, "numerator")
    part = result.numerator
    return to_float(part) if type(value) is float else part


@LIBRARY.primitive("denominator", 1)
def denominator(value: Value) -> Any:
    part = to_exact(value, "denominator").denominator
    return to_float(part) if type(value) is float else part
