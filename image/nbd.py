"""Read disk images of any format that QEMU knows: qemu-nbd serves one, and we ask it for bytes.

A client of the NBD protocol for one connection, reading only; see doc/proto.md of the project nbd.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from image.errors import ImageError, ImageInUse, NotAnImage
from image.run import environment, find_tool

_GREETING = struct.Struct(">8s8sH")
_OPTION = struct.Struct(">8sII")
_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")
_EXPORT_NAME = 1
_FIXED, _NO_ZEROES = 1, 2
_READ, _DISCONNECT = 0, 2
_REQUEST_MAGIC = 0x25609513
_REPLY_MAGIC = 0x67446698
_LARGEST_READ = 1 << 24


class _Ended(NotAnImage):
    """The server is gone."""


class Connection:
    """An image that is being served; `size` is that of the disk it holds, in bytes."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        magic, options, flags = _GREETING.unpack(self._receive(_GREETING.size))
        if (magic, options) != (b"NBDMAGIC", b"IHAVEOPT") or not flags & _FIXED:
            raise ImageError("qemu-nbd: does not speak the protocol that was expected")
        self._socket.sendall(struct.pack(">I", flags & (_FIXED | _NO_ZEROES)))
        self._socket.sendall(_OPTION.pack(b"IHAVEOPT", _EXPORT_NAME, 0))
        (self.size, _) = struct.unpack(">QH", self._receive(10))
        if not flags & _NO_ZEROES:
            self._receive(124)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer at the end; ImageError if reading fails."""
        size = max(min(size, self.size - offset), 0)
        parts = []
        while size:
            step = min(size, _LARGEST_READ)
            self._socket.sendall(_REQUEST.pack(_REQUEST_MAGIC, 0, _READ, 0, offset, step))
            magic, error, _ = _REPLY.unpack(self._receive(_REPLY.size))
            if magic != _REPLY_MAGIC:
                raise ImageError("qemu-nbd: an answer that was not understood")
            if error:
                raise NotAnImage(f"cannot be read at byte {offset}: {os.strerror(error)}")
            parts.append(self._receive(step))
            offset, size = offset + step, size - step
        return b"".join(parts)

    def close(self) -> None:
        """Say goodbye, after which qemu-nbd ends."""
        with contextlib.suppress(OSError):
            self._socket.sendall(_REQUEST.pack(_REQUEST_MAGIC, 0, _DISCONNECT, 0, 0, 0))
        self._socket.close()

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(size - len(data))
            except ConnectionError:
                part = b""
            if not part:
                raise _Ended("qemu-nbd: ended while the image was read")
            data += part
        return bytes(data)


@contextlib.contextmanager
def served(path: Path, image_format: str) -> Iterator[Connection]:
    """Serve an image for reading as long as the block lasts.

    Raises MissingTool, ImageInUse, and NotAnImage with what qemu-nbd says of a damaged image.
    """
    with contextlib.ExitStack() as stack:
        # Names of sockets are short, and TMPDIR may be long.
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="drover-", dir="/tmp"))
        address = f"{place}/nbd"
        said = stack.enter_context(tempfile.TemporaryFile())
        server = subprocess.Popen(
            [
                find_tool("qemu-nbd"), "--read-only", f"--socket={address}",
                f"--format={image_format}", "--", os.path.abspath(path),
            ],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment(),
        )  # fmt: skip
        stack.callback(server.wait)
        stack.callback(server.kill)
        connected = stack.enter_context(socket.socket(socket.AF_UNIX))
        connected.settimeout(60)
        try:
            while not _connect(connected, address) and server.poll() is None:
                time.sleep(0.005)
            # It listens before it has looked at the image.
            connection = Connection(connected)
        except (OSError, _Ended) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            said.seek(0)
            text = said.read().decode(errors="replace").strip().removeprefix("qemu-nbd: ")
            if "lock" in text:
                raise ImageInUse(path) from error
            raise NotAnImage(f"{path}: {text}") from error
        stack.callback(connection.close)
        yield connection


def _connect(connected: socket.socket, address: str) -> bool:
    """Whether the server listens already, and we are connected."""
    try:
        connected.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True
