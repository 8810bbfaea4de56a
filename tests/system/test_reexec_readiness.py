"""`herd reexec root` with services that say when they are ready, and are watched."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.system.live import LiveDaemon, eventually, live_daemon, process_state

_PROGRAM = """
import os, socket, time
def tell(text):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), "\\0" + address[1:] if address[0] == "@" else address)
with open("starts", "a") as file:
    print(os.getpid(), file=file)
while os.path.exists("wait"):
    time.sleep(0.05)
tell("READY=1")
while not os.path.exists("hang"):
    time.sleep(0.05)
    tell("WATCHDOG=1\\nSTATUS=alive")
time.sleep(1000)
"""
_CONFIGURATION = f"""
(register-services
 (list (service '(watched)
         #:respawn? #t
         #:start (make-forkexec-constructor
                  '("{sys.executable}" "-I" "-S" "@DIR@/program")
                  #:directory "@DIR@" #:notify 'sd #:watchdog 1)
         #:stop (make-kill-destructor))))
"""


def _starts(daemon: LiveDaemon) -> list[int]:
    file = daemon.directory / "starts"
    return list(map(int, file.read_text().split())) if file.exists() else []


def _sockets(pid: int) -> int:
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.startswith("socket:") for link in links)


def test_a_watched_program_is_watched_by_every_image() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        (daemon.directory / "program").write_text(_PROGRAM)
        assert daemon.request("start", "watched").result
        pid = daemon.main_pid("watched")
        assert pid
        sockets = _sockets(daemon.pid)
        for _ in range(2):
            daemon.reexecute()
        assert daemon.main_pid("watched") == pid
        assert daemon.status("watched")["recent-messages"][0][1] == "alive"
        assert _sockets(daemon.pid) == sockets
        (daemon.directory / "hang").touch()
        daemon.wait_log(f"Service watched (PID {pid}) has been silent for 1 seconds; killing it.")
        (daemon.directory / "hang").unlink()
        eventually(lambda: len(_starts(daemon)) == 2, what="it is started again")
        daemon.wait_status("watched", "running")
        assert daemon.request("stop", "watched").result
        assert _sockets(daemon.pid) == sockets - 1


def test_a_start_that_waits_is_begun_again() -> None:
    hook = "from pid1 import reexec; reexec.PATIENCE = 0.2"
    with live_daemon(_CONFIGURATION, hook=hook) as daemon:
        (daemon.directory / "program").write_text(_PROGRAM)
        (daemon.directory / "wait").touch()
        daemon.request("eval", "root", "(start-in-the-background '(watched))")
        (first,) = eventually(lambda: _starts(daemon), what="the program runs")
        daemon.reexecute()
        eventually(lambda: len(_starts(daemon)) == 2, what="it is started again")
        assert process_state(first) is None
        assert daemon.status("watched")["status"].name == "starting"
        (daemon.directory / "wait").unlink()
        daemon.wait_status("watched", "running")
        assert daemon.main_pid("watched") == _starts(daemon)[1]


def test_a_program_that_was_named_by_its_parent_is_kept() -> None:
    """Its number is not that of the process that the daemon started."""
    configuration = """
    (register-services
     (list (service '(forked)
             #:start (make-forkexec-constructor
                      '("@PYTHON@" "-I" "-S" "@DIR@/program")
                      #:directory "@DIR@" #:notify 'sd)
             #:stop (make-kill-destructor))))
    """.replace("@PYTHON@", sys.executable)
    program = _PROGRAM.partition("with open")[0] + (
        "pid = os.fork()\nif pid == 0:\n    time.sleep(1000)\ntell(f'MAINPID={pid}\\nREADY=1')\n"
    )
    with live_daemon(configuration) as daemon:
        (daemon.directory / "program").write_text(program)
        assert daemon.request("start", "forked").result
        pid = daemon.main_pid("forked")
        assert pid
        daemon.reexecute()
        assert daemon.main_pid("forked") == pid
        assert daemon.request("stop", "forked").result
        assert process_state(pid) is None
