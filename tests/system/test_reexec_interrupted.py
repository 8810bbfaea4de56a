"""What a re-execution interrupts, and what keeps one from being carried out."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from tests.system.live import (
    Reply,
    children,
    command,
    eventually,
    live_daemon,
    process_state,
    receive,
)
from tests.system.reexecution import KINDS, SHORT_PATIENCE, comparable, set_up


def test_clients_that_wait_or_have_sent_a_part_are_served_by_the_new_image() -> None:
    configuration = """
(define (wait-for-go)
  (unless (file-exists? "@DIR@/go")
    (sleep 0.05)
    (wait-for-go)))
(register-services (list
  (service '(slow) #:start (lambda () (wait-for-go) 'up) #:stop (const #f))
  (service '(leaving) #:start (const 'up) #:stop (lambda (value) (wait-for-go) #f))))
(start-service (lookup-service 'leaving))
"""
    with live_daemon(configuration, hook=SHORT_PATIENCE) as daemon:
        half = daemon.connect()
        half.sendall(command("status", "root")[:40])
        waiting = daemon.connect()
        waiting.sendall(command("start", "slow"))
        daemon.wait_status("slow", "starting")
        stopping = daemon.connect()
        stopping.sendall(command("stop", "leaving"))
        daemon.wait_status("leaving", "stopping")
        evaluating = daemon.connect()
        evaluating.sendall(command("eval", "root", "(begin (sleep 1000) 1)"))
        daemon.wait_log("Evaluating user expression (begin (sleep 1000)")
        daemon.reexecute()
        half.sendall(command("status", "root")[40:])
        assert Reply(receive(half)).result
        interrupted = Reply(receive(evaluating))
        assert "interrupted by the re-execution" in str(interrupted.error)
        assert daemon.status("slow")["status"].name == "starting"
        (daemon.directory / "go").touch()
        assert Reply(receive(waiting)).result
        assert Reply(receive(stopping)).error is False
        assert daemon.status("leaving")["status"].name == "stopped"
        assert daemon.status("slow")["status"].name == "running"


def test_interrupted_start_does_not_leave_its_process_behind() -> None:
    configuration = """
(register-services (list (service '(slow)
  #:start (lambda () (zero? (system* "sh" "-c" "echo >>@DIR@/begun; exec sleep 1000")))
  #:stop (const #f))))
"""
    with live_daemon(configuration, hook=SHORT_PATIENCE) as daemon:
        with daemon.connect() as client:
            client.sendall(command("start", "slow"))
            begun = daemon.directory / "begun"
            eventually(lambda: begun.exists() and children(daemon.pid))
            daemon.reexecute()
            eventually(lambda: begun.read_text() == "\n\n", what="the start begins again")
            eventually(lambda: len(children(daemon.pid)) == 1, what="one process is left")
        daemon.request("stop", "slow")
        eventually(lambda: not children(daemon.pid))


def test_image_that_does_not_start_is_refused() -> None:
    with live_daemon(KINDS) as daemon:
        set_up(daemon)
        before = comparable(daemon.all_services())
        program = daemon.directory / "shepherd"
        text = program.read_text()
        for broken in ("raise SystemExit(3)\n", "this is not Python\n", None):
            if broken is None:
                program.unlink()
            else:
                program.write_text(broken + text)
            reply = daemon.request("reexec")
            assert "the new image does not start" in str(reply.error)
        assert "Re-executing" not in daemon.log()
        assert comparable(daemon.all_services()) == before
        program.write_text(text)
        daemon.reexecute()
        assert comparable(daemon.all_services()) == before


def test_failing_execve_leaves_everything_working() -> None:
    hook = """
import os
def refuse(*arguments):
    raise OSError(7, "Argument list too long")
os.execve = refuse
"""
    with live_daemon(KINDS, hook=hook) as daemon:
        set_up(daemon)
        before = comparable(daemon.all_services())
        assert daemon.request("reexec").result
        daemon.wait_log("Cannot re-execute: Argument list too long.")
        assert comparable(daemon.all_services()) == before
        old = daemon.main_pid("respawned")
        os.kill(old or 0, 9)
        eventually(lambda: daemon.main_pid("respawned") not in (None, old), what="respawn")
        size = (daemon.directory / "talker.log").stat().st_size
        eventually(lambda: (daemon.directory / "talker.log").stat().st_size > size)
        # Nothing stays inheritable.
        for entry in Path(f"/proc/{daemon.pid}/fdinfo").iterdir():
            flags = int(entry.read_text().split("flags:")[1].split()[0], 8)
            assert int(entry.name) <= 2 or flags & os.O_CLOEXEC


def test_request_to_stop_during_reexecution_is_not_lost() -> None:
    for delay in (0.0, 0.02, 0.05, 0.1, 0.15):
        with live_daemon(KINDS) as daemon:
            set_up(daemon)
            started = children(daemon.pid)
            assert len(started) >= 8
            assert daemon.request("reexec").result
            time.sleep(delay)  # to meet every stage of the change
            with suppress(ProcessLookupError):
                os.kill(daemon.pid, 15)
            assert daemon.wait_end() == 0
            assert "Exiting." in daemon.log()
            assert not daemon.socket.exists()
            # The services were stopped, too: not by an image that did not know them yet.
            assert [pid for pid in started if process_state(pid) is not None] == []
