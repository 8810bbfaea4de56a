"""The reader: Guile's notation, its messages, and the place of every datum."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheme.errors import SchemeError
from services.scheme.printer import write
from services.scheme.reader import Reader, read_all, read_one
from services.scheme.source import decode
from services.scheme.types import EOF, NIL, Char, Keyword, Pair, Symbol, scheme_list

# Measured on Guile 3.0.11: text, how what was read is written.
READ = [
    ("(a . b)", "(a . b)"),
    ("(a .(b))", "(a b)"),
    ("( . b)", "b"),
    ("[a b]", "(a b)"),
    ("'x", "(quote x)"),
    ("`(a ,b ,@c)", "(quasiquote (a (unquote b) (unquote-splicing c)))"),
    ("#'x", "(syntax x)"),
    ("#(1 (2) #())", "#(1 (2) #())"),
    ("#vu8(1 2 3)", "#vu8(1 2 3)"),
    ("#;a b", "b"),
    ("(1 #;(2 3) 4)", "(1 4)"),
    ("#| a #| b |# c |# d", "d"),
    ("#!/bin/sh\n!#\n7", "7"),
    ("#!fold-case ABC", "abc"),
    ("#t #true #f", "#t"),
    ("#tru", "#t"),
    ("#x1F", "31"),
    ("#o177", "127"),
    ("#b101", "5"),
    ("#e1.5", "3/2"),
    ("#i1/2", "0.5"),
    ("+inf.0", "+inf.0"),
    ("-nan.0", "+nan.0"),
    ("1e3", "1000.0"),
    (".5", "0.5"),
    ("1/0", "#{1/0}#"),
    ("1_000", "#{1_000}#"),
    ("1+", "#{1+}#"),
    ("...", "..."),
    ("#: a", "#:a"),
    ("#:foo", "#:foo"),
    ("#:#{a b}#", "#:#{a b}#"),
    ("#| |#|# c", "#{|#}#"),
    ("#|#||#|# c", "c"),
    ("#{a b}#", "#{a b}#"),
    ("#{a\\x20;b}#", "#{a b}#"),
    ("#\\space", "#\\space"),
    ("#\\()", "#\\("),
    ("#\\x41", "#\\A"),
    ("#\\101", "#\\A"),
    ("#\\x", "#\\x"),
    ('"a\\x41;b\\n\\t\\u00e9"', '"aA;b\\n\\té"'),
    ('"a\\\n   b"', '"a   b"'),
    ("getty@tty2", "getty@tty2"),
    (";; comment\n x", "x"),
]  # fmt: skip

ERRORS = [
    ("(no closing paren", "#<unknown port>:1:18: unexpected end of input while searching for: ~A"),
    ("#(1 2", "#<unknown port>:1:6: unexpected end of input while searching for: ~A"),
    (")", '#<unknown port>:1:2: unexpected ")"'),
    ("(a . b c)", "#<unknown port>:1:9: missing close paren: ~A"),
    ("(a . b", "#<unknown port>:1:7: missing close paren: ~A"),
    ("(a . )", '#<unknown port>:1:7: unexpected ")"'),
    ("[a b)", "#<unknown port>:1:6: mismatched close paren: ~A"),
    ('"abc', "#<unknown port>:1:5: unexpected end of input while reading string"),
    ('"\\q"', "#<unknown port>:1:4: invalid character in escape sequence: ~S"),
    ("#\\foo", "#<unknown port>:1:6: unknown character name ~a"),
    ("#z", "#<unknown port>:1:3: Unknown # object: ~S"),
    ("#xzz", "#<unknown port>:1:5: unknown # object: ~S"),
    ("#", "#<unknown port>:1:2: unexpected end of input after #"),
    ("'", "#<unknown port>:1:2: unexpected end of input while reading quoted expression"),
    ("#| #|# |# 5", "#<unknown port>:1:12: unterminated `#| ... |#' comment"),
    ("#:12 ", "#<unknown port>:1:5: keyword prefix #: not followed by a symbol: ~a"),
    ("#:", "#<unknown port>:1:3: unexpected end of input while reading keyword"),
    ("#|abc", "#<unknown port>:1:6: unterminated `#| ... |#' comment"),
    ("#;", "#<unknown port>:1:3: unexpected end of input while reading #; comment"),
    ("#{a b", "#<unknown port>:1:6: end of input while reading symbol"),
    ("\n  (a\n   (b", "#<unknown port>:3:6: unexpected end of input while searching for: ~A"),
]


@pytest.mark.parametrize(("text", "written"), READ)
def test_reads_as_guile(text: str, written: str) -> None:
    assert write(read_one(text)) == written


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_read_errors_have_guiles_messages(text: str, message: str) -> None:
    with pytest.raises(SchemeError) as caught:
        read_one(text)
    assert caught.value.key == "read-error"
    assert caught.value.arguments[1] == message
    assert caught.value.location is not None


def test_read_eval_is_refused() -> None:
    with pytest.raises(SchemeError, match="read expansion"):
        read_one("#.(+ 1 2)")


def test_end_of_input_is_eof() -> None:
    assert read_one("  ; nothing\n #| here |# ") is EOF


def test_every_pair_has_its_place() -> None:
    reader = Reader("\n(a (b c)\n  'd)", "f.scm")
    datum = reader.read()
    place = reader.source.location

    def at(pair: Pair) -> str:
        return str(place(reader.marks[id(pair)]))

    assert at(datum) == "f.scm:2:1"
    assert at(datum.cdr) == "f.scm:2:4"  # where its element stands
    assert at(datum.cdr.car) == "f.scm:2:4"
    assert at(datum.cdr.car.cdr) == "f.scm:2:7"
    assert at(datum.cdr.cdr.car) == "f.scm:3:3"


def test_reading_goes_on_after_a_datum() -> None:
    reader = Reader("(a) b")
    assert write(reader.read()) == "(a)"
    assert reader.position == 3
    assert reader.read() is Symbol("b")
    assert reader.read() is EOF


def test_nesting_costs_no_stack() -> None:
    depth = 200_000
    datum = read_one("(" * depth + ")" * depth)
    assert write(datum).count("(") == depth
    assert len(read_all("'" * depth + "a")) == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é".encode(), "é"),
        ("é".encode("latin-1"), "é"),
        (b";; -*- coding: iso-8859-15 -*-\n\xa4", ";; -*- coding: iso-8859-15 -*-\n€"),
        (b";; -*- coding: no-such-thing -*-\n\xc3\xa9", ";; -*- coding: no-such-thing -*-\né"),
        (b"\xef\xbb\xbfx", "x"),
    ],
)
def test_files_are_decoded_by_cookie_or_guess(data: bytes, text: str) -> None:
    assert decode(data) == text


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
atoms = st.one_of(
    st.integers(), st.booleans(), st.fractions().filter(lambda f: f.denominator > 1), names,
    st.floats(allow_nan=False),
    names.map(Symbol), st.characters(exclude_categories=["Cs"]).map(Char),
    st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).map(Keyword), st.just(NIL),
)  # fmt: skip
data = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(scheme_list),
        st.lists(inner, max_size=4),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=12,
)


@given(data)
def test_what_is_written_is_read_back(datum: object) -> None:
    text = write(datum)
    assert write(read_one(text)) == text


@given(st.one_of(st.text(), st.text(alphabet="()[]\"#;|\\'`,.@ \nab1{}!:xtu<>")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_all(text)
    except SchemeError as error:
        assert error.key in ("read-error", "misc-error", "out-of-range")


@given(st.binary())
def test_any_bytes_are_text(data: bytes) -> None:
    with contextlib.suppress(SchemeError):
        read_all(decode(data))
