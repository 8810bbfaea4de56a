"""One client of the control socket: reads a command, carries it out, answers and closes.

Reading and writing happen when the socket is ready; nobody waits for the client.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import TYPE_CHECKING, Any, Final

from pid1.actions import perform
from pid1.awaiting import is_awaitable
from pid1.errors import ServiceError, misc_error
from pid1.log import Output, client_output, log, the_log
from pid1.wire import (
    Command,
    DatumScanner,
    WireError,
    error_to_wire,
    read_command,
    write_reply,
)

if TYPE_CHECKING:
    from pid1.control import ControlServer

_CHUNK: Final = 65536
# Commands that lead to the same state when they are carried out twice.
_REPEATABLE: Final = frozenset({"start", "stop", "restart", "status", "events", "analyze"})
# Seconds until what a failed command has left is collected.
_COLLECT_DELAY: Final = 0.01


def _lacks_memory(error: Exception) -> bool:
    """Whether an error comes from a lack of memory, also in code of a configuration."""
    return isinstance(error, MemoryError) or getattr(error, "key", None) == "out-of-memory"


def _collect() -> None:
    """Free what a command has built up that failed for lack of memory.

    The frames that it died in hold it until its task has ended, in circles.
    """
    asyncio.get_running_loop().call_later(_COLLECT_DELAY, gc.collect)


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
