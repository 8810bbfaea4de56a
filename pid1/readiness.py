"""Starts that are complete when the program says so, not when it runs: ``#:notify``.

The program writes a newline to a descriptor, as those of s6 do, or sends ``READY=1`` to a
socket, as those of systemd do.  When it ends before that the start has failed; when the
start is cancelled, by a deadline or by ``herd stop``, it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

from hurd.system import SpawnSpec
from pid1.command import varied
from pid1.errors import misc_error, system_error
from pid1.forkexec import ForkExec, Kill, Settings
from pid1.log import say
from pid1.notifications import Notifications
from pid1.process import ending, is_alive, send_signal
from pid1.service import Service
from pid1.supervisor import detached, supervisor
from pid1.values import Process

# The first number after standard error.
FIRST_DESCRIPTOR = 3
# Seconds between the end of a pipe and the end of the process that held it.
_LAST_BREATH = 0.5


class Readiness:
    """How a program says that it is ready: the ``#:notify`` of a configuration.

    ``descriptor`` is the number of the descriptor that it writes to, None if it uses the
    socket; ``watchdog`` the longest silence on the socket afterwards, in seconds.
    """

    __slots__ = ("descriptor", "watchdog")

    def __init__(self, descriptor: int | None = None, watchdog: float | None = None) -> None:
        self.descriptor = descriptor
        self.watchdog = watchdog

    def carry(self) -> list[Any]:
        """Return it as JSON data, of which the constructor makes it again."""
        return [self.descriptor, self.watchdog]

    def open(self, service: Service, spec: SpawnSpec) -> Pipe | Notifications:
        """Make what the program is given; raises OSError."""
        if self.descriptor is not None:
            return Pipe(self.descriptor)
        return Notifications.open(service, spec, self.watchdog)


class Pipe:
    """A pipe whose other end the program has as descriptor ``number``.

    ``ready`` becomes True when a newline comes, False when no more can come.
    """

    def __init__(self, number: int) -> None:
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.pid = 0
        self._number = number
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)

    def spec(self, spec: SpawnSpec) -> SpawnSpec:
        """How the program is run so that it has the descriptor."""
        unused = [None] * (self._number - FIRST_DESCRIPTOR)
        return varied(spec, extra_descriptors=[*unused, self._writer])

    def begin(self, pid: int) -> None:
        """The program runs: wait for what it writes."""
        self.pid = pid
        os.close(self._writer)
        self._writer = -1
        detached(asyncio.get_running_loop().add_reader, self._reader, self.drain)

    def drain(self) -> None:
        """Read what was written so far."""
        while not self.ready.done():
            try:
                data = os.read(self._reader, 4096)
            except BlockingIOError:
                return
            if not data or b"\n" in data:
                asyncio.get_running_loop().remove_reader(self._reader)
                self.ready.set_result(bool(data))

    def value(self, command: list[str]) -> Process:
        """The running value of the service; what the program writes later is not read."""
        self.close()
        return Process(self.pid, command)

    def close(self) -> None:
        """Close both ends, once."""
        if self._reader >= 0:
            asyncio.get_running_loop().remove_reader(self._reader)
        for descriptor in (self._reader, self._writer):
            if descriptor >= 0:
                os.close(descriptor)
        self._reader = self._writer = -1


async def start(program: ForkExec, service: Service | None) -> Process | bool:
    """Run ``program`` until it is ready; the value is its process, False if it never was."""
    assert program.readiness is not None
    if service is None:
        raise misc_error("only the program of a service can say that it is ready")
    try:
        channel = program.readiness.open(service, program.spec)
    except OSError as error:
        raise system_error("socket", error) from error
    complete = False
    try:
        pid = program.spawn(service, channel.spec(program.spec))
        if pid is None:
            return False
        channel.begin(pid)
        try:
            problem = await _wait(service, channel)
        except asyncio.CancelledError:
            await _end(service, channel.pid)
            raise
        if problem is None:
            complete = True
            return channel.value(program.spec.command)
        say(f"Service {service.name} {problem}.")
        await _end(service, channel.pid)
        return False
    finally:
        if not complete:
            channel.close()


async def _wait(service: Service, channel: Pipe | Notifications) -> str | None:
    """Wait until the program is ready; return why it never will be, or None."""
    children = supervisor().children
    while True:
        pid = channel.pid
        death = asyncio.ensure_future(children.wait(pid))
        try:
            either: set[asyncio.Future[Any]] = {channel.ready, death}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            # What it said before it ended counts.
            channel.drain()
            if channel.ready.done():
                if channel.ready.result():
                    return None
                await asyncio.wait({death}, timeout=_LAST_BREATH)
            elif channel.pid != pid:
                continue
            if not death.done():
                return "has closed its descriptor without saying that it is ready"
            # Its end may have been noticed before it was waited for: the service has heard.
            status = dict(service.deaths or ()).get(pid, death.result())
            service.record_exit(status)
            return f"{ending(status)} before it was ready"
        finally:
            death.cancel()


async def _end(service: Service, pid: int) -> None:
    """End what runs of a program that is not to become ready."""
    if is_alive(pid):
        kill = service.stop
        if not isinstance(kill, Kill):
            kill = Kill(signal.SIGTERM, Settings.grace_period())
        await kill(pid)
        return
    with contextlib.suppress(PermissionError):
        send_signal(-pid, signal.SIGKILL)
    if service.containment is not None:
        service.containment.sweep()
