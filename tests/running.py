"""A supervisor with its event loop and real child processes, for tests of more than one room."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hurd.system import system
from pid1 import supervisor as supervisor_module
from pid1.log import the_log
from pid1.service import STOPPED
from pid1.supervisor import Supervisor


@asynccontextmanager
async def running_supervisor() -> AsyncIterator[Supervisor]:
    """A supervisor that reaps; its services are stopped at the end."""
    manager = Supervisor()
    groups = system.control_groups()
    if groups is not None:
        # Its group is made, and the lock of that is open, before a test counts descriptors.
        first = groups.containment("first")
        first.entrance()
        first.close()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, manager.children.reap)
    supervisor_module._current.append(manager)
    try:
        yield manager
        await manager.stop_all(5)
    finally:
        supervisor_module._current.remove(manager)
        loop.remove_signal_handler(signal.SIGCHLD)
        if groups is not None:
            groups.close()


@asynccontextmanager
async def logged() -> AsyncIterator[list[str]]:
    """The lines that are logged meanwhile."""
    lines: list[str] = []
    the_log.observers.append(lines.append)
    try:
        yield lines
    finally:
        the_log.observers.remove(lines.append)


async def eventually(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until ``condition`` holds; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on, for a moment at least."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


__all__ = ["STOPPED", "eventually", "free_port", "logged", "running_supervisor"]
