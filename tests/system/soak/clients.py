"""Clients of the daemon and of its services: those that wait for an answer, and others."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

from pid1.sexp import Symbol
from tests.system.live import LiveDaemon, Reply, command

# Seconds that a service may take to answer.
PATIENCE = 10.0


class Pending:
    """A request whose answer is collected later; `strict` ones must be answered."""

    def __init__(self, daemon: LiveDaemon, what: str, data: bytes, strict: bool) -> None:
        self.what = what
        self.strict = strict
        self.since = time.monotonic()
        self._received = b""
        self._socket = daemon.connect()
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)
        self._socket.setblocking(False)

    def finished(self) -> bool:
        """Whether the daemon has closed the connection."""
        try:
            while data := self._socket.recv(65536):
                self._received += data
        except BlockingIOError:
            return False
        except ConnectionResetError:
            pass
        self._socket.close()
        return True

    def reply(self) -> Reply | None:
        """The answer, None if the connection was closed without one."""
        return Reply(self._received) if self._received else None


class Crowd:
    """Clients that hold a connection and do nothing with it, until they are closed."""

    def __init__(self, daemon: LiveDaemon) -> None:
        self._daemon = daemon
        self._sockets: list[socket.socket] = []

    def __len__(self) -> int:
        return len(self._sockets)

    def silent(self) -> None:
        """One that says nothing."""
        self._sockets.append(self._daemon.connect())

    def half(self, data: bytes, count: int) -> None:
        """One that stops in the middle of its request."""
        self._send(data[:count])

    def follower(self) -> None:
        """One that asks for events, and does not read them."""
        self._send(command("events", "root", 1 << 60, 3600))

    def deaf(self) -> None:
        """One that asks for more than a socket holds, and does not read it."""
        self._send(command("eval", "root", "(make-string 400000 #\\a)"))

    def _send(self, data: bytes) -> None:
        client = self._daemon.connect()
        with suppress(OSError):
            client.sendall(data)
        self._sockets.append(client)

    def close(self, which: int) -> None:
        """One of them hangs up."""
        if self._sockets:
            self._sockets.pop(which % len(self._sockets)).close()

    def close_all(self) -> None:
        """Everybody hangs up."""
        for client in self._sockets:
            client.close()
        self._sockets.clear()


def vanish(daemon: LiveDaemon, data: bytes, sent: int, received: int) -> None:
    """Send a part of a request, read a part of the reply, and go."""
    with daemon.connect() as client, suppress(OSError):
        client.sendall(data[:sent])
        if received:
            client.recv(received)


def talk(path: Path, text: bytes, patience: float = PATIENCE) -> bytes | None:
    """What a service that sends everything back makes of `text`; None if nobody listens.

    Raises TimeoutError when nothing comes for `patience` seconds.
    """
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(patience)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        answer = b""
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                answer += data
        return answer


def connect_and_leave(path: Path, text: bytes) -> socket.socket | None:
    """A connection to a service on which something was sent and nothing is read."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    try:
        client.connect(str(path))
        client.sendall(text)
    except OSError:
        client.close()
        return None
    return client


__all__ = ["Crowd", "Pending", "Symbol", "connect_and_leave", "talk", "vanish"]
