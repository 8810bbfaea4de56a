"""Names lead to nodes, and libc gives a program its ports."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from standin.control import Standin

from hurd import auth, codes, constants, io, lookup, mach, process
from hurd.errors import HurdError
from hurd.ports import Port


def test_a_name_is_looked_up(standin: Standin) -> None:
    with lookup.file_name_lookup("/etc/motd", constants.O_RDWR) as node:
        assert io.io_write(node, b"Welcome", 0) == 7
        assert io.io_read(node, 0, 100) == b"Welcome"
    with (
        lookup.file_name_lookup(b"/etc") as etc,
        lookup.file_name_lookup_under(etc, "motd") as node,
    ):
        assert io.io_stat(node).st_size == 7


def test_a_name_is_made(standin: Standin) -> None:
    made = constants.O_CREAT | constants.O_EXCL
    with lookup.file_name_lookup("/tmp/n\udcff", made, 0o600) as node:
        assert io.io_stat(node).st_mode & 0o777 == 0o600
    with pytest.raises(HurdError) as caught:
        lookup.file_name_lookup("/tmp/n\udcff", made, 0o600)
    assert caught.value.errno == codes.EEXIST


@pytest.mark.parametrize(
    ("name", "flags", "code"),
    [
        ("/nowhere", 0, codes.ENOENT),
        ("/etc/motd/x", 0, codes.ENOTDIR),
        ("/etc/motd", constants.O_DIRECTORY, codes.ENOTDIR),
        ("/etc", constants.O_WRITE, codes.EISDIR),
    ],
)
def test_names_that_lead_nowhere(standin: Standin, name: str, flags: int, code: int) -> None:
    with pytest.raises(HurdError, match=r"^file_name_lookup: ") as caught:
        lookup.file_name_lookup(name, flags)
    assert caught.value.errno == code


def test_permission_is_denied_by_the_server(standin: Standin) -> None:
    standin.become(1000)
    with pytest.raises(HurdError, match="Permission denied"):
        lookup.file_name_lookup("/root/secret", constants.O_READ)


def test_a_name_with_a_nul_is_refused(standin: Standin) -> None:
    with pytest.raises(ValueError, match=r"embedded NUL in '/a\\x00b'"):
        lookup.file_name_lookup("/a\0b")


def test_an_interrupted_lookup_is_made_again_unless_it_must_be_the_first(
    standin: Standin,
) -> None:
    standin.fail("file_name_lookup", codes.EINTR, 3)
    lookup.file_name_lookup("/etc").close()
    assert standin.calls("file_name_lookup") == 4
    standin.fail("file_name_lookup", codes.EINTR)
    with pytest.raises(HurdError, match="Interrupted"):
        lookup.file_name_lookup("/tmp/x", constants.O_CREAT | constants.O_EXCL, 0o600)


def test_names_are_split(standin: Standin) -> None:
    with lookup.file_name_lookup("/etc") as etc:
        number = io.io_stat(etc).st_ino
    for split, name in (
        (lookup.file_name_split, "/etc/motd"),
        (lookup.directory_name_split, "/etc/motd///"),
    ):
        found = split(name)
        assert found.name.rstrip("/") == "motd"
        with found.directory as directory:
            assert io.io_stat(directory).st_ino == number
    with pytest.raises(HurdError, match="file_name_split: No such file"):
        lookup.file_name_split("/nowhere/x")


def test_programs_are_found_in_the_path(standin: Standin) -> None:
    path, run = "/nowhere:/bin:/hurd", constants.O_EXEC
    found = lookup.file_name_path_lookup("hello", path, run)
    assert found.name == "/hurd/hello"
    found.port.close()
    found = lookup.file_name_path_lookup("/bin/true", path, run)
    assert found.name == "/bin/true"
    found.port.close()
    with pytest.raises(HurdError, match="file_name_path_lookup: No such file"):
        lookup.file_name_path_lookup("missing", path, run)


def test_the_ports_of_this_program(standin: Standin) -> None:
    before = standin.references()
    for get in (lookup.getauth, lookup.getproc, lookup.getcrdir, lookup.getcwdir):
        with get() as port:
            assert port
    with lookup.getdport(1) as port:
        assert io.io_stat(port).st_mode
    assert not lookup.getcttyid()
    with pytest.raises(HurdError, match="getdport: Bad file descriptor"):
        lookup.getdport(99)
    assert standin.references() == before


@pytest.mark.parametrize(
    ("get", "put"),
    [
        (lookup.getauth, lookup.setauth),
        (lookup.getproc, lookup.setproc),
        (lookup.getcrdir, lookup.setcrdir),
        (lookup.getcwdir, lookup.setcwdir),
        (lookup.getcttyid, lookup.setcttyid),
    ],
)
def test_setting_a_port_consumes_nothing(
    standin: Standin, get: Callable[[], Port], put: Callable[[Port], None]
) -> None:
    with get() as port:
        put(port)
        assert bool(port) == (get is not lookup.getcttyid)


def test_setting_what_is_no_such_port(standin: Standin) -> None:
    with lookup.getproc() as port, pytest.raises(HurdError, match=r"^setauth: "):
        lookup.setauth(port)


def test_a_port_becomes_a_descriptor_and_belongs_to_it(standin: Standin) -> None:
    port = lookup.file_name_lookup("/etc/motd", constants.O_READ)
    assert lookup.openport(port, constants.O_READ) == 77
    assert not port
    with mach.mach_thread_self() as thread:
        with pytest.raises(HurdError, match=r"^openport: "):
            lookup.openport(thread)
        assert thread


def test_privileged_ports_are_for_root(standin: Standin) -> None:
    host, device = lookup.get_privileged_ports()
    with host, device:
        assert host.name != device.name
    standin.become(1000)
    with pytest.raises(HurdError, match="get_privileged_ports: Operation not permitted"):
        lookup.get_privileged_ports()


def test_tasks_and_pids(standin: Standin) -> None:
    with mach.task_create(mach.mach_task_self(), False) as task:
        pid = lookup.task2pid(task)
        with lookup.pid2task(pid) as same:
            assert same.name == task.name
        lookup.hurd_sig_post(pid, 0, task)
        with pytest.raises(HurdError, match="hurd_sig_post: Operation not permitted"):
            lookup.hurd_sig_post(pid, 15, mach.mach_task_self())
        lookup.hurd_sig_post(pid, 15, task)
        with pytest.raises(HurdError, match="pid2task: No such process"):
            lookup.pid2task(pid)
    with lookup.getproc() as port, pytest.raises(HurdError, match="task2pid: No such process"):
        lookup.task2pid(port)


def test_another_threads_call_can_be_cancelled(standin: Standin) -> None:
    assert not lookup.hurd_check_cancel()
    with mach.mach_thread_self() as thread:
        lookup.hurd_thread_cancel(thread)
    assert lookup.hurd_check_cancel()
    with pytest.raises(HurdError, match=r"^hurd_thread_cancel: "):
        lookup.hurd_thread_cancel(mach.mach_task_self())


def test_identity_and_process_are_usable(standin: Standin) -> None:
    with lookup.getauth() as handle, lookup.getproc() as proc:
        assert auth.auth_getids(handle).euids == [0]
        assert process.proc_getpids(proc).ppid == 1
