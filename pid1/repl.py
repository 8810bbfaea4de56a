"""The REPL service: a socket, and a conversation with each client (SHEPHERD.md 6.6).

What is said in a conversation is the language's business: it comes as a callable.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from pid1.endpoints import inherited_sockets
from pid1.errors import keyed
from pid1.log import log
from pid1.service import STARTING, Service
from pid1.supervisor import detached, supervisor

# Talks with one client until it has had enough.
Session: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ReplSocket:
    """The running value of the REPL service: listens, and begins conversations."""

    def __init__(self, sock: socket.socket, session: Session, clients: int = 0) -> None:
        self.sock = sock
        self.session = session
        self._clients = clients

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        return {"descriptors": [self.sock.fileno()], "clients": self._clients}

    def __str__(self) -> str:
        return f"#<input-output: socket {self.sock.fileno()}>"

    def listen(self) -> None:
        """Begin to accept clients."""
        asyncio.get_running_loop().add_reader(self.sock, self._accept)

    def release(self) -> None:
        """Listen no more; conversations go on."""
        if self.sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.sock)
            self.sock.close()

    def _accept(self) -> None:
        try:
            client, _ = self.sock.accept()
        except OSError:
            return
        log("Accepting REPL connection.")
        service = self._client_service(client)
        manager = supervisor()
        manager.register([service])
        manager.spawn_task(manager.start(service), name=f"start {service.name}")

    def _client_service(self, client: socket.socket) -> Service:
        self._clients += 1
        name = f"repl-client-{self._clients}"

        async def start(*_arguments: object) -> Conversation:
            reader, writer = await asyncio.open_unix_connection(sock=client)
            conversation = Conversation(client.fileno(), service, reader, writer)
            detached(conversation.begin, self.session)
            return conversation

        service = Service((name,), transient=True, start=start, stop=lambda *_arguments: False)
        service.origin = ["pid1.repl", "gone_client", None]
        return service


class Conversation:
    """The running value of a client's service."""

    def __init__(
        self,
        descriptor: int,
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._descriptor = descriptor
        self._service = service
        self._reader = reader
        self._writer = writer
        self._task: asyncio.Task[Any] | None = None

    def __str__(self) -> str:
        return f"#<input-output: socket {self._descriptor}>"

    def carry(self) -> dict[str, Any]:
        """A conversation ends with the image of the daemon in which it began."""
        return {}

    def begin(self, session: Session) -> None:
        """Talk with the client until it leaves, then end the service."""
        self._task = supervisor().spawn_task(self._talk(session), name=self._service.name)

    async def _talk(self, session: Session) -> None:
        try:
            await session(self._reader, self._writer)
        except ConnectionError:
            pass
        except Exception as error:
            log(f"Uncaught REPL exception: {keyed(error)}.")
        self._task = None
        manager = supervisor()
        while self._service.status == STARTING:
            await asyncio.sleep(0)  # it left before the service had even started
        if self._service.value is not self:
            return
        manager.spawn_task(manager.stop(self._service), name=f"end of {self._service.name}")

    def release(self) -> None:
        """The service is stopped: hang up."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(OSError):
            self._writer.close()


class _Start:
    """The start procedure; ``path`` is the socket, for the daemon's user only."""

    def __init__(self, path: str, session: Session) -> None:
        self.path = path
        self.session = session

    def __call__(self, *_arguments: object) -> ReplSocket:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            # Whoever can connect can do anything in the daemon's name.
            mask = os.umask(0o177)
            try:
                sock.bind(self.path)
            except OSError as error:
                error.step = "bind"  # type: ignore[attr-defined]
                raise
            finally:
                os.umask(mask)
            sock.listen()
        except BaseException:
            sock.close()
            raise
        return self._listen(sock, 0)

    def _listen(self, sock: socket.socket, clients: int) -> ReplSocket:
        value = ReplSocket(sock, self.session, clients)
        detached(value.listen)
        return value

    def adopt(self, state: dict[str, Any], _service: Service) -> ReplSocket:
        """Return the value that the previous image of the daemon carried over."""
        (sock,) = inherited_sockets(state["descriptors"])
        return self._listen(sock, state["clients"])

    def stop(self, value: ReplSocket, *_arguments: object) -> bool:
        """The stop procedure."""
        value.release()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        return False


def repl_service(path: str, session: Session) -> Service:
    """Return the service; ``path`` is its socket, for the daemon's user only."""
    start = _Start(path, session)
    return Service(
        ("repl",),
        documentation="Run a read-eval-print loop (REPL).",
        start=start,
        stop=start.stop,
    )


class _Gone:
    """The start procedure of a client whose conversation ended with an image of the daemon."""

    def __call__(self, *_arguments: object) -> bool:
        return False

    def adopt(self, _state: dict[str, Any], service: Service) -> bool:
        """Stop the service as soon as it is back."""
        manager = supervisor()
        manager.spawn_task(manager.stop(service), name=f"end of {service.name}")
        return True


def gone_client(names: list[str], _state: object) -> Service:
    """Return the service of a client of the previous image: it is told that the client left."""
    return Service(tuple(names), transient=True, start=_Gone(), stop=lambda *_arguments: False)
