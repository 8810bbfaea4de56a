"""The built-in kinds of services go on over a re-execution: sockets, timers, logs, connections."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from pid1.sexp import Keyword, Symbol
from tests.system.live import (
    LiveDaemon,
    eventually,
    live_daemon,
    main_pid,
    process_state,
    properties,
)

CONFIGURATION = """
(use-modules (shepherd service timer) (shepherd service transient) (shepherd service system-log)
             (shepherd service monitoring) (shepherd service repl))
(register-services
 (list (service '(ticking)
         #:start (make-timer-constructor (calendar-event #:seconds (iota 60))
                                         (command '("/bin/sh" "-c" "echo tick; exit 3")))
         #:stop (make-timer-destructor))
       (service '(long)
         #:start (make-timer-constructor (calendar-event #:hours '(3) #:minutes '(0))
                                         (command '("/bin/sleep" "300"))
                                         #:occurrences 5)
         #:stop (make-timer-destructor) #:actions (list timer-trigger-action))
       (service '(echo)
         #:start (make-inetd-constructor '("/bin/cat")
                   (list (endpoint (make-socket-address AF_UNIX "@DIR@/echo")))
                   #:max-connections 2)
         #:stop (make-inetd-destructor))
       (service '(lazy)
         #:start (make-systemd-constructor '("/bin/sleep" "300")
                   (list (endpoint (make-socket-address AF_UNIX "@DIR@/lazy"))))
         #:stop (make-systemd-destructor))
       (service '(awake) #:respawn? #t
         #:start (make-systemd-constructor '("/bin/sleep" "300")
                   (list (endpoint (make-socket-address AF_UNIX "@DIR@/awake")))
                   #:lazy-start? #f)
         #:stop (make-systemd-destructor))
       (timer-service) (transient-service) (monitoring-service #:period 777)
       (repl-service "@DIR@/repl")
       (system-log-service
         (list (endpoint (make-socket-address AF_UNIX "@DIR@/dev/log") #:style SOCK_DGRAM))
         #:kernel-log-file #f #:message-destination (lambda (m) '("@DIR@/messages")))))
(for-each (lambda (name) (start-service (lookup-service name)))
          '(ticking long echo lazy awake timer monitoring repl system-log))
"""


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(path))
    return client


def running(daemon: LiveDaemon, service: str) -> Any:
    """The properties of the running value."""
    found = properties(daemon.status(service)["running"])
    return {key: found[key] for key in found}


def reexecute(daemon: LiveDaemon, times: int) -> None:
    daemon.request("reexec")
    daemon.wait_log("services from the previous image.", times)
    eventually(daemon.alive)


def test_nothing_is_lost_over_a_reexecution() -> None:
    with live_daemon(CONFIGURATION) as daemon:
        directory = daemon.directory
        daemon.request("trigger", "long")
        sleeper = eventually(lambda: running(daemon, "long")["processes"], what="a process")
        spawned = daemon.request(
            "schedule", "timer", "at", "23:59", "/bin/sh", "-c", "echo done",
            Keyword("name"), Symbol("once"), Keyword("log-file"), str(directory / "once.log"),
        )  # fmt: skip
        assert not spawned.error
        # Two connections are in use, as many as there may be.
        clients = [connect(directory / "echo") for _ in range(2)]
        for client in clients:
            client.sendall(b"before")
            assert client.recv(100) == b"before"
        talker = connect(directory / "repl")
        awake = daemon.main_pid("awake")
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.connect(str(directory / "dev" / "log"))
        log.send(b"<14>first")
        eventually(lambda: running(daemon, "ticking")["past-runs"], what="a tick")
        ticks = len(running(daemon, "ticking")["past-runs"])

        for times in (1, 2):
            reexecute(daemon, times)
            lost = [line for line in daemon.log().splitlines() if "could not be carried" in line]
            assert not lost

        services = daemon.all_services()
        assert {name for name, one in services.items() if one["status"].name == "running"} == {
            "root", "ticking", "long", "echo", "lazy", "awake", "timer",
            "monitoring", "repl", "system-log", "once", "cat-1", "cat-2",
        }  # fmt: skip

        # Timers: the history, what is running, the next tick, and what was scheduled.
        long = running(daemon, "long")
        assert long["processes"] == sleeper
        assert long["remaining-occurrences"] == 4
        eventually(
            lambda: len(running(daemon, "ticking")["past-runs"]) > ticks + 1, what="the next tick"
        )
        os.kill(sleeper[0][0], signal.SIGKILL)
        eventually(lambda: running(daemon, "long")["past-runs"], what="the end of the process")
        assert running(daemon, "long")["past-runs"][0][0] == 9
        daemon.request("trigger", "once")
        eventually(lambda: "once" not in daemon.all_services(), what="the scheduled timer is done")
        assert "done" in (directory / "once.log").read_text()

        # Connections: those in use go on and count, and a place that is free is used again.
        for client in clients:
            client.sendall(b"after")
            assert client.recv(100) == b"after"
        with connect(directory / "echo") as refused:
            assert refused.recv(100) == b""
        clients[0].close()
        eventually(lambda: "cat-1" not in daemon.all_services(), what="the connection ended")
        with connect(directory / "echo") as third:
            third.sendall(b"third")
            assert third.recv(100) == b"third"
            assert "cat-3" in daemon.all_services()

        # Activation: one still waits, the other kept its process and its socket.
        assert daemon.status("lazy")["running"][0] is Symbol("systemd-service")
        with connect(directory / "lazy"):
            eventually(lambda: main_pid(daemon.status("lazy")), what="the program is started")
        assert daemon.main_pid("awake") == awake
        assert awake is not None
        os.kill(awake, signal.SIGKILL)
        with connect(directory / "awake"):
            pass
        eventually(lambda: daemon.main_pid("awake") not in (None, awake), what="the respawn")

        # The system log goes on with its history; the monitor with its period.
        log.send(b"<14>second")
        eventually(lambda: "second" in (directory / "messages").read_text(), what="the message")
        lines = [line for _, line in daemon.status("system-log")["recent-messages"]]
        assert lines == ["localhost second", "localhost first"]
        assert daemon.status("system-log")["log-files"] == [str(directory / "messages")]

        # A conversation ends with the image that it was held with; the next can begin.
        talker.settimeout(10)
        while talker.recv(4096):
            pass
        assert not [name for name in daemon.all_services() if name.startswith("repl-client")]
        with connect(directory / "repl") as again:
            greeting = b""
            while not greeting.endswith(b"scheme@(shepherd-user)> "):
                greeting += again.recv(4096)
            assert "repl-client-2" in daemon.all_services()

        begin = time.monotonic()
        daemon.exchange_quietly("stop", "root")
        daemon.wait_end()
        assert time.monotonic() - begin < 10
        for pid in (sleeper[0][0], awake):
            assert process_state(pid) in (None, "Z")
        assert "Unexpected error" not in daemon.log()
