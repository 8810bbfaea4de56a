"""argz vectors keep every word, whatever its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hurd import argz

words = st.lists(st.binary(max_size=20).map(lambda word: word.replace(b"\0", b"")), max_size=8)


@given(words)
def test_words_come_back(vector: list[bytes]) -> None:
    assert argz.unpack_bytes(argz.pack(vector)) == vector
    assert argz.pack(argz.unpack(argz.pack(vector))) == argz.pack(vector)


def test_the_form_is_that_of_glibc() -> None:
    assert argz.pack([]) == b""
    assert argz.pack(["/hurd/hello", "--contents=x", ""]) == b"/hurd/hello\0--contents=x\0\0"


def test_a_last_word_without_nul_counts() -> None:
    assert argz.unpack(b"a\0b") == ["a", "b"]
    assert argz.unpack(b"") == []
    assert argz.unpack(b"\0") == [""]


def test_an_embedded_nul_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"embedded NUL in 'b\\x00c'"):
        argz.pack(["a", "b\0c"])


def test_a_string_is_not_a_sequence_of_words() -> None:
    with pytest.raises(TypeError, match="expected a sequence of words, got 'abc'"):
        argz.pack("abc")
