"""Processes, identities, tasks, startup and passwords, over the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from standin.control import Standin

from hurd import (
    argz,
    auth,
    codes,
    constants,
    lookup,
    mach,
    mach_host,
    memory,
    msg,
    password,
    process,
    process_groups,
    startup,
)
from hurd.errors import HurdError
from hurd.ports import Port, ReceiveRight
from hurd.process_info import process_info
from hurd.rpc import read_structure
from hurd.rpc.marshal import size_of
from hurd.structures import TaskBasicInfo, TimeValue


@pytest.fixture
def proc(standin: Standin) -> Iterator[Port]:
    before = standin.references()
    with lookup.getproc() as port:
        yield port
    assert standin.references() == before


@pytest.fixture
def task(proc: Port) -> Iterator[Port]:
    """A child without a program."""
    with mach.task_create(mach.mach_task_self(), False) as made:
        process.proc_child(proc, made)
        yield made


class TestProcesses:
    def test_who_is_who(self, proc: Port, task: Port) -> None:
        me = process.proc_getpids(proc)
        pid = process.proc_task2pid(proc, task)
        assert set(process.proc_getallpids(proc)) == {me.pid, pid}
        with process.proc_pid2proc(proc, pid) as other:
            found = process.proc_getpids(other)
            assert (found.pid, found.ppid, found.orphaned) == (pid, me.pid, False)
            with process.proc_proc2task(other) as same, process.proc_task2proc(proc, task) as again:
                assert same.name == task.name
                assert again.name == other.name
        assert (
            process_groups.proc_getsid(proc, pid)
            == process_groups.proc_getpgrp(proc, pid)
            == me.pid
        )
        process_groups.proc_setpgrp(proc, pid, 0)
        assert process_groups.proc_getpgrp(proc, pid) == pid
        with pytest.raises(HurdError, match="proc_child: Device or resource busy"):
            process.proc_child(proc, task)
        with pytest.raises(HurdError, match="proc_pid2task: No such process"):
            process.proc_pid2task(proc, 3)

    def test_what_is_known_of_one(self, proc: Port) -> None:
        me = process.proc_getpids(proc).pid
        assert argz.unpack(process.proc_getprocargs(proc, me)) == ["test", "--of=drover"]
        known = process_info(proc, me)
        assert (known.process.ppid, known.process.nthreads, known.threads) == (1, 1, [])
        assert known.process.taskinfo.virtual_size == 1 << 24
        assert known.process.taskevents.faults == 3
        flags = constants.PI_FETCH_THREADS | constants.PI_FETCH_THREAD_WAITS
        threads = process_info(proc, me, flags).threads
        assert [(made.info.basic.cpu_usage, made.wait) for made in threads] == [(5, "select")]
        assert threads[0].info.sched.max_priority == 25
        # Asked for, and not provided: the words end before the threads do.
        assert process_info(proc, me, constants.PI_FETCH_THREAD_BASIC).threads == []

    def test_important_processes(self, proc: Port, task: Port, standin: Standin) -> None:
        with process.proc_task2proc(proc, task) as other:
            assert process.proc_is_important(other) is False
            process.proc_mark_important(other)
            assert process.proc_is_important(other) is True
            standin.become(1000)
            with pytest.raises(HurdError, match="proc_mark_important: Operation not permitted"):
                process.proc_mark_important(proc)
            standin.become(0)

    def test_owners(self, proc: Port, task: Port, standin: Standin) -> None:
        pid = process.proc_task2pid(proc, task)
        with process.proc_task2proc(proc, task) as other:
            process.proc_setowner(other, 1000, False)
            standin.become(1000)
            process.proc_pid2task(proc, pid).close()
            process.proc_setowner(other, 0, True)
        with pytest.raises(HurdError, match="proc_pid2task: Operation not permitted"):
            process.proc_pid2task(proc, pid)

    def test_signals(self, proc: Port, task: Port) -> None:
        pid = process.proc_task2pid(proc, task)
        with process.proc_getmsgport(proc, pid) as port:
            with pytest.raises(HurdError, match="msg_sig_post: Operation not permitted"):
                msg.msg_sig_post(port, 15, 0, proc)
            msg.msg_sig_post(port, 15, 0, task)
        assert pid not in process.proc_getallpids(proc)

    def test_becoming_somebody_else(self, proc: Port, task: Port, standin: Standin) -> None:
        with (
            lookup.getauth() as handle,
            auth.auth_makeauth(handle, [], [1000], [1000], [5], [5]) as user,
            process.proc_task2proc(proc, task) as other,
            ReceiveRight.allocate() as rendezvous,
        ):
            process.proc_reauthenticate(other, rendezvous)
            with auth.auth_user_authenticate(user, rendezvous) as made:
                process.proc_reauthenticate_complete(made)
                pid = process.proc_getpids(made).pid
            assert process_info(proc, pid).process.owner == 1000
            with pytest.raises(HurdError, match="auth_user_authenticate: "):
                auth.auth_user_authenticate(user, rendezvous)


class TestIdentities:
    def test_ids_travel_both_ways(self, standin: Standin) -> None:
        with (
            lookup.getauth() as handle,
            auth.auth_makeauth(handle, [handle], [1, 2], [3], [4, 5, 6], []) as made,
        ):
            assert auth.auth_getids(made) == ([1, 2], [3], [4, 5, 6], [])

    def test_only_root_makes_what_it_likes(self, standin: Standin) -> None:
        standin.become(1000)
        with lookup.getauth() as handle, pytest.raises(HurdError, match="not permitted"):
            auth.auth_makeauth(handle, [], [0], [], [], [])

    def test_passwords(self, standin: Standin) -> None:
        with lookup.file_name_lookup("/servers/password") as server:
            with password.password_check_user(server, 1000, "sesame") as user:
                ids = auth.auth_getids(user)
                assert (ids.euids, ids.auids) == ([], [1000])
            with pytest.raises(HurdError, match="password_check_user: Permission denied"):
                password.password_check_user(server, 1000, "wrong")


class TestStartup:
    @pytest.fixture
    def server(self, standin: Standin) -> Iterator[Port]:
        with lookup.file_name_lookup("/servers/startup") as port:
            yield port

    def test_essential_tasks(self, server: Port) -> None:
        host, device = lookup.get_privileged_ports()
        with host, device:
            this = mach.mach_task_self()
            startup.startup_essential_task(server, this, None, "init", host)
            with pytest.raises(HurdError, match="startup_essential_task: Operation not permitted"):
                startup.startup_essential_task(server, this, None, "init", device)

    def test_reboot(self, server: Port, standin: Standin) -> None:
        host, device = lookup.get_privileged_ports()
        with host, device:
            with pytest.raises(HurdError, match="startup_reboot: Operation not permitted"):
                startup.startup_reboot(server, device, constants.RB_HALT)
            startup.startup_reboot(server, host, constants.RB_HALT)
        assert standin.lib.standin_rebooted() == constants.RB_HALT

    def test_privileged_ports_of_the_proc_server(self, server: Port, standin: Standin) -> None:
        with lookup.getproc() as proc:
            host, device = process.proc_getprivports(proc)
            with host, device:
                assert host.name != device.name
            standin.become(1000)
            with pytest.raises(HurdError, match="proc_getprivports: Operation not permitted"):
                process.proc_getprivports(proc)


class TestTasks:
    def test_suspending(self, task: Port) -> None:
        mach.task_suspend(task)
        mach.task_suspend(task)
        assert mach.task_basic_info(task).suspend_count == 2
        mach.task_resume(task)
        mach.task_resume(task)
        with pytest.raises(HurdError, match=r"task_resume: \(os/kern\) failure"):
            mach.task_resume(task)

    def test_information_is_read_as_the_flavor_says(self, task: Port) -> None:
        basic = mach.task_basic_info(task)
        assert (basic.virtual_size, basic.resident_size) == (153600000, 1 << 20)
        assert basic.user_time == (1, 2)
        assert basic.creation_time64 == (1 << 40, 12)
        assert mach.task_events_info(task) == (1, 2, 3, 4, 5, 6, 7)
        with pytest.raises(HurdError, match=r"task_info: \(os/kern\) invalid argument"):
            mach.task_info(task, 77)

    def test_what_is_set_of_one(self, task: Port) -> None:
        mach.task_priority(task, 25, True)
        mach.task_set_name(task, "drover")
        mach.task_set_essential(task, False)
        with pytest.raises(HurdError, match=r"task_priority: .*invalid argument"):
            mach.task_priority(task, 99, True)
        with pytest.raises(HurdError, match="task_set_name: File name too long"):
            mach.task_set_name(task, "x" * 64)

    def test_a_task_that_has_ended(self, task: Port, proc: Port) -> None:
        mach.task_terminate(task)
        with pytest.raises(HurdError) as caught:
            mach.task_basic_info(task)
        assert caught.value.errno == codes.MACH_SEND_INVALID_DEST


def test_words_that_end_early_are_filled_up(standin: Standin) -> None:
    """An older kernel's structure is shorter."""
    words = [1, 2, 3]
    found = read_structure(TaskBasicInfo, words)
    assert (found.suspend_count, found.base_priority, found.virtual_size) == (1, 2, 3)
    assert found.creation_time64 == (0, 0)


def test_the_kernel_is_asked_for_exactly_the_structure(standin: Standin) -> None:
    """With more room than that it leaves the newer fields as they were."""
    this = mach.mach_task_self()
    assert mach.task_basic_info(this).user_time64 == (7, 8)
    words = mach.task_info(this, constants.TASK_BASIC_INFO)
    assert read_structure(TaskBasicInfo, words).user_time64 != (7, 8)
    with mach_host.mach_host_self() as host:
        standin.lib.standin_length = 100
        assert len(mach_host.host_info(host, 1, count=7)) == 7


def test_the_host_as_the_generic_routines_tell_it(standin: Standin) -> None:
    standin.lib.standin_length = 6
    with mach_host.mach_host_self() as host:
        assert mach_host.host_load_info(host) == (101, 102, 103, 104, 105, 106)
        basic = mach_host.host_basic_info(host)
        assert (basic.max_cpus, basic.avail_cpus) == (101, 102)
        assert mach_host.host_get_kernel_version(host) == "text 101"
    standin.lib.standin_length = 40
    with mach.mach_thread_self() as thread:
        # Two times of two words each, or of four, come before it.
        at = 2 * size_of(TimeValue) // 4
        assert mach.thread_basic_info(thread).cpu_usage == 101 + at
    assert memory.vm_statistics(mach.mach_task_self()).pagesize == 101
