"""What a service prints cannot talk to the terminal or the log of whoever looks at it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pid1.visible import one_line, visible
from tests.system.live import ROOT, LiveDaemon, live_daemon

# Sets the title, turns colours off, moves up, clears; C1's CSI; delete; turns text around.
EVIL = "\033]0;title\a\033[8m\033[1A\033[2J\x9b31m\x7f\u202egnp.exe"
SHOWN = r"\x1b]0;title\x07\x1b[8m\x1b[1A\x1b[2J\x9b31m\x7f\u202egnp.exe"

CONFIGURATION = r"""
(define evil (list->string (map integer->char '(@CODES@))))
(register-services (list
  (service '(printer)
    #:start (make-forkexec-constructor '("sh" "-c" "cat @DIR@/text; exec sleep 1000"))
    #:stop (make-kill-destructor)
    #:actions (actions (tell "Tell." (lambda (value) (display evil) (newline) evil))
                       (fail "Fail." (lambda (value) (error evil)))))
  (service (list (string->symbol evil)) #:documentation evil #:start (const #t))))
(start-service (lookup-service (string->symbol evil)))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    codes = " ".join(str(ord(char)) for char in EVIL)
    with live_daemon(CONFIGURATION.replace("@CODES@", codes)) as running:
        (running.directory / "text").write_text(f"{EVIL}\n2001-01-01 00:00:00 Forged.\r1999 x\n")
        running.request("start", "printer")
        running.wait_log("1999 x")
        yield running


def herd(daemon: LiveDaemon, words: Sequence[str], terminal: bool) -> str:
    """What a client prints, errors too, on a terminal or into a pipe."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pid1.herd import main; main()"
    ours, theirs = pty.openpty() if terminal else os.pipe()
    program = subprocess.Popen(
        [sys.executable, "-IS", "-c", code, "-s", daemon.socket, *words],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(theirs)
    data = b""
    try:
        while chunk := os.read(ours, 65536):
            data += chunk
    except OSError:  # how the end of a terminal looks
        pass
    os.close(ours)
    program.wait(30)
    return data.decode().replace("\r\n", "\n")


COMMANDS = [
    ["status", "printer"],
    ["status"],
    ["detailed-status"],
    ["log"],
    ["graph"],
    ["doc", EVIL],
    ["tell", "printer"],
    ["fail", "printer"],
    ["start", EVIL + "missing"],
    ["eval", "root", "evil"],
    ["--json", "status", "printer"],
    ["--json", "fail", "printer"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2])[:20])
def test_nothing_talks_to_the_terminal(daemon: LiveDaemon, words: list[str]) -> None:
    out = herd(daemon, words, terminal=True)
    assert out
    assert re.findall(r"[^\n\t\x20-\x7e●\u00a0-\u2009\u2010-\u2027\u2030-\uffff]", out) == []


def test_what_was_printed_can_still_be_told(daemon: LiveDaemon) -> None:
    assert SHOWN in herd(daemon, ["status", "printer"], terminal=True)
    # A program that reads it gets what was printed.
    assert EVIL in herd(daemon, ["status", "printer"], terminal=False)


def test_a_line_cannot_pass_for_one_of_the_daemon(daemon: LiveDaemon) -> None:
    """In the daemon's log each line of a program has its name and number."""
    lines = [line for line in daemon.log().splitlines() if "Forged" in line or "1999" in line]
    assert len(lines) == 2
    assert all(re.match(r"\d{4}-\d\d-\d\d [\d:]{8} sh\[\d+\] ", line) for line in lines)


@given(st.text())
def test_visible_text_says_the_same_and_controls_nothing(text: str) -> None:
    for made in (visible(text), one_line(text)):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made)
        assert [c for c in made if ord(c) > 0x2069] == [c for c in text if ord(c) > 0x2069]
    assert "\n" not in one_line(text)
    assert visible(text).count("\n") == text.count("\n")


def _by_the_boot(line: str) -> None:
    from boot.boot_log import print_line

    print_line(line)


def _by_the_log(line: str) -> None:
    from pid1.log import SyslogDestination

    # Nobody listens there, and this machine's kernel is spared the line.
    SyslogDestination("/nonexistent/log").append("cat[1] ", [line])


@pytest.mark.parametrize("print_line", [_by_the_boot, _by_the_log])
def test_nothing_talks_to_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, print_line: Callable[[str], None]
) -> None:
    console = tmp_path / "console"
    console.touch()
    plain = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: plain(console, *rest))
    print_line(f"Cannot remove '/tmp/{EVIL}'.")
    monkeypatch.undo()
    assert console.read_text().endswith(f" Cannot remove '/tmp/{SHOWN}'.\n")


def test_a_daemon_on_a_terminal_does_not_talk_to_it_for_its_programs() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pid1.log import StandardOutput; "
        f"StandardOutput().append('cat[1] ', [{EVIL!r}, 'next'])"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-IS", "-c", code], stdout=theirs, check=True, timeout=30)
    assert os.read(ours, 4096).decode() == f"cat[1] {SHOWN}\r\ncat[1] next\r\n"
    os.close(theirs)
    os.close(ours)
