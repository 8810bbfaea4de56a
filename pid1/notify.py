"""The socket on which a program reports about itself, as sd_notify(3) describes it.

One datagram socket for each process that is asked to report: in the abstract namespace
where there is one, which all users can reach, else a file in a directory of its own.  A
datagram is lines ``NAME=VALUE``; descriptors that come with it are closed, which is also
the answer that ``BARRIER=1`` waits for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Final

from hurd.system import system

# What systemd accepts; a longer datagram is ignored.
_LONGEST: Final = 4096
# Descriptors and credentials that come with a datagram; more descriptors are refused.
_ANCILLARY: Final = 1024
# Datagrams taken in one turn of the loop, so that a chatty program leaves others their turn.
BATCH: Final = 32
# Parents that are asked for until one is the main process.
_DEEPEST: Final = 64


class NotifySocket:
    """The receiving end; ``address`` is what the program finds in ``NOTIFY_SOCKET``."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self._sock = sock
        self.address = address

    @classmethod
    def open(cls, uid: int) -> NotifySocket:
        """Make a socket that processes of user ``uid`` can send to; raises OSError."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            system.pass_credentials(sock)
            return cls(sock, _bind(sock, uid))
        except BaseException:
            sock.close()
            raise

    @classmethod
    def carried(cls, descriptor: int, address: str) -> NotifySocket:
        """The socket of the previous image of the daemon."""
        sock = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
        sock.setblocking(False)
        return cls(sock, address)

    def fileno(self) -> int:
        """The descriptor, -1 once it is closed."""
        return self._sock.fileno()

    def receive(self) -> tuple[bytes, tuple[int, int, int] | None] | None:
        """The next datagram and (PID, UID, GID) of its sender, None while there is none.

        The sender is None where the system does not tell it.
        """
        while True:
            try:
                data, ancillary, flags, _ = self._sock.recvmsg(
                    _LONGEST, _ANCILLARY, getattr(socket, "MSG_CMSG_CLOEXEC", 0)
                )
            except OSError:
                return None
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    _close_all(content)
            if not flags & socket.MSG_TRUNC:
                return data, system.sender_credentials(ancillary)

    def close(self) -> None:
        """Close the socket and remove its file; harmless when that has happened."""
        self._sock.close()
        if self.address.startswith("/"):
            _remove(self.address)


def _bind(sock: socket.socket, uid: int) -> str:
    """Give the socket a name and return it as ``NOTIFY_SOCKET`` has it."""
    with contextlib.suppress(OSError):
        # In the abstract namespace the system chooses a name that is free.
        sock.bind(b"")
        name = sock.getsockname()
        if isinstance(name, bytes) and name[:1] == b"\0":
            return "@" + name[1:].decode("ascii")
    import tempfile

    directory = tempfile.mkdtemp(prefix="drover-notify-")
    path = f"{directory}/socket"
    try:
        sock.bind(path)
        os.chmod(path, 0o600)
        if uid != os.geteuid():
            os.chown(path, uid, -1)
        os.chmod(directory, 0o711)
    except BaseException:
        _remove(path)
        raise
    return path


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(path))


def _close_all(content: bytes) -> None:
    for start in range(0, len(content) - 3, 4):
        with contextlib.suppress(OSError):
            os.close(int.from_bytes(content[start : start + 4], sys.byteorder))


def parse(data: bytes) -> list[tuple[str, str]]:
    """The assignments of a datagram in their order; what is none is left out."""
    data = data.rstrip(b"\0")
    if b"\0" in data:
        return []
    lines = data.decode(errors="replace").split("\n")
    return [(name, value) for name, equals, value in (x.partition("=") for x in lines) if equals]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
    except OSError:
        return -1  # there, but not to be told


def belongs(pid: int, main: int) -> bool | None:
    """Whether process ``pid`` is ``main``, of its session, or descends from it.

    None where nothing tells: a process that is gone, and one that has lost its parent, as
    daemons do that go into the background.
    """
    if pid <= 0:
        return False  # out of sight, in another PID namespace
    if pid == main:
        return True
    session = _session(pid)
    if session is None:
        return None
    if session == main or (session == _session(main) and session != os.getsid(0)):
        return True
    process = system.process(pid)
    if process is None or process.parent == os.getpid():
        return None
    # Upwards: who sends may have any number of children, but not of parents.
    for _ in range(_DEEPEST):
        if process is None or process.parent == main:
            return process is not None
        process = system.process(process.parent)
    return False
