"""Socket activation in the style of systemd (SHEPHERD.md 4.7).

The daemon opens the sockets; the program is started on the first connection, or at once,
and inherits them.  The daemon keeps its own copies until the service is stopped, so that
no connection is refused while the program is respawned.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

from hurd.system import SpawnError, SpawnSpec
from pid1.awaiting import is_awaitable
from pid1.command import varied
from pid1.endpoints import Bind, Endpoint, inherited_sockets, open_sockets
from pid1.errors import KeyedError
from pid1.forkexec import Kill, failing_process, fork_exec
from pid1.inetd import Listener
from pid1.log import log, say
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.supervisor import current_service, detached, supervisor
from pid1.values import Process

# Seconds until a connection is looked at again that came before the start was complete.
_RETRY: Final = 0.05
# Seconds until a program is tried again that lacked something to start with; doubled each time.
_FIRST_PAUSE: Final = 1.0
_LAST_PAUSE: Final = 60.0


class Waiting(Listener):
    """A service whose program waits for the first connection: a running value."""

    record = "systemd-service"

    def __init__(self, activation: Activation, service: Service) -> None:
        super().__init__(activation.endpoints, activation.sockets[service], activation.spec.command)
        self.activation = activation
        self.service = service
        self._pause = _FIRST_PAUSE

    def wait(self) -> None:
        """Start the program when a socket becomes readable."""
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            if sock.fileno() >= 0:
                loop.add_reader(sock, self._readable)

    def _stop_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            if sock.fileno() >= 0:
                loop.remove_reader(sock)

    def _readable(self) -> None:
        self._stop_waiting()
        if self.service.status == STARTING:
            # The service has not got this value yet.
            asyncio.get_running_loop().call_later(_RETRY, self.wait)
        elif (
            self.service.status == RUNNING
            and self.service.value is self
            and not self.activation.activate(self.service)
        ):
            # Whoever has connected still waits.
            log(f"Trying to start {self.service.name} again in {self._pause:g} seconds.")
            asyncio.get_running_loop().call_later(self._pause, self.wait)
            self._pause = min(2 * self._pause, _LAST_PAUSE)

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        return {"descriptors": [sock.fileno() for sock in self.sockets], "process": None}

    def release(self) -> None:
        """The service is stopped: close the sockets."""
        self._stop_waiting()
        self.activation.close(self.service)


class ActivatedProcess(Process):
    """The process of an activated service; the sockets are closed when it is stopped."""

    __slots__ = ("_activation", "_service")

    def __init__(self, pid: int, command: list[str], activation: Activation, service: Service):
        super().__init__(pid, command)
        self._activation = activation
        self._service = service

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        sockets = self._activation.sockets.get(self._service, ())
        return {
            "descriptors": [sock.fileno() for sock in sockets],
            "process": self.pid,
            "command": self.command,
        }

    def release(self) -> None:
        """The service is stopped: close the sockets."""
        self._activation.close(self._service)


class Activation:
    """The start procedure of an activated service, and its open sockets."""

    def __init__(
        self,
        spec: SpawnSpec,
        endpoints: list[Endpoint],
        *,
        lazy: bool = True,
        log_file: str | None = None,
        bind: Bind | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.log_file = log_file
        self.lazy = lazy
        self._bind = bind
        names = ":".join(endpoint.name for endpoint in endpoints)
        self.spec = varied(
            spec,
            environment=[
                f"LISTEN_FDS={len(endpoints)}",
                f"LISTEN_FDNAMES={names}",
                *spec.environment,
            ],
            pid_variables=["LISTEN_PID"],
        )
        self.sockets: dict[Service, list[socket.socket]] = {}

    async def __call__(self, *_arguments: object) -> Waiting | Process | bool:
        service = current_service.get()
        if service is None:
            raise RuntimeError("only a service can be activated by a socket")
        if service not in self.sockets:
            self.sockets[service] = await open_sockets(self.endpoints, self._bind)
        self._see_to_the_end(service)
        if self.lazy:
            value = Waiting(self, service)
            detached(value.wait)
            return value
        try:
            return self._spawn(service)
        except SpawnError as error:
            say(f"{error}.")
        except BaseException:
            self.close(service)
            raise
        self.close(service)
        return False

    def _see_to_the_end(self, service: Service) -> None:
        if not isinstance(service.termination_handler, _AfterEnd):
            service.termination_handler = _AfterEnd(self, service.termination_handler)

    def adopt(self, state: dict[str, Any], service: Service) -> Waiting | Process:
        """Return the value that the previous image of the daemon carried over."""
        self.sockets[service] = inherited_sockets(state["descriptors"])
        self._see_to_the_end(service)
        if state["process"] is not None:
            return ActivatedProcess(state["process"], state["command"], self, service)
        value = Waiting(self, service)
        detached(value.wait)
        return value

    def activate(self, service: Service) -> bool:
        """Start the program of a service that waited for a connection.

        False if a process, a descriptor or the log file cannot be had: that may pass.
        """
        try:
            process = self._process(service)
        except (KeyedError, SpawnError) as error:
            log(f"Cannot start {service.name}: {error}.")
            return False
        supervisor().change_value(service, process)
        return True

    def _process(self, service: Service) -> Process:
        try:
            return self._spawn(service)
        except SpawnError as error:
            if error.step in ("fork", "descriptors"):
                raise
            # As if it had been started and had failed at once: respawned or disabled.
            log(f"{error}.")
            return Process(failing_process(service, error), self.spec.command)

    def _spawn(self, service: Service) -> ActivatedProcess:
        sockets = self.sockets[service]
        log(f"Spawning systemd-style service {self.spec.command[0]}.")
        for sock in sockets:
            # Few programs are ready for a listening socket that does not block; the flag is
            # shared with what earlier processes made of it.
            sock.setblocking(True)
        spec = varied(self.spec, extra_descriptors=[sock.fileno() for sock in sockets])
        pid = fork_exec(supervisor(), service, spec, self.log_file)
        return ActivatedProcess(pid, spec.command, self, service)

    def close(self, service: Service) -> None:
        """Close the sockets that were opened for ``service``."""
        for sock in self.sockets.pop(service, ()):
            sock.close()


class _AfterEnd:
    """A termination handler that closes the sockets unless the service was started again."""

    def __init__(self, activation: Activation, handler: Callable[..., Any] | None) -> None:
        self.activation = activation
        self.handler = handler

    async def __call__(self, service: Service, value: Any, status: int) -> None:
        if service.replacement is not None:
            # Which may want the same addresses.
            self.activation.close(service)
        handler = self.handler or supervisor().default_termination_handler
        try:
            result = handler(service, value, status)
            if is_awaitable(result):
                await result
        finally:
            if service.status == STOPPED:
                self.activation.close(service)


def activation_destructor(value: Any, *arguments: object) -> Any:
    """End the process, if there is one: the stop procedure of an activated service.

    The sockets are closed when the value is released.
    """
    if isinstance(value, Waiting):
        return False
    return Kill()(value, *arguments)
