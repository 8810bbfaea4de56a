"""Exact fractions, without importing ``fractions`` until one is made (it costs 5 ms)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from services.scheme.types import Value

if TYPE_CHECKING:
    from fractions import Fraction


def is_fraction(value: Value) -> TypeGuard[Fraction]:
    """Whether ``value`` is a ``Fraction``."""
    return type(value).__name__ == "Fraction"


def fraction(numerator: Value, denominator: int = 1) -> Fraction:
    """The exact number ``numerator / denominator``; ``numerator`` may be a finite float."""
    from fractions import Fraction

    return Fraction(numerator) / denominator if denominator != 1 else Fraction(numerator)
