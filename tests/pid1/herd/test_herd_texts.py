"""How ``herd`` words what replies hold: errors, times, values, ends of processes, addresses."""

from __future__ import annotations

import signal
import socket

import pytest

from pid1.herd.errors import error_details, exception_text, format_text
from pid1.herd.printing import displayed, written
from pid1.herd.status import exit_text
from pid1.herd.terminal import Terminal
from pid1.herd.timers import alarms, show_alarms, show_past_runs
from pid1.herd.times import describe, duration
from pid1.herd.values import address_text, show_value
from pid1.sexp import Raw, Symbol, Vector
from pid1.sexp_reader import read


def wire(text: str) -> list[object]:
    """The items of a list as they come in a reply."""
    data: list[object] = read(text.encode())  # type: ignore[assignment]
    return data


pytestmark = pytest.mark.usefixtures("utc")


# Errors


@pytest.mark.parametrize(
    ("key", "arguments", "text"),
    [
        ("misc-error", '(#f "~A ~S ~s" ("a" "b" #\\c) #f)', 'a "b" #\\c'),
        ("misc-error", '("proc" "no values" #f #f)', "In procedure proc: no values"),
        ("misc-error", '(#f "100~~ ~a~%and ~" (1) #f)', "100~ 1\nand ~"),
        ("misc-error", '(#f "~a ~a ~q" (1) #f)', "1 ~a ~q"),
        ("misc-error", '(#f "~x ~o ~b ~d" (255 8 5 10) #f)', "ff 10 101 10"),
        ("misc-error", '(#f "~x" ("text") #f)', "text"),
        ("misc-error", "(1)", "Throw to key `misc-error' with args `(1)'."),
        ("my-key", '(1 "x")', "Throw to key `my-key' with args `(1 \"x\")'."),
        ("keyword-argument-error", '(#f "Unrecognized keyword" () (#:x))',
         "Unrecognized keyword: #:x"),
        ("keyword-argument-error", "(1)", "Throw to key `keyword-argument-error' with args `(1)'."),
        ("syntax-error", '(let "bad let" #f (let) #f)',
         "Syntax error:\nunknown location: let: bad let in form (let)"),
        ("syntax-error", '(#f "bad" ((filename . "f.scm") (line . 3) (column . 4)) (a b) b)',
         "Syntax error:\nf.scm:4:4: bad in subform b of (a b)"),
        ("syntax-error", '(#f "bad" (5 (a . 1) ("x" . 2)) #f #f)',
         "Syntax error:\nunknown file:#f:#f: bad"),
        ("syntax-error", "(1)", "Throw to key `syntax-error' with args `(1)'."),
        ("getaddrinfo-error", f"({socket.EAI_NONAME})",
         "In procedure getaddrinfo: Name or service not known"),
        ("getaddrinfo-error", "(99999)", "Throw to key `getaddrinfo-error' with args `(99999)'."),
    ],
)  # fmt: skip
def test_an_exception_is_worded_as_guile_does(key: str, arguments: str, text: str) -> None:
    assert exception_text(Symbol(key), wire(arguments)) == text + "\n"


def test_a_template_with_too_few_values_is_left_as_it_is() -> None:
    assert format_text("~a and ~a", ["x"]) == "x and ~a"


def test_an_error_of_an_unknown_form_is_shown_whole() -> None:
    assert error_details(wire("(error (version 7) what)")) == {
        "kind": "unknown",
        "message": "something went wrong: (error (version 7) what)",
    }


# Values


@pytest.mark.parametrize(
    ("value", "quoted", "plain"),
    [
        (["a", Symbol("b"), True, False, 1.5], '("a" b #t #f 1.5)', "(a b #t #f 1.5)"),
        (Vector(["a"]), '#("a")', "#(a)"),
        ((1, (2, "x")), '(1 2 . "x")', "(1 2 . x)"),
        ([], "()", "()"),
        (Raw("#\\a"), "#\\a", "a"),
        (Raw("#\\newline"), "#\\newline", "\n"),
        (Raw("#\\bogus"), "#\\bogus", "bogus"),
        (Raw("#<what>"), "#<what>", "#<what>"),
    ],
)
def test_a_value_is_printed_as_guile_writes_and_displays_it(
    value: object, quoted: str, plain: str
) -> None:
    assert (written(value), displayed(value)) == (quoted, plain)


def test_a_number_too_long_for_decimals_is_written_with_another_radix() -> None:
    assert written(1 << 20_000) == "#x1" + "0" * 5000


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ([socket.AF_INET, 2130706433, 80], "127.0.0.1:80"),
        ([socket.AF_INET6, 1, 80, 0, 0], "[::1]:80"),
        ([socket.AF_UNIX, "/run/x"], "/run/x"),
        ([99, "what"], '#(99 "what")'),
    ],
)
def test_an_address_is_shown_in_its_usual_notation(address: list[object], text: str) -> None:
    assert address_text(Vector(address)) == text


def test_what_is_no_address_is_shown_as_it_is() -> None:
    assert address_text(["x"]) == '("x")'


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "Process exited successfully after 5 seconds.\n"),
        (3 << 8, "Process exited with code 3 after 5 seconds.\n"),
        (signal.SIGKILL, "Process terminated with signal 9 after 5 seconds.\n"),
        (0x137F, "Process stopped with signal 19 after 5 seconds.\n"),
        (0xFFFF, "\n"),
    ],
)
def test_the_end_of_a_process_is_worded(status: int, text: str) -> None:
    assert exit_text(Terminal("herd"), status, 5) == text


# Times


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (0, "0 seconds ago"), (1, "1 second ago"), (119, "119 seconds ago"),
        (120, "2 minutes ago"), (-120, "in 120 seconds"), (-121, "in 2 minutes"),
        (7199, "120 minutes ago"), (7200, "2 hours ago"), (-7201, "in 2 hours"),
        (2 * 86400 - 1, "48 hours ago"), (2 * 86400, "2 days ago"), (-2 * 86400 - 1, "in 2 days"),
    ],
)  # fmt: skip
def test_a_distance_in_time_is_given_in_the_unit_that_fits(distance: int, text: str) -> None:
    now = 1_700_000_000
    assert describe(now - distance, now).endswith(f"({text})")


def test_the_date_is_shown_unless_it_is_todays() -> None:
    noon = 1_700_049_600
    assert describe(noon - 60, noon) == "11:59:00 (60 seconds ago)"
    assert describe(noon - 86400, noon).startswith("Tue Nov 14 12:00:00 2023 ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"), (179, "179 seconds"), (180, "3 minutes"), (10799, "179 minutes"),
        (10800, "3 hours"), (3_600_000, "1000 hours"),
    ],
)  # fmt: skip
def test_a_span_of_time_is_given_in_the_unit_that_fits(seconds: int, text: str) -> None:
    assert duration(seconds) == text


# Timers


def timer(rest: str) -> object:
    event = (
        "(calendar-event (version 0) (seconds (0)) (minutes (30)) (hours (12)) "
        "(days-of-month (1 15)) (months (1)) (days-of-week (0 1 2 3 4 5 6)))"
    )
    return wire(f"(timer (version 0) (event {event}) {rest})")


def output(capsys: pytest.CaptureFixture[str], show: object) -> str:
    terminal = Terminal("herd")
    show(terminal)  # type: ignore[operator]
    terminal.flush()
    return capsys.readouterr().out


def test_the_next_alarms_follow_from_the_calendar_event() -> None:
    begin = 1_704_067_200  # 1 January 2024
    assert alarms(timer(""), begin, 2) == [begin + 45_000, begin + 14 * 86400 + 45_000]
    assert alarms(timer("(remaining-occurrences 1)"), begin, 5) == [begin + 45_000]
    assert alarms(wire("(timer (version 0) (event #f))"), begin, 5) == []


def test_a_timer_that_runs_no_more_is_said_to_stop(capfd: pytest.CaptureFixture[str]) -> None:
    text = output(capfd, lambda t: show_alarms(t, timer("(remaining-occurrences 0)"), 0))
    assert "No upcoming timer alarm: about to stop." in text
    assert output(capfd, lambda t: show_alarms(t, wire("(timer (version 0) (event 5))"), 0)) == ""
    with pytest.raises(TypeError, match="remaining-occurrences"):
        show_alarms(Terminal("herd"), timer("(remaining-occurrences x)"), 0)


def test_past_runs_are_listed_with_their_ends(capfd: pytest.CaptureFixture[str]) -> None:
    runs = '(past-runs ((0 20 10) (success 40 30) ((exception k 1 "x") 60 50) (what 80 70)))'
    text = output(capfd, lambda t: show_past_runs(t, timer(runs), 9))
    assert text.splitlines()[2:] == [
        "  1970-01-01 00:01:20 ",
        "  1970-01-01 00:01:00 Exception thrown after 10 seconds: "
        "Throw to key `k' with args `(1 \"x\")'.",
        "  1970-01-01 00:00:40 Completed in 10 seconds.",
        "  1970-01-01 00:00:20 Process exited successfully after 10 seconds.",
    ]
    with pytest.raises(TypeError, match="a run without times"):
        show_past_runs(Terminal("herd"), timer("(past-runs ((0 x y)))"), 9)


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("(timer (version 0) (action procedure))", ["  Periodically running Scheme code."]),
        ("(timer (version 0) (action what))", []),
        ('(timer (version 0) (action (command (version 0) (arguments ("a b" "c")) '
         '(user "u"))) (processes ((5 1) (6 2))))',
         ['  Periodically running as "u": "a b" c', "  Child processes: 5 6"]),
        (f'(inetd-service (version 0) (endpoints ((endpoint (version 0) (name "n") '
         f'(address #({socket.AF_UNIX} "/s"))))))',
         ["  Inetd-style service listening on 1 endpoint:", "    - /s"]),
        (f'(system-log (version 0) (endpoints ((endpoint (version 0) (name "n") '
         f'(address #({socket.AF_UNIX} "/s"))))) (kernel-log-file #f))',
         ["  System log listening on 1 endpoint:", '    - /s ("n")', "  Kernel log file: -"]),
        ('("x" 1)', ['  Running value is ("x" 1).']),
    ],
)  # fmt: skip
def test_a_running_value_is_described(
    value: str, lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    data = wire(value)
    assert output(capfd, lambda t: show_value(t, data)).splitlines() == lines
