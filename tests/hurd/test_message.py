"""Messages made by hand: the bytes of both machines, and calls of routines in no library."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin.control import Standin

from hurd import codes, constants, default_pager, lookup, mach, startup
from hurd.errors import HurdError
from hurd.layouts import I686, X86_64, Layout
from hurd.message import Body, Message, call, pack, send, unpack
from hurd.ports import Port, PortSet, ReceiveRight


def words(raw: bytes) -> list[int]:
    return [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]


class TestBytes:
    """The sizes and words that were seen on a Hurd i386, or computed from mig's output."""

    def test_fsys_startup_on_i686(self) -> None:
        body = Body(I686).integer(0).port(Port(0x77), constants.MACH_MSG_TYPE_MOVE_SEND)
        raw = pack(22000, 0x33, 0x44, 0x1112, body, I686)
        # As the real message was received: id 22000, 40 bytes, bits 0x80001112.
        assert len(raw) == 40
        assert words(raw) == [
            0x80001112, 40, 0x33, 0x44, 0, 22000, 0x10012002, 0, 0x10012011, 0x77,
        ]  # fmt: skip

    def test_fsys_startup_on_x86_64(self) -> None:
        body = Body(X86_64).integer(5).port(Port(0x77), constants.MACH_MSG_TYPE_MOVE_SEND)
        raw = pack(22000, 0x33, 0x44, 0x1112, body, X86_64)
        assert len(raw) == 64
        assert words(raw)[10] == 5  # at byte 40
        assert words(raw)[14] == 0x77  # at byte 56
        assert words(raw)[8] == 2 | 32 << 8 | 1 << 29
        assert words(raw)[12] == 17 | 64 << 8 | 1 << 29

    def test_swap_on_i686_is_as_mig_writes_it(self) -> None:
        body = (
            Body(I686).port(Port(0x55)).words([8, 99]).text(b"hd0s2".ljust(256, b"\0")).flag(True)
        )
        raw = pack(2284, 1, 2, 0x1513, body, I686)
        assert len(raw) == 312 + 2 * 4
        found = words(raw)
        assert found[:6] == [0x80001513, 320, 1, 2, 0, 2284]
        assert found[6:8] == [0x10012013, 0x55]  # COPY_SEND, 32 bits, one
        # The long form: nothing in the first word but that it is in line.
        assert found[8:13] == [0x30000000, 2 | 32 << 16, 2, 8, 99]
        assert found[13] == 12 | 8 << 8 | 256 << 16 | 1 << 28  # STRING_C, 8 bits, 256
        assert found[-2:] == [0 | 32 << 8 | 1 << 16 | 1 << 28, 1]  # BOOLEAN

    @pytest.mark.parametrize(("layout", "empty", "one"), [(I686, 24, 32), (X86_64, 32, 48)])
    def test_sizes(self, layout: Layout, empty: int, one: int) -> None:
        assert len(pack(40000, 1, 2, 0, None, layout)) == empty
        assert len(pack(41000, 1, 2, 0, Body(layout).integer(5), layout)) == one

    def test_a_notification_names_a_port_without_a_right(self) -> None:
        # Dead name 72: type PORT_NAME, 32 bits wide on both machines.
        for layout in (I686, X86_64):
            descriptor = layout.descriptor(15, 32, 1, True, False)
            raw = layout.pack_header(0x12, 0, 0, 9, 72) + descriptor + (0x123).to_bytes(4, "little")
            raw += bytes(-len(raw) % layout.word)
            sized = raw[:4] + len(raw).to_bytes(4, "little") + raw[8:]
            message = unpack(sized, layout)
            assert (message.id, message.port, message.items) == (72, 9, [0x123])

    def test_long_descriptors_of_i686(self) -> None:
        raw = I686.descriptor(8, 8, 5000, True, True)
        assert words(raw) == [0x30000000, 8 | 8 << 16, 5000]
        assert I686.read_descriptor(raw, 0) == (8, 8, 5000, True, 12)


@given(
    st.sampled_from([I686, X86_64]),
    st.lists(
        st.one_of(
            st.integers(-(1 << 31), (1 << 31) - 1),
            st.binary(min_size=1, max_size=50),
            st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=2, max_size=9),
            st.builds(lambda number: Port(number), st.integers(1, (1 << 32) - 2)),
        ),
        max_size=6,
    ),
)
def test_fields_come_back(layout: Layout, fields: list[int | bytes | list[int] | Port]) -> None:
    body = Body(layout)
    for field in fields:
        if isinstance(field, Port):
            # As a receiver would see it.
            body.port(field, constants.MACH_MSG_TYPE_MOVE_SEND)
        elif isinstance(field, bytes):
            body.data(field)
        elif isinstance(field, list):
            body.integers(field)
        else:
            body.integer(field)
    message = unpack(pack(7, 0, 0, 0, body, layout), layout)
    names = [field.name if isinstance(field, Port) else field for field in fields]
    assert [item.name if isinstance(item, Port) else item for item in message.items] == names


@pytest.mark.parametrize("layout", [I686, X86_64])
def test_a_message_that_is_cut_off_is_refused(layout: Layout) -> None:
    body = Body(layout).integer(1).data(b"0123456789").integers([1, 2])
    raw = pack(7, 0, 0, 0, body, layout)
    whole = []
    for size in range(layout.header, len(raw) + 1):
        try:
            cut = raw[:4] + size.to_bytes(4, "little") + raw[8:size]
            whole.append(len(unpack(cut, layout).items))
        except HurdError as error:
            assert error.errno == codes.MIG_BAD_ARGUMENTS
    # Between two fields it cannot be seen; the last one's padding does not count.
    assert set(whole) == {0, 1, 2, 3}
    assert len(whole) < 20


def test_ports_arrays_and_memory_travel(standin: Standin) -> None:
    before = standin.references()
    big = bytes(range(256)) * 40
    with ReceiveRight.allocate() as right, right.make_send() as to, lookup.getproc() as proc:
        send(to, 99, Body().data(b"small").data(big).integers([1, 2, 3]).port(proc).port(None))
        with right.receive(0) as message:
            assert (message.id, message.port) == (99, right.name)
            small, large, numbers, port, null = message.items
            assert (small, large, numbers) == (b"small", big, [1, 2, 3])
            assert isinstance(port, Port)
            assert isinstance(null, Port)
            assert port.name == proc.name
            assert not null
            taken = message.take(3)
        assert taken
        taken.close()
    assert standin.references() == before
    assert standin.memory() == 0


def test_a_message_larger_than_the_buffer_is_received(standin: Standin) -> None:
    with ReceiveRight.allocate() as right, right.make_send() as to:
        body = Body()
        for _ in range(10):
            body.data(b"x" * 2000)
        send(to, 1, body)
        assert len(right.receive(0).items) == 10


def test_moving_a_right_into_a_message_gives_it_up(standin: Standin) -> None:
    with ReceiveRight.allocate() as right, right.make_send() as to:
        port = lookup.getproc()
        send(to, 1, Body().port(port, constants.MACH_MSG_TYPE_MOVE_SEND))
        assert not port
        right.receive(0).close()


def test_sending_to_a_dead_port_keeps_what_would_have_been_moved(standin: Standin) -> None:
    right = ReceiveRight.allocate()
    to = right.make_send()
    right.close()
    with lookup.getproc() as port:
        with pytest.raises(HurdError) as caught:
            send(to, 1, Body().port(port, constants.MACH_MSG_TYPE_MOVE_SEND))
        assert caught.value.errno == codes.MACH_SEND_INVALID_DEST
        assert port
    to.close()


def test_receiving_in_vain(standin: Standin) -> None:
    with ReceiveRight.allocate() as right:
        with pytest.raises(HurdError) as caught:
            right.receive(10)
        assert caught.value.errno == codes.MACH_RCV_TIMED_OUT
    with pytest.raises(HurdError, match="invalid name"):
        ReceiveRight(0x4007).receive(0)


def test_a_port_set_receives_for_its_members(standin: Standin) -> None:
    before = standin.references()
    with (
        PortSet.allocate() as ports,
        ReceiveRight.allocate() as one,
        ReceiveRight.allocate() as two,
    ):
        ports.add(one)
        ports.add(two)
        with two.make_send() as to:
            send(to, 5)
        assert ports.receive(0).port == two.name
        with pytest.raises(HurdError, match="port in set"):
            one.receive(0)
    assert standin.references() == before


def test_the_request_of_a_call_that_cannot_be_sent(standin: Standin) -> None:
    right = ReceiveRight.allocate()
    to = right.make_send()
    right.close()
    before = standin.references()
    with pytest.raises(HurdError, match="invalid destination port"):
        call(to, 1, Body(), "test_routine")
    assert standin.references() == before
    to.close()


class TestItems:
    def test_an_item_that_is_not_what_it_should_be(self) -> None:
        message = Message(22000, 1, Port(0), [3, b"x"])
        assert repr(message) == "<Message 22000 [3, b'x']>"
        assert message.integer(0) == 3
        with pytest.raises(HurdError, match=r"^message 22000: .*server type check failure"):
            message.integer(1)
        with pytest.raises(HurdError, match="server type check failure"):
            message.take(0)
        with pytest.raises(HurdError, match="server type check failure"):
            message.take(7)


class Server:
    """Answers one request on a thread of its own."""

    def __init__(self, right: ReceiveRight, answer: object) -> None:
        self.right = right
        self.answer = answer
        self.request: Message | None = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        with self.right.receive(5000) as self.request:
            if callable(self.answer):
                self.answer(self.request)

    def join(self) -> None:
        self.thread.join()


def test_a_call_is_answered(standin: Standin) -> None:
    before = standin.references()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        server = Server(right, lambda request: request.reply(0, Body().integer(7).data(b"ok")))
        answer = call(to, 1234, Body().integer(1), "test_routine")
        server.join()
        assert answer.items == [7, b"ok"]
        assert server.request is not None
        assert (server.request.id, server.request.items) == (1234, [1])
    assert standin.references() == before


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda request: request.reply(codes.EPERM), codes.EPERM),
        (None, codes.MIG_SERVER_DIED),  # the request is dropped
        (lambda request: send_wrong_id(request), codes.MIG_REPLY_MISMATCH),
        (lambda request: send_empty(request), codes.MIG_TYPE_ERROR),
    ],
    ids=["an error", "no answer", "another answer", "an empty answer"],
)
def test_a_call_that_fails(standin: Standin, answer: object, code: int) -> None:
    before = standin.references()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        server = Server(right, answer)
        with pytest.raises(HurdError, match=r"^test_routine: ") as caught:
            call(to, 1234, Body(), "test_routine")
        server.join()
        assert caught.value.errno == code
    assert standin.references() == before


def send_wrong_id(request: Message) -> None:
    request.id = 1
    request.reply(0)


def send_empty(request: Message) -> None:
    send(request.reply_port, request.id + 100, disposition=constants.MACH_MSG_TYPE_MOVE_SEND_ONCE)


def test_a_call_may_give_up_waiting(standin: Standin) -> None:
    before = standin.references()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        with pytest.raises(HurdError) as caught:
            call(to, 1, Body(), "test_routine", 10)
        assert caught.value.errno == codes.MACH_RCV_TIMED_OUT
    assert standin.references() == before


class TestRoutinesInNoLibrary:
    def last(self, standin: Standin) -> list[int]:
        return list(standin.lib.standin_last_message)

    def test_power(self, standin: Standin) -> None:
        with lookup.file_name_lookup("/servers/shutdown") as server:
            startup.shutdown_shutdown(server)
            assert self.last(standin)[0] == 40000
        with lookup.file_name_lookup("/servers/acpi") as server:
            startup.acpi_sleep(server, 5)
            assert self.last(standin)[:2] == [41000, 5]
            assert startup.acpi_get_pci_irq(server, 1, 2, 3) == 13
            assert self.last(standin)[:4] == [41001, 1, 2, 3]

    def test_swap(self, standin: Standin) -> None:
        with (
            lookup.file_name_lookup("/servers/default-pager") as pager,
            lookup.file_name_lookup("/dev/hd0s1") as device,
        ):
            default_pager.default_pager_object_set_size(pager, 1 << 30)
            assert self.last(standin)[:2] == [2282, 1 << 30]
            default_pager.default_pager_paging_storage_new(pager, device, [0, 99], "hd0s2", True)
            assert self.last(standin)[0] == 2284
            with pytest.raises(HurdError, match=r"default_pager_storage_info: .*bad request"):
                default_pager.default_pager_storage_info(pager)
            with pytest.raises(HurdError, match="paging_storage_new: File name too long"):
                default_pager.default_pager_paging_storage_new(pager, device, [], "x" * 256, True)

    def test_swap_is_listed(self, standin: Standin) -> None:
        with ReceiveRight.allocate() as right, right.make_send() as pager:
            body = Body().words([1 << 20, 1 << 21]).words([1 << 19, 0]).data(b"hd0s2\0hd1\0")
            server = Server(right, lambda request: request.reply(0, body))
            found = default_pager.default_pager_storage_info(pager)
            server.join()
        assert found.size == [1 << 20, 1 << 21]
        assert found.free == [1 << 19, 0]
        assert found.name == b"hd0s2\0hd1\0"

    def test_one_number_is_a_list_too_and_too_few_are_refused(self, standin: Standin) -> None:
        with ReceiveRight.allocate() as right, right.make_send() as pager:
            one = Body().words([1 << 20]).words([5]).data(b"hd0s2\0")
            server = Server(right, lambda request: request.reply(0, one))
            assert default_pager.default_pager_storage_info(pager).free == [5]
            server.join()
            with lookup.getproc() as extra:
                before = standin.references()
                more = Body().words([1]).words([2]).data(b"").port(extra)
                server = Server(right, lambda request: request.reply(0, more))
                default_pager.default_pager_storage_info(pager)
                server.join()
                assert standin.references() == before
            server = Server(right, lambda request: request.reply(0, Body().words([1])))
            with pytest.raises(HurdError, match="client type check failure"):
                default_pager.default_pager_storage_info(pager)
            server.join()

    def test_dosync_waits_no_longer_than_told(self, standin: Standin) -> None:
        with ReceiveRight.allocate() as right, right.make_send() as program:
            server = Server(right, lambda request: request.reply(0))
            startup.startup_dosync(program, 5000)
            server.join()
            assert server.request is not None
            # The time is not part of the message.
            assert (server.request.id, server.request.items) == (29500, [])
            with pytest.raises(HurdError, match="timed out"):
                startup.startup_dosync(program, 10)

    def test_a_server_that_does_not_know_the_routine(self, standin: Standin) -> None:
        with lookup.getproc() as proc, pytest.raises(HurdError) as caught:
            startup.shutdown_shutdown(proc)
        assert caught.value.errno == codes.MIG_BAD_ID
        assert caught.value.routine == "shutdown_shutdown"


def test_the_console_of_the_kernel(standin: Standin) -> None:
    mach.mach_print("hällo\n")
    assert bytes(standin.ffi.string(standin.lib.standin_console)).decode() == "hällo\n"
