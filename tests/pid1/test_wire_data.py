"""What goes over the wire, both ways: odd symbols, numbers, errors, and what is no wire data."""

from __future__ import annotations

import os
import signal
import socket
from fractions import Fraction
from pathlib import Path

import pytest

from pid1.addresses import UNIX, Address
from pid1.disabled import _change
from pid1.errors import ServiceError
from pid1.manpages import main as write_manual
from pid1.process import ending
from pid1.service import IllegalTransition, Service
from pid1.sexp import Keyword, Raw, Symbol, Vector, write
from pid1.sexp_reader import IncompleteError, ReadError, read
from pid1.values import (
    Presentation,
    Process,
    WireData,
    _default_encode,
    _default_text,
    encode,
    text,
)
from pid1.wire import WireError, error_to_wire, read_command
from pid1.wire_reader import parse


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("foo", "foo"), ("+", "+"), ("-", "-"), ("...", "..."), ("a.b", "a.b"), ("é", "é"),
        ("1+", "#{1+}#"), ("", "#{}#"), (".", "#{.}#"), ("a b", "#{a b}#"), ("a(b", r"#{a\x28;b}#"),
        ("+inf.0", "#{+inf.0}#"), ("-nan.0", "#{-nan.0}#"), ("+i", "#{+i}#"), ("+5i", "#{+5i}#"),
        ("-1/2", "#{-1/2}#"), ("+1e5", "#{+1e5}#"), ("+1_0", "+1_0"), ("a\nb", r"#{a\xa;b}#"),
    ],
)  # fmt: skip
def test_a_symbol_is_written_so_that_it_is_read_back(name: str, written: str) -> None:
    assert write(Symbol(name)) == written
    assert read(written.encode()) is Symbol(name)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("\a\x00\x7f\u200b\U000e0001", r'"\a\x00\x7f\u200b\U0e0001"'),
        ("\U0001f600", '"\U0001f600"'),
        (1.0, "1.0"), (float("inf"), "+inf.0"), (float("-inf"), "-inf.0"),
        (float("nan"), "+nan.0"), (1e21, "1.0e21"), (Fraction(1, 3), "1/3"),
        (Keyword("a"), "#:a"), (Vector([1, "x"]), '#(1 "x")'), ((1, 2), "(1 . 2)"),
        (Raw("#\\a"), "#\\a"),
    ],
)  # fmt: skip
def test_data_is_written_in_guiles_notation(value: object, written: str) -> None:
    assert write(value) == written


def test_what_is_no_wire_data_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="not wire data"):
        write({"a": 1})


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b")", ReadError), (b"(1", IncompleteError), (b'"\\q"', ReadError),
        (b'"\\u12"', ReadError), (b'"\\U110000"', ReadError), (b"#\\", IncompleteError),
        (b"#{a", IncompleteError), (b"#{a\\y;}#", ReadError), (b'"a', IncompleteError),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"1/2", Fraction(1, 2)), (b"1/0", Symbol("1/0")), (b"1.5e3", 1500.0), (b"-7", -7),
        (b'"a\\\n   b"', "ab"), (b'"\\x41\\u0042\\U000043"', "ABC"), (b'"\\n\\q"', "\nq"),
        (b"#{a\\x28;b}#", Symbol("a(b")), (b"'a", [Symbol("quote"), Symbol("a")]),
        (b"[a #:b]", [Symbol("a"), Keyword("b")]), (b"(#t #f +inf.0)", [True, False, float("inf")]),
    ],
)  # fmt: skip
def test_requests_are_read_as_guile_writes_them(data: bytes, value: object) -> None:
    assert parse(data) == value


@pytest.mark.parametrize("data", [b'"\\ud800"', b"#<x>", b"(", b"a b", b"\xff"])
def test_a_request_that_is_no_wire_data_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse(data)


@pytest.mark.parametrize(
    ("text_", "message"),
    [
        ("5", "not a command"),
        ("(shepherd-command (version 0) (action a) (service b) (arguments ()))", "not a command"),
        ("(shepherd-command (version 1) (action a) (service b) (arguments ()) (directory 1))",
         "unknown version"),
        ("(shepherd-command (version 0) (verb a) (service b) (arguments ()) (directory 1))",
         "property action is missing"),
        ("(shepherd-command (version 0) (action a b) (service b) (arguments ()) (directory 1))",
         "property action is malformed"),
        ("(shepherd-command (version 0) (action a) (service b) (arguments 5) (directory 1))",
         "arguments are not a list"),
    ],
)  # fmt: skip
def test_a_malformed_command_is_refused(text_: str, message: str) -> None:
    with pytest.raises(WireError, match=message):
        read_command(text_.encode())


def test_an_error_without_particulars_is_sent_as_a_service_error() -> None:
    sent = error_to_wire(ServiceError("x"), Symbol("a"), Symbol("b"))
    assert write(sent) == "(error (version 0) service-error)"


# Addresses


def test_addresses_are_equal_to_addresses_only() -> None:
    address = Address(socket.AF_INET, 2130706433, 80)
    assert address == Address.from_vector([socket.AF_INET, 2130706433, 80])
    assert address != "127.0.0.1:80"
    assert len({address, Address(socket.AF_INET, 2130706433, 80)}) == 1


def test_the_address_of_a_client_without_a_name_is_empty() -> None:
    assert Address.from_python(UNIX, b"") == Address(UNIX, "")
    assert Address.from_python(UNIX, None) == Address(UNIX, "")
    assert Address.from_python(socket.AF_INET6, ("fe80::1%lo", 5, 0, 1)).parts[1:] == (5, 0, 1)


@pytest.mark.parametrize("vector", [[], ["x"], [socket.AF_INET, -1, 5], [99, 1], [UNIX, 5]])
def test_what_is_no_address_is_refused(vector: list[object]) -> None:
    with pytest.raises(ValueError, match="not a socket address"):
        Address.from_vector(vector)


# Values, services, processes


def test_values_without_a_language_are_shown_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    # A test that ran before may have loaded the language.
    monkeypatch.setattr(Presentation, "encode", _default_encode)
    monkeypatch.setattr(Presentation, "text", _default_text)
    assert encode(None) == "#<unspecified>"
    raw = Raw("x")
    assert encode(raw) is raw
    assert encode(WireData([1])) == [1]
    assert encode(object).startswith("<class")  # type: ignore[attr-defined]
    assert (text(None), text(5), text("a")) == ("#<unspecified>", "5", '"a"')
    assert text(Process(5, ["x"])).startswith("#<<process>")


def test_a_service_cannot_change_its_status_at_will() -> None:
    with pytest.raises(IllegalTransition, match="stopped -> stopping"):
        Service(("x",)).transition("stopping")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3 << 8, "exited with 3"),
        (signal.SIGKILL, "terminated with signal 9"),
        (0x137F, "stopped with signal 19"),
    ],
)
def test_an_end_is_put_in_words(status: int, words: str) -> None:
    assert ending(status) == words


def test_a_list_of_names_that_does_not_change_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "names"
    _change(str(file), set(), {"a"})
    assert not file.exists()
    _change(str(file), {"a", "b"}, set())
    assert file.read_text() == "a\nb\n"
    before = os.stat(file).st_ino
    _change(str(file), {"a"}, {"c"})
    assert os.stat(file).st_ino == before


def test_the_manual_pages_are_written_into_a_directory(tmp_path: Path) -> None:
    write_manual([str(tmp_path / "man")])
    pages = {page.name: page.read_text() for page in (tmp_path / "man").glob("man*/*")}
    assert {"herd.1", "shepherd.8", "halt.8", "reboot.8", "shutdown.8"} <= set(pages)
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ACTIONS"):
        assert f".SH {heading}\n" in pages["herd.1"]
    assert pages["shutdown.8"] == ".so man8/halt.8\n"
