"""What messages for the system log say."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pid1.addresses import INET, UNIX, Address
from pid1.syslog import FACILITIES, Message, default_destination, parse, parse_datagram

REMOTE = Address(INET, 0x7F000001, 514)


@pytest.mark.parametrize(
    "data, facility, priority, content",
    [
        (b"<13>Jun 22 16:41:30 prog[303]: with date", 8, 5, "prog[303]: with date"),
        (b"<13>Jun  2 16:41:30 prog: one digit", 8, 5, "prog: one digit"),
        (b"<10>bare message\n", 8, 2, "bare message"),
        (b"no prio", 8, 5, "no prio"),
        (b"<86>auth", 80, 6, "auth"),
        (b"<0>emergency!", 0, 0, "emergency!"),
        (b"<14>", 8, 6, ""),
        (b"", 8, 5, ""),
        (b"<14> a space", 8, 6, "a space"),
        (b"<999>big", 992, 7, "big"),
        (b"<14>caf\xc3\xa9 utf8", 8, 6, "café utf8"),
        (b"<14>latin \xe9", 8, 6, "latin é"),
        (b"<14>with nul\n\0", 8, 6, "with nul"),
        (b"<14>multi\nline", 8, 6, "multi\nline"),
        (b"text with <3> inside", 8, 5, "text with <3> inside"),
        (b"<x>no number", 8, 5, "<x>no number"),
        (b"<14>Jun 22 no time", 8, 6, "Jun 22 no time"),
        (b"<13>1 2003-10-11T22:14:15.003Z host app - - - text", 8, 5, "app: text"),
        (b"<13>1 2003-10-11T22:14:15+02:00 host app 12 ID1 - text", 8, 5, "app[12]: text"),
        (b"<13>1 - - - - - - \xef\xbb\xbftext", 8, 5, "text"),
        (b"<13>1 - - app - - -", 8, 5, "app: "),
        (
            b'<165>1 2003-10-11T22:14:15.003Z h evnt - ID47 [x@1 a="b \\"c\\] d"][y@2] An event',
            160,
            5,
            'evnt: [x@1 a="b \\"c\\] d"][y@2] An event',
        ),
        (b"<13>1 2003-10-11T22:14:15.003Z host app - - rfc5424", 8, 5, None),
    ],
)
def test_headers_are_understood(
    data: bytes, facility: int, priority: int, content: str | None
) -> None:
    message = parse_datagram(data)
    assert (message.facility, message.priority) == (facility, priority)
    # A header cut short is text.
    assert message.content == (content if content is not None else data.decode()[4:])


def test_the_host_of_a_remote_sender_is_kept() -> None:
    data = b"<13>1 2003-10-11T22:14:15.003Z relay app 1 - - text"
    assert str(parse_datagram(data, REMOTE)) == "127.0.0.1:514 relay app[1]: text"
    assert str(parse_datagram(data)) == "localhost app[1]: text"


def test_kernel_messages_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pid1.syslog._KERNEL_PREFIX", "vmunix: ")
    assert str(parse("<6>[ 1.0] hi", kernel=True)) == "localhost vmunix: [ 1.0] hi"
    bare = parse("bare", kernel=True)
    assert (bare.facility, bare.priority) == (0, 5)
    assert str(parse("<30>a daemon through the kernel", kernel=True)) == (
        "localhost a daemon through the kernel"
    )


def test_nothing_passes_for_another_line_or_moves_the_cursor() -> None:
    assert str(parse("<14>a\nJan  1 root: b\x1b[2J\ttab")) == (
        "localhost a#012Jan  1 root: b#033[2J\ttab"
    )


def test_a_local_sender_is_localhost_whatever_its_socket() -> None:
    assert str(parse("x", Address(UNIX, ""))) == "localhost x"
    assert str(parse("x", Address(UNIX, "/tmp/s"))) == "localhost x"


@given(st.binary(max_size=300))
def test_any_datagram_is_some_message_of_one_line(data: bytes) -> None:
    assert "\n" not in str(parse_datagram(data, REMOTE))


def test_structured_data_is_read_in_linear_time() -> None:
    begin = time.process_time()
    for body in ('[a b="' * 1000, "[a][b" * 1500, '[a b="c" ' * 900, '[a "\\' * 1200):
        parse(f"<13>1 - - a - - {body}")
    assert time.process_time() - begin < 0.2


@pytest.mark.parametrize(
    "facility, priority, files",
    [
        ("user", 5, ["/v/messages", "/dev/tty12"]),
        ("mail", 6, []),
        ("authorization/private", 6, ["/v/secure"]),
        ("authorization", 6, ["/v/messages", "/dev/tty12", "/v/secure"]),
        ("daemon", 7, ["/v/messages", "/dev/tty12", "/v/debug"]),
        ("kernel", 0, ["/v/messages", "/dev/tty12", "/dev/console"]),
        ("mail", 1, ["/dev/console"]),
    ],
)
def test_messages_go_where_the_manual_says(facility: str, priority: int, files: list[str]) -> None:
    assert default_destination(Message(FACILITIES[facility], priority, "x"), "/v") == files
