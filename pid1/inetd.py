"""Services in the style of inetd: a program for each connection (SHEPHERD.md 4.6).

The service listens; each accepted connection becomes a transient service of its own,
whose program has the connection as its standard input, output and error.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any, Final

from hurd.system import SpawnError, SpawnSpec
from pid1.addresses import UNIX, Address
from pid1.command import varied
from pid1.endpoints import Bind, Endpoint, inherited_sockets, open_sockets
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
        self._children: dict[Service, str] = {}
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

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        return {
            "descriptors": [sock.fileno() for sock in self.sockets],
            "counter": self._counter,
            "children": [[service.name, source] for service, source in self._children.items()],
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where the previous image was; the connections' services get their state later."""
        self._counter = state["counter"]
        for name, source in state["children"]:
            service = self._child(name, None, [])
            self._count(service, source)
            supervisor().register([service])
        self.listen()

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
        log(f"Accepted connection on {server} from {name}.")
        service = self._child(self._next_name(), connection, _variables(connection, client))
        self._count(service, client.host)
        supervisor().spawn_task(self._serve(service, connection), name=f"start {service.name}")

    def _count(self, service: Service, source: str) -> None:
        self.connections += 1
        self._sources[source] = self._sources.get(source, 0) + 1
        self._children[service] = source

    def _forget(self, service: Service) -> None:
        source = self._children.pop(service, None)
        if source is None:
            return
        self.connections -= 1
        remaining = self._sources.pop(source, 0) - 1
        if remaining > 0:
            self._sources[source] = remaining

    async def _serve(self, service: Service, connection: socket.socket) -> None:
        """Run the program for a connection, as a service of its own."""
        started: object = False
        try:
            supervisor().register([service])
            started = await supervisor().start(service)
        except (KeyedError, ServiceNotFound) as error:
            log(f"Exception caught while starting {service.name}: {error}")
        finally:
            connection.close()
            if started is False:
                self._forget(service)
                supervisor().registry.unregister(service)

    def _child(self, name: str, connection: socket.socket | None, variables: list[str]) -> Service:
        """Return the service of a connection; without one it is already running."""

        def start(*_arguments: object) -> Process | bool:
            if connection is None:
                return False
            connection.setblocking(True)
            descriptor = connection.fileno()
            spec = varied(
                self.spec,
                stdin=descriptor,
                stdout=descriptor,
                stderr=descriptor,
                environment=[*variables, *self.spec.environment],
            )
            try:
                pid = fork_exec(supervisor(), service, spec)
            except SpawnError as error:
                log(f"{error}.")
                return False
            return Process(pid, spec.command)

        async def stop(value: object, *arguments: object) -> object:
            result = await Kill()(value, *arguments)
            self._forget(service)
            return result

        async def ended(child: Service, value: object, status: int) -> None:
            self._forget(child)
            count = self.connections
            plural = "connection" if count == 1 else "connections"
            log(f"{count} {plural} still in use after {child.name} termination.")
            await supervisor().default_termination_handler(child, value, status)

        service = Service(
            (name,),
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


class InetdStart:
    """The start procedure of an inetd-style service.

    ``stem`` names the services of connections: STEM-1, STEM-2, …
    """

    def __init__(
        self,
        spec: SpawnSpec,
        endpoints: list[Endpoint],
        *,
        stem: str,
        requirements: tuple[str, ...] = (),
        max_connections: float = DEFAULT_MAX_CONNECTIONS,
        max_per_source: float | None = None,
        bind: Bind | None = None,
    ) -> None:
        self.spec = spec
        self.endpoints = endpoints
        self.stem = stem
        self.requirements = requirements
        self.max_connections = max_connections
        self.max_per_source = max_per_source
        self.bind = bind

    async def __call__(self, *_arguments: object) -> Inetd:
        value = self._value(await open_sockets(self.endpoints, self.bind))
        detached(value.listen)
        return value

    def _value(self, sockets: list[socket.socket]) -> Inetd:
        return Inetd(
            self.endpoints,
            sockets,
            self.spec,
            self.stem,
            self.requirements,
            self.max_connections,
            self.max_per_source,
        )

    def adopt(self, state: dict[str, Any], _service: Service) -> Inetd:
        """Return the value that the previous image of the daemon carried over."""
        value = self._value(inherited_sockets(state["descriptors"]))
        detached(value.resume, state)
        return value


def inetd_destructor(value: Inetd, *_arguments: object) -> bool:
    """Close the listening sockets: the stop procedure of an inetd-style service."""
    value.release()
    return False
