"""herd against recorded replies of the GNU shepherd: the same bytes in, the same bytes out."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from herd_recordings import WIRE, Recording, ScriptedDaemon, recordings

import pid1.herd.status
import pid1.herd.summary
from pid1.herd import main
from pid1.herd.halt import halt_main, reboot_main

ROOT = Path(pid1.herd.__file__).parents[2]
RECORDINGS = {recording.name: recording for recording in recordings()}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr("pid1.herd.terminal.locale_encoding", lambda: "utf-8")
    time.tzset()


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
    return [(command, request.strip(), err, int(status)) for command, request, err, status in cases]


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
    with ScriptedDaemon(tmp_path / "socket", *[b""] * bool(request)) as daemon:
        words[words.index("SOCK")] = daemon.file
        assert program(words[1:]) == status
    assert [sent.decode() for sent in daemon.requests] == [request] * bool(request)
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


