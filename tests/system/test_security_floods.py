"""Another user sends without end to whatever takes messages of everybody: clients are served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.system.live import LiveDaemon, eventually, live_daemon

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
pytestmark = needs_root

TALKER = """
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    sock.sendto(b"READY=1", address.replace("@", "\\0", 1))
open("@DIR@/notify", "w").write(address)
time.sleep(1000)
"""

CONFIGURATION = """
(use-modules (shepherd service system-log))
(register-services (list
  (service '(talker)
    #:start (make-forkexec-constructor '("@PYTHON@" "-I" "-S" "@DIR@/talker.py") #:notify 'sd)
    #:stop (make-kill-destructor))
  (service '(inet)
    #:start (make-inetd-constructor '("cat")
              (list (endpoint (make-socket-address AF_UNIX "@DIR@/inet")))
              #:max-connections 3)
    #:stop (make-inetd-destructor))
  (system-log-service
    (list (endpoint (make-socket-address AF_UNIX "@DIR@/syslog") #:style SOCK_DGRAM))
    #:message-destination (lambda (message) '("@DIR@/messages"))
    #:kernel-log-file "/dev/null")))
(for-each (lambda (name) (start-service (lookup-service name))) '(inet system-log))
"""

FLOOD = """
import os, socket, sys
name, kind = sys.argv[1].replace("@", "\\0", 1), sys.argv[2]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(flush=True)
while True:
    try:
        if kind == "connect":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(name)
        else:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                for _ in range(1000):
                    sock.sendto(b"STATUS=\\xff\\nMAINPID=1\\nREADY=1", name)
    except OSError:
        pass
"""

# Finding out about all processes takes longer, the more the attacker has.
MANY_PROCESSES = """
import time
from hurd.system import system
plain = type(system).process_table
def process_table(self):
    time.sleep(0.2)
    return plain(self)
type(system).process_table = process_table
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    text = CONFIGURATION.replace("@PYTHON@", sys.executable)
    with live_daemon(text, hook=MANY_PROCESSES) as running:
        running.directory.chmod(0o755)
        file = running.directory / "talker.py"
        file.write_text(TALKER.replace("@DIR@", str(running.directory)))
        running.request("start", "talker")
        eventually((running.directory / "notify").exists, what="the program has reported")
        yield running


@pytest.mark.parametrize("target", ["notify", "syslog", "inet"])
def test_clients_are_served_while_others_send_without_end(daemon: LiveDaemon, target: str) -> None:
    main = daemon.main_pid("talker")
    path = daemon.directory / target
    name = path.read_text() if target == "notify" else str(path)
    kind = "connect" if target == "inet" else "send"
    command = [sys.executable, "-I", "-S", "-c", FLOOD, name, kind]
    floods = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for flood in floods:
            assert flood.stdout is not None
            flood.stdout.readline()
        time.sleep(0.3)
        for _ in range(10):
            begin = time.monotonic()
            assert daemon.alive()
            assert time.monotonic() - begin < 1
        assert all(flood.poll() is None for flood in floods)
    finally:
        for flood in floods:
            flood.send_signal(signal.SIGKILL)
            flood.wait()
            assert flood.stdout is not None
            flood.stdout.close()
    assert daemon.main_pid("talker") == main
    assert daemon.status("talker")["status"].name == "running"
    if target == "notify":
        assert daemon.log().count("it is not part of it") == 1
