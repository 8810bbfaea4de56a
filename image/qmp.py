"""What QEMU tells about the machine over its control socket, and what we tell QEMU there.

The protocol is the library `qemu.qmp`'s; here is which events end a machine and what they mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from image.errors import ConfigurationError

if TYPE_CHECKING:
    from qemu.qmp import Message, QMPClient

_EVENTS = ("SHUTDOWN", "RESET", "GUEST_PANICKED", "STOP")


class Monitor:
    """A connection to the QEMU that has the other end of `connection`."""

    def __init__(self, on_event: Callable[[str, str], None]) -> None:
        """`on_event(name, reason)` is called for each event that concerns the machine's end."""
        try:
            from qemu.qmp import EventListener, QMPClient
        except ModuleNotFoundError:
            raise ConfigurationError(
                "", "the Python package qemu.qmp is not installed; install drover[image]"
            ) from None
        self._client: QMPClient = QMPClient("hurd-image")
        self._listener = EventListener(names=_EVENTS)
        self._on_event = on_event
        self._watcher: asyncio.Task[None] | None = None

    async def connect(self, connection: socket.socket) -> None:
        """Greet QEMU; raise EOFError if it ended instead of answering."""
        from qemu.qmp import ConnectError

        self._client.register_listener(self._listener)
        try:
            await self._client.connect(connection)
        except ConnectError as error:
            raise EOFError(str(error)) from error
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Pass events on."""
        async for event in self._listener:
            self._on_event(str(event["event"]), _reason(event))

    async def execute(self, command: str, **arguments: object) -> object:
        """Carry out a command of QMP; None if QEMU ended meanwhile."""
        from qemu.qmp import QMPError

        try:
            return await self._client.execute(command, arguments or None)
        except (QMPError, EOFError, OSError):
            return None

    async def status(self) -> str:
        """What the machine does: "running", "paused", "shutdown", … or "" if QEMU is gone."""
        answer = await self.execute("query-status")
        return str(answer.get("status", "")) if isinstance(answer, dict) else ""

    async def close(self) -> None:
        """Hang up; events that came before are still passed on."""
        await asyncio.sleep(0)
        while not self._listener.empty():
            event = await self._listener.get()
            self._on_event(str(event["event"]), _reason(event))
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        with contextlib.suppress(Exception):  # the other end may be gone in any way
            await self._client.disconnect()


def _reason(event: Message) -> str:
    """Why: "guest-reset", "guest-shutdown", "guest-panic", "host-qmp-quit", "host-signal", …"""
    data = event.get("data")
    return str(data.get("reason", "")) if isinstance(data, dict) else ""
