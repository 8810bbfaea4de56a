"""The system log: receives messages on sockets and from the kernel, writes them to files.

The mechanism of ``system-log-service``.  What a message says is ``syslog``; here are the
sockets, the files, and the order in which things happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hurd.system import system
from pid1.addresses import UNIX, Address
from pid1.awaiting import is_awaitable
from pid1.endpoints import Bind, Endpoint, inherited_sockets, open_sockets
from pid1.errors import keyed
from pid1.log import LINE_FORMAT, log, say
from pid1.log_files import LogFiles
from pid1.service import Service
from pid1.sexp import Symbol
from pid1.supervisor import current_service, detached, supervisor
from pid1.syslog import Message, parse, parse_datagram

DEFAULT_HISTORY: Final = 20
DEFAULT_MAX_SILENCE: Final = 1200.0
# RFC 5424 6.1: receivers should accept 2048 octets; the GNU Shepherd cuts at 1024.
MAX_MESSAGE: Final = 8192
# Datagrams read in one turn of the loop, and messages kept while a destination procedure
# is waited for; then the sockets' own queues fill, and senders wait.
_BATCH: Final = 256
_MAX_BACKLOG: Final = 1024

# Names the files for a message; may suspend, and may fail.
Destination = Callable[[Message], Any]


class SystemLog:
    """A running system log: the running value of its service."""

    def __init__(
        self,
        endpoints: list[Endpoint],
        sockets: list[socket.socket],
        kernel_log: tuple[str, int] | None,
        files: LogFiles,
        destination: Destination,
        default: Callable[[Message], list[str]],
        max_silence: float | None,
    ) -> None:
        self.endpoints = endpoints
        self.kernel_log_file = kernel_log[0] if kernel_log is not None else None
        self.files = files
        self._sockets = sockets
        self._kernel = kernel_log[1] if kernel_log is not None else -1
        self._kernel_partial = b""
        self._destination = destination
        self._default = default
        self._complained = False
        self._backlog: deque[Message] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._awaited: Message | None = None  # whose destination it waits for
        self._reading = False
        self._flushing = False
        self._looking: asyncio.TimerHandle | None = None
        self._max_silence = max_silence
        self._last = asyncio.get_running_loop().time()
        self._marker: asyncio.TimerHandle | None = None

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know.

        Messages whose destination is still being waited for go to the default one now.
        """
        self._wait_no_longer()
        self.files.flush()
        descriptors = [sock.fileno() for sock in self._sockets]
        kernel = self._kernel if self._kernel >= 0 else None
        return {
            "descriptors": descriptors if kernel is None else [*descriptors, kernel],
            "kernel": kernel,
            "kernel_file": self.kernel_log_file,
            "history": self.files.history(),
            "files": self.files.files(),
        }

    def start(self) -> None:
        """Begin to receive."""
        self._resume()
        if self._kernel >= 0:
            self._start_kernel()
        self._schedule_mark()

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        self._reading = True
        for sock in self._sockets:
            loop.add_reader(sock, self._receive, sock)

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        self._reading = False
        for sock in self._sockets:
            loop.remove_reader(sock)

    async def stop(self) -> None:
        """Take what has been sent, write it, and close everything."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            self._receive(sock)
        self._pause()
        if self._marker is not None:
            self._marker.cancel()
        if self._worker is not None:
            # A destination procedure that hangs shall not keep the system from stopping.
            await asyncio.wait({self._worker}, timeout=1)
            self._worker.cancel()
            self._wait_no_longer()
        for sock in self._sockets:
            sock.close()
        if self._looking is not None:
            self._looking.cancel()
            self._look_kernel()
            self._looking.cancel()
        if self._kernel >= 0:
            loop.remove_reader(self._kernel)
            self._close_kernel()
        count = len(self.files.files())
        log("Terminating system log service.")
        log(f"Closing {count} system log {'port' if count == 1 else 'ports'}.")
        self.files.close()

    # Receiving

    def accept(self, line: str) -> None:
        """Take a message of the daemon itself, which need not go through a socket."""
        self._accept(parse(line))
        if not self._flushing:
            # Not at once: what cannot be written is logged, and that comes back here.
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self.files.flush()

    def _receive(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                data, peer = sock.recvfrom(MAX_MESSAGE)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                # An ICMP error, for example; or a socket that cannot receive at all.
                log(f"Cannot receive messages for the system log: {error.strerror}.")
                break
            if data:
                local = sock.family == UNIX
                sender = None if local else Address.from_python(sock.family, peer)
                self._accept(parse_datagram(data, sender))
        self.files.flush()

    def _look_kernel(self) -> None:
        """Read what the kernel has said, and look again later."""
        interval = system.kernel_log_interval()
        if self._kernel < 0 or interval is None:
            return
        # The error is a device's own where there is nothing to read.
        with contextlib.suppress(OSError):
            while data := os.read(self._kernel, 65536):
                self._take_kernel(data)
        self.files.flush()
        self._looking = asyncio.get_running_loop().call_later(interval, self._look_kernel)

    def _take_kernel(self, data: bytes) -> None:
        *lines, self._kernel_partial = (self._kernel_partial + data).split(b"\n")
        for line in lines:
            if line:
                self._accept(parse(line.decode(errors="replace"), kernel=True))

    def _start_kernel(self) -> None:
        if system.kernel_log_interval() is not None:
            self._look_kernel()
            return
        try:
            asyncio.get_running_loop().add_reader(self._kernel, self._receive_kernel)
        except OSError:
            # epoll refuses regular files: they are always readable.
            while self._kernel >= 0:
                self._receive_kernel()

    def _receive_kernel(self) -> None:
        try:
            data = os.read(self._kernel, 65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            data = b"\n" if self._kernel_partial else b""
            say(f'Closing system log input file "{self.kernel_log_file}" on end-of-file.')
            if not stat.S_ISREG(os.fstat(self._kernel).st_mode):
                asyncio.get_running_loop().remove_reader(self._kernel)
            self._close_kernel()
        self._take_kernel(data)
        self.files.flush()

    def _close_kernel(self) -> None:
        os.close(self._kernel)
        self._kernel = -1

    # Dispatching

    def _accept(self, message: Message) -> None:
        self._last = asyncio.get_running_loop().time()
        if self._worker is not None:
            self._backlog.append(message)
            if len(self._backlog) >= _MAX_BACKLOG and self._reading:
                self._pause()
            return
        try:
            paths = self._destination(message)
        except Exception as error:
            paths = self._complain(error)
        if is_awaitable(paths):
            self._worker = supervisor().spawn_task(self._work(message, paths), name="system log")
        else:
            self._write(message, paths)

    async def _work(self, message: Message, paths: Awaitable[Any]) -> None:
        """Wait for a destination that suspended, then see to what came meanwhile, in order."""
        pending: Any = paths
        try:
            while True:
                self._awaited = message
                try:
                    result = await pending if is_awaitable(pending) else pending
                except Exception as error:
                    result = self._complain(error)
                if self._awaited is not None:  # else it has gone to the default one
                    self._awaited = None
                    self._write(message, result)
                if not self._backlog:
                    return
                message = self._backlog.popleft()
                if not self._reading and len(self._backlog) < _MAX_BACKLOG // 2:
                    self._resume()
                try:
                    pending = self._destination(message)
                except Exception as error:
                    pending = self._complain(error)
        finally:
            self._worker = None
            self.files.flush()

    def _wait_no_longer(self) -> None:
        """Write to the default destination what still waits for its own."""
        if self._awaited is not None:
            self._backlog.appendleft(self._awaited)
            self._awaited = None
        while self._backlog:
            self._write(self._backlog.popleft(), [])

    def _complain(self, error: Exception) -> list[str]:
        # Once: the daemon's own log may come back here as a message.
        if not self._complained:
            self._complained = True
            log(f"Uncaught exception in message destination procedure: {keyed(error)}")
        return []

    def _write(self, message: Message, paths: Any) -> None:
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            paths = []
        self.files.add_message(str(message), paths or self._default(message))

    # Marks

    def _schedule_mark(self) -> None:
        if self._max_silence is None:
            return
        loop = asyncio.get_running_loop()
        due = self._last + self._max_silence
        if loop.time() >= due:
            self.files.mark()
            self._last = loop.time()
            due = self._last + self._max_silence
        self._marker = loop.call_at(due, self._schedule_mark)

    # Showing

    def __str__(self) -> str:
        return f"#<system-log {id(self):x}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 6.1 has it."""
        descriptors = [sock.fileno() for sock in self._sockets]
        if self._kernel >= 0:
            descriptors.append(self._kernel)
        return [
            Symbol("system-log"),
            [Symbol("version"), 0],
            [Symbol("endpoints"), [endpoint.to_wire() for endpoint in self.endpoints]],
            [Symbol("kernel-log-file"), self.kernel_log_file or False],
            [Symbol("sockets"), descriptors],
        ]


class SystemLogStart:
    """The start procedure of a system log.

    ``destination`` names the files for a message; where it names none or fails, ``default``
    does.  ``max_silence`` is seconds, after which a mark is written; None: never.
    """

    def __init__(
        self,
        endpoints: list[Endpoint],
        destination: Destination,
        default: Callable[[Message], list[str]],
        *,
        kernel_log_file: str | None = None,
        history_size: int = DEFAULT_HISTORY,
        max_silence: float | None = DEFAULT_MAX_SILENCE,
        date_format: str = LINE_FORMAT,
        bind: Bind | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.destination = destination
        self.default = default
        self.kernel_log_file = kernel_log_file
        self.history_size = history_size
        self.max_silence = max_silence
        self.date_format = date_format
        self.bind = bind

    async def __call__(self, *_arguments: object) -> SystemLog:
        service = current_service.get()
        path = self.kernel_log_file
        kernel = _open_kernel_log(path) if path is not None else None
        try:
            sockets = await open_sockets(self.endpoints, self.bind)
        except BaseException:
            if kernel is not None:
                os.close(kernel[1])
            raise
        files = LogFiles(self.history_size, self.date_format)
        if service is not None:
            supervisor().attach_output(service, files)
        return self._run(sockets, kernel, files)

    def _run(
        self, sockets: list[socket.socket], kernel: tuple[str, int] | None, files: LogFiles
    ) -> SystemLog:
        running = SystemLog(
            self.endpoints,
            sockets,
            kernel,
            files,
            self.destination,
            self.default,
            self.max_silence,
        )
        # Messages come on nobody's behalf.
        detached(running.start)
        return running

    def adopt(self, state: dict[str, Any], service: Service) -> SystemLog:
        """Return the value that the previous image of the daemon carried over."""
        kernel = state["kernel"]
        descriptors = [fd for fd in state["descriptors"] if fd != kernel]
        if kernel is not None:
            os.set_inheritable(kernel, False)
        files = LogFiles(self.history_size, self.date_format)
        files.resume(state["history"], state["files"])
        service.capture = files
        return self._run(
            inherited_sockets(descriptors),
            None if kernel is None else (state["kernel_file"], kernel),
            files,
        )


def _open_kernel_log(path: str) -> tuple[str, int] | None:
    try:
        return path, os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        # In a container the kernel's log is often out of reach; that is no reason to fail.
        say(f"Dismissing kernel log '{path}': {error.strerror}.")
        return None


async def system_log_destructor(value: SystemLog, *_arguments: object) -> bool:
    """Stop a system log: the stop procedure of its service."""
    await value.stop()
    return False
