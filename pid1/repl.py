"""The REPL service: a socket, and a conversation with each client (SHEPHERD.md 6.6).

What is said in a conversation is the language's business: it comes as a callable.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeAlias

from pid1.errors import keyed
from pid1.log import log
from pid1.service import STARTING, Service
from pid1.supervisor import detached, supervisor

# Talks with one client until it has had enough.
Session: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ReplSocket:
    """The running value of the REPL service: listens, and begins conversations."""

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.sock = sock
        self.session = session
        self._numbers = count(1)

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
        name = f"repl-client-{next(self._numbers)}"

        async def start(*_arguments: object) -> Conversation:
            reader, writer = await asyncio.open_unix_connection(sock=client)
            conversation = Conversation(client.fileno(), service, reader, writer)
            detached(conversation.begin, self.session)
            return conversation

        service = Service((name,), transient=True, start=start, stop=lambda *_arguments: False)
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


def repl_service(path: str, session: Session) -> Service:
    """Return the service; ``path`` is its socket, for the daemon's user only."""

    def start(*_arguments: object) -> ReplSocket:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            # Whoever can connect can do anything in the daemon's name.
            mask = os.umask(0o177)
            try:
                sock.bind(path)
            except OSError as error:
                error.step = "bind"  # type: ignore[attr-defined]
                raise
            finally:
                os.umask(mask)
            sock.listen()
        except BaseException:
            sock.close()
            raise
        value = ReplSocket(sock, session)
        detached(value.listen)
        return value

    def stop(value: ReplSocket, *_arguments: object) -> bool:
        value.release()
        with contextlib.suppress(OSError):
            os.unlink(path)
        return False

    return Service(
        ("repl",),
        documentation="Run a read-eval-print loop (REPL).",
        start=start,
        stop=stop,
    )
