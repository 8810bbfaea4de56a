"""The system in memory behaves as the real one where tests of other rooms rely on it."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from hurd.system import RebootError, SpawnError, SpawnSpec
from hurd.system.fake import FakeSystem


def spec(*command: str, **fields) -> SpawnSpec:
    return SpawnSpec(list(command), [], **fields)


def test_program_runs_until_it_exits_and_is_reaped_once():
    fake = FakeSystem()
    told: list[None] = []
    fake.on_child_exit = lambda: told.append(None)
    pid = fake.spawn(spec("a", "b"))
    assert fake.process_exists(pid)
    assert fake.process_command(pid) == ["a", "b"]
    assert fake.reap() is None
    fake.exit(pid, 3)
    assert told == [None]
    status = fake.reap()
    assert status is not None
    assert os.waitstatus_to_exitcode(status[1]) == 3
    assert fake.reap() is None
    assert not fake.process_exists(pid)


def test_signal_kills_unless_ignored():
    fake = FakeSystem()
    pid = fake.spawn(spec("stubborn"))
    fake.programs[pid].ignored.add(signal.SIGTERM)
    fake.kill(pid, signal.SIGTERM)
    assert fake.reap() is None
    fake.kill(-pid, signal.SIGKILL)
    assert fake.reap() == (pid, signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        fake.kill(pid, signal.SIGTERM)


def test_orphan_becomes_ours():
    fake = FakeSystem()
    parent = fake.spawn(spec("parent"))
    child = fake.start(spec("child"), parent).pid
    assert fake.descendants(parent) == [child]
    fake.exit(parent)
    assert fake.reap() == (parent, 0)
    fake.kill(child, signal.SIGTERM)
    assert fake.reap() == (child, signal.SIGTERM)


def test_failures_are_those_put_in():
    fake = FakeSystem()
    fake.failures["bad"] = SpawnError("exec", errno.ENOENT, "bad")
    with pytest.raises(SpawnError, match='exec of "bad" failed: No such file'):
        fake.spawn(spec("bad"))
    fake.reboot_errno = errno.EPERM
    with pytest.raises(RebootError) as info:
        fake.reboot("power-off")
    assert info.value.operation == "RB_POWER_OFF"
    assert fake.calls == [("reboot", "power-off")]


def test_containment_works_on_it():
    fake = FakeSystem()
    containment = fake.containment("x")
    pid = fake.spawn(spec("main"))
    containment.add(pid)
    child = fake.start(spec("child"), pid).pid
    stranger = fake.spawn(spec("stranger"))
    assert containment.members() == [pid, child]
    fake.exit(pid)
    fake.reap()
    containment.discard(pid)
    assert containment.kill(signal.SIGKILL) == 1
    assert fake.process_exists(stranger)
