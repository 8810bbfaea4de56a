"""Powers, roots, logarithms, trigonometry, random numbers and operations on bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from services.scheme.errors import out_of_range, wrong_type
from services.scheme.library.checks import (
    argument_out_of_range,
    bits_fit,
    expecting,
    integer,
    numerical_overflow,
    real,
    too_large,
)
from services.scheme.library.numbers import quotient_of, simplest, to_float
from services.scheme.library.rational import fraction, is_fraction
from services.scheme.primitives import Library
from services.scheme.types import Value, Values

LIBRARY = Library()


@LIBRARY.primitive("expt", 2)
def expt(base: Value, power: Value) -> Any:
    x: Any = real(base, "*", 1)
    n = real(power, "expt", 2)
    if type(n) is int and type(x) is not float:
        size = max(x.numerator.bit_length(), x.denominator.bit_length())
        if size > 1 and not bits_fit(size * abs(n)):
            raise too_large("expt", power)
        return simplest(x**n) if n >= 0 else quotient_of(1, simplest(x**-n))
    try:
        result = to_float(x) ** to_float(n)
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return math.inf
    if type(result) is complex:
        raise out_of_range("expt", base)
    return result


LIBRARY.primitive("integer-expt", 2)(
    lambda base, power: expt(base, integer(power, "integer-expt", 2))
)


@LIBRARY.primitive("sqrt", 1)
def sqrt(value: Value) -> Any:
    """The square root, exact where it can be; complex results are refused."""
    number = real(value, "sqrt", 1)
    if number < 0:
        raise out_of_range("sqrt", value)
    if type(number) is int:
        root = math.isqrt(number)
        return root if root * root == number else _root(number)
    if is_fraction(number):
        top, bottom = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if top * top == number.numerator and bottom * bottom == number.denominator:
            return fraction(top, bottom)
    return _root(number)


def _root(number: Any) -> float:
    try:
        return math.sqrt(number)
    except OverflowError:
        return to_float(math.isqrt(int(number)))


@LIBRARY.primitive("exact-integer-sqrt", 1)
def exact_integer_sqrt(value: Value) -> Values:
    if type(value) is not int or value < 0:
        raise expecting("exact-integer-sqrt", 1, "exact non-negative integer", value)
    root = math.isqrt(value)
    return Values((root, value - root * root))


@LIBRARY.primitive("square", 1)
def square(value: Value) -> Any:
    number = real(value, "*", 1)
    if type(number) is int and not bits_fit(2 * number.bit_length()):
        raise too_large("*", value)
    return _float_safe(lambda: number * number)


def _float_safe(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except OverflowError:
        return math.inf


@LIBRARY.primitive("exp", 1)
def exp(value: Value) -> Any:
    number = real(value, "exp", 1)
    return _float_safe(lambda: math.exp(to_float(number)))


@LIBRARY.primitive("log", 1, 2)
def log(value: Value, base: Value = None) -> Any:
    number = real(value, "log", 1)
    if base is not None:
        bottom = log(base)
        if bottom == 0:
            raise numerical_overflow("divide")
        return log(value) / bottom
    return _logarithm(number, value, "log", math.log)


LIBRARY.primitive("log10", 1)(
    lambda value: _logarithm(real(value, "log10", 1), value, "log10", math.log10)
)


def _logarithm(number: Any, value: Value, who: str, fn: Callable[[Any], float]) -> Any:
    if number == 0:
        if type(number) is float:
            return -math.inf
        raise numerical_overflow(who)
    if number < 0:
        raise out_of_range(who, value)
    if is_fraction(number):
        return fn(number.numerator) - fn(number.denominator)
    return fn(number)


def _function(name: str, fn: Callable[[float], float]) -> None:
    def apply(value: Value) -> Any:
        number = real(value, name, 1)
        # An exact 0 has an exact image wherever that is 0 or 1.
        if type(number) is int and number == 0 and name not in ("acos", "acosh"):
            return int(fn(0.0))
        try:
            return fn(to_float(number))
        except ValueError:
            if not math.isfinite(number):
                return math.nan
            raise out_of_range(name, value) from None
        except OverflowError:
            return math.inf if number > 0 or name == "cosh" else -math.inf

    LIBRARY.primitive(name, 1)(apply)


for _name in ("sin", "cos", "tan", "asin", "acos", "sinh", "cosh", "tanh", "asinh", "acosh",
              "atanh"):  # fmt: skip
    _function(_name, getattr(math, _name))


@LIBRARY.primitive("atan", 1, 2)
def atan(y: Value, x: Value = None) -> Any:
    top = real(y, "atan", 1)
    if x is None:
        return 0 if type(top) is int and top == 0 else math.atan(to_float(top))
    bottom = real(x, "atan", 2)
    return math.atan2(to_float(top), to_float(bottom))


@LIBRARY.primitive("random", 1, 2)
def random(limit: Value, state: Value = None) -> Any:
    """A number from 0 below ``limit``, from the kernel's generator at first use."""
    from random import random as fraction
    from random import randrange

    number = real(limit, "random", 1)
    if is_fraction(number):
        raise wrong_type("random", 1, limit)
    if number <= 0 or number != number:
        raise argument_out_of_range("random", 1, limit)
    return randrange(number) if type(number) is int else fraction() * number


@LIBRARY.primitive("random:uniform", 0, 1)
def random_uniform(state: Value = None) -> float:
    from random import random as fraction

    return fraction()


LIBRARY.primitive("random-state-from-platform", 0)(lambda: None)
LIBRARY.primitive("seed->random-state", 1)(lambda seed: None)
LIBRARY.bind("*random-state*", None)


def _bitwise(names: tuple[str, ...], unit: int, fn: Callable[[int, int], int]) -> None:
    who = names[0]

    def fold(*args: Value) -> int:
        if not args:
            return unit
        total = integer(args[0], who, 1)
        for arg in args[1:]:
            total = fn(total, integer(arg, who, 2))
        return total

    for name in names:
        LIBRARY.primitive(name, 0, None)(fold)


_bitwise(("logand", "bitwise-and"), -1, lambda a, b: a & b)
_bitwise(("logior", "bitwise-ior", "bitwise-or"), 0, lambda a, b: a | b)
_bitwise(("logxor", "bitwise-xor"), 0, lambda a, b: a ^ b)


def _unary(names: tuple[str, ...], fn: Callable[[int], Any]) -> None:
    who = names[0]
    for name in names:
        LIBRARY.primitive(name, 1)(lambda value: fn(integer(value, who, 1)))


_unary(("lognot", "bitwise-not"), lambda n: ~n)
_unary(("logcount",), lambda n: (n if n >= 0 else ~n).bit_count())
_unary(("bit-count", "bitwise-bit-count"), lambda n: (n if n >= 0 else ~n).bit_count())
_unary(("integer-length", "bitwise-length"), lambda n: (n if n >= 0 else ~n).bit_length())
_unary(
    ("first-set-bit", "bitwise-first-bit-set", "log2-binary-factors"),
    lambda n: (n & -n).bit_length() - 1,
)
LIBRARY.primitive("logtest", 2)(
    lambda a, b: integer(a, "logtest", 1) & integer(b, "logtest", 2) != 0
)
LIBRARY.primitive("logbit?", 2)(
    lambda index, n: integer(n, "logbit?", 2) >> _count(index, "logbit?", 1) & 1 == 1
)
LIBRARY.alias("bit-set?", "logbit?")


def _count(value: Value, who: str, position: int) -> int:
    number = integer(value, who, position)
    if number < 0:
        raise argument_out_of_range(who, position, value)
    return number


@LIBRARY.primitive("ash", 2)
def shift(value: Value, count: Value) -> int:
    number, by = integer(value, "ash", 1), integer(count, "ash", 2)
    if by <= 0:
        return number >> -by
    if number and not bits_fit(number.bit_length() + by):
        raise too_large("ash", count)
    return number << by if number else 0


LIBRARY.alias("arithmetic-shift", "ash")
LIBRARY.alias("bitwise-arithmetic-shift", "ash")
LIBRARY.primitive("bitwise-arithmetic-shift-left", 2)(shift)
LIBRARY.primitive("bitwise-arithmetic-shift-right", 2)(
    lambda n, by: shift(n, -integer(by, "bitwise-arithmetic-shift-right", 2))
)


@LIBRARY.primitive("round-ash", 2)
def round_shift(value: Value, count: Value) -> int:
    number, by = integer(value, "round-ash", 1), integer(count, "round-ash", 2)
    if by >= 0:
        return int(shift(value, count))
    if -by > number.bit_length() + 1:
        return 0
    rounded: int = round(fraction(number, 1 << -by))
    return rounded


@LIBRARY.primitive("bit-extract", 3)
def bit_extract(value: Value, start: Value, end: Value) -> int:
    number = integer(value, "bit-extract", 1)
    low, high = _count(start, "bit-extract", 2), _count(end, "bit-extract", 3)
    if high < low:
        raise out_of_range("bit-extract", end)
    width = high - low
    if not bits_fit(width):
        raise too_large("bit-extract", end)
    return number >> low & ((1 << width) - 1)


LIBRARY.alias("bit-field", "bit-extract")
LIBRARY.bind("most-positive-fixnum", (1 << 61) - 1)
LIBRARY.bind("most-negative-fixnum", -(1 << 61))
