"""The control socket: accepts clients, reads one command each, answers and closes.

Never waits for a client: reading and writing happen when the socket is ready, and a
client that says nothing costs a descriptor until it is the oldest of too many.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import socket
import stat
from typing import Any, Final

from pid1.actions import perform
from pid1.awaiting import is_awaitable
from pid1.errors import ServiceError, misc_error
from pid1.events import the_events
from pid1.log import Output, client_output, log, the_log
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
# Commands that lead to the same state when they are carried out twice.
_REPEATABLE: Final = frozenset({"start", "stop", "restart", "status", "events", "analyze"})
# Clients that have not sent a whole command yet; beyond that the oldest is dropped.
MAX_SILENT: Final = 512
# Seconds until what a failed command has left is collected.
_COLLECT_DELAY: Final = 0.01
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
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
            os.unlink(path)
        # Not of the mode that the umask gives: on the Hurd, who may read it may connect.
        mask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise SocketError(f"{path}: {error.strerror or error}") from error
    return listener


def _lacks_memory(error: Exception) -> bool:
    """Whether an error comes from a lack of memory, also in code of a configuration."""
    return isinstance(error, MemoryError) or getattr(error, "key", None) == "out-of-memory"


def _collect() -> None:
    """Free what a command has built up that failed for lack of memory.

    The frames that it died in hold it until its task has ended, in circles.
    """
    asyncio.get_running_loop().call_later(_COLLECT_DELAY, gc.collect)


class ControlServer:
    """Serves clients of one listening socket; without one (None) until it can be opened."""

    def __init__(self, supervisor: Supervisor, listener: socket.socket | None) -> None:
        self.supervisor = supervisor
        self.listener = listener
        self._loop = asyncio.get_running_loop()
        self._silent: dict[Connection, None] = {}
        # Clients that do not read their reply, the oldest first.
        self._stalled: dict[Connection, None] = {}
        self.busy: set[Connection] = set()
        # Until somebody says that there is something to serve.
        self.paused = True
        # Given up for a client when no other descriptor is left.
        self._spare = -1
        self._guest: Connection | None = None
        self.reserve_spare()

    def close(self) -> None:
        """Stop serving; clients being served are cut off."""
        self._close_listener()
        self.release_spare()
        for connection in [*self._silent, *self.busy]:
            connection.close()

    def replace_listener(self, listener: socket.socket) -> None:
        """Go on with another socket: the first one, or after the file of the first was deleted."""
        self._close_listener()
        self.listener = listener
        self._listen()

    def _close_listener(self) -> None:
        if self.listener is not None:
            self._loop.remove_reader(self.listener)
            self.listener.close()

    def _listen(self) -> None:
        if self.listener is not None and self.listener.fileno() >= 0 and not self.paused:
            self._loop.add_reader(self.listener, self._accept)

    def pause(self) -> None:
        """Accept and read nothing any more; what arrives waits in the kernel."""
        self.paused = True
        the_events.release()
        if self.listener is not None:
            self._loop.remove_reader(self.listener)
        for connection in self._silent:
            connection.pause()

    def resume(self) -> None:
        """Accept and read again."""
        self.paused = False
        self._listen()
        for connection in list(self._silent):
            connection.start()

    def reserve_spare(self) -> None:
        """Hold a descriptor in reserve, if there is one to be had."""
        if self._spare < 0:
            with contextlib.suppress(OSError):
                # Not /dev/null: on the Hurd that would start a server.
                self._spare = os.open("/", os.O_RDONLY | os.O_CLOEXEC)

    def release_spare(self) -> bool:
        """Give up the reserve, for somebody who needs it; False if there is none."""
        if self._spare < 0:
            return False
        spare, self._spare = self._spare, -1
        with contextlib.suppress(OSError):
            os.close(spare)
        return True

    def carry(self) -> list[dict[str, Any]]:
        """The clients, for handing them to the next image of the daemon."""
        return [connection.carry() for connection in [*self._silent, *self.busy]]

    def adopt(self, clients: list[dict[str, Any]]) -> None:
        """Serve the clients of the previous image."""
        for carried in clients:
            client = socket.socket(fileno=carried["descriptor"])
            client.setblocking(False)
            client.set_inheritable(False)
            Connection(self, client).adopt(carried)

    def _accept(self) -> None:
        assert self.listener is not None
        # As many as wait, but not for ever: other events want their turn.
        for index in range(64):
            try:
                client, _address = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # Said even if nobody waits; but somebody does when the loop calls us.
                if index == 0 and error.errno in _NO_ROOM:
                    self._make_room()
                return
            client.setblocking(False)
            connection = Connection(self, client)
            if self._spare < 0 and self._guest is None:
                self._guest = connection
            connection.start()
            if len(self._silent) > MAX_SILENT:
                next(iter(self._silent)).close()

    def _make_room(self) -> None:
        """Free a descriptor: of a client that says nothing, or that does not read, or ours.

        The client that got ours has it for a moment only, or a few commands that take long
        would shut everybody out.
        """
        for idle in (self._silent, self._stalled):
            if idle:
                next(iter(idle)).close()
                return
        if the_events.release():
            return  # as soon as they are answered, their descriptors are free
        if not self.release_spare():
            assert self.listener is not None
            self._loop.remove_reader(self.listener)
            self._loop.call_later(_PAUSE, self._look_again)

    def _look_again(self) -> None:
        if self._guest is not None:
            self._guest.excuse()
        self.reserve_spare()
        self._listen()

    # Called by connections

    def add(self, connection: Connection) -> None:
        """Note a client that has not yet sent its command."""
        self._silent[connection] = None

    def begin(self, connection: Connection) -> None:
        """Note that a client's command is being carried out."""
        self._silent.pop(connection, None)
        self.busy.add(connection)

    def forget(self, connection: Connection) -> None:
        """Note that a client is gone."""
        self._silent.pop(connection, None)
        self._stalled.pop(connection, None)
        self.busy.discard(connection)
        if self._guest is connection:
            self._guest = None
        self.reserve_spare()

    def stall(self, connection: Connection) -> None:
        """Note that a client's reply waits for the client."""
        self._stalled[connection] = None


class Connection:
    """One client: collects its command, runs it, sends the reply."""

    __slots__ = ("_command", "_loop", "_output", "_reply", "_scanner", "_server", "_socket")

    def __init__(self, server: ControlServer, client: socket.socket) -> None:
        self._server = server
        self._socket = client
        self._loop = asyncio.get_running_loop()
        self._scanner = DatumScanner()
        self._output = Output()
        self._reply = memoryview(b"")
        self._command: Command | None = None

    def start(self) -> None:
        """Read what has arrived already; usually that is all."""
        self._server.add(self)
        self._loop.add_reader(self._socket, self._readable)
        self._readable()

    def pause(self) -> None:
        """Read nothing until ``start`` is called again."""
        self._loop.remove_reader(self._socket)

    def carry(self) -> dict[str, Any]:
        """What the next image has to know of this client."""
        command = self._command
        return {
            "descriptor": self._socket.fileno(),
            "received": self._scanner.received().decode("latin-1"),
            "lines": self._output.lines,
            "reply": bytes(self._reply).decode("latin-1"),
            "begun": command is not None,
        }

    def adopt(self, carried: dict[str, Any]) -> None:
        """Go on where the previous image was.

        A start, stop or restart that was in progress is requested again, which is the
        same; of any other action nobody can say how far it came.
        """
        self._reply = memoryview(carried["reply"].encode("latin-1"))
        if self._reply:
            self._server.begin(self)
            self._send()
            return
        received = carried["received"].encode("latin-1")
        try:
            datum = self._scanner.feed(received) if received else None
            if datum is None:
                self.start()
                return
            command = read_command(datum)
        except WireError:
            self._socket.close()
            return
        self._output.lines = carried["lines"]
        name = getattr(command.action, "name", "")
        if not carried["begun"] or name in _REPEATABLE:
            self._begin(command)
            return
        self._server.begin(self)
        interrupted = misc_error(f"'{name}' was interrupted by the re-execution of the daemon")
        self._answer_error(command, interrupted)

    def close(self) -> None:
        """Forget the client; a command that it sent goes on."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
        self._server.forget(self)

    def excuse(self) -> None:
        """Answer that the client cannot be kept waiting; what it asked for goes on."""
        if self._command is not None:
            reason = misc_error("too many clients are waiting; the command goes on unattended")
            self._answer_error(self._command, reason)
        self.close()

    def _readable(self) -> None:
        try:
            data = self._receive()
        except BlockingIOError:
            return
        except (OSError, MemoryError):
            # Without memory the request stays unread, and we would come back at once.
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
        self._begin(command)

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_CHUNK)
        except MemoryError:
            # A command that failed for that reason leaves much to collect.
            gc.collect()
            return self._socket.recv(_CHUNK)

    def _begin(self, command: Command) -> None:
        self._command = command
        self._server.begin(self)
        token = client_output.set(self._output)
        try:
            result = perform(
                self._server.supervisor, command.action, command.service, command.arguments
            )
            if is_awaitable(result):
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
        except asyncio.CancelledError:
            self._answer_error(command, misc_error(f"'{command.action}' was cancelled"))
            raise
        except Exception as error:
            self._answer_error(command, error)
        else:
            self._answer(value, False)

    def _answer_error(self, command: Command, error: Exception) -> None:
        if _lacks_memory(error):
            _collect()
        if not isinstance(error, ServiceError):
            log(f"Unexpected error in '{command.action}': {type(error).__name__}: {error}")
        self._answer(False, error_to_wire(error, command.action, command.service))

    def _answer(self, result: object, error: object) -> None:
        token = client_output.set(self._output)
        try:
            reply = write_reply(result, error, self._output.finish())
        except Exception as reason:
            # A value that cannot be written, or is too large for the memory.
            if _lacks_memory(reason):
                _collect()
            log(f"Cannot write a reply: {type(reason).__name__}: {reason}")
            failed = misc_error(f"the result cannot be sent: {type(reason).__name__}")
            command = self._command
            names = (command.action, command.service) if command is not None else (False, False)
            reply = write_reply(False, error_to_wire(failed, *names), [])
        finally:
            client_output.reset(token)
        self._reply = memoryview(reply)
        # Who has the answer finds in the log what it is about.
        the_log.flush()
        self._send()

    def _send(self) -> None:
        if self._socket.fileno() < 0:
            return
        try:
            while self._reply:
                self._reply = self._reply[self._socket.send(self._reply) :]
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._send)
            self._server.stall(self)
            return
        except OSError:
            self._reply = memoryview(b"")
        self.close()
