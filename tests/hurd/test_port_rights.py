"""Ports own one right each: closing, copying, dying, and nothing left over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from standin.control import Standin

from hurd import auth, codes, constants, fs, fsys, io, lookup, mach, mach_host, memory, process
from hurd.errors import HurdError
from hurd.ports import BorrowedPort, Port, PortSet, ReceiveRight
from hurd.process_info import process_info


def refs(name: int, right: int = constants.MACH_PORT_RIGHT_SEND) -> int:
    return mach.mach_port_get_refs(mach.mach_task_self(), name, right)


def test_with_gives_the_right_back(standin: Standin) -> None:
    before = standin.references()
    with lookup.getproc() as port:
        name = port.name
        assert refs(name) == 1
        assert port
    assert not port
    assert standin.references() == before
    with pytest.raises(HurdError, match="invalid name"):
        refs(name)


def test_closing_twice_does_not_hit_whoever_has_the_name_now(standin: Standin) -> None:
    first = ReceiveRight.allocate()
    name = first.name
    first.close()
    second = ReceiveRight.allocate()
    assert second.name == name
    first.close()
    assert refs(name, constants.MACH_PORT_RIGHT_RECEIVE) == 1
    second.close()


def test_release_leaves_the_right_to_the_caller(standin: Standin) -> None:
    port = lookup.getproc()
    name = port.release()
    port.close()
    assert refs(name) == 1
    Port(name).close()


def test_a_copy_is_one_more_reference_under_the_same_name(standin: Standin) -> None:
    with lookup.getproc() as port, port.copy() as copy:
        assert copy.name == port.name
        assert refs(port.name) == 2


def test_null_and_dead_are_no_ports(standin: Standin) -> None:
    before = standin.references()
    for port in (Port(constants.MACH_PORT_NULL), Port(constants.MACH_PORT_DEAD), Port.NULL):
        assert not port
        assert not port.copy()
        port.close()
    assert standin.references() == before
    with pytest.raises(AttributeError, match=r"^Port.NULL is always null"):
        Port.NULL.name = 3


def test_a_borrowed_right_stays(standin: Standin) -> None:
    with mach.mach_task_self() as task:
        assert isinstance(task, BorrowedPort)
    assert refs(mach.mach_task_self().name) == 1


def test_what_is_no_port_is_refused_by_name(standin: Standin) -> None:
    with pytest.raises(TypeError, match=r"^file_chown: file: expected a Port or None, not 3$"):
        fs.file_chown(3, 0, 0)  # type: ignore[arg-type]


def test_a_dead_right_is_closed_and_copied_as_a_dead_name(standin: Standin) -> None:
    right = ReceiveRight.allocate()
    send = right.make_send()
    right.close()
    assert refs(send.name, constants.MACH_PORT_RIGHT_DEAD_NAME) == 1
    copy = send.copy()
    assert refs(send.name, constants.MACH_PORT_RIGHT_DEAD_NAME) == 2
    copy.close()
    name = send.name
    send.close()
    with pytest.raises(HurdError, match="invalid name"):
        refs(name)


def test_a_failure_to_copy_is_told(standin: Standin) -> None:
    with lookup.getproc() as port:
        standin.fail("mach_port_mod_refs", codes.KERN_UREFS_OVERFLOW)
        with pytest.raises(HurdError, match="user references overflow"):
            port.copy()


def test_receive_rights_and_sets_have_no_copies(standin: Standin) -> None:
    with ReceiveRight.allocate() as right, PortSet.allocate() as ports:
        with pytest.raises(TypeError, match="only one receive right"):
            right.copy()
        with pytest.raises(TypeError, match="only one right to a port set"):
            ports.copy()


def test_no_senders_is_told_to_the_port_itself(standin: Standin) -> None:
    before = standin.references()
    with ReceiveRight.allocate() as right:
        send = right.make_send()
        right.request_no_senders()
        with pytest.raises(HurdError) as caught:
            right.receive(0)
        assert caught.value.errno == codes.MACH_RCV_TIMED_OUT
        send.close()
        with right.receive(0) as message:
            assert message.id == constants.MACH_NOTIFY_NO_SENDERS
            assert message.items == [1]  # rights made in all
    assert standin.references() == before


class TestMovedRights:
    """A right that is moved away belongs to the message once it was sent."""

    def set_active(self, node: Port, control: Port) -> None:
        fs.file_set_translator(
            node, 0, constants.FS_TRANS_SET, 0, b"", control,
            disposition=constants.MACH_MSG_TYPE_MOVE_SEND,
        )  # fmt: skip

    def test_success(self, standin: Standin) -> None:
        with (
            lookup.file_name_lookup("/mnt", constants.O_NOTRANS) as node,
            ReceiveRight.allocate() as right,
        ):
            control = right.make_send()
            self.set_active(node, control)
            assert control.name == 0
            fs.file_set_translator(node, 0, constants.FS_TRANS_SET, 0, b"", None)

    def test_refused_by_the_server(self, standin: Standin) -> None:
        standin.become(1000)
        with (
            lookup.file_name_lookup("/mnt", constants.O_NOTRANS) as node,
            ReceiveRight.allocate() as right,
        ):
            control = right.make_send()
            with pytest.raises(HurdError, match="Operation not permitted"):
                self.set_active(node, control)
            assert control.name == 0

    def test_never_sent(self, standin: Standin) -> None:
        with (
            lookup.file_name_lookup("/mnt", constants.O_NOTRANS) as node,
            ReceiveRight.allocate() as right,
        ):
            control = right.make_send()
            standin.fail("file_set_translator", codes.MACH_SEND_INVALID_DEST)
            with pytest.raises(HurdError, match="invalid destination port"):
                self.set_active(node, control)
            assert refs(control.name) == 1
            control.close()

    def test_not_called_again_after_an_interrupt(self, standin: Standin) -> None:
        with lookup.getauth() as handle, lookup.getproc() as other:
            moved = other.copy()
            standin.fail("auth_makeauth", codes.EINTR)
            with pytest.raises(HurdError, match="Interrupted"):
                auth.auth_makeauth(
                    handle, [moved], [], [], [], [], disposition=constants.MACH_MSG_TYPE_MOVE_SEND
                )
            assert standin.calls("auth_makeauth") == 1
            # The stand-in's forced failure takes nothing; a server would have.
            Port(other.name).close()


def _node() -> Port:
    return lookup.file_name_lookup("/", constants.O_READ)


def _filesystem() -> None:
    with _node() as node:
        io.io_stat(node)
        fs.dir_lookup(node, "tmp", 0, 0).result.close()
        fs.dir_readdir(node, 0, -1, 0)
        fs.file_statfs(node)
        io.io_duplicate(node).close()
        found = io.io_identity(node)
        found.idport.close()
        found.fsidport.close()


def _control() -> None:
    with _node() as node, fs.file_getcontrol(node) as control:
        fsys.fsys_get_options(control)
        for port in fsys.fsys_get_children(control).controls:
            port.close()
        for port in fsys.fsys_getpriv(control):
            port.close()


def _processes() -> None:
    with lookup.getproc() as proc:
        for pid in process.proc_getallpids(proc):
            with process.proc_pid2task(proc, pid) as task:
                assert process.proc_task2pid(proc, task) == pid
            process_info(proc, pid, constants.PI_FETCH_THREADS)
    for port in lookup.get_privileged_ports():
        port.close()


def _identities() -> None:
    with lookup.getauth() as handle:
        ids = auth.auth_getids(handle)
        auth.auth_makeauth(handle, [handle], *ids).close()


def _kernel() -> None:
    this = mach.mach_task_self()
    mach.mach_port_names(this)
    mach_host.mach_host_self().close()
    mach.mach_thread_self().close()
    with mach.task_create(this, False) as task:
        mach.task_basic_info(task)
        mach.task_terminate(task)


def _messages() -> None:
    from hurd.message import Body, send

    with ReceiveRight.allocate() as right, lookup.getproc() as proc, right.make_send() as to:
        send(to, 1, Body().integer(3).port(proc).data(b"x" * 5000))
        right.receive(0).close()


def _failures() -> None:
    with _node() as node:
        for call in (
            lambda: fs.dir_lookup(node, "missing", 0, 0),
            lambda: fs.file_get_translator(node),
            lambda: fs.file_get_translator_cntl(node),
            lambda: lookup.file_name_lookup("/missing"),
            lambda: mach.mach_port_get_refs(mach.mach_task_self(), 7777, 0),
        ):
            with pytest.raises(HurdError):
                call()


@pytest.mark.parametrize(
    "family",
    [_filesystem, _control, _processes, _identities, _kernel, _messages, _failures],
    ids=lambda family: family.__name__.strip("_"),
)
def test_a_thousand_calls_leave_nothing(standin: Standin, family: Callable[[], None]) -> None:
    family()
    before = standin.references()
    rights = mach.mach_port_names(mach.mach_task_self())
    for _ in range(1000):
        family()
    assert standin.references() == before
    assert mach.mach_port_names(mach.mach_task_self()) == rights
    assert standin.memory() == 0


def test_the_kernels_routines_for_ports(standin: Standin) -> None:
    this = mach.mach_task_self()
    name = mach.mach_port_allocate(this, constants.MACH_PORT_RIGHT_RECEIVE)
    right = ReceiveRight(name)
    mach.mach_port_insert_right(this, name, right)
    both = constants.MACH_PORT_TYPE_RECEIVE | constants.MACH_PORT_TYPE_SEND
    assert mach.mach_port_type(this, name) == both
    assert dict(zip(*mach.mach_port_names(this), strict=True))[name] == both
    mach.mach_port_set_qlimit(this, name, 16)
    with pytest.raises(HurdError, match=r"mach_port_set_qlimit: .os/kern. invalid value"):
        mach.mach_port_set_qlimit(this, name, 17)
    status = mach.mach_port_get_receive_status(this, name)
    assert (status.mps_mscount, status.mps_srights) == (1, 1)
    mach.mach_port_rename(this, name, 0x10003)
    extracted = mach.mach_port_extract_right(this, 0x10003, constants.MACH_MSG_TYPE_COPY_SEND)
    assert extracted.right.name == 0x10003
    assert extracted.right_disposition == constants.MACH_MSG_TYPE_MOVE_SEND
    with pytest.raises(HurdError, match="name exists"):
        mach.mach_port_rename(this, 0x10003, this.name)
    mach.mach_port_destroy(this, 0x10003)
    with pytest.raises(HurdError, match=r"mach_port_type: .os/kern. invalid name"):
        mach.mach_port_type(this, 0x10003)


def test_memory_is_given_back(standin: Standin) -> None:
    with pytest.raises(HurdError, match=r"vm_deallocate: .os/kern. invalid argument"):
        memory.vm_deallocate(mach.mach_task_self(), 1, 1)
