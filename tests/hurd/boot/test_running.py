"""A real GNU/Hurd with drover as PID 1, booted by its own GRUB to a login on the serial line."""

from __future__ import annotations

import json
import re
import time

import pytest
from vm import PATIENCE, Hurd

_SERVICES = {
    "root", "root-file-system", "device-nodes", "file-systems", "run-directory", "control-socket",
    "temporary-files", "login-records", "host-name", "procfs", "user-processes", "multi-user",
    "term-console", "random-seed", "networking", "swap",
}  # fmt: skip


def _status(machine: Hurd) -> dict[str, str]:
    services = json.loads(machine.run("herd --json status"))["services"]
    return {service["name"]: service["status"] for service in services}


def _pid(machine: Hurd, service: str) -> int:
    status = json.loads(machine.run(f"herd --json status {service}"))
    pid = status["service"]["running"]["pid"]
    assert isinstance(pid, int)
    return pid


def test_all_services_are_up(machine: Hurd) -> None:
    status = _status(machine)
    assert {name for name, state in status.items() if state == "running"} >= _SERVICES
    assert status["emergency-shell"] == "stopped"


def test_pid_1_is_drover(machine: Hurd) -> None:
    lines = machine.run("ps -A -w").splitlines()
    [first] = [line for line in lines if re.match(r"\S+ +1 ", line)]
    assert "python3" in first
    assert "/libexec/runsystem" in first


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("cat /proc/version", "GNU"),
        ("echo text > /dev/null && echo written", "written"),
        ("head -c 4 /dev/zero | od -An -tx1", "00 00 00 00"),
        ("head -c 8 /dev/urandom | wc -c", "8"),
        ("echo text > /dev/full || echo refused", "refused"),
        ("ls -d /dev/fd/0", "/dev/fd/0"),
        ("tty", "/dev/console"),
        ("showtrans /servers/socket/1", "/hurd/pflocal"),
        ("showtrans /servers/password", "/hurd/password"),
        ("showtrans /dev/hd0s1", "/hurd/storeio"),
        ("fsysopts /proc", "procfs"),
        ("fsysopts /servers/socket/2", "pfinet"),
        ("fsysopts /", "--writable"),
        ("hostname", "hurd"),
        ("head -c 512 /dev/hd0 | wc -c", "512"),
        ("stat -c %a /run/lock", "1777"),
        ("readlink /run/mtab", "/proc/mounts"),
        ("stat -c %s /var/lib/random-seed", "512"),
    ],
)
def test_each_node_answers(machine: Hurd, command: str, answer: str) -> None:
    assert answer in machine.run(command)


_TCP = (
    "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    "c = socket.create_connection(s.getsockname()); a, _ = s.accept(); "
    "c.sendall(b'over'); print(a.recv(9).decode() + ' tcp')"
)


def test_tcp_works_over_the_loopback(machine: Hurd) -> None:
    assert machine.run(f'python3 -c "{_TCP}"') == "over tcp\n"


@pytest.mark.parametrize("service", ["procfs", "networking"])
def test_a_translator_that_is_killed_comes_back(machine: Hurd, service: str) -> None:
    before = _pid(machine, service)
    machine.run(f"kill -9 {before}; sleep 3")
    assert _pid(machine, service) != before
    assert _status(machine)[service] == "running"
    node = {"procfs": "/proc", "networking": "/servers/socket/2"}[service]
    assert machine.run_with_status(f"fsysopts {node}")[1] == 0


def _images(machine: Hurd) -> int:
    """How often PID 1 has replaced itself."""
    return int(machine.run("grep -c 'Took over' /var/log/messages"))


def _wait_for_images(machine: Hurd, number: int) -> None:
    end = time.monotonic() + PATIENCE
    while _images(machine) < number:
        assert time.monotonic() < end
        machine.run("sleep 1")


def test_pid_1_replaces_itself_and_keeps_everything(machine: Hurd) -> None:
    getty, procfs = _pid(machine, "term-console"), _pid(machine, "procfs")
    assert machine.run_with_status("herd reexec root")[1] == 0
    _wait_for_images(machine, 1)
    assert (_pid(machine, "term-console"), _pid(machine, "procfs")) == (getty, procfs)
    assert {name for name, state in _status(machine).items() if state == "running"} >= _SERVICES


# Each takes up to a minute under that load.
_IMAGES = 3
_LOAD = {
    "busy": "while :; do :; done",
    "clients": "while :; do herd status > /dev/null || echo >> /tmp/refused; done",
    "starts": "while :; do (exit 7) & wait; done",
    "restarts": "while :; do herd restart random-seed > /dev/null; done",
}


def test_pid_1_replaces_itself_under_load(machine: Hurd) -> None:
    """Clients that come meanwhile wait, what ends meanwhile is reaped, and what runs goes on."""
    getty, procfs = _pid(machine, "term-console"), _pid(machine, "procfs")
    for name, loop in _LOAD.items():
        machine.run(f"({loop}) 2> /dev/null & echo $! > /tmp/{name}")
    before = _images(machine)
    for _ in range(_IMAGES):
        assert machine.run_with_status("herd reexec root")[1] == 0
    machine.run(f"kill $(cat {' '.join(f'/tmp/{name}' for name in _LOAD)}); wait; sleep 5")
    assert machine.run("cat /tmp/refused 2> /dev/null") == ""
    assert (_pid(machine, "term-console"), _pid(machine, "procfs")) == (getty, procfs)
    assert {name for name, state in _status(machine).items() if state == "running"} >= _SERVICES
    _wait_for_images(machine, before + _IMAGES)


def test_orphans_are_reaped(machine: Hurd) -> None:
    machine.run("for i in 1 2 3 4 5; do (sleep 0.1 & ); done; sleep 2")
    assert "sleep" not in machine.run("ps -A")


def test_the_boot_chart_names_the_critical_path(machine: Hurd) -> None:
    boot = json.loads(machine.run("herd --json analyze root"))["boot"]
    assert boot["critical_path"][0] in ("root-file-system", "procfs", "swap")
    assert boot["seconds"] > 0


def test_a_service_is_added_while_the_machine_runs(machine: Hurd) -> None:
    machine.run(
        "cat > /root/extra.scm <<'END'\n"
        "(use-modules (drover translator))\n"
        "(register-services (list (service '(hello)\n"
        '  #:start (make-translator-constructor "/tmp/hello" \'("/hurd/hello") #:create? #t)\n'
        '  #:stop (make-translator-destructor "/tmp/hello") #:respawn? #t)))\n'
        "END\nherd load root /root/extra.scm"
    )
    assert machine.run_with_status("herd start hello")[1] == 0
    assert machine.run("cat /tmp/hello") == "Hello, world!\n"
    assert machine.run_with_status("herd stop hello")[1] == 0
    assert machine.run("cat /tmp/hello") == ""


def test_a_getty_that_dies_comes_back(machine: Hurd) -> None:
    """The last test: it ends the shell that the others use."""
    start = len(machine.console)
    machine.type("kill -9 $$\n")
    machine.login(start)
    assert _status(machine)["term-console"] == "running"
