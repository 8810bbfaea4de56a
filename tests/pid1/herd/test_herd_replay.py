"""herd against recorded replies of the GNU shepherd: the same bytes in, the same bytes out."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from herd_recordings import WIRE, Recording, ScriptedDaemon, recordings

import pid1.herd.status
import pid1.herd.summary
from pid1.herd import main
from pid1.herd.halt import halt_main, reboot_main

ROOT = Path(pid1.herd.__file__).parents[2]
RECORDINGS = {recording.name: recording for recording in recordings()}


pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture(autouse=True)
def utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pid1.herd.terminal.locale_encoding", lambda: "utf-8")


def test_recordings_are_here() -> None:
    assert len(RECORDINGS) > 250


@pytest.mark.parametrize("name", RECORDINGS)
def test_prints_what_the_gnu_herd_printed(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    recording = RECORDINGS[name]
    monkeypatch.chdir("/tmp")
    for module in (pid1.herd.status, pid1.herd.summary):
        monkeypatch.setattr(module, "time", lambda: recording.now)
    replies, requests = ([recording.reply], [recording.request]) if recording.request else ([], [])
    with ScriptedDaemon(tmp_path / "socket", *replies) as daemon:
        status = main(["-s", daemon.file, *recording.arguments])
    out, err = capfd.readouterr()
    assert daemon.requests == requests
    assert out == recording.stdout
    assert err == recording.stderr
    assert status == recording.status


def request_cases() -> list[tuple[str, str, str, int]]:
    text = (WIRE / "requests.txt").read_text()
    cases = re.findall(
        r"^## ((?:herd|halt|reboot|shutdown) .*)\n(\(.*\n)?((?:.*\n)*?)## exit status (\d+)",
        text,
        re.M,
    )
    # Of one command, a typing error in its script, only a part reached herd.
    return [
        (command, request.strip(), err, int(status))
        for command, request, err, status in cases
        if request
    ]


@pytest.mark.parametrize("case", request_cases(), ids=lambda case: case[0])
def test_sends_what_the_gnu_programs_sent(
    case: tuple[str, str, str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command, request, err, status = case
    words = shlex.split(re.sub(r" \(PATH=.*\)$", "", command).replace('"$PWD"', "/usr"))
    monkeypatch.chdir("/tmp" if '"/tmp"' in request else "/usr")
    program = {"herd": main, "reboot": reboot_main}.get(words[0], halt_main)
    with ScriptedDaemon(tmp_path / "socket", b"") as daemon:
        words[words.index("SOCK")] = daemon.file
        assert program(words[1:]) == status
    assert [sent.decode() for sent in daemon.requests] == [request]
    assert capfd.readouterr() == ("", err)


# Runs herd as a program of its own whose clock stands still.
_FROZEN = """
import sys, time
sys.path.insert(0, sys.argv[1])
now = int(sys.argv[2])
time.time = lambda: now
from pid1.herd import main
sys.exit(main(sys.argv[3:]))
"""


def on_terminal(recording: Recording, now: int, socket: Path, **environment: str) -> str:
    """What herd prints on a terminal, given the reply of ``recording``."""
    ours, theirs = pty.openpty()
    with ScriptedDaemon(socket, recording.reply) as daemon:
        arguments = ["-s", daemon.file, *recording.arguments]
        herd = subprocess.Popen(
            [sys.executable, "-IS", "-c", _FROZEN, str(ROOT), str(now), *arguments],
            stdout=theirs,
            cwd="/tmp",
            env={"TZ": "UTC", "LC_ALL": "C.UTF-8", **environment},
        )
        os.close(theirs)
        out = b""
        try:
            while chunk := os.read(ours, 65536):
                out += chunk
        except OSError:  # the terminal's other end is closed
            pass
        os.close(ours)
        assert herd.wait(10) == 0
    return out.decode().replace("\r\n", "\n")


# Each is on a terminal what a recording, made some seconds before, is elsewhere.
ON_TERMINAL = {
    "dies": ("kinds-40-status-dies", 0),
    "flappy": ("kinds-39-status-flappy", 0),
    "inet": ("kinds-37-status-inet", 0),
    "log": ("kinds-51-log", 0),
    "logged": ("kinds-41-status-logged", 0),
    "status": ("kinds-11-status", 0),
    "status2": ("kinds-48-status", 0),
    "sysd": ("kinds-38-status-sysd", 0),
    "system-log": ("kinds-24-status-syslog", 5),
    "tmr": ("kinds-33-status-tmr", 1),
    "tmr-err": ("kinds-35-status-tmr-err", 1),
    "trans1": ("kinds-21-status-trans1", 6),
}


@pytest.mark.parametrize("name", ON_TERMINAL)
def test_colours_are_those_of_the_gnu_herd(name: str, tmp_path: Path) -> None:
    source, seconds = ON_TERMINAL[name]
    recording = RECORDINGS[source]
    expected = (WIRE / f"kinds-tty-{name}.txt").read_bytes().decode().replace("\r\n", "\n")
    out = on_terminal(recording, recording.now + seconds, tmp_path / "socket")
    if name == "log":  # its recording was cut to a certain length
        assert out.startswith(expected.rstrip("\n"))
        assert len(expected) > 3000
    else:
        assert out == expected


def test_no_color_turns_colours_off(tmp_path: Path) -> None:
    recording = RECORDINGS["kinds-40-status-dies"]
    out = on_terminal(recording, recording.now, tmp_path / "socket", NO_COLOR="")
    assert out == recording.stdout


def test_log_files_are_links_if_wanted(tmp_path: Path) -> None:
    recording = RECORDINGS["kinds-41-status-logged"]
    plain = on_terminal(recording, recording.now, tmp_path / "plain")
    linked = on_terminal(recording, recording.now, tmp_path / "linked", HERD_HYPERLINKS="1")
    name = "/tmp/logged/dir/l.log"
    link = f"\033]8;;file://{os.uname().nodename}{name}\033\\{name}\033]8;;\033\\"
    assert linked == plain.replace(name, link)
    assert linked != plain
