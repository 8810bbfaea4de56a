"""Reading commands and writing replies: the recorded protocol, and what is not one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pid1.sexp import Keyword, Raw, Symbol, Vector, write
from pid1.wire import (
    MAX_REQUEST,
    DatumScanner,
    WireError,
    read_command,
    read_datum,
    write_reply,
)

WIRE = Path(__file__).parents[1] / "data" / "wire"
STATUS = (
    b"(shepherd-command (version 0) (action status) (service root) (arguments ())"
    b' (directory "/tmp"))'
)


def recorded_commands() -> list[bytes]:
    lines = []
    for file in sorted(WIRE.glob("*.txt")):
        lines += [
            line
            for line in file.read_bytes().split(b"\n")
            if line.startswith(b"(shepherd-command ") and line.endswith(b")")
        ]
    return lines


def test_every_recorded_command_is_read() -> None:
    commands = recorded_commands()
    assert len(commands) > 100
    for line in commands:
        datum = DatumScanner().feed(line + b"\n")
        assert datum == line
        command = read_command(datum)
        assert isinstance(command.action, Symbol)
        assert isinstance(command.arguments, list)


def test_a_command_may_arrive_in_single_bytes() -> None:
    for line in recorded_commands():
        scanner = DatumScanner()
        pieces = [scanner.feed(line[i : i + 1]) for i in range(len(line))]
        assert pieces[-1] == line
        assert not any(pieces[:-1])


def test_keywords_symbols_and_lists_in_arguments() -> None:
    command = read_command(
        b"(shepherd-command (version 0) (action start) (service #{12 3}#) (arguments"
        b' ("a\\nb\\x41;\\x1bc" #:name nm ("B=2" "A=1") 1 2.5 #t #f)) (directory "/"))'
    )
    assert command.service is Symbol("12 3")
    assert command.arguments == [
        "a\nbA;\x1bc", Keyword("name"), Symbol("nm"), ["B=2", "A=1"], 1, 2.5, True, False,
    ]  # fmt: skip


def test_what_follows_the_command_is_ignored() -> None:
    scanner = DatumScanner()
    assert scanner.feed(b"\n ; comment\n#| block\n |# " + STATUS + b"(second)") == STATUS


@pytest.mark.parametrize(
    "data",
    [
        b"(hi there)",
        STATUS.replace(b"version 0", b"version 1"),
        STATUS.replace(b"version 0", b'version "0"'),
        STATUS.replace(b' (directory "/tmp")', b""),
        STATUS.replace(b"))", b") (extra 1))"),
        STATUS.replace(b"()", b'"1"'),
        STATUS.replace(b"(action status) (service root)", b"(service root) (action status)"),
        STATUS.replace(b"/tmp", b"\xff\xfe"),
    ],
)
def test_anything_but_a_command_is_refused(data: bytes) -> None:
    datum = DatumScanner().feed(data)
    assert datum is not None
    with pytest.raises(WireError):
        read_command(datum)


@pytest.mark.parametrize("data", [b"#:kw ", b"#<foo>", b"#!eof ", b"#.(exit)", b")(", b"word "])
def test_a_datum_that_is_no_list_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(WireError):
        DatumScanner().feed(data)


def test_more_elements_after_the_version_are_allowed() -> None:
    read_command(STATUS.replace(b"version 0", b'version 0 5 "x"'))


def test_nesting_and_length_are_bounded() -> None:
    with pytest.raises(WireError):
        DatumScanner().feed(b"(" * 1000)
    scanner = DatumScanner()
    with pytest.raises(WireError):
        for _ in range(MAX_REQUEST // 1000 + 1):
            scanner.feed(b'("' + b"x" * 1000)


@pytest.mark.parametrize("piece", [b"a ", b"()", b'""', b"#||#", b";\n"])
def test_a_request_of_many_words_is_refused_before_it_takes_long(piece: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(WireError, match="too many words"):
        DatumScanner().feed(b"(" + piece * (MAX_REQUEST // len(piece) - 10))
    assert time.process_time() - begin < 5  # it was minutes


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_wire_errors(data: bytes) -> None:
    try:
        datum = DatumScanner().feed(data)
        if datum is not None:
            read_command(datum)
    except WireError:
        pass


@given(st.text(alphabet="()[]\"\\;#|{}' \n:.@,`ab01+-", max_size=60))
def test_no_text_made_of_delimiters_raises_anything_but_wire_errors(text: str) -> None:
    try:
        datum = DatumScanner().feed(f"({text})".encode())
        if datum is not None:
            read_datum(datum)
    except WireError:
        pass


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
DATA = st.recursive(
    WORDS
    | st.integers()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(alphabet="abc-?!*0189 ()#;é", min_size=1, max_size=6).map(Symbol),
    lambda children: st.lists(children, max_size=4),
    max_leaves=12,
)


@given(st.lists(DATA, max_size=4))
def test_written_data_reads_back(value: list[object]) -> None:
    data = write(value).encode()
    assert DatumScanner().feed(data) == data
    assert read_datum(data) == value


@given(st.lists(DATA, max_size=4), st.integers(0, 400))
def test_where_the_bytes_are_cut_does_not_matter(value: list[object], cut: int) -> None:
    data = write(value).encode()
    scanner = DatumScanner()
    first = scanner.feed(data[:cut])
    assert (first or scanner.feed(data[cut:])) == data


def test_guile_notation_of_odd_values() -> None:
    assert write(Symbol("a b")) == "#{a b}#"
    assert write(Symbol("")) == "#{}#"
    assert write(Symbol("1+")) == "#{1+}#"
    assert write(Symbol(".")) == "#{.}#"
    assert write("\x1b\0\u200b\n") == '"\\x1b\\x00\\u200b\\n"'
    assert write([(Symbol("a"), 1), Vector([1, "x"]), 1e21, float("inf"), Keyword("k")]) == (
        '((a . 1) #(1 "x") 1.0e21 +inf.0 #:k)'
    )


def test_a_reply_has_its_properties_in_order() -> None:
    reply = write_reply([Raw("(service)")], False, ["", 'say "hi"'])
    assert reply == (
        b'(reply (version 0) (result ((service))) (error #f) (messages ("" "say \\"hi\\"")))'
    )
