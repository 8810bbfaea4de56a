"""Services in the style of inetd: a program for each connection (SHEPHERD.md 4.6).

The service listens; each accepted connection becomes a transient service of its own,
whose program has the connection as its standard input, output and error.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from hurd.system import SpawnError, SpawnSpec
from pid1.addresses import UNIX, Address
from pid1.command import varied
from pid1.endpoints import Bind, Endpoint, open_sockets
from pid1.errors import KeyedError, ServiceNotFound
from pid1.forkexec import Kill, fork_exec
from pid1.log import log
from pid1.service import Service
from pid1.sexp import Symbol, write
from pid1.supervisor import detached, supervisor
from pid1.values import Process

DEFAULT_MAX_CONNECTIONS: Final = 100
# Connections accepted in one turn of the loop.
_BATCH: Final = 16
# Seconds without accepting when the system has no room for another connection.
_PAUSE: Final = 1.0


class Listener:
    """Sockets that the daemon listens on for a service: base of two running values."""

    record = "listener"

    def __init__(
        self, endpoints: list[Endpoint], sockets: list[socket.socket], command: list[str]
    ) -> None:
        self.endpoints = endpoints
        self.sockets = sockets
        self.command = command

    def __str__(self) -> str:
        endpoints = " ".join(map(str, self.endpoints))
        sockets = " ".join(f"#<input-output: socket {sock.fileno()}>" for sock in self.sockets)
        return (
            f"#<<{self.record}> endpoints: ({endpoints}) sockets: ({sockets}) "
            f"command: {write(self.command)}>"
        )

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        return [
            Symbol(self.record),
            [Symbol("version"), 0],
            [Symbol("endpoints"), [endpoint.to_wire() for endpoint in self.endpoints]],
            [Symbol("sockets"), [sock.fileno() for sock in self.sockets]],
            [Symbol("command"), list(self.command)],
        ]


class Inetd(Listener):
    """A running inetd-style service.

    ``connections`` counts those in use, of all endpoints and of each source; both limits
    are checked when a connection comes.
    """

    record = "inetd-service"

    def __init__(
        self,
        endpoints: list[Endpoint],
        sockets: list[socket.socket],
        spec: SpawnSpec,
        stem: str,
        requirements: tuple[str, ...],
        max_connections: float,
        max_per_source: float | None,
    ) -> None:
        super().__init__(endpoints, sockets, spec.command)
        self.spec = spec
        self.stem = stem
        self.requirements = requirements
        self.max_connections = max_connections
        self.max_per_source = max_per_source
        self.connections = 0
        self._sources: dict[str, int] = {}
        self._counter = 0

    def listen(self) -> None:
        """Begin to accept connections."""
        loop = asyncio.get_running_loop()
        for endpoint, sock in zip(self.endpoints, self.sockets, strict=True):
            if sock.fileno() >= 0:
                loop.add_reader(sock, self._accept, endpoint, sock)

    def release(self) -> None:
        """Listen no more; connections in use go on."""
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            if sock.fileno() >= 0:
                loop.remove_reader(sock)
                sock.close()

    def _accept(self, endpoint: Endpoint, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                connection, peer = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno == errno.ECONNABORTED:
                    continue
                # No descriptors or memory left: the socket stays readable, so look away.
                log(f"Cannot accept connections on {endpoint.address}: {error.strerror}.")
                loop = asyncio.get_running_loop()
                loop.remove_reader(sock)
                loop.call_later(_PAUSE, self.listen)
                return
            self._admit(connection, endpoint.address, Address.from_python(sock.family, peer))

    def _admit(self, connection: socket.socket, server: Address, client: Address) -> None:
        name = "local process" if client.family == UNIX else str(client)
        limit = ""
        if self.connections >= self.max_connections:
            limit = f"{server} clients"
        elif (
            self.max_per_source is not None
            and client.family != UNIX
            and self._sources.get(client.host, 0) >= self.max_per_source
        ):
            limit = f"{server} clients from {client.host}"
        if limit:
            log(f"Maximum number of {limit} reached; rejecting connection from {name}.")
            connection.close()
            return
        self.connections += 1
        self._sources[client.host] = self._sources.get(client.host, 0) + 1
        log(f"Accepted connection on {server} from {name}.")
        supervisor().spawn_task(self._serve(connection, client), name=f"connection of {self.stem}")

    def _forget(self, source: str) -> None:
        self.connections -= 1
        remaining = self._sources.pop(source, 0) - 1
        if remaining > 0:
            self._sources[source] = remaining

    async def _serve(self, connection: socket.socket, client: Address) -> None:
        """Run the program for a connection, as a service of its own."""
        service = self._child(connection, client)
        started: object = False
        try:
            supervisor().register([service])
            started = await supervisor().start(service)
        except (KeyedError, ServiceNotFound) as error:
            log(f"Exception caught while starting {service.name}: {error}")
        finally:
            connection.close()
            if started is False:
                self._forget(client.host)
                supervisor().registry.unregister(service)

    def _child(self, connection: socket.socket, client: Address) -> Service:
        def start(*_arguments: object) -> Process | bool:
            connection.setblocking(True)
            descriptor = connection.fileno()
            spec = varied(
                self.spec,
                stdin=descriptor,
                stdout=descriptor,
                stderr=descriptor,
                environment=[*_variables(connection, client), *self.spec.environment],
            )
            try:
                pid = fork_exec(supervisor(), service, spec)
            except SpawnError as error:
                log(f"{error}.")
                return False
            return Process(pid, spec.command)

        async def stop(value: object, *arguments: object) -> object:
            result = await Kill()(value, *arguments)
            self._forget(client.host)
            return result

        async def ended(child: Service, value: object, status: int) -> None:
            self._forget(client.host)
            count = self.connections
            plural = "connection" if count == 1 else "connections"
            log(f"{count} {plural} still in use after {child.name} termination.")
            await supervisor().default_termination_handler(child, value, status)

        service = Service(
            (self._next_name(),),
            self.requirements,
            transient=True,
            start=start,
            stop=stop,
            termination_handler=ended,
        )
        return service

    def _next_name(self) -> str:
        while True:
            self._counter += 1
            name = f"{self.stem}-{self._counter}"
            if supervisor().registry.get(name) is None:
                return name


def _variables(connection: socket.socket, client: Address) -> list[str]:
    """Return the environment that tells a program about its connection."""
    if client.family == UNIX:
        return []
    server = Address.from_python(client.family, connection.getsockname())
    return [
        f"TCPLOCALIP={server.host}",
        f"TCPLOCALPORT={server.port}",
        f"TCPREMOTEIP={client.host}",
        f"TCPREMOTEPORT={client.port}",
    ]


def inetd_constructor(
    spec: SpawnSpec,
    endpoints: list[Endpoint],
    *,
    stem: str,
    requirements: tuple[str, ...] = (),
    max_connections: float = DEFAULT_MAX_CONNECTIONS,
    max_per_source: float | None = None,
    bind: Bind | None = None,
) -> Callable[..., Awaitable[Inetd]]:
    """Return the start procedure of an inetd-style service.

    ``stem`` names the services of connections: STEM-1, STEM-2, …
    """

    async def start(*_arguments: object) -> Inetd:
        sockets = await open_sockets(endpoints, bind)
        value = Inetd(endpoints, sockets, spec, stem, requirements, max_connections, max_per_source)
        detached(value.listen)
        return value

    return start


def inetd_destructor(value: Inetd, *_arguments: object) -> bool:
    """Close the listening sockets: the stop procedure of an inetd-style service."""
    value.release()
    return False
