"""Waiting for a descriptor without stopping the daemon."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from services.scheme.errors import out_of_range, system_error
from services.scheme.primitives import Await, Steps

if TYPE_CHECKING:
    import asyncio

    from services.scheme.ports import Port


_MOST = 1 << 26


async def until_ready(fd: int, write: bool) -> None:
    """Return when ``fd`` can be read from (or written to) without blocking."""
    import asyncio

    loop = asyncio.get_running_loop()
    # A duplicate: the descriptor itself may be watched by another reader of the same port.
    watched = os.dup(fd)
    done: asyncio.Future[None] = loop.create_future()
    add = loop.add_writer if write else loop.add_reader
    remove = loop.remove_writer if write else loop.remove_reader
    try:
        add(watched, _settle, done)
        await done
    except PermissionError:
        return  # not pollable: a kind of file that never blocks
    finally:
        with contextlib.suppress(OSError, ValueError):
            remove(watched)
        os.close(watched)


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def readable_now(fd: int) -> bool:
    """Whether a read returns at once."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def until_readable(fd: int) -> Steps:
    """Suspend until ``fd`` can be read or accepted from."""
    if not readable_now(fd):
        yield Await(until_ready(fd, False))


def until_writable(fd: int) -> Steps:
    """Suspend until ``fd`` takes data, or a connection attempt has ended."""
    from services.scheme.ports import writable

    if not writable(fd):
        yield Await(until_ready(fd, True))


def filled(port: Port, who: str) -> Steps:
    """Bring more bytes into the port, waiting if none are there.

    A device that never ends must not fill the memory: 64 MB unread are refused.
    """
    if len(port.data) - port.start > _MOST:
        raise out_of_range(who, port)
    try:
        while port.fd is not None:
            if not port.regular:
                yield from until_readable(port.fd)
            try:
                port.fill()
                return
            except BlockingIOError:
                continue
        port.fill()
    except OSError as error:
        raise system_error("fport_read", error) from None


def flushed(port: Port) -> Steps:
    """Write everything pending, waiting for a slow reader."""
    while not port.flush():
        assert port.fd is not None
        yield from until_writable(port.fd)
