"""The recordings `semantics-s01` to `s84`, made with the GNU Shepherd, against drover.

The commands are given in the recorded order to one daemon with the configuration that the
recordings show (`tests/data/sessions/semantics.scm`), through drover's `herd`; what crosses the
socket and what `herd` prints must be as recorded.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from relay import Relay
from sessions.accepted import Difference
from sessions.capture import Capture, parse
from sessions.normalise import Rule, normalise

from tests.system.live import ROOT, LiveDaemon, eventually, live_daemon

RECORDINGS = {
    path.stem.removeprefix("semantics-"): parse(path.read_bytes())
    for path in sorted((ROOT / "tests/data/wire").glob("semantics-s*.txt"))
}
CONFIGURATION = (ROOT / "tests/data/sessions/semantics.scm").read_text()
# How the GNU Shepherd treats programs that cannot be run, which the recordings show.
AS_GNU = "(default-exec-failure-is-exit? #t)\n"

# What a daemon of another language shows otherwise, or another host.
RULES = [
    Rule("PROCEDURE", r"#<procedure ADDRESS at [^>]*>"),
    Rule("PROCEDURE", r"#<procedure eval \(running\)>"),
    Rule("PORT", r"#<output: ?[^>]*>"),
    # The columns of `ps` have the width that the machine's numbers need.
    Rule("NUMBERS", r"(?<=\") *\d+ +\d+ +\d+ +-1\b"),
    Rule("NUMBERS", r"(?<=DATE) +\d+ +\d+ +\d+ +-1\b"),
    Rule("COLUMNS", r" +PID +PGID +SID +TPGID\b"),
    Rule("GROUP", r"(is over; sending -)\d+"),
    Rule("HOST", r'\(\(?\d+ \d+ "[^"]*" "[^"]*"\)\)?'),
]

# Replies that depend on how far a child was when they were made, or that list the daemon's log.
RACING = {"s23", "s30", "s54"}

# Where drover differs on purpose; the rows are those of docs/compatibility.md.
ACCEPTED = [
    Difference("one-shots", "semantics-s15", "reply", '("ONES" .*?) "ONES" "Service ones has been'
               r' started." "c args', r'\1 "c args'),
    Difference("one-shots", "semantics-s15", "stdout", "ONES\nService ones has been started.\n"
               r"c args", "c args"),
    Difference("default-names", "semantics-s73", "reply",
               r'unbound-variable \(#f .*? \(assert\) #f\)', "assertion-failed ((= 1 2))"),
    Difference("default-names", "semantics-s73", "stderr", "^Unbound variable: assert$",
               "Throw to key `assertion-failed' with args `((= 1 2))'."),
    Difference("last-reply", "semantics-s83", "reply", r"\A\Z",
               '(reply (version 0) (result (root)) (error #f) (messages ("Exiting shepherd..."'
               ' "stop #t ()")))'),
    Difference("last-reply", "semantics-s83", "stdout", r"\A\Z",
               "Exiting shepherd...\nstop #t ()\n"),
]  # fmt: skip

# What the daemon is given to do before the next command, as the recorded session waited.
ENDED = ("handler", "nocmd", "baduser", "baddir", "envdef")


@pytest.fixture(scope="module")
def session(herd: Path) -> Iterator[dict[str, Capture]]:
    """What each command of the session gave."""
    found: dict[str, Capture] = {}
    rest = list(RECORDINGS)
    while rest:
        # The daemon that was told to stop is followed by another.
        with live_daemon(AS_GNU + CONFIGURATION) as daemon:
            while rest and daemon.process.poll() is None:
                name = rest.pop(0)
                found[name] = _run(herd, daemon, RECORDINGS[name].command)
                _settle(daemon, name)
    yield found


def _run(herd: Path, daemon: LiveDaemon, command: str) -> Capture:
    words = shlex.split(command)
    relay_file = daemon.directory / "relay"
    relay_file.unlink(missing_ok=True)
    with Relay(relay_file, daemon.socket) as relay:
        done = subprocess.run(
            [str(herd), "-s", str(relay_file), *words[1:]],
            capture_output=True,
            text=True,
            cwd="/tmp",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
            timeout=30,
            check=False,
        )
    return Capture(
        command,
        str(done.returncode),
        relay.request.decode(),
        relay.reply.decode(),
        done.stdout,
        done.stderr,
    )


def _settle(daemon: LiveDaemon, name: str) -> None:
    """Wait for what the recorded session waited for after this command."""
    words = RECORDINGS[name].command.split()
    if (words[1] == "stop" and words[2] == "root") or "exit" in words[-2:][0]:
        daemon.wait_end()
    elif words[1] == "start" and words[2] in ENDED:
        daemon.wait_status(words[2], "stopped")
        if words[2] != "handler":
            eventually(lambda: daemon.status(words[2])["enabled?"] is False, what="it is disabled")
    elif words[1:3] == ["start", "term"]:
        # Until its trap is set it can be terminated; its sleep is the next thing it does.
        pid = daemon.main_pid("term")
        eventually(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text(), what="the sleep")
    elif words[1:3] == ["start", "env"]:
        eventually(lambda: len(daemon.status("env")["recent-messages"]) == 9, what="its output")


def _even(text: str) -> str:
    text = normalise(text)
    for rule in RULES:
        keep = r"\1" if re.compile(rule.pattern).groups else ""
        text = re.sub(rule.pattern, keep + rule.name, text)
    return text


def _expected(text: str, name: str, field: str) -> str:
    """The recorded text as it should be here."""
    text = _even(text)
    for entry in ACCEPTED:
        if (entry.capture, entry.field) == (f"semantics-{name}", field):
            text, count = re.subn(entry.pattern, entry.drover, text, flags=re.M)
            assert count, f"{entry.row}: {entry.pattern!r} is not in {field} of {name}"
    return text


@pytest.mark.parametrize("name", RECORDINGS)
def test_command_gives_what_was_recorded(name: str, session: dict[str, Capture]) -> None:
    recorded, actual = RECORDINGS[name].fields(), session[name].fields()
    if name in RACING:
        del recorded["reply"]
    for field, text in recorded.items():
        wanted, got = _expected(text, name, field), _even(actual[field])
        if wanted != got:
            before, after = (re.sub(r" (?=\()", "\n", t).splitlines() for t in (wanted, got))
            lines = difflib.unified_diff(before, after, "recorded", "here", lineterm="", n=1)
            found = "\n".join(list(lines)[2:])
            pytest.fail(f"{field} of {name}:\n{found}", pytrace=False)


def test_accepted_differences_are_explained() -> None:
    rows = re.findall(r"^\| ([\w-]+) \|", (ROOT / "docs/compatibility.md").read_text(), re.M)
    assert {entry.row for entry in ACCEPTED} <= set(rows)


def test_recordings_are_all_there() -> None:
    assert len(RECORDINGS) == 85
