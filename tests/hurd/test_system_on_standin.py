"""`hurd.system` of the Hurd over the stand-in of its C library: which calls are made, and that they
give back every right.  How the servers answer is for the real Hurd to say.
"""

from __future__ import annotations

import errno
import os
import threading
from types import SimpleNamespace

import pytest

from hurd import lookup, process
from hurd.errors import HurdError
from hurd.system import RebootError, libc, servers
from hurd.system.hurd import HurdSystem
from hurd.translator import mounting

EBUSY, EINVAL, EPERM = 0x40000010, 0x40000016, 0x40000001


@pytest.fixture
def system(standin, monkeypatch):
    """Every test leaves as many rights as it found."""
    monkeypatch.setattr(mounting, "program_for", lambda kind, *_: f"/hurd/{kind}")
    before = standin.references()
    yield HurdSystem()
    assert standin.references() == before


def refused(code: int, call, *arguments, **named) -> HurdError:
    with pytest.raises(HurdError) as caught:
        call(*arguments, **named)
    assert caught.value.errno == code
    return caught.value


def own_pid() -> int:
    with lookup.getproc() as server:
        return process.proc_getpids(server).pid


def test_process_table_is_the_proc_servers(system, standin):
    before = system.process_table()
    assert own_pid() in before and len(before) == standin.tasks()
    system.mount("1M", "/tmp", "tmpfs")
    (fresh,) = system.process_table().keys() - before.keys()
    found = system.process_table()[fresh]
    assert (found.pid, found.state) == (fresh, "S")
    assert found.started == system.process_table()[fresh].started != ""
    assert system.process_command(fresh) == ["/hurd/tmpfs", "1M"]
    system.unmount("/tmp", force=True)


def test_process_that_ends_meanwhile_is_left_out(system, standin):
    standin.fail("proc_getprocinfo", 0x40000003)
    assert len(system.process_table()) == standin.tasks() - 1


def test_first_processes_and_important_ones_are_essential(system):
    assert all(system.is_essential(pid) for pid in (1, 2, 3, 4))
    ours = own_pid()
    assert not system.is_essential(ours)
    with lookup.getproc() as server:
        process.proc_mark_important(server)
    assert system.is_essential(ours)
    assert ours not in system.processes_to_end()
    assert not system.is_essential(99999999)


def test_daemon_is_registered_as_essential(system, standin):
    assert system.register_essential("init") is True
    assert standin.calls("startup_essential_task") == 1
    standin.fail("startup_essential_task", EPERM)
    assert refused(EPERM, system.register_essential, "init").routine == "startup_essential_task"
    standin.fail("get_privileged_ports", EPERM)
    refused(EPERM, system.register_essential, "init")


def test_words_of_the_kernel_come_from_its_task(system, standin, monkeypatch):
    words = b"gnumach\0root=device:hd0s1\0--kernel-task=5\0single\0"
    monkeypatch.setattr(
        process, "proc_getprocargs", lambda _server, pid: words if pid == 3 else b""
    )
    assert system.boot_arguments() == ["root=device:hd0s1", "single"]


def test_words_that_pid_1_was_given_do_if_the_kernel_tells_none(system, standin, monkeypatch):
    monkeypatch.setattr("sys.argv", ["runsystem", "--kernel-task=5", "fastboot"])
    standin.fail("proc_getprocargs", EPERM, 2)
    assert system.boot_arguments() == []
    monkeypatch.setattr(system, "is_init", lambda: True)
    assert system.boot_arguments() == ["fastboot"]


def test_file_systems_are_mounted_listed_and_unmounted(system):
    system.mount("1M", "/tmp", "tmpfs", ["mode=1777,nofail"])
    root, tmp = system.mounts()
    assert (root.source, root.target, root.type) == ("device:hd0s1", "/", "ext2fs")
    assert "rw" in root.options
    assert (tmp.target, tmp.type) == ("/tmp", "tmpfs")
    refused(EBUSY, system.mount, "1M", "/tmp", "tmpfs")
    system.unmount("/tmp", force=True)
    assert [m.target for m in system.mounts()] == ["/"]
    with pytest.raises(OSError) as caught:
        system.unmount("/tmp")
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, "/tmp")


def test_root_is_looked_at_without_the_others(system, standin):
    before = standin.calls("fsys_get_children")
    root = system.root_mount()
    assert (root.source, root.target, root.type) == ("device:hd0s1", "/", "ext2fs")
    assert standin.calls("fsys_get_children") == before


def test_startup_is_not_asked_what_is_mounted(system, monkeypatch):
    """It answers nobody while it waits for the daemon to stop its services."""
    system.mount("1M", "/tmp", "tmpfs")
    monkeypatch.setattr(servers, "_STARTUP", "/tmp")
    assert [m.target for m in system.mounts()] == ["/"]
    system.unmount("/tmp", force=True)


def test_root_is_remounted(system):
    system.remount("/", ["ro"])
    assert "ro" in system.mounts()[0].options
    system.remount("/", ["rw", "nofail"])
    assert "rw" in system.mounts()[0].options


def test_mount_that_fails_names_what_it_was(system, standin):
    standin.fail("file_set_translator", EBUSY)
    assert "/tmp" in str(refused(EBUSY, system.mount, "1M", "/tmp", "tmpfs"))
    assert "/hurd/absent" in str(refused(0x40000002, system.mount, "/dev/hd0s1", "/mnt", "absent"))
    refused(EINVAL, system.remount, "/mnt", ["ro"])
    standin.fail("fsys_set_options", EBUSY)
    assert "/" in str(refused(EBUSY, system.remount, "/", ["ro"]))


def test_sizes_of_memory_are_told_without_a_pager(system, standin):
    standin.fail("vm_set_default_memory_manager", EPERM, 2)
    sizes = system.memory()
    assert sizes.total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert (sizes.swap_total, sizes.swap_free) == (0, 0)
    assert system.swap_devices() == []


@pytest.fixture
def reboot(monkeypatch):
    """Instead of glibc's function, which would reach the kernel that the tests run on."""
    answers: list[int] = []

    def call(flags: int) -> int:
        answers.append(flags)
        return 0  # what it says when it cannot look up /servers/startup

    monkeypatch.setattr(libc, "libc", SimpleNamespace(reboot=call))
    monkeypatch.setattr(os, "sync", lambda: answers.append(-1))
    return answers


@pytest.mark.parametrize(("action", "flags"), [("halt", 8), ("power-off", 8), ("reboot", 0)])
def test_machine_stops_even_without_startup(system, standin, reboot, action, flags):
    with pytest.raises(RebootError):  # only because nothing of this stops the test
        system.reboot(action)
    assert reboot == [flags, -1]  # asked, then synchronised
    assert standin.calls("host_reboot") == 1


def test_reboot_that_is_refused_says_why(system, standin, reboot, monkeypatch):
    monkeypatch.setattr(libc, "libc", SimpleNamespace(reboot=lambda _flags: -1))
    monkeypatch.setattr(libc, "c_errno", lambda: errno.EPERM)
    with pytest.raises(RebootError) as caught:
        system.reboot("halt")
    assert (caught.value.errno, caught.value.operation) == (errno.EPERM, "RB_HALT")
    assert standin.calls("host_reboot") == 0


def test_local_sockets_are_started_once(system, standin, monkeypatch):
    from hurd import io
    from hurd.translator import setting
    from hurd.translator.nodes import open_node

    def lstat(_system, path):
        # There the C library's open looks nodes up, which the stand-in has no part in.
        with open_node(path) as node:
            return io.io_stat(node)

    monkeypatch.setattr(type(system), "lstat", lstat)
    started: list[tuple] = []
    monkeypatch.setattr(
        setting,
        "set_active",
        lambda node, argv, **_: started.append((node, argv)) or SimpleNamespace(close=lambda: None),
    )
    refused(0x40000002, system.start_local_sockets)  # there is no such node at all
    for name in ("/servers/socket", "/servers/socket/1"):
        with lookup.file_name_split(name).directory as directory:
            from hurd import fs

            last = name.rpartition("/")[2]
            if last == "socket":
                fs.dir_mkdir(directory, last, 0o755)
            else:
                lookup.file_name_lookup_under(directory, last, 0x10, 0o666).close()
    system.start_local_sockets()
    assert started == [("/servers/socket/1", ["/hurd/pflocal"])]
    setting.set_passive("/servers/socket/1", ["/hurd/pflocal"])
    system.start_local_sockets()
    assert len(started) == 1


def test_the_end_of_the_machine_is_told_and_waits(system, standin):
    from hurd import startup

    told = threading.Event()
    system.on_machine_end(told.set)
    notice = system._notice
    with notice._right.make_send() as port:
        asking = threading.Thread(target=startup.startup_dosync, args=(port, 60000))
        asking.start()
        assert told.wait(5)
        assert asking.is_alive()
        system.allow_machine_end()
        asking.join(5)
        assert not asking.is_alive()
    notice.close()


def test_an_end_that_was_refused_may_be_held_up_again(system, standin, reboot):
    system.on_machine_end(lambda: None)
    with pytest.raises(RebootError):
        system.reboot("halt")
    assert not system._notice._allowed.is_set()
    system._notice.close()


def test_the_end_of_the_server_of_local_sockets_is_told(system, standin, monkeypatch):
    from hurd.translator.setting import set_active

    told = threading.Event()
    with set_active("/etc/motd", ["/hurd/hello"]) as server:
        # In the place of a port of /servers/socket/1: the stand-in's nodes outlive their servers.
        monkeypatch.setattr(lookup, "file_name_lookup", lambda *_: server.control.copy())
        system.on_local_sockets_lost(told.set)
        assert not told.wait(0.05)
        server.kill()
        assert told.wait(5)
    system._watcher.close()


def test_what_is_asked_about_a_process_that_is_not_there(system):
    assert system.process_command(99999999) is None
    assert system.process(99999999) is None
    assert system.process_owner(99999999) == -1
    assert system.process(own_pid()).state == "S"


def test_swap_space_is_that_of_the_default_pager(system, standin):
    standin.fail("get_privileged_ports", EPERM)
    assert system.swap_devices() == []


def test_nothing_of_it_is_there_on_another_system():
    from hurd.errors import HurdUnavailable

    for call in (HurdSystem().process_table, HurdSystem().mounts, HurdSystem().memory):
        with pytest.raises(HurdUnavailable):
            call()
