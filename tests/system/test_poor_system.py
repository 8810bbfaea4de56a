"""The whole daemon on a system that lacks what the GNU/Hurd lacks.

Linux stays below; what Python offers is cut down to what it offers there, and `hurd.system` takes
this for the Hurd.  Only the Hurd's servers cannot be had: /proc answers in their place.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.live import LiveDaemon, eventually, live_daemon, main_pid

# What measures needs modules that are not there.
pytestmark = pytest.mark.unmeasured

# What the modules have there: written down by tests/hurd/real/guest_system.py.
_NAMES = Path(__file__).parents[1] / "data/hurd/python-names.json"

_HOOK = f"""
import importlib, json, sys
with open({str(_NAMES)!r}) as file:
    names = json.load(file)
"""
_HOOK += """
assert "selectors" not in sys.modules  # which looks for epoll when it is imported
for module in ["select", *names]:
    known, module = names[module], importlib.import_module(module)
    for name in dir(module):
        if name[0] != "_" and name not in known:
            delattr(module, name)
import errno, os, signal, socket, time

def nameless(method, answer):
    def call(self):
        return answer() if self.family == socket.AF_UNIX else method(self)
    return call

def no_peer():
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")

socket.socket.getsockname = nameless(socket.socket.getsockname, lambda: "")
socket.socket.getpeername = nameless(socket.socket.getpeername, no_peer)

plain_bind = socket.socket.bind
def bind(self, address):
    if self.family == socket.AF_UNIX and address[:1] in ("", b"", "\\0", b"\\0"):
        raise OSError(errno.ENOTDIR, "Not a directory")
    plain_bind(self, address)
socket.socket.bind = bind

clock_info = time.get_clock_info
def get_clock_info(name):
    if name == "monotonic":
        raise OSError(errno.EINVAL, "Invalid argument")
    return clock_info(name)
time.get_clock_info = get_clock_info

plain_monotonic = time.monotonic
time.monotonic = lambda: plain_monotonic() // 0.01 * 0.01

plain_listdir = os.listdir
def listdir(path="."):
    return [] if path in ("/proc/self/fd", "/dev/fd") else plain_listdir(path)
os.listdir = listdir

# SIGLOST: the C library of Linux keeps that number for itself.
plain_signal = signal.signal
signal.signal = lambda number, handler: number == 32 or plain_signal(number, handler)

# A program has no message port yet and is terminated.
born = {}
plain_spawn, plain_kill = os.posix_spawn, os.kill
def posix_spawn(*arguments, **more):
    pid = plain_spawn(*arguments, **more)
    born[pid] = plain_monotonic()
    return pid
def kill(pid, number):
    young = plain_monotonic() - born.get(abs(pid), 0) < 0.15  # 0.03 there
    plain_kill(pid, signal.SIGKILL if young and number else number)
os.posix_spawn, os.kill = posix_spawn, kill

platform, sys.platform = sys.platform, "gnu0"
import hurd.system
sys.platform = platform
assert hurd.system.system.name == "hurd"

import types
from hurd.system import processes
servers = types.ModuleType("hurd.system.servers")
servers.process_table = processes.table
servers.process_command = processes.command
servers.process_line = processes.line
servers.process_owner = lambda pid: os.stat(f"/proc/{pid}").st_uid
servers.is_important = lambda pid: pid == 1
sys.modules["hurd.system.servers"] = servers

# The Hurd's flags for opening a node mean something else here.
from hurd.system.posix import PosixSystem
type(hurd.system.system).set_socket_access = PosixSystem.set_socket_access
"""

_REPORTER = """
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
assert address.startswith("/"), address
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    for text in ("STATUS=here", "ERRNO=1073741826", "READY=1"):
        sock.sendto(text.encode(), address)
time.sleep(1000)
"""

_CONFIGURATION = f"""
(use-modules (shepherd service monitoring))
(define (run . command)
  (make-forkexec-constructor command #:directory "@DIR@"))
(register-services
 (list (service '(sleeper) #:start (run "sleep" "1000") #:stop (make-kill-destructor))
       (service '(limited)
         #:start (make-forkexec-constructor '("sleep" "1000")
                  #:resource-limits '((nofile 64 64) (core 0 0)))
         #:stop (make-kill-destructor))
       (service '(printer)
         #:start (run "sh" "-c" "echo printed; exec sleep 1000")
         #:stop (make-kill-destructor))
       (service '(crasher)
         #:respawn? #t #:respawn-limit '(2 . 100)
         #:start (run "sh" "-c" "exit 3")
         #:stop (make-kill-destructor))
       (service '(reporter)
         #:start (make-forkexec-constructor
                  '("{sys.executable}" "-I" "-S" "@DIR@/reporter") #:notify 'sd)
         #:stop (make-kill-destructor))
       (service '(local)
         #:start (make-inetd-constructor
                  '("cat") (list (endpoint (make-socket-address AF_UNIX "@DIR@/local"))))
         #:stop (make-inetd-destructor))
       (service '(activated)
         #:start (make-systemd-constructor
                  '("sleep" "1000")
                  (list (endpoint (make-socket-address AF_UNIX "@DIR@/activated"))))
         #:stop (make-systemd-destructor))
       (monitoring-service #:period 1000)))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_CONFIGURATION, hook=_HOOK) as running:
        (running.directory / "reporter").write_text(_REPORTER)
        yield running
        assert "Unexpected error" not in running.log()
        assert running.errors() == ""


def test_services_start_print_and_stop(daemon):
    assert daemon.request("start", "printer").result
    eventually(lambda: "printed" in daemon.log(), what="its line in the log")
    pid = daemon.main_pid("printer")
    assert daemon.request("stop", "printer").result
    eventually(lambda: not Path(f"/proc/{pid}").exists(), what="it is gone")


def test_program_that_is_stopped_at_once_died_of_sigterm(daemon):
    assert daemon.request("start", "sleeper").result
    assert daemon.request("stop", "sleeper").result
    (status, _when), *_ = daemon.status("sleeper")["exit-statuses"]
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_crashing_service_is_respawned_and_given_up(daemon):
    daemon.request("start", "crasher")
    daemon.wait_log("Respawning crasher", 2)
    daemon.wait_log("Service crasher")
    daemon.wait_status("crasher", "stopped")


def test_program_reports_on_a_socket_with_a_name(daemon):
    assert daemon.request("start", "reporter").result
    eventually(lambda: "reports an error" in daemon.log(), what="its report")
    assert daemon.status("reporter")["status"].name == "running"
    assert daemon.request("stop", "reporter").result


def test_local_sockets_are_served(daemon):
    import socket

    for name in ("local", "activated"):
        assert daemon.request("start", name).result
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(daemon.directory / "local"))
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.directory / "activated"))
        eventually(lambda: daemon.main_pid("activated"), what="the program runs")
    for name in ("local", "activated"):
        assert daemon.request("stop", name).result is not None


def test_descriptors_are_counted(daemon):
    assert daemon.request("start", "monitoring").result
    daemon.wait_log("file descriptors: ")
    count = int(daemon.log().rpartition("file descriptors: ")[2].split()[0])
    assert 3 < count < 100


def test_limits_that_will_not_hold_are_told(daemon):
    reply = daemon.request("start", "limited")
    assert reply.result
    assert reply.messages[0] == (
        "Resource limits have no effect on this system: nofile, core for sleep."
    )
    assert daemon.request("stop", "limited").result


def test_fresh_image_goes_on_with_the_services(daemon):
    assert daemon.request("start", "sleeper").result
    pid = daemon.main_pid("sleeper")
    daemon.reexecute()
    assert main_pid(daemon.status("sleeper")) == pid
    assert not [name for name in os.listdir(daemon.directory) if name.startswith(".drover")]
    assert daemon.request("stop", "sleeper").result
