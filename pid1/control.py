"""The control socket: accepts clients, reads one command each, answers and closes.

Never waits for a client: reading and writing happen when the socket is ready, and a
client that says nothing costs a descriptor until it is the oldest of too many.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pid1.actions import perform
from pid1.errors import ServiceError
from pid1.log import Output, client_output, log
from pid1.supervisor import Supervisor
from pid1.wire import (
    Command,
    DatumScanner,
    WireError,
    error_to_wire,
    read_command,
    write_reply,
)

_BACKLOG: Final = 1024
_CHUNK: Final = 65536
# Clients that have not sent a whole command yet; beyond that the oldest is dropped.
MAX_SILENT: Final = 512
# Seconds without accepting when descriptors have run out and nobody can be dropped.
_PAUSE: Final = 0.1


class SocketError(Exception):
    """The control socket cannot be used; the message says why."""


def check_directory(directory: str) -> None:
    """Raise SocketError unless ``directory`` is ours alone (SHEPHERD.md section 9)."""
    try:
        status = os.stat(directory)
    except OSError as error:
        raise SocketError(f"{directory}: {error.strerror}") from error
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != os.getuid()
        or stat.S_IMODE(status.st_mode) != 0o700
    ):
        raise SocketError(f"{directory}: socket directory has insecure permissions")


def somebody_listens(path: str) -> bool:
    """Whether a connection to the socket ``path`` succeeds."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def open_socket(path: str) -> socket.socket:
    """Listen on ``path``, replacing an old file; raises SocketError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
        listener.bind(path)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise SocketError(f"{path}: {error.strerror or error}") from error
    return listener


class ControlServer:
    """Serves clients of one listening socket."""

    def __init__(self, supervisor: Supervisor, listener: socket.socket) -> None:
        self.supervisor = supervisor
        self.listener = listener
        self._loop = asyncio.get_running_loop()
        self._silent: dict[Connection, None] = {}
        self.busy: set[Connection] = set()
        # Set while re-executing: commands wait in the kernel's queue for the next image.
        self.on_idle: Callable[[], None] | None = None
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Stop serving; clients being served are cut off."""
        self._loop.remove_reader(self.listener)
        self.listener.close()
        for connection in [*self._silent, *self.busy]:
            connection.close()

    def replace_listener(self, listener: socket.socket) -> None:
        """Go on with another socket, after the file of the first was deleted."""
        self._loop.remove_reader(self.listener)
        self.listener.close()
        self.listener = listener
        self._loop.add_reader(listener, self._accept)

    def pause(self) -> None:
        """Accept nobody any more; the backlog stays in the kernel."""
        self._loop.remove_reader(self.listener)

    def resume(self) -> None:
        """Accept again."""
        if self.listener.fileno() >= 0:
            self._loop.add_reader(self.listener, self._accept)

    def _accept(self) -> None:
        # As many as wait, but not for ever: other events want their turn.
        for _ in range(64):
            try:
                client, _address = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    self._make_room()
                return
            client.setblocking(False)
            Connection(self, client).start()
            if len(self._silent) > MAX_SILENT:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        next(iter(self._silent)).close()

    def _make_room(self) -> None:
        if self._silent:
            self._drop_oldest()
            return
        self.pause()
        self._loop.call_later(_PAUSE, self.resume)

    # Called by connections

    def waiting(self, connection: Connection, silent: bool) -> None:
        """Note that a connection has (not) yet sent its command."""
        if silent:
            self._silent[connection] = None
        else:
            self._silent.pop(connection, None)
            self.busy.discard(connection)
            if self.on_idle is not None and not self.busy:
                self.on_idle()


class Connection:
    """One client: collects its command, runs it, sends the reply."""

    __slots__ = ("_loop", "_output", "_reply", "_scanner", "_server", "_socket")

    def __init__(self, server: ControlServer, client: socket.socket) -> None:
        self._server = server
        self._socket = client
        self._loop = asyncio.get_running_loop()
        self._scanner = DatumScanner()
        self._output = Output()
        self._reply = memoryview(b"")

    def start(self) -> None:
        """Read what has arrived already; usually that is all."""
        self._server.waiting(self, silent=True)
        self._loop.add_reader(self._socket, self._readable)
        self._readable()

    def close(self) -> None:
        """Forget the client; a command that it sent goes on."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
        self._server.waiting(self, silent=False)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            datum = self._scanner.feed(data)
            if datum is None:
                return
            command = read_command(datum)
        except WireError:
            # The real one closes without a word, and clients rely on it (SHEPHERD.md 11.2).
            self.close()
            return
        self._loop.remove_reader(self._socket)
        self._server.waiting(self, silent=False)
        self._server.busy.add(self)
        self._run(command)

    def _run(self, command: Command) -> None:
        token = client_output.set(self._output)
        try:
            result = perform(
                self._server.supervisor, command.action, command.service, command.arguments
            )
            if inspect.isawaitable(result):
                self._server.supervisor.spawn_task(self._finish(command, result))
                return
        except Exception as error:
            self._answer_error(command, error)
            return
        finally:
            client_output.reset(token)
        self._answer(result, False)

    async def _finish(self, command: Command, result: Any) -> None:
        try:
            value = await result
        except Exception as error:
            self._answer_error(command, error)
        else:
            self._answer(value, False)

    def _answer_error(self, command: Command, error: Exception) -> None:
        if not isinstance(error, ServiceError):
            log(f"Unexpected error in '{command.action}': {type(error).__name__}: {error}")
        self._answer(False, error_to_wire(error, command.action, command.service))

    def _answer(self, result: object, error: object) -> None:
        token = client_output.set(self._output)
        try:
            messages = self._output.finish()
        finally:
            client_output.reset(token)
        self._reply = memoryview(write_reply(result, error, messages))
        self._send()

    def _send(self) -> None:
        if self._socket.fileno() < 0:
            return
        try:
            while self._reply:
                self._reply = self._reply[self._socket.send(self._reply) :]
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._send)
            return
        except OSError:
            pass
        self.close()
