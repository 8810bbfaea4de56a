"""The configuration was edited, or something was under way, before the daemon was re-executed."""

from __future__ import annotations

import os
import signal
import socket
import sys

import pytest

from tests.system.live import (
    children,
    command,
    eventually,
    live_daemon,
    process_state,
)
from tests.system.reexecution import SHORT_PATIENCE

_REPORTER = """
import os, socket, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    sock.connect(os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
    sock.send(b"READY=1")
time.sleep(1000)
"""

_BEFORE = f"""
(define (sleeper name . keys)
  (apply service (list name)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor) keys))
(register-services (list
  (sleeper 'kept)
  (sleeper 'removed)
  (service '(coded) #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (lambda (pid) (stop-nothing)))
  (service '(fixed) #:start (const 'up) #:stop (const #f))
  (service '(reporting)
    #:start (make-forkexec-constructor '("{sys.executable}" "-I" "-S" "@DIR@/reporter")
                                       #:notify 'sd)
    #:stop (make-kill-destructor))
  (service '(listening)
    #:start (make-inetd-constructor '("cat")
      (list (endpoint (make-socket-address AF_UNIX "@DIR@/listening"))))
    #:stop (make-inetd-destructor))))
(start-in-the-background '(kept removed coded fixed reporting listening))
"""
_AFTER = """
(register-services (list
  (service '(kept) #:documentation "Edited." #:start (make-forkexec-constructor '("sleep" "2000"))
    #:stop (make-kill-destructor))
  (service '(listening) #:start (make-forkexec-constructor '("sleep" "2000"))
    #:stop (make-kill-destructor))))
"""


def test_services_that_were_edited_or_removed_go_on_and_can_be_stopped() -> None:
    with live_daemon(_BEFORE, ready=False) as daemon:
        (daemon.directory / "reporter").write_text(_REPORTER)
        daemon.wait_log("Successfully started 6 services")
        names = ("kept", "removed", "coded", "reporting")
        before = {name: daemon.main_pid(name) for name in names}
        assert all(before.values())
        (daemon.directory / "config.scm").write_text(_AFTER)
        daemon.reexecute()
        assert "Unexpected error" not in daemon.log()
        assert {name: daemon.main_pid(name) for name in names} == before
        assert "Edited." in str(daemon.request("doc", "kept"))
        for name in ("coded", "fixed"):
            lost = f"The definition of service {name} is lost; it can be stopped only."
            assert daemon.log().count(lost) == 1
        for name in names:
            assert daemon.request("stop", name).result, name
            assert process_state(before[name] or 0) is None
        assert daemon.request("stop", "fixed").result
        # What the old definition says can be started again; code cannot.
        assert daemon.request("start", "removed").result
        assert daemon.request("start", "reporting").result
        assert not daemon.request("start", "coded").result
        # Nobody listens on a socket that the program in its place knows nothing of.
        daemon.wait_log("The start procedure of service listening cannot take its value over.")
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
            client.connect(str(daemon.directory / "listening"))
        daemon.request("stop", "listening")
        assert daemon.status("listening")["status"].name == "stopped"
        assert daemon.request("start", "listening").result
        assert daemon.main_pid("listening")


_UNDER_WAY = """
(register-services (list
  (service '(odd) #:start (lambda () (make-hash-table)) #:stop (const #f))
  (service '(nothing) #:start (lambda () (if #f #f)) #:stop (const #f))
  (service '(handled) #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor)
    #:termination-handler (lambda arguments (system "echo handling") (sleep 1000)))
  (service '(stopping) #:start (const #t)
    #:stop (lambda (value)
             (system* "sh" "-c" "echo >>@DIR@/stops; [ -e @DIR@/go ] || exec sleep 1000")
             #f))))
(start-in-the-background '(odd nothing handled stopping))
"""


def test_what_is_under_way_is_begun_again_or_ended_and_told() -> None:
    with live_daemon(_UNDER_WAY, hook=SHORT_PATIENCE, ready=False) as daemon:
        daemon.wait_log("Successfully started 4 services")
        os.kill(daemon.main_pid("handled") or 0, signal.SIGKILL)
        daemon.wait_log("handling")
        stops = daemon.directory / "stops"
        with daemon.connect() as stopper, daemon.connect() as evaluator:
            stopper.sendall(command("stop", "stopping"))
            eventually(stops.exists)
            evaluator.sendall(command("eval", "root", '(system* "sleep" "1000")'))
            eventually(lambda: len(children(daemon.pid)) == 2, what="both programs run")
            (daemon.directory / "go").touch()
            daemon.reexecute()
            assert "Unexpected error" not in daemon.log()
        daemon.wait_log("The termination handler of service handled is interrupted.")
        daemon.wait_log("The running value of service odd could not be carried over.")
        daemon.wait_status("stopping", "stopped")
        assert stops.read_text() == "\n\n"
        eventually(lambda: not children(daemon.pid), what="no program is left")
        assert daemon.status("nothing")["status"].name == "running"
        for name in ("odd", "nothing"):
            assert daemon.request("stop", name).result
