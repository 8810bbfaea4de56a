"""The system in memory behaves as the real one where tests of other rooms rely on it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import threading

import pytest

from hurd.system import RebootError, SpawnError, SpawnSpec
from hurd.system.fake import FakeSystem, dies, exits, hangs, refuses, runs
from hurd.system.fake_machine import WouldHangError
from hurd.system.nodes import ServerSpec


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


def test_program_fails_once_and_then_does_what_it_should():
    fake = FakeSystem()
    fake.plan("fsck", refuses(errno.EACCES), exits(8), exits(0, output=b"clean\n"))
    with pytest.raises(SpawnError, match="Permission denied"):
        fake.spawn(spec("fsck"))
    statuses = []
    for _ in range(3):
        reader, writer = os.pipe()
        pid = fake.spawn(spec("fsck", stdout=writer))
        os.close(writer)
        assert fake.reap() is None
        fake.advance(0)
        statuses.append(fake.reap())
        assert statuses[-1] is not None and statuses[-1][0] == pid
        printed = os.read(reader, 100)
        os.close(reader)
    assert [os.waitstatus_to_exitcode(s) for _, s in statuses] == [8, 0, 0]
    assert printed == b"clean\n"
    assert fake.started == [["fsck"]] * 4


def test_program_that_hangs_only_ends_by_sigkill():
    fake = FakeSystem()
    fake.plan("getty", hangs())
    pid = fake.spawn(spec("getty"))
    fake.kill(pid, signal.SIGTERM)
    fake.advance(1000)
    assert fake.reap() is None
    fake.kill(pid, signal.SIGKILL)
    assert fake.reap() == (pid, signal.SIGKILL)


def test_program_dies_later_also_on_a_loop():
    fake = FakeSystem()
    fake.plan("server", dies(signal.SIGSEGV, after=5), runs())
    pid = fake.spawn(spec("server"))
    fake.advance(4.9)
    assert fake.reap() is None
    fake.advance(0.2)
    assert fake.reap() == (pid, signal.SIGSEGV)

    async def body() -> None:
        told = asyncio.Event()
        fake.on_child_exit = told.set
        fake.plan("server", dies(signal.SIGABRT, after=0.01))
        pid = fake.spawn(spec("server"))
        await asyncio.wait_for(told.wait(), 5)
        assert fake.reap() == (pid, signal.SIGABRT)

    asyncio.run(body())


def test_program_killed_before_its_time_ends_once():
    fake = FakeSystem()
    fake.plan("job", exits(0, after=1))
    pid = fake.spawn(spec("job"))
    fake.kill(pid, signal.SIGTERM)
    assert fake.reap() == (pid, signal.SIGTERM)
    fake.advance(2)
    assert fake.reap() is None


def test_call_fails_as_often_as_was_put_in():
    fake = FakeSystem()
    fake.fail("mount", OSError(errno.EIO, "broken"), when=lambda _s, target, *_: target == "/run")
    fake.fail("set_hostname", OSError(errno.EROFS, "read-only"), times=None)
    fake.mount("tmpfs", "/tmp", "tmpfs")
    with pytest.raises(OSError, match="broken"):
        fake.mount("tmpfs", "/run", "tmpfs")
    fake.mount("tmpfs", "/run", "tmpfs")
    for _ in range(3):
        with pytest.raises(OSError, match="read-only"):
            fake.set_hostname("x")
    assert fake.hostname() == "fake"
    assert [m.target for m in fake.mounts()] == ["/", "/run", "/tmp"]
    with pytest.raises(AttributeError, match="no call 'mout'"):
        fake.fail("mout", OSError())


def test_call_hangs_until_it_is_released():
    fake = FakeSystem()
    fake.hang("swap_on", times=2)
    with pytest.raises(WouldHangError):
        fake.swap_on("/dev/hd0s2")
    thread = threading.Thread(target=fake.swap_on, args=("/dev/hd0s2",))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive() and fake.swap_devices() == []
    fake.release()
    thread.join(5)
    assert fake.swap_devices() == ["/dev/hd0s2"]
    with pytest.raises(OSError):
        fake.swap_on("/dev/hd0s2")
    fake.swap_off("/dev/hd0s2")
    with pytest.raises(OSError):
        fake.swap_off("/dev/hd0s2")


def test_file_systems_are_remembered():
    fake = FakeSystem()
    fake.remount("/", ["rw", "noatime"])
    assert fake.mounts()[0].options == ("rw", "noatime")
    fake.remount("/", ["ro"])
    assert fake.mounts()[0].options == ("noatime", "ro")
    fake.mount("a", "/a", "ext2")
    fake.mount("b", "/a/b", "ext2")
    for call in (lambda: fake.unmount("/a"), lambda: fake.mount("c", "/a", "ext2")):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EBUSY
    fake.unmount("/a/b")
    fake.unmount("/a")
    with pytest.raises(OSError) as caught:
        fake.unmount("/a")
    assert caught.value.errno == errno.EINVAL


def test_a_program_has_what_its_specification_and_its_plan_say():
    fake = FakeSystem()
    reader, writer = os.pipe()
    fake.plan("talks", runs(b"hello"))
    pid = fake.spawn(spec("talks", stdout=writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as output:
        assert output.read() == b"hello"
    assert fake.process_group(pid) == pid  # a session of its own
    assert fake.process_group(99) is None
    assert [p.pid for p in fake.process_table().values() if p.session == pid] == [pid]
    assert fake.is_child(pid)
    assert not fake.is_child(99)
    assert fake.process_command(99) is None
    same = fake.spawn(spec("other", create_session=False))
    assert fake.process_group(same) == 1
    with pytest.raises(SpawnError, match="empty command"):
        fake.spawn(spec())
    assert fake.processes_to_end() == [pid, same]
    fake.exit(pid)
    assert fake.process_table()[pid].state == "Z"
    assert fake.process_command(pid) == []
    assert fake.processes_to_end() == [same]


def test_signals_that_end_nobody_are_noted():
    fake = FakeSystem()
    pid = fake.spawn(spec("a"))
    for number in (0, signal.SIGCONT, signal.SIGSTOP, signal.SIGCHLD):
        fake.kill(pid, number)
    assert fake.programs[pid].received == [signal.SIGCONT, signal.SIGSTOP, signal.SIGCHLD]
    fake.exit(pid)
    fake.kill(pid, signal.SIGTERM)  # dead, and not waited for
    assert signal.SIGTERM not in fake.programs[pid].received


def test_nodes_have_servers_records_and_options():
    fake = FakeSystem()
    fake.missing.add("/dev/node")
    for call in (fake.is_served, fake.server_record, fake.server_options, fake.stop_server):
        with pytest.raises(FileNotFoundError):
            call("/dev/node")
    null = ServerSpec(["/hurd/null", "-x"], create=True, record=True)
    pid = fake.start_server("/dev/node", null)
    assert fake.is_served("/dev/node")
    assert fake.server_record("/dev/node") == ["/hurd/null", "-x"]
    assert fake.server_options("/dev/node") == ["-x"]
    fake.set_server_options("/dev/node", ["-y"])
    assert fake.server_options("/dev/node") == ["-y"]
    fake.stop_server("/dev/node")
    assert fake.reap() == (pid, signal.SIGKILL)
    assert not fake.is_served("/dev/node")
    fake.stop_server("/dev/node")  # nothing serves it any more
    fake.set_server_record("/dev/node", None)
    assert fake.server_record("/dev/node") is None
    fake.set_server_record("/dev/node", ["/hurd/zero"])
    assert fake.server_record("/dev/node") == ["/hurd/zero"]
    fake.plan("/hurd/absent", refuses())
    with pytest.raises(OSError, match="/hurd/absent"):
        fake.start_server("/dev/node", ServerSpec(["/hurd/absent"]))


def test_the_machine_remembers_what_was_done_to_it():
    fake = FakeSystem()
    fake.swap_on("/dev/a")
    with pytest.raises(OSError, match="busy"):
        fake.swap_on("/dev/a")
    fake.swap_off("/dev/a")
    with pytest.raises(OSError, match="Invalid"):
        fake.swap_off("/dev/a")
    assert fake.swap_devices() == []
    with pytest.raises(FileNotFoundError):
        fake.lstat("/nowhere")
    fake.set_clock(7.0)
    fake.add_entropy(b"seed")
    assert (fake.clock, fake.entropy) == (7.0, b"seed")
    with pytest.raises(AttributeError, match="no call 'nonsense'"):
        fake.fail("nonsense", OSError())
    fake.reboot("halt")
    fake.reboot_errno = errno.EPERM
    with pytest.raises(RebootError) as refused:
        fake.reboot("power-off")
    assert refused.value.operation == "RB_POWER_OFF"
