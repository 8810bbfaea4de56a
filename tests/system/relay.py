"""A relay between `herd` and a daemon that keeps what crossed it."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path


class Relay:
    """Listens on `file` and passes each connection on to the daemon at `target`."""

    def __init__(self, file: Path, target: Path) -> None:
        self.file = file
        self.target = target
        self.request = self.reply = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(file))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as daemon:
                daemon.connect(str(self.target))
                self.request, self.reply = _pass_on(client, daemon)


def _pass_on(client: socket.socket, daemon: socket.socket) -> tuple[bytes, bytes]:
    """Pass bytes both ways until the daemon closes; return them."""
    seen = {client: b"", daemon: b""}
    with selectors.DefaultSelector() as selector:
        for end in seen:
            selector.register(end, selectors.EVENT_READ)
        while daemon in selector.get_map():
            for key, _ in selector.select():
                end = client if key.fileobj is client else daemon
                other = daemon if end is client else client
                with suppress(ConnectionResetError):
                    if data := end.recv(65536):
                        seen[end] += data
                        other.sendall(data)
                        continue
                selector.unregister(end)
                with suppress(OSError):
                    other.shutdown(socket.SHUT_WR)
    return seen[client], seen[daemon]
