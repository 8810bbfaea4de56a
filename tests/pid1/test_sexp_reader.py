"""Reading wire data: what ``write`` writes comes back; nothing but ReadError is raised."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pid1.sexp import Keyword, Raw, Symbol, Vector, write
from pid1.sexp_reader import IncompleteError, ReadError, parse_number, read
from pid1.sexp_scanner import scan

names = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.sampled_from(
        ["a", "+", "...", ".", "1+", "a'b", "a|b", "}#", "a\\b", "#t", "été", "|", "-1"]
    ),
)
texts = st.text(st.characters(codec="utf-8")) | st.text('"\\nx41;( )', max_size=8)
atoms = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.fractions().filter(lambda value: value.denominator != 1),
    texts,
    names.map(Symbol),
    st.text("abcxyz-?!", min_size=1).map(Keyword),
)


def pair(parts: tuple[object, object]) -> object:
    """A dotted pair; with a list as its second part it is a list."""
    first, second = parts
    if type(second) is list:
        return [first, *second]
    return first, second


data = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(Vector),
        st.tuples(inner, inner).map(pair),
    ),
    max_leaves=20,
)


def same(one: object, other: object) -> bool:
    """Equality that tells True from 1 and a list from a vector."""
    return type(one) is type(other) and one == other and write(one) == write(other)


@settings(deadline=None)
@given(data)
def test_what_is_written_is_read_back(value: object) -> None:
    text = write(value)
    assert same(read(text.encode()), value)
    assert same(scan(text), value)


@settings(deadline=None)
@given(data, st.text(" \n\t", max_size=3), st.binary(max_size=10))
def test_only_the_first_datum_counts(value: object, blanks: str, rest: bytes) -> None:
    assert same(read((blanks + write([value])).encode() + rest), [value])


@settings(deadline=None, max_examples=400)
@given(st.binary() | st.text("()[]\"\\#|{};'`,. a1:\n").map(str.encode))
def test_any_bytes_are_read_or_refused(junk: bytes) -> None:
    for reader in (read, lambda junk: scan(junk.decode("utf-8", "replace"))):
        with suppress(ReadError):
            reader(junk)


@settings(deadline=None)
@given(data)
def test_what_is_cut_off_is_incomplete(value: object) -> None:
    text = write([value])
    for end in range(len(text)):
        try:
            read(text[:end].encode())
        except IncompleteError:
            continue
        except ReadError:
            # Within a token: "#" of "#t", the backslash of an escape.
            assert not text[:end].endswith((" ", ")"))
        else:
            pytest.fail(f"{text[:end]} was read")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a . (b c))", [Symbol("a"), Symbol("b"), Symbol("c")]),
        ("(1 2 . 3)", (1, (2, 3))),
        ("#(1 #(2))", Vector([1, Vector([2])])),
        ('"\\x1b;\\u200b\\U01f600\\a\\\\n"', "\x1b;\u200b\U0001f600\a\\n"),
        ("(|a b|)", [Symbol("|a"), Symbol("b|")]),
        ("#{a\\x20;b}#", Symbol("a b")),
        ("#:#{a b}#", Keyword("a b")),
        ("; comment\n#| nested #| |# |# (x #;(y z) [1])", [Symbol("x"), [1]]),
        ("'a", [Symbol("quote"), Symbol("a")]),
        ("(#xff #o17 +5 1. .5 1e3 4/2 1/3)", [255, 15, 5, 1.0, 0.5, 1000.0, 2, Fraction(1, 3)]),
        ("(1+ - 1_0 1/0 inf nan)", [Symbol(n) for n in ("1+", "-", "1_0", "1/0", "inf", "nan")]),
    ],
)
def test_notations(text: str, value: object) -> None:
    assert same(read(text.encode()), value)


def test_characters_stay_as_they_are_written() -> None:
    result = read(b'(#\\( #\\" #\\space)')
    assert isinstance(result, list)
    assert [raw.text for raw in result if isinstance(raw, Raw)] == ["#\\(", '#\\"', "#\\space"]


def test_special_numbers() -> None:
    assert parse_number("+inf.0") == math.inf
    assert math.isnan(parse_number("+nan.0"))  # type: ignore[arg-type]
    assert isinstance(parse_number("9" * 5000), Raw)  # more digits than Python converts


@pytest.mark.parametrize(
    "text", [")", "(a . )", "( . a b)", "(a . b c)", "#<x>", '"\\q"', '"\\xg0"', "]"]
)
def test_malformed_data(text: str) -> None:
    with pytest.raises(ReadError):
        read(text.encode())


def test_depth_is_limited_by_memory_alone() -> None:
    deep = b"(" * 300_000
    with pytest.raises(IncompleteError):
        read(deep)
    read(deep + b")" * 300_000)


def test_a_string_of_many_quotes_takes_no_longer_than_its_length() -> None:
    begin = time.process_time()
    scan("('\"" + '\\"' * 700_000 + '")')
    assert time.process_time() - begin < 6  # 1.6; looking back to its beginning took 10
