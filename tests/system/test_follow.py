"""``herd log --follow`` with a real daemon, with several, and with one that lacks the action."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pid1.events import MAX_FOLLOWERS
from pid1.sexp import Symbol
from tests.system.live import (
    LiveDaemon,
    Reply,
    command,
    eventually,
    live_daemon,
    namespace_refusal,
    properties,
    receive,
)

_CONFIGURATION = """
(register-services (list
  (service '(up above)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))
  (service '(other) #:start (const #t) #:stop (const #f))
  (service '(once) #:one-shot? #t #:start (const #t))
  (service '(failing) #:start (const #f))))
"""


class Follower:
    """A herd that follows; what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def texts(self) -> list[str]:
        """The lines without their times."""
        return [line.partition("\t")[2] for line in self.lines]

    def wait_for(self, text: str, count: int = 1) -> None:
        eventually(
            lambda: sum(text in line for line in self.lines) >= count,
            what=f"{text!r} in {self.lines}",
        )

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was written to standard error."""
        status = self.process.wait(30)
        self._reader.join(30)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()


@contextmanager
def following(herd: Path, socket: Path, *arguments: str) -> Iterator[Follower]:
    process = subprocess.Popen(
        [herd, "-s", socket, "log", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Follower(process)
    finally:
        process.kill()
        process.wait()


def test_changes_are_printed_as_they_happen(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon, following(herd, daemon.socket, "-f") as follower:
        follower.wait_for("service root is running")
        begin = time.monotonic()
        daemon.request("start", "up")
        follower.wait_for("service up is running")
        assert time.monotonic() - begin < 0.9  # not found by looking once a second
        daemon.request("start", "once")
        daemon.request("start", "failing")
        follower.wait_for("service failing failed to start")
        follower_lines = follower.texts()
        log = subprocess.run([herd, "-s", daemon.socket, "log"], capture_output=True, text=True)
        assert sorted(follower.lines) == sorted(log.stdout.splitlines())
        assert "service once is done (one-shot)" in follower_lines
        # The end is announced, so it is no error.
        daemon.exchange_quietly("stop", "root")
        assert follower.end() == (0, "")
        assert "service up is stopped" in follower.texts()
        assert "service root is being stopped" in follower.texts()


def test_one_service_and_a_number_of_earlier_changes(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        daemon.request("start", "up")
        with following(herd, daemon.socket, "-f", "above", "-n", "1") as follower:
            follower.wait_for("service up is running")
            daemon.request("start", "other")
            daemon.request("stop", "up")
            follower.wait_for("service up is stopped")
            assert follower.texts() == [
                "service up is running", "service up is being stopped", "service up is stopped",
            ]  # fmt: skip
        done = subprocess.run(
            [herd, "-s", daemon.socket, "log", "-f", "none"], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr == "herd: error: service 'none' could not be found\n"
        # Without the option, it is an action of the service, as ever.
        done = subprocess.run(
            [herd, "-s", daemon.socket, "log", "up"], capture_output=True, text=True
        )
        assert "does not have an action 'log'" in done.stderr


@pytest.mark.skipif(
    namespace_refusal() is not None, reason=f"no PID namespace: {namespace_refusal()}"
)
def test_the_end_of_a_system_is_followed(herd: Path) -> None:
    with (
        live_daemon(_CONFIGURATION, namespace=True) as daemon,
        following(herd, daemon.socket, "-f") as follower,
    ):
        daemon.request("start", "up")
        follower.wait_for("service up is running")
        daemon.exchange_quietly("power-off", "root")
        assert follower.end() == (0, "")
        assert "service up is stopped" in follower.texts()


def test_a_daemon_that_is_killed_is_an_error(herd: Path) -> None:
    with live_daemon("") as daemon, following(herd, daemon.socket, "-f") as follower:
        follower.wait_for("service root is running")
        daemon.process.kill()
        status, errors = follower.end()
        assert status == 1
        assert errors.startswith("herd: error: ")


def test_followers_go_on_after_reexecution(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon, following(herd, daemon.socket, "-f") as follower:
        follower.wait_for("service root is running")
        begin = time.monotonic()
        daemon.reexecute()
        assert time.monotonic() - begin < 4  # nobody who follows holds it up
        daemon.request("start", "up")
        follower.wait_for("service up is running")
        assert len(follower.lines) == len(set(follower.texts())), follower.lines


def _changes(reply: Reply) -> tuple[int, list[str]]:
    found = properties(reply.result[0])
    return found["serial"], [
        f"{each['service'].name} {each['status'].name}"
        for each in map(properties, found["changes"])
    ]


def test_the_action_says_what_came_after_a_number() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        begin = properties(daemon.request("events").result[0])
        assert len(begin["services"]) == 5
        serial = begin["serial"]
        started = time.monotonic()
        assert _changes(daemon.request("events", "root", serial, 0.3)) == (serial, [])
        assert 0.25 < time.monotonic() - started < 10
        daemon.request("start", "other")
        assert _changes(daemon.request("events", "root", serial, 20)) == (
            serial + 2, ["other starting", "other running"],
        )  # fmt: skip
        assert _changes(daemon.request("events", "root", serial + 1, 20))[1] == ["other running"]
        for arguments in (["x"], [1], [1, "x"], [1, 2, 3]):
            assert daemon.request("events", "root", *arguments).error is not False
        # It is an action of root only, and no listed one.
        error = daemon.request("events", "other").error
        assert error[2:] == [Symbol("action-not-found"), Symbol("events"), Symbol("other")]
        assert Symbol("events") not in daemon.status("root")["actions"]


def test_what_is_forgotten_is_counted(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        serial = properties(daemon.request("events").result[0])["serial"]
        daemon.request("eval", "root", """
            (for-each (lambda (i)
                        (start-service (lookup-service 'other))
                        (stop-service (lookup-service 'other)))
                      (iota 200))""")  # fmt: skip
        found = properties(daemon.request("events", "root", serial, 0).result[0])
        assert found["serial"] == serial + 800
        assert found["lost"] + len(found["changes"]) == 800
        assert found["lost"] > 0


def test_too_many_followers_do_not_keep_others_out() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        serial = properties(daemon.request("events").result[0])["serial"]
        clients = [daemon.connect() for _ in range(MAX_FOLLOWERS + 1)]
        try:
            for client in clients:
                client.sendall(command("events", "root", serial, 30))
                # One after the other: the first is to be the oldest.
                daemon.status("up")
            # The oldest has been answered, with nothing; the others wait for a change.
            assert _changes(Reply(receive(clients[0]))) == (serial, [])
            daemon.request("start", "other")
            for client in clients[1:]:
                assert _changes(Reply(receive(client)))[1][0] == "other starting"
        finally:
            for client in clients:
                client.close()


def test_followers_give_way_when_descriptors_run_out() -> None:
    hook = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))"
    with live_daemon(_CONFIGURATION, hook=hook) as daemon:
        serial = properties(daemon.request("events").result[0])["serial"]
        clients = []
        try:
            for _ in range(40):
                client = daemon.connect()
                clients.append(client)
                client.sendall(command("events", "root", serial, 30))
            assert daemon.status("up")["status"] is Symbol("stopped")
        finally:
            for client in clients:
                client.close()


class OldDaemon:
    """A daemon without the action: a relay in front of a real one that says there is none."""

    def __init__(self, daemon: LiveDaemon, directory: Path) -> None:
        import socket

        self._daemon = daemon
        self.socket = directory / "old"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        missing = (
            b"(reply (version 0) (result #f) (error (error (version 0) action-not-found events "
            b"root)) (messages ()))"
        )
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client:
                    request = client.recv(65536)
                    old = b"(action events)" in request
                    client.sendall(missing if old else self._daemon.exchange(request))


def test_a_daemon_without_the_action_is_asked_again_and_again(herd: Path, tmp_path: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        old = OldDaemon(daemon, daemon.directory)
        with following(herd, old.socket, "-f") as follower:
            follower.wait_for("service root is running")
            for _ in range(2):
                daemon.request("start", "up")
                daemon.request("stop", "up")
            follower.wait_for("service up is stopped", 2)
            daemon.request("start", "failing")
            follower.wait_for("service failing failed to start")
            expected = ["being started", "running", "being stopped", "stopped"] * 2
            seen = [text for text in follower.texts() if text.startswith("service up ")]
            assert seen == [f"service up is {text}" for text in expected]


def test_json_is_one_line_for_each_change(herd: Path) -> None:
    arguments: Sequence[str] = ("-f", "--json", "-n0", "up")
    with (
        live_daemon(_CONFIGURATION) as daemon,
        following(herd, daemon.socket, *arguments) as follower,
    ):
        # Nothing is printed at first; wait until it listens.
        eventually(lambda: daemon.request("start", "up") and daemon.request("stop", "up") and (
            follower.lines
        ))  # fmt: skip
        change = json.loads(follower.lines[0])
        assert change["version"] == 1
        assert change["service"] == "up"
        assert time.time() - 60 < change["time"] <= time.time()
