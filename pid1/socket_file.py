"""The file of the control socket: opened as soon as it can be, and missed when it is deleted.

An ordinary daemon whose file is deleted stops, as nobody can talk to it any more; PID 1
opens a new one, and tries until it succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hurd.system import FileWatch, system
from pid1.control import ControlServer, SocketError
from pid1.log import log

if TYPE_CHECKING:
    import socket

# Seconds between attempts to open a socket that could not be opened.
_RETRY_INTERVAL: Final = 1.0
# Seconds between looks at the socket file where the kernel cannot tell of its deletion.
_WATCH_INTERVAL: Final = 60.0


class SocketFile:
    """The file ``path`` of a server's socket, until ``finished`` is done.

    ``open_listener`` opens it and raises SocketError with the reason; ``lost`` is called when
    it was deleted and the daemon is not PID 1.
    """

    def __init__(
        self,
        server: ControlServer,
        path: str,
        open_listener: Callable[[str], socket.socket],
        finished: asyncio.Future[int],
        lost: Callable[[], None],
    ) -> None:
        self._server = server
        self._path = path
        self._open_listener = open_listener
        self._finished = finished
        self._lost = lost
        self._loop = finished.get_loop()
        self._watch: FileWatch | None = None

    def open(self) -> bool:
        """Open the socket if it is not open; whether it is now."""
        if self._server.listener is not None:
            return True
        try:
            listener = self._open_listener(self._path)
        except SocketError:
            return False
        self._server.replace_listener(listener)
        log(f"Listening on '{self._path}'.")
        self.watch()
        return True

    def watch(self) -> None:
        """Notice when the file is deleted; if there is none yet, open it when that is possible."""
        self._watch = None
        if self._server.listener is None:
            self._retry()
            return
        with contextlib.suppress(OSError):
            self._watch = system.watch_file(self._path)
        if self._watch is not None:
            self._loop.add_reader(self._watch, self._look)
        else:
            self._loop.call_later(_WATCH_INTERVAL, self._look)

    def _retry(self) -> None:
        if not self._finished.done() and not self.open():
            self._loop.call_later(_RETRY_INTERVAL, self._retry)

    def _look(self) -> None:
        watch = self._watch
        deleted = watch.changed() if watch is not None else not os.path.exists(self._path)
        if not deleted:
            if watch is None:
                self._loop.call_later(_WATCH_INTERVAL, self._look)
            return
        if watch is not None:
            self._loop.remove_reader(watch)
            watch.close()
        if self._finished.done():
            return
        if os.getpid() != 1:
            log(f"Socket '{self._path}' deleted; stopping.")
            self._lost()
            return
        log(f"Socket '{self._path}' deleted; opening a new one.")
        try:
            self._server.replace_listener(self._open_listener(self._path))
        except SocketError as error:
            log(f"Cannot open the control socket: {error}.")
        self.watch()
