"""The control socket: accepts clients, each of which is a ``pid1.connection``.

Never waits for a client: one that says nothing costs a descriptor until it is the oldest of
too many.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from typing import Any, Final

from hurd.system import system
from pid1.connection import Connection
from pid1.events import the_events
from pid1.supervisor import Supervisor

_BACKLOG: Final = 1024
_MODE: Final = 0o600
# Clients that have not sent a whole command yet; beyond that the oldest is dropped.
MAX_SILENT: Final = 512
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
    uid = os.getuid()
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid != uid
        or (uid == 0 and any(system.owners(status)))
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
        # Who may write to the file may connect, whatever the umask is.
        if system.adopt_socket_file(listener, path):
            if stat.S_IMODE(os.lstat(path).st_mode) != _MODE:
                os.chmod(path, _MODE)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            mask = os.umask(0o777 & ~_MODE)
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
        for connection in [*self._silent, *self.busy]:
            connection.close()
        self.release_spare()

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
