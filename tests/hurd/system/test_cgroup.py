"""Control groups: who is in one, what happens where none can be entered, and what they leave."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from spawning import PATH, in_child
from test_processes import gone, reap_all, start, wait_until

from hurd.system import SpawnSpec, libc_spawn, system
from hurd.system import cgroup as module
from hurd.system.cgroup import Groups, own_group

OWN = own_group()
pytestmark = pytest.mark.skipif(OWN is None, reason="no writable control group (version 2)")

EASY: dict = {}
FORKED: dict = {"resource_limits": [("core", 0, 0)]}
both_ways = pytest.mark.parametrize("way", [EASY, FORKED], ids=["posix_spawn", "fork"])

# Says its number, from a session of its own and with no relative but init.
ESCAPE = "(setsid setsid sh -c 'echo $$; exec sleep 1000' &) ; exec sleep 1000"


@pytest.fixture
def groups():
    groups = Groups(OWN)
    yield groups
    groups.close()


def group_of(pid: int) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line for line in lines if line.startswith("0::"))


@both_ways
def test_a_program_is_born_in_its_group(groups, way):
    containment = groups.containment("a/b é")
    directory = containment.entrance()
    assert Path(directory).name == "a%2fb%20é.service"
    spec = SpawnSpec(["sleep", "1000"], [PATH], control_group=directory, **way)
    pid = system.spawn(spec)
    assert spec.control_group_error == 0
    assert group_of(pid).endswith(directory.removeprefix(OWN))
    assert containment.members() == [pid]
    assert containment.kill(signal.SIGKILL) == 1
    assert os.waitpid(pid, 0) == (pid, signal.SIGKILL)


def test_what_escapes_is_found_and_killed(groups):
    containment = groups.containment("a")
    pid, (escaped,) = start(ESCAPE, 1, control_group=containment.entrance())
    assert set(containment.members()) == {pid, escaped}
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert containment.members() == [escaped]
    assert containment.sweep() == 1
    wait_until(lambda: gone(escaped))
    assert containment.members() == []


def test_what_is_in_groups_within_the_group_is_found_and_killed(groups):
    containment = groups.containment("a")
    inner = Path(containment.entrance()) / "inner" / "most"
    inner.mkdir(parents=True)
    pid, (escaped,) = start(ESCAPE, 1, control_group=str(inner))
    assert set(containment.members()) == {pid, escaped}
    assert containment.sweep() == 2
    os.waitpid(pid, 0)
    wait_until(lambda: gone(escaped))


def test_other_signals_reach_all_members(groups):
    containment = groups.containment("a")
    pid, (escaped,) = start(ESCAPE, 1, control_group=containment.entrance())
    assert containment.kill(signal.SIGTERM) == 2
    assert os.waitpid(pid, 0) == (pid, signal.SIGTERM)
    wait_until(lambda: gone(escaped))


def test_members_are_killed_one_by_one_where_the_kernel_does_not_kill_groups(groups, monkeypatch):
    def refused(path: str, text: str) -> None:
        raise PermissionError(errno.EACCES, path)

    monkeypatch.setattr(module, "_write", refused)

    def body() -> None:
        system.become_subreaper()
        containment = groups.containment("a")
        script = "echo $$; while :; do setsid sleep 1000 & done"
        pid, _ = start(script, 1, control_group=containment.entrance())
        assert containment.kill(signal.SIGKILL) >= 1
        os.waitpid(pid, 0)
        reap_all()  # ends only if none is left: all orphans are ours

    in_child(body)


def test_a_group_is_usable_again_after_it_was_killed(groups):
    containment = groups.containment("a")
    for _ in range(3):
        pid, (escaped,) = start(ESCAPE, 1, control_group=containment.entrance())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert containment.sweep() == 1
        # Not waited for: what is being killed must not take the next one with it.
        pid = system.spawn(SpawnSpec(["true"], [PATH], control_group=containment.entrance()))
        assert os.waitpid(pid, 0) == (pid, 0)
        wait_until(lambda gone_one=escaped: gone(gone_one))


@both_ways
def test_a_group_that_has_vanished_does_not_keep_a_program_from_running(groups, way):
    directory = groups.containment("a").entrance()
    os.rmdir(directory)
    spec = SpawnSpec(["true"], [PATH], control_group=directory, **way)
    assert os.waitpid(system.spawn(spec), 0)[1] == 0
    assert spec.control_group_error == errno.ENOENT


@both_ways
def test_a_group_that_takes_nobody_does_not_keep_a_program_from_running(tmp_path, way):
    # A directory, but no control group.
    spec = SpawnSpec(["true"], [PATH], control_group=str(tmp_path), **way)
    assert os.waitpid(system.spawn(spec), 0)[1] == 0
    assert spec.control_group_error != 0
    # Said of each start anew.
    spec.control_group = None
    assert os.waitpid(system.spawn(spec), 0)[1] == 0
    assert spec.control_group_error == 0


def test_with_other_threads_a_fork_does_not_bypass_the_c_library(groups):
    import threading

    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with pytest.raises(BlockingIOError):
            libc_spawn.fork(0)
        spec = SpawnSpec(
            ["true"], [PATH], control_group=groups.containment("a").entrance(), **FORKED
        )
        assert os.waitpid(system.spawn(spec), 0)[1] == 0
        assert spec.control_group_error == errno.EAGAIN
    finally:
        end.set()
        thread.join()


def test_a_limit_of_groups_is_an_error_with_its_reason(groups):
    groups.containment("first").entrance()
    Path(f"{groups.parent}/cgroup.max.descendants").write_text("1")
    with pytest.raises(OSError) as caught:
        groups.containment("second").entrance()
    assert caught.value.errno == errno.EAGAIN


def test_empty_groups_are_removed(groups):
    containment = groups.containment("a")
    directory = Path(containment.entrance())
    parent = directory.parent
    assert containment.sweep() == 0
    assert not directory.exists()
    containment.entrance()
    pid, (escaped,) = start(ESCAPE, 1, control_group=containment.entrance())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    containment.close()
    assert directory.exists()
    assert containment.members() == [escaped]
    assert containment.sweep() == 1
    groups.close()
    assert not parent.exists()


def test_a_group_that_somebody_removed_is_made_again(groups):
    containment = groups.containment("a")
    os.rmdir(containment.entrance())
    os.rmdir(groups.parent)
    assert Path(containment.entrance()).is_dir()
    assert groups.containment("b").entrance().startswith(groups.parent)


def test_two_daemons_of_the_same_number_do_not_share_a_group(groups):
    """As in two PID namespaces, both of them process 1."""
    other = Groups(OWN)
    try:
        first, second = (one.containment("a").entrance() for one in (groups, other))
        assert first != second
        assert Path(first).is_dir()
        assert Path(second).is_dir()
    finally:
        other.close()


def test_what_a_killed_daemon_has_left_is_removed_by_the_next(groups):
    script = (
        "import os; from hurd.system.cgroup import Groups, own_group\n"
        "groups = Groups(own_group()); print(groups.containment('a').entrance(), flush=True)\n"
        "input(); os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as other:
        left = Path(other.stdout.readline().strip())
        groups.containment("a").entrance()
        assert left.is_dir()  # while it lives
        other.communicate("\n")
    again = Groups(OWN)
    again.containment("a").entrance()
    again.close()
    assert not left.parent.exists()


def test_the_next_image_of_a_daemon_goes_on_with_its_groups(groups):
    containment = groups.containment("a")
    pid, (escaped,) = start(ESCAPE, 1, control_group=containment.entrance())
    carried, group = groups.carry(), containment.carry()
    os.close(groups._lock)  # as execve does
    groups._lock = -1
    image = Groups(OWN)
    image.adopt(carried)
    adopted = image.containment("a", group)
    assert set(adopted.members()) == {pid, escaped}
    assert image.containment("b").entrance().startswith(carried)
    assert adopted.sweep() == 2
    os.waitpid(pid, 0)
    wait_until(lambda: gone(escaped))
    image.close()
    assert not Path(carried).exists()


def test_a_group_that_systemd_manages_is_left_alone(monkeypatch, tmp_path):
    there = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/run/systemd/system" or there(path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    delegated: dict[str, bytes] = {}

    def getxattr(path: str, name: str) -> bytes:
        if name not in delegated:
            raise OSError(errno.ENODATA, path)
        return delegated[name]

    monkeypatch.setattr(os, "getxattr", getxattr)
    assert own_group() is None
    delegated["trusted.delegate"] = b"1"
    assert own_group() == OWN
    # To a user systemd hands a group over by making it theirs.
    delegated.clear()
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(OWN).st_uid + 1)
    assert own_group() is None


def test_a_hierarchy_that_is_mounted_later_is_found(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_groups", None)
    monkeypatch.setattr(module, "_looked", None)
    usual = tmp_path / "cgroup.procs"
    monkeypatch.setattr(module, "_USUAL", (str(usual),))
    found: list[str | None] = [None]
    monkeypatch.setattr(module, "own_group", lambda: found[0])
    assert module.control_groups() is None
    found[0] = OWN
    assert module.control_groups() is None
    usual.touch()
    assert module.control_groups() is not None
