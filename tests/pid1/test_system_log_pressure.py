"""The system log when its destination is slow, and when something of it cannot be had."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from running import eventually

from hurd.system import system
from pid1.addresses import UNIX, Address
from pid1.endpoints import Endpoint
from pid1.errors import KeyedError
from pid1.service import STOPPED
from pid1.supervisor import Supervisor
from pid1.syslog import Message
from pid1.system_log import _MAX_BACKLOG, SystemLog
from tests.pid1.test_system_log import Log

Destination: TypeAlias = Callable[[Message], Awaitable[list[str]]]


async def _send_all(log: Log, count: int) -> int:
    """Send numbered messages as fast as they are taken; how often nobody took one."""
    waits = 0
    log.client.setblocking(False)
    for number in range(count):
        while True:
            try:
                log.send(b"<14>%d" % number)
                break
            except BlockingIOError:
                waits += 1
                await asyncio.sleep(0.002)
    return waits


def _held(log: Log) -> tuple[asyncio.Event, Destination]:
    """A destination that answers when its event has happened."""
    going = asyncio.Event()

    async def destination(_message: Message) -> list[str]:
        await going.wait()
        return [log.file("messages")]

    return going, destination


async def test_senders_wait_for_a_slow_destination_and_nothing_is_lost(
    manager: Supervisor, tmp_path: Path
) -> None:
    log = Log(tmp_path)
    going, destination = _held(log)
    service = await log.start(manager, destination)
    count = 2 * _MAX_BACKLOG
    sending = asyncio.ensure_future(_send_all(log, count))
    await asyncio.sleep(0.3)
    assert not sending.done()
    assert isinstance(service.value, SystemLog)
    going.set()
    assert await asyncio.wait_for(sending, 20) > 0
    await eventually(lambda: len(log.lines("messages")) == count, 20)
    assert log.lines("messages") == [f"localhost {number}" for number in range(count)]


async def test_a_destination_that_hangs_does_not_keep_the_system_from_stopping_and_loses_nothing(
    manager: Supervisor, tmp_path: Path
) -> None:
    log = Log(tmp_path)

    async def hang(_message: Message) -> list[str]:
        await asyncio.sleep(1000)
        return []

    service = await log.start(manager, hang)
    log.send(b"<14>one", b"<14>two")
    await asyncio.sleep(0.05)
    before = asyncio.get_running_loop().time()
    await manager.stop(service)
    assert asyncio.get_running_loop().time() - before < 5
    assert service.status == STOPPED
    assert log.lines("default") == ["localhost one", "localhost two"]


async def test_a_destination_that_names_no_files_leaves_it_to_the_default(
    manager: Supervisor, tmp_path: Path
) -> None:
    log = Log(tmp_path)
    answers = iter(["messages", ["a", 5], None, [], 7.5])
    await log.start(manager, lambda _message: next(answers))
    log.send(*[b"<14>%d" % number for number in range(5)])
    await eventually(lambda: len(log.lines("default")) == 5)


async def test_a_start_without_its_sockets_keeps_nothing_open(
    manager: Supervisor, tmp_path: Path
) -> None:
    log = Log(tmp_path)
    taken = tmp_path / "file"
    taken.write_text("")
    below = Endpoint(Address(UNIX, str(taken / "socket")), style=socket.SOCK_DGRAM)
    fifo = tmp_path / "klog"
    os.mkfifo(fifo)
    before = sorted(system.open_descriptors())
    with pytest.raises(KeyedError, match="File exists"):
        await log.start(manager, endpoints=[below], kernel_log_file=str(fifo))
    assert manager.registry.lookup("system-log").status == STOPPED
    assert sorted(system.open_descriptors()) == before


async def test_what_waits_for_a_destination_goes_to_the_default_when_the_image_is_replaced(
    manager: Supervisor, tmp_path: Path
) -> None:
    log = Log(tmp_path)
    going, destination = _held(log)
    fifo = tmp_path / "klog"
    os.mkfifo(fifo)
    service = await log.start(manager, destination, kernel_log_file=str(fifo))
    value = service.value
    assert isinstance(value, SystemLog)
    log.send(b"<14>one", b"<14>two", b"<14>three")
    await asyncio.sleep(0.05)
    state = value.carry()
    assert log.lines("default") == ["localhost one", "localhost two", "localhost three"]
    assert state["kernel"] in state["descriptors"]
    # The image could not be replaced after all: it goes on, and says nothing twice.
    going.set()
    log.send(b"<14>four")
    await eventually(lambda: log.lines("messages"))
    assert log.lines("messages") == ["localhost four"]
