"""Services in control groups of their own: nothing that they leave behind goes on running.

By default where the C library creates processes within a group; these tests ask for it elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hurd.system import libc_spawn
from hurd.system.cgroup import own_group
from tests.system.live import LiveDaemon, eventually, live_daemon, namespace_refusal, process_state

OWN = own_group()
pytestmark = pytest.mark.skipif(OWN is None, reason="no writable control group (version 2)")
ON = {} if libc_spawn.knows_control_groups else {"DROVER_CONTROL_GROUPS": "1"}

# A daemonised process: twice forked, in a session of its own, and with no relative but init.  It
# notes that it was asked to end, and ends then or not.
_CONFIGURATION = """
(define (escape then)
  (string-append
    "(setsid setsid sh -c 'trap \\"echo asked >@DIR@/asked; " then "\\" TERM;"
    "echo $$ >@DIR@/escaped; while :; do sleep 0.05; done' &) ; exec sleep 1000"))
(define (leaving name then . keys)
  (apply service (list name)
    #:start (make-forkexec-constructor (list "sh" "-c" (escape then)))
    #:stop (make-kill-destructor #:grace-period 1)
    keys))
(register-services (list
  (leaving 'leaves "exit 0")
  (leaving 'stubborn ":")
  (service '(limited)
    #:start (make-forkexec-constructor '("sleep" "1000") #:resource-limits '((core 0 0)))
    #:stop (make-kill-destructor))
  (service '(plain)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))
  (service '(other)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))
  (service '(short)
    #:start (make-forkexec-constructor '("sh" "-c" "exit 0")))))
"""


def number(daemon: LiveDaemon) -> int:
    file = daemon.directory / "escaped"
    return int(eventually(lambda: file.exists() and file.read_text().strip(), what="it escaped"))


def group_of(pid: int) -> Path:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    (path,) = [line[3:] for line in lines if line.startswith("0::")]
    assert OWN is not None
    own = Path("/proc/self/cgroup").read_text().partition("0::")[2].splitlines()[0].rstrip("/")
    return Path(OWN + path.removeprefix(own))


def main_group(daemon: LiveDaemon, service: str) -> Path:
    pid = daemon.main_pid(service)
    assert pid is not None
    return group_of(pid)


def ended(pid: int) -> bool:
    return process_state(pid) in (None, "Z")


def test_what_has_escaped_is_asked_to_end_like_the_rest() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "leaves")
        escaped = number(daemon)
        group = main_group(daemon, "leaves")
        assert group.name == "leaves.service"
        assert group_of(escaped) == group
        daemon.request("stop", "leaves")
        assert ended(escaped)
        assert (daemon.directory / "asked").exists()
        assert "left behind" not in daemon.log()
        assert not group.exists()


def test_what_does_not_end_is_killed_after_the_grace_period() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "stubborn")
        escaped = number(daemon)
        daemon.request("stop", "stubborn")
        eventually(lambda: ended(escaped), what="it is killed")
        assert (daemon.directory / "asked").exists()
        assert "that service stubborn left behind" in daemon.log()
        # And it runs again, though its group has just been killed.
        daemon.request("start", "stubborn")
        assert daemon.status("stubborn")["status"].name == "running"


def test_services_that_are_forked_are_in_groups_too() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "limited")
        assert main_group(daemon, "limited").name == "limited.service"


@pytest.mark.skipif(namespace_refusal() is not None, reason=str(namespace_refusal()))
def test_as_process_1_of_namespaces_each_daemon_has_groups_of_its_own() -> None:
    with (
        live_daemon(_CONFIGURATION, environment=ON, namespace=True) as one,
        live_daemon(_CONFIGURATION, environment=ON, namespace=True) as two,
    ):
        assert OWN is not None
        for daemon in (one, two):
            daemon.request("start", "leaves")
            number(daemon)
        one.request("stop", "leaves")
        assert two.status("leaves")["status"].name == "running"
        assert not (two.directory / "asked").exists()


def test_groups_outlive_reexecution_and_are_removed_at_the_end() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        for name in ("leaves", "plain"):
            daemon.request("start", name)
        escaped = number(daemon)
        group = main_group(daemon, "leaves")
        daemon.reexecute()
        daemon.request("start", "other")
        assert main_group(daemon, "other").parent == group.parent
        daemon.request("stop", "leaves")
        assert ended(escaped)
        assert not group.exists()
        daemon.exchange_quietly("stop")
        daemon.wait_end()
        assert not group.parent.exists()


def test_a_program_that_ends_leaves_no_group() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "plain")
        parent = main_group(daemon, "plain").parent
        daemon.request("start", "short")
        daemon.wait_status("short", "stopped")
        eventually(lambda: not (parent / "short.service").exists(), what="it is removed")


def test_without_room_for_a_group_services_start_and_the_log_says_so_once() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "plain")
        limit = main_group(daemon, "plain").parent / "cgroup.max.descendants"
        limit.write_text("1")
        for name in ("other", "limited"):
            daemon.request("start", name)
            assert daemon.status(name)["status"].name == "running"
        said = (
            "Cannot use control groups: Resource temporarily unavailable; looking for descendants"
        )
        assert daemon.log().count(said) == 1
        limit.write_text("max")
        daemon.request("restart", "other")
        assert main_group(daemon, "other").name == "other.service"


def test_a_group_that_vanished_is_made_again() -> None:
    with live_daemon(_CONFIGURATION, environment=ON) as daemon:
        daemon.request("start", "plain")
        group = main_group(daemon, "plain")
        daemon.request("stop", "plain")
        group.parent.rmdir()
        daemon.request("start", "plain")
        assert main_group(daemon, "plain") == group


def test_they_can_be_switched_off() -> None:
    with live_daemon(_CONFIGURATION, environment={"DROVER_CONTROL_GROUPS": "0"}) as daemon:
        daemon.request("start", "plain")
        assert str(main_group(daemon, "plain")) == OWN


def test_by_default_they_are_used_where_that_takes_no_fork() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        daemon.request("start", "plain")
        used = main_group(daemon, "plain").name == "plain.service"
        assert used == libc_spawn.knows_control_groups


def test_another_wish_is_named_in_the_log() -> None:
    with live_daemon(_CONFIGURATION, environment={"DROVER_CONTROL_GROUPS": "yes"}) as daemon:
        assert "DROVER_CONTROL_GROUPS is 'yes', neither 0 nor 1; ignoring it." in daemon.log()
