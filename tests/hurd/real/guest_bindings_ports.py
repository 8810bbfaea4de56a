"""Runs in the guest: rights, messages, notifications, and the watching of ports."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from guest_checks import check, node, plain, settled, with_node

from hurd import constants as c
from hurd import default_pager, io, lookup, mach, process, startup
from hurd.errors import HurdError
from hurd.message import Body, call, send
from hurd.notification import PortWatcher
from hurd.ports import Port, PortSet, ReceiveRight


def ports() -> None:
    check("receive nothing", lambda: time_of(lambda: receive_nothing()))
    check("message", sent)
    check("large message", sent_large)
    check("call", called)
    check("call dropped", lambda: called_badly(None))
    check("set", from_set)
    check("no senders", no_senders)
    check("dead name", died)
    check("watcher", watched)
    check("watcher of a process", watched_process)
    check("rename of a right", renamed)
    check("extract", extracted)
    check("dosync", dosync)
    check("dosync unanswered", unanswered)
    check("no shutdown server", with_node("/", 0, startup.shutdown_shutdown))
    check("no acpi server", with_node("/", 0, lambda port: startup.acpi_sleep(port, 5)))
    check("default pager", swap)
    check("a signal ends a wait", interrupted)
    check("a signal repeats a wait", repeated)
    check("after fork", forked)


def dosync() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:

        def serve() -> None:
            with right.receive(5000) as request:
                request.reply(0)

        thread = threading.Thread(target=serve)
        thread.start()
        startup.startup_dosync(to, 5000)
        thread.join()
        return "answered"


def unanswered() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:
        return startup.startup_dosync(to, 100)


def swap() -> object:
    with node("/servers/default-pager", c.O_RDWR) as pager:
        found: list[object] = [plain(default_pager.default_pager_info(pager))]
        try:
            found.append(plain(default_pager.default_pager_storage_info(pager)))
        except HurdError as error:
            found.append(error.symbol)
        return found


class Alarm(Exception):
    pass


def interrupted() -> object:
    """A handler that raises ends a read that waits, as it does in os.read."""

    def ring(number: int, frame: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    reader, writer = os.pipe()
    begin = time.monotonic()
    try:
        with lookup.getdport(reader) as port:
            signal.alarm(1)
            io.io_read(port, -1, 10)
    except Alarm:
        return 0.5 < time.monotonic() - begin < 5
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(reader)
        os.close(writer)
    return "read something"


def repeated() -> object:
    """A handler that returns does not disturb it."""
    rung: list[int] = []

    def ring(number: int, frame: object) -> None:
        rung.append(number)
        os.write(writer, b"at last")

    before = signal.signal(signal.SIGALRM, ring)
    reader, writer = os.pipe()
    try:
        with lookup.getdport(reader) as port:
            signal.alarm(1)
            return [plain(io.io_read(port, -1, 10)), len(rung)]
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(reader)
        os.close(writer)


def forked() -> object:
    """Send rights go on in the child, and what belongs to the parent still works there."""
    with node("/bin/bash") as port, ReceiveRight.allocate() as right, right.make_send() as to:
        size = io.io_stat(port).st_size
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                same = io.io_stat(port).st_size == size
                mach.mach_port_type(mach.mach_task_self(), port.name)
                with lookup.getproc() as proc:
                    own = lookup_pid(proc) == os.getpid()
                status = (not same) * 2 + (not own) * 4
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        send(to, 1)
        right.receive(1000).close()
        return status


def lookup_pid(proc: Port) -> int:
    return process.proc_task2pid(proc, mach.mach_task_self())


def time_of(action: Callable[[], object]) -> object:
    begin = time.monotonic()
    result = action()
    return [result, 0.05 < time.monotonic() - begin < 2]


def receive_nothing() -> str:
    with ReceiveRight.allocate() as right:
        try:
            right.receive(100)
        except HurdError as error:
            return error.symbol
    return ""


def sent() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to, lookup.getproc() as proc:
        send(to, 99, Body().integer(-5).data(b"bytes").integers([1, 2, 3]).port(proc).port(None))
        with right.receive(1000) as message:
            port = message.items[3]
            assert isinstance(port, Port)
            same = port.name == proc.name
            return [message.id, message.port == right.name, plain(message.items), same]


def sent_large() -> object:
    big = bytes(range(256)) * 1000
    with ReceiveRight.allocate() as right, right.make_send() as to:
        send(to, 99, Body().data(big).data(b"y" * 1500).data(b"z" * 1500).data(b"x" * 1500))
        with right.receive(1000) as message:
            return [message.items[0] == big, [len(item) for item in message.items]]  # type: ignore[arg-type]


def called() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:

        def serve() -> None:
            with right.receive(5000) as request:
                request.reply(0, Body().integer(request.integer(0) * 2).data(b"ok"))

        thread = threading.Thread(target=serve)
        thread.start()
        answer = call(to, 4321, Body().integer(21), "test")
        thread.join()
        return plain(answer.items)


def called_badly(_: object) -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:
        thread = threading.Thread(target=lambda: right.receive(5000).close())
        thread.start()
        try:
            return plain(call(to, 4321, Body(), "test").items)
        finally:
            thread.join()


def from_set() -> object:
    with (
        PortSet.allocate() as group,
        ReceiveRight.allocate() as one,
        ReceiveRight.allocate() as two,
    ):
        group.add(one)
        group.add(two)
        with two.make_send() as to:
            send(to, 5)
        return group.receive(1000).port == two.name


def no_senders() -> object:
    with ReceiveRight.allocate() as right:
        port = right.make_send()
        right.request_no_senders()
        port.close()
        with right.receive(1000) as message:
            return [message.id, plain(message.items)]


def died() -> object:
    this = mach.mach_task_self()
    with ReceiveRight.allocate() as notices:
        right = ReceiveRight.allocate()
        port = right.make_send()
        mach.mach_port_request_notification(
            this, port.name, c.MACH_NOTIFY_DEAD_NAME, 1, notices
        ).close()
        right.close()
        with notices.receive(1000) as message:
            found = [message.id, message.items == [port.name]]
        refs = mach.mach_port_get_refs(this, port.name, c.MACH_PORT_RIGHT_DEAD_NAME)
        mach.mach_port_deallocate(this, port.name)
        port.close()
        return [*found, refs]


def watched() -> object:
    """Deaths and messages, through a watcher; one watch withdrawn."""
    events: list[str] = []
    done = threading.Event()

    def deliver(action: Callable[[], None]) -> None:
        action()
        if len(events) == 2:
            done.set()

    before = settled()
    with PortWatcher(deliver) as watcher:
        one, two = ReceiveRight.allocate(), ReceiveRight.allocate()
        with one.make_send() as send_one, two.make_send() as send_two:
            watcher.on_death(send_one, lambda: events.append("one"))
            watcher.on_death(send_two, lambda: events.append("two")).cancel()
        inbox = ReceiveRight.allocate()

        def handle(message) -> None:  # type: ignore[no-untyped-def]
            events.append(f"message {message.id}")
            message.close()

        watcher.on_message(inbox, handle)
        two.close()
        one.close()
        with inbox.make_send() as to:
            send(to, 77)
        done.wait(5)
        inbox.close()
    after = settled()
    return [sorted(events), sum(after.values()) - sum(before.values())]


def watched_process() -> object:
    done = threading.Event()
    child = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    with PortWatcher(lambda action: action()) as watcher:
        with lookup.pid2task(child) as task:
            watcher.on_death(task, done.set)
        alive = not done.wait(0.3)
        os.kill(child, 9)
        begin = time.monotonic()
        died = done.wait(5)
        quick = time.monotonic() - begin < 1
    os.waitpid(child, 0)
    return [alive, died, quick]


def renamed() -> object:
    this = mach.mach_task_self()
    name = mach.mach_port_allocate(this, c.MACH_PORT_RIGHT_RECEIVE)
    mach.mach_port_rename(this, name, 0x12345)
    kinds = mach.mach_port_type(this, 0x12345)
    mach.mach_port_set_qlimit(this, 0x12345, 3)
    status = mach.mach_port_get_receive_status(this, 0x12345)
    mach.mach_port_destroy(this, 0x12345)
    return [kinds, status.mps_qlimit]


def extracted() -> object:
    this = mach.mach_task_self()
    with ReceiveRight.allocate() as right:
        found = mach.mach_port_extract_right(this, right.name, c.MACH_MSG_TYPE_MAKE_SEND)
        with found.right:
            return [found.right.name == right.name, found.right_disposition]
