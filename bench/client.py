"""Requests on the control socket, without ``herd``."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from pathlib import Path

_CHUNK = 1 << 20
# Bytes of the longest request of a nuisance.
_FLOOD = 100_000_000


def command(action: str, service: str) -> bytes:
    """A request as ``herd`` sends it."""
    return (
        f"(shepherd-command (version 0) (action {action}) (service {service}) "
        f'(arguments ()) (directory "/"))\n'
    ).encode()


def request(path: Path, action: str, service: str, timeout: float | None = None) -> bytes:
    """Send one request and return the reply; raises TimeoutError, in seconds."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(str(path))
        client.sendall(command(action, service))
        parts = []
        while data := client.recv(_CHUNK):
            parts.append(data)
    return b"".join(parts)


def send(path: Path, action: str, service: str) -> None:
    """Send one request without waiting for the reply."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(command(action, service))


def many(path: Path, count: int, action: str, service: str) -> list[float]:
    """Send the same request from ``count`` clients at once.

    Returns, for each client that got a reply, the seconds from the first one's connection.
    """
    message = command(action, service)
    selector = selectors.DefaultSelector()
    received: dict[int, int] = {}
    began = time.monotonic()
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(message)
        client.setblocking(False)
        received[client.fileno()] = 0
        selector.register(client, selectors.EVENT_READ, client)
    took = []
    while selector.get_map():
        for key, _events in selector.select():
            client = key.data
            try:
                data = client.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            if data:
                received[key.fd] += len(data)
                continue
            if received[key.fd]:
                took.append(time.monotonic() - began)
            selector.unregister(client)
            client.close()
    selector.close()
    return took


class Nuisance:
    """Clients that connect and say nothing, say half of it, or never stop, until closed."""

    def __init__(self, path: Path, count: int) -> None:
        half = command("status", "root")[:40]
        self._clients: list[socket.socket] = []
        self._path = path
        self._closed = False
        for number in range(count):
            client = socket.socket(socket.AF_UNIX)
            self._clients.append(client)
            client.connect(str(path))
            if number % 2:
                client.sendall(half)
        self._flood = threading.Thread(target=self._talk, daemon=True)
        self._flood.start()

    def _talk(self) -> None:
        piece = b'("' + b"x" * 65534
        while not self._closed:
            with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
                client.settimeout(1)
                client.connect(str(self._path))
                sent = 0
                while sent < _FLOOD and not self._closed:
                    sent += client.send(piece)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        for client in self._clients:
            client.close()
        self._flood.join()
