"""Symbols and keywords are one object for each name; those that nobody uses are forgotten."""

from __future__ import annotations

import gc

import pytest

from pid1 import sexp
from pid1.sexp import Keyword, Symbol


@pytest.mark.parametrize("kind", [Symbol, Keyword])
def test_equal_names_are_one_object_for_as_long_as_somebody_has_it(
    kind: type[Symbol] | type[Keyword],
) -> None:
    kept = {name: kind(name) for name in (f"kept-{n}" for n in range(100))}
    for number in range(10 * sexp._FIRST_LIMIT):
        kind(f"passing-{number}")
    gc.collect()
    for name, symbol in kept.items():
        assert kind(name) is symbol
        assert symbol.name == name
    # Neither all of those that passed, nor twice those that are there.
    assert len(kind._table) <= kind._limit < 5 * sexp._FIRST_LIMIT


def test_a_symbol_and_a_keyword_of_one_name_are_two() -> None:
    assert Symbol("a") is not Keyword("a")  # type: ignore[comparison-overlap]
    assert (repr(Symbol("a")), repr(Keyword("a"))) == ("Symbol('a')", "Keyword('a')")


def test_the_limit_grows_with_what_is_in_use() -> None:
    kept = [Symbol(f"used-{n}") for n in range(3 * sexp._FIRST_LIMIT)]
    assert len(Symbol._table) >= len(kept)
    assert all(Symbol(symbol.name) is symbol for symbol in kept)
