"""Deaths of ports and messages reach the event loop, and nothing of the watching is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from standin.control import Standin

from hurd import codes, constants, lookup, mach
from hurd.errors import HurdError
from hurd.message import Body, Message, send
from hurd.notification import PortWatcher
from hurd.ports import Port, ReceiveRight


@pytest.fixture
async def watcher(standin: Standin) -> AsyncIterator[PortWatcher]:
    before = standin.references()
    with PortWatcher(asyncio.get_running_loop().call_soon_threadsafe) as made:
        yield made
    assert standin.references() == before


class Owned:
    """A port with its receive right, which can die."""

    def __init__(self) -> None:
        self.right = ReceiveRight.allocate()
        self.send = self.right.make_send()

    def close(self) -> None:
        self.right.close()
        self.send.close()


async def test_a_death_is_told_on_the_loops_thread(watcher: PortWatcher) -> None:
    port, told = Owned(), asyncio.Event()
    threads: list[threading.Thread] = []

    def dead() -> None:
        threads.append(threading.current_thread())
        told.set()

    watcher.on_death(port.send, dead)
    await asyncio.sleep(0.02)
    assert not told.is_set()
    port.right.close()
    await asyncio.wait_for(told.wait(), 1)
    assert threads == [threading.current_thread()]
    port.close()


async def test_a_port_may_be_closed_while_it_is_watched(watcher: PortWatcher) -> None:
    port, told = Owned(), asyncio.Event()
    watcher.on_death(port.send, told.set)
    port.send.close()
    port.right.close()
    await asyncio.wait_for(told.wait(), 1)


async def test_a_port_that_is_dead_already(watcher: PortWatcher) -> None:
    port, told = Owned(), asyncio.Event()
    port.right.close()
    watcher.on_death(port.send, told.set)
    await asyncio.wait_for(told.wait(), 1)
    port.close()


async def test_several_watch_one_port_and_one_of_them_stops(watcher: PortWatcher) -> None:
    port = Owned()
    told: list[str] = []
    watcher.on_death(port.send, lambda: told.append("one"))
    watch = watcher.on_death(port.send, lambda: told.append("two"))
    watcher.on_death(port.send, lambda: told.append("three"))
    watch.cancel()
    watch.cancel()
    port.right.close()
    async with asyncio.timeout(1):
        while len(told) < 2:
            await asyncio.sleep(0.005)
    assert told == ["one", "three"]
    port.close()


async def test_a_watch_that_was_cancelled_says_nothing(
    watcher: PortWatcher, standin: Standin
) -> None:
    port = Owned()
    before = standin.references()
    told: list[str] = []
    watcher.on_death(port.send, lambda: told.append("first")).cancel()
    port.close()
    await asyncio.sleep(0.02)
    assert told == []
    # The watcher's own rights: the set and where notices go to.
    assert standin.references() - before == 0


async def test_cancelling_while_the_notice_is_on_its_way(watcher: PortWatcher) -> None:
    port = Owned()
    told: list[str] = []
    watch = watcher.on_death(port.send, lambda: told.append("dead"))
    port.right.close()
    watch.cancel()
    await asyncio.sleep(0.05)
    assert told == []
    port.close()


async def test_a_request_that_is_refused_leaves_nothing(
    watcher: PortWatcher, standin: Standin
) -> None:
    port = Owned()
    standin.fail("mach_port_request_notification", codes.KERN_FAILURE)
    with pytest.raises(HurdError, match=r"mach_port_request_notification: .*failure"):
        watcher.on_death(port.send, lambda: None)
    port.close()


def test_nothing_is_no_port(standin: Standin) -> None:
    with pytest.raises(ValueError, match="is no port that could die"):
        PortWatcher(lambda action: None).on_death(Port(0), lambda: None)


async def test_messages_are_handed_over(watcher: PortWatcher) -> None:
    got: asyncio.Queue[Message] = asyncio.Queue()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        watch = watcher.on_message(right, got.put_nowait)
        send(to, 1000)
        send(to, 1001)
        for number in (1000, 1001):
            async with asyncio.timeout(1):
                with await got.get() as message:
                    assert message.id == number
        watch.cancel()
        send(to, 1002)
        await asyncio.sleep(0.02)
        assert got.empty()
        # It is the owner's again.
        right.receive(0).close()


async def test_a_message_that_makes_no_sense_ends_nothing(watcher: PortWatcher) -> None:
    """Here one with a field that is longer than the message; the kernel lets none of these in."""
    got: asyncio.Queue[Message] = asyncio.Queue()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        watcher.on_message(right, got.put_nowait)
        nonsense = Body()
        nonsense.raw += nonsense.layout.descriptor(2, 32, 1, True, False)[:4]
        with pytest.raises(HurdError, match="invalid message data"):
            send(to, 999, nonsense)
        send(to, 1000)
        async with asyncio.timeout(1):
            (await got.get()).close()


async def test_a_message_that_cannot_be_read_ends_nothing(
    watcher: PortWatcher, unreadable: threading.Event
) -> None:
    got: asyncio.Queue[Message] = asyncio.Queue()
    with ReceiveRight.allocate() as right, right.make_send() as to:
        watcher.on_message(right, got.put_nowait)
        send(to, 999)
        send(to, 1000)
        async with asyncio.timeout(5):
            (await got.get()).close()
    assert unreadable.is_set()


async def test_a_watcher_whose_set_is_gone_ends_its_thread(standin: Standin) -> None:
    watcher = PortWatcher(asyncio.get_running_loop().call_soon_threadsafe)
    with ReceiveRight.allocate() as right:
        watcher.on_message(right, Message.close)
        ports, thread = watcher._set, watcher._thread
        assert ports is not None
        assert thread is not None
        mach.mach_port_destroy(mach.mach_task_self(), ports.name)
        ports.release()
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
    watcher.close()


async def test_a_message_on_its_way_while_the_watch_ends_is_dropped(
    standin: Standin,
) -> None:
    """Its rights are given back."""
    waiting: list[Callable[[], None]] = []
    before = standin.references()
    with (
        PortWatcher(waiting.append) as watcher,
        ReceiveRight.allocate() as right,
        right.make_send() as to,
        lookup.getproc() as proc,
    ):
        watch = watcher.on_message(right, lambda message: pytest.fail(f"got {message}"))
        send(to, 5, Body().port(proc))
        async with asyncio.timeout(1):
            while not waiting:
                await asyncio.sleep(0.005)
        watch.cancel()
        waiting.pop()()
    assert standin.references() == before


async def test_no_senders_comes_as_a_message(watcher: PortWatcher) -> None:
    got: asyncio.Queue[Message] = asyncio.Queue()
    with ReceiveRight.allocate() as right:
        to = right.make_send()
        watcher.on_message(right, got.put_nowait)
        right.request_no_senders()
        to.close()
        async with asyncio.timeout(1):
            with await got.get() as message:
                assert message.id == constants.MACH_NOTIFY_NO_SENDERS


async def test_shutdown_is_told_and_answered(watcher: PortWatcher, standin: Standin) -> None:
    from hurd import startup

    told = asyncio.Event()

    def stop(message: Message) -> None:
        with message:
            assert message.id == 29500
            told.set()
            message.reply(0)

    with ReceiveRight.allocate() as right, lookup.file_name_lookup("/servers/startup") as server:
        watcher.on_message(right, stop)
        startup.startup_request_notification(server, right, "drover")
        assert standin.lib.standin_notify_shutdown(standin.ffi.NULL) == 1
        await asyncio.wait_for(told.wait(), 1)


async def test_the_death_of_a_task(watcher: PortWatcher) -> None:
    told = asyncio.Event()
    with mach.task_create(mach.mach_task_self(), False) as task:
        watcher.on_death(task, told.set)
        mach.task_terminate(task)
        await asyncio.wait_for(told.wait(), 1)


def test_the_thread_starts_with_the_first_watch_and_ends_with_the_watcher(
    standin: Standin,
) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "ports"]

    watcher = PortWatcher(lambda action: action())
    assert threads() == []
    watcher.close()
    port = Owned()
    watcher.on_death(port.send, lambda: None)
    assert threads() == ["ports"]
    watcher.close()
    watcher.close()
    assert threads() == []
    port.close()


async def test_a_closed_loop_ends_nothing_but_the_delivery(standin: Standin) -> None:
    loop = asyncio.new_event_loop()
    before = standin.references()
    with (
        PortWatcher(loop.call_soon_threadsafe) as watcher,
        ReceiveRight.allocate() as right,
        right.make_send() as to,
        lookup.getproc() as proc,
    ):
        watcher.on_message(right, lambda message: None)
        loop.close()
        send(to, 5, Body().port(proc))
        await asyncio.sleep(0.05)
    assert standin.references() == before
