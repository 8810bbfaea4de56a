"""What cannot be had now is refused in words, and had later: sockets, homes, names, the end."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from pid1.sexp import Keyword, Symbol
from tests.system.live import LiveDaemon, eventually, live_daemon, namespace_refusal

_CONFIGURATION = """
(use-modules (shepherd service transient) (shepherd service timer))
(register-services (list
  (service '(echo)
    #:start (make-inetd-constructor '("cat")
      (list (endpoint (make-socket-address AF_UNIX "@DIR@/echo"))))
    #:stop (make-inetd-destructor))
  (service '(where) #:one-shot? #t
    #:start (make-forkexec-constructor '("sh" "-c" "pwd >@DIR@/where; sleep 1000")))
  (service '(transient-1) #:start (const #t) #:stop (const #f))
  (service '(by-name) #:start (const 'up) #:stop (make-kill-destructor))
  (timer-service) (transient-service)))
(start-in-the-background '(transient timer))
"""


def test_connections_that_no_descriptor_is_left_for_are_served_later() -> None:
    with live_daemon(_CONFIGURATION) as daemon, socket.socket(socket.AF_UNIX) as client:
        assert daemon.request("start", "echo").result
        before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        descriptors = {int(entry.name) for entry in Path(f"/proc/{daemon.pid}/fd").iterdir()}
        free = min(set(range(len(descriptors) + 1)) - descriptors)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (free, before[1]))
        client.settimeout(10)
        client.connect(str(daemon.directory / "echo"))
        client.sendall(b"hello")
        daemon.wait_log("Cannot accept connections on")
        assert "Too many open files" in daemon.log()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        assert client.recv(100) == b"hello"
        assert daemon.alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_services_of_a_user_without_a_home_run_in_the_root_directory() -> None:
    with live_daemon(_CONFIGURATION, user=64321, environment={"HOME": "/nonexistent"}) as daemon:
        daemon.request("start", "where")
        where = daemon.directory / "where"
        eventually(lambda: where.exists() and where.read_text() == "/\n")


def _refusal(daemon: LiveDaemon, *words: object) -> str:
    reply = daemon.request(*words)  # type: ignore[arg-type]
    assert reply.error is not False, reply
    return str(reply.error)


def test_wrong_requests_are_refused_in_words() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        daemon.wait_status("timer", "running")
        assert "lacks a command to run" in _refusal(daemon, "spawn", "transient")
        spec = ["at", "23:59"]
        assert "lacks a command to run" in _refusal(daemon, "schedule", "timer", *spec)
        # A name that somebody has is not given again.
        assert daemon.request("spawn", "transient", "sleep", "1000").result == [
            Symbol("transient-2")
        ]
        assert daemon.request("start", "by-name").result
        assert "make-kill-destructor" in _refusal(daemon, "stop", "by-name")
        assert daemon.alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_scheduled_program_of_a_user_runs_in_the_home_directory() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        daemon.wait_status("timer", "running")
        file = daemon.directory / "out"
        scheduled = daemon.request(
            "schedule", "timer", "at", "23:59", "sh", "-c", "pwd; echo $HOME",
            Keyword("user"), "daemon", Keyword("log-file"), str(file),
            Keyword("name"), Symbol("once"),
        )  # fmt: skip
        assert scheduled.error is False
        assert daemon.request("trigger", "once").error is False
        eventually(lambda: file.exists() and file.read_text().count("\n") == 2)
        assert [line[20:] for line in file.read_text().splitlines()] == ["/usr/sbin"] * 2


@pytest.mark.skipif(namespace_refusal() is not None, reason="no PID namespace here")
def test_pid_1_does_not_go_into_the_background() -> None:
    with live_daemon("", namespace=True) as daemon:
        reply = daemon.request("daemonize")
        assert "Running as PID 1, so not daemonizing." in reply.messages
        assert daemon.alive()
