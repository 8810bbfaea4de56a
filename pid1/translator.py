"""Translators as services: programs that serve a node of the file system, supervised as others are.

A translator that was started by us is a child of ours, so its death is an event like that of any
process, and the handshake that ends its start is its readiness: no polling anywhere.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Any, Final

from hurd.offload import off_loop
from hurd.system import system
from hurd.system.nodes import ServerSpec
from pid1.capture import Capture
from pid1.errors import system_error
from pid1.forkexec import kill_process
from pid1.log import log, say
from pid1.process import DEFAULT_GRACE_PERIOD, send_signal
from pid1.supervisor import current_service, supervisor
from pid1.values import Process

if TYPE_CHECKING:
    from io import FileIO

# Seconds that a translator may think about going away before it is told to.
_PATIENCE: Final = 5.0


class TranslatorStart:
    """A start procedure: start a command as the translator of a node."""

    __slots__ = ("command", "node", "server")

    def __init__(self, node: str, server: ServerSpec) -> None:
        self.node = node
        self.server = server
        self.command = list(server.command)

    async def __call__(self, *_arguments: object) -> Process | bool:
        service = current_service.get()
        capture = Capture(os.path.basename(self.command[0]))
        try:
            reader, writer = os.pipe()
        except OSError as error:
            capture.close()
            raise system_error("pipe", error) from error
        # An object: a second close does nothing, and there may be no thread for the first.
        output = os.fdopen(writer, "wb", buffering=0)
        try:
            pid = await off_loop(self._start, output, abandoned=_end)
        except OSError as error:
            output.close()
            capture.add(reader)  # it may have said why
            say(f"Cannot start '{self.command[0]}' on '{self.node}': {_reason(error)}.")
            return False
        except BaseException:
            os.close(reader)
            capture.close()
            raise
        manager = supervisor()
        if service is not None:
            manager.attach_output(service, capture)
        capture.add(reader)
        manager.children.forget_unclaimed(pid)
        if service is not None:
            manager.own(service, pid)
        return Process(pid, self.command)

    def _start(self, output: FileIO) -> int:
        with output:
            return system.start_server(self.node, self.server, output=output.fileno())


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _end(pid: int) -> None:
    """End one whose start nobody waits for any more."""
    import signal

    send_signal(pid, signal.SIGKILL)


class TranslatorStop:
    """A stop procedure: ask the translator of a node to go away, and see that it does.

    One that is in use is told to go all the same, which saves what it has to save; one that does
    not obey within ``grace_period`` seconds is killed.
    """

    __slots__ = ("grace_period", "node")

    def __init__(self, node: str, grace_period: float = DEFAULT_GRACE_PERIOD) -> None:
        self.node = node
        self.grace_period = grace_period

    async def __call__(self, value: Any, *_arguments: object) -> bool:
        try:
            await self._send_away()
        except TimeoutError:
            log(f"The translator of '{self.node}' does not answer.")
        except OSError as error:
            log(f"The translator of '{self.node}' does not go away: {_reason(error)}.")
        if isinstance(value, Process):
            import signal

            await kill_process(value.pid, signal.SIGTERM, self.grace_period)
        return False

    async def _send_away(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            try:
                await off_loop(system.stop_server, self.node)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                await off_loop(_force, self.node)


def _force(node: str) -> None:
    system.stop_server(node, force=True)
