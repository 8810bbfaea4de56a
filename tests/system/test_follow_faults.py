"""``herd log --follow`` when its daemon goes, is another one, answers nonsense, or is too fast."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.pid1.herd.herd_recordings import ScriptedDaemon
from tests.system.live import LiveDaemon, command, eventually, live_daemon
from tests.system.test_follow import following

_CONFIGURATION = """
(register-services (list
  (service '(up) #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))
  (service '(other) #:start (const #t) #:stop (const #f))))
"""
_MANY = """
(for-each (lambda (i)
            (start-service (lookup-service 'other))
            (stop-service (lookup-service 'other)))
          (iota 300))
"""


def _run(herd: Path, socket: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [herd, "-s", socket, "log", *words], capture_output=True, text=True, timeout=30
    )


def test_errors_are_told_in_json_to_those_who_want_it(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        done = _run(herd, daemon.socket, "-f", "--json", "none")
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["kind"] == "service-not-found"
        with following(herd, daemon.socket, "-f", "--json") as follower:
            follower.wait_for('"root"', 2)
            daemon.process.kill()
            status, errors = follower.end()
        assert (status, errors) == (1, "")
        assert json.loads(follower.lines[-1])["error"]["kind"] == "connection"


@pytest.mark.parametrize(
    "result",
    [
        "5",
        "(5)",
        "((events (version 0)))",
        "((events (version 0) (services 5) (log 1) (serial 1)))",
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(herd: Path, tmp_path: Path, result: str) -> None:
    reply = f"(reply (version 0) (result {result}) (error #f) (messages ()))".encode()
    file = tmp_path / "socket"
    with ScriptedDaemon(file, reply, reply):
        done = _run(herd, file, "-f")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("herd: error: ")
        assert "Traceback" not in done.stderr
        done = _run(herd, file, "-f", "--json")
        assert (done.returncode, done.stderr) == (1, "")
        assert json.loads(done.stdout)["error"]["kind"] == "reply"


def _answers(daemon: LiveDaemon) -> tuple[bytes, bytes]:
    """The first answer to one who follows, and a later one."""
    first = daemon.exchange(command("events"))
    [serial] = re.findall(rb"\(serial (\d+)\)", first)
    return first, daemon.exchange(command("events", "root", int(serial), 0))


@pytest.mark.parametrize("json_words", [[], ["--json"]])
def test_a_daemon_that_was_started_anew_is_noticed(
    herd: Path, tmp_path: Path, json_words: list[str]
) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        first, _ = _answers(daemon)
    with live_daemon(_CONFIGURATION) as another:
        _, later = _answers(another)
    file = tmp_path / "socket"
    with ScriptedDaemon(file, first, later):
        done = _run(herd, file, "-f", *json_words)
    assert done.returncode == 1
    assert "shepherd has been started anew" in (done.stdout if json_words else done.stderr)


@pytest.mark.parametrize("json_words", [[], ["--json"]])
def test_changes_that_come_too_fast_are_counted(herd: Path, json_words: list[str]) -> None:
    with (
        live_daemon(_CONFIGURATION) as daemon,
        following(herd, daemon.socket, "-f", *json_words) as follower,
    ):
        follower.wait_for("root", 2)
        follower.process.send_signal(signal.SIGSTOP)
        assert daemon.request("eval", "root", _MANY).error is False
        follower.process.send_signal(signal.SIGCONT)
        assert daemon.request("start", "up").result
        follower.wait_for("up", 2)
        daemon.exchange_quietly("stop", "root")
        _, errors = follower.end()
        if json_words:
            lost = [json.loads(line)["lost"] for line in follower.lines if '"lost"' in line]
            assert lost
            assert min(lost) > 0
        else:
            assert re.search(r"herd: error: \d+ changes came too fast and are lost", errors)


def test_a_service_cannot_talk_to_the_terminal_of_one_who_follows(herd: Path) -> None:
    configuration = r"""
(define evil (list->string (map integer->char '(27 91 50 74 7 155))))
(register-services (list (service (list (string->symbol evil)) #:start (const #t))))
(start-service (lookup-service (string->symbol evil)))
"""
    with live_daemon(configuration) as daemon:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [herd, "-s", daemon.socket, "log", "-f"], stdout=theirs, stderr=theirs,
            env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1"},
        )  # fmt: skip
        os.close(theirs)
        try:
            shown = b""

            def arrived() -> bool:
                nonlocal shown
                shown += os.read(ours, 65536)
                return shown.count(b" is running") == 2

            eventually(arrived, what="the service is shown")
        finally:
            process.kill()
            process.wait()
            os.close(ours)
        assert not re.search(r"[^\n\r\t\x20-\x7e]", shown.decode())
        assert b"2J" in shown
