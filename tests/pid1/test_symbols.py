"""Symbols are one object for each name, and those that nobody uses are forgotten."""

from __future__ import annotations

import gc

from pid1 import sexp
from pid1.sexp import Symbol


def test_equal_names_are_one_object_for_as_long_as_somebody_has_it() -> None:
    kept = {name: Symbol(name) for name in (f"kept-{n}" for n in range(100))}
    for number in range(10 * sexp._FIRST_LIMIT):
        Symbol(f"passing-{number}")
    gc.collect()
    for name, symbol in kept.items():
        assert Symbol(name) is symbol
        assert symbol.name == name
    # Neither all of those that passed, nor twice those that are there.
    assert len(Symbol._table) <= Symbol._limit < 5 * sexp._FIRST_LIMIT


def test_the_limit_grows_with_what_is_in_use() -> None:
    kept = [Symbol(f"used-{n}") for n in range(3 * sexp._FIRST_LIMIT)]
    assert len(Symbol._table) >= len(kept)
    assert all(Symbol(symbol.name) is symbol for symbol in kept)
