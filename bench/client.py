"""Requests on the control socket, without ``herd``."""

from __future__ import annotations

import selectors
import socket
from pathlib import Path

_CHUNK = 1 << 20


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


def many(path: Path, count: int, action: str, service: str) -> int:
    """Send the same request from ``count`` clients at once; return how many got a reply."""
    message = command(action, service)
    selector = selectors.DefaultSelector()
    received: dict[int, int] = {}
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(message)
        client.setblocking(False)
        received[client.fileno()] = 0
        selector.register(client, selectors.EVENT_READ, client)
    answered = 0
    while selector.get_map():
        for key, _events in selector.select():
            client = key.data
            data = client.recv(_CHUNK)
            if data:
                received[key.fd] += len(data)
                continue
            answered += received[key.fd] > 0
            selector.unregister(client)
            client.close()
    selector.close()
    return answered
