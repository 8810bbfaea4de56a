"""One question to the daemon and its answer (SHEPHERD.md section 11).

The daemon closes the connection after its reply; when it ends instead, there is no reply at all.
"""

from __future__ import annotations

import posix

from pid1.herd.terminal import FatalError
from pid1.sexp import Symbol, write
from pid1.sexp_reader import IncompleteError, ReadError, read

SYSTEM_SOCKET = "/run/shepherd/socket"
"""Socket of the system's instance, process 1."""

_CHUNK = 1 << 16
_LARGEST_REPLY = 1 << 28


class Reply:
    """The three parts of a reply; ``error`` is False if there was none."""

    __slots__ = ("error", "messages", "result")

    def __init__(self, result: object, error: object, messages: list[str]) -> None:
        self.result = result
        self.error = error
        self.messages = messages


def default_socket() -> str:
    """Return the file name of the socket for this user and environment."""
    environment = posix.environ
    name = environment.get(b"SHEPHERD_SOCKET")
    if name:
        return name.decode("utf-8", "surrogateescape")
    uid = posix.getuid()
    if uid == 0:
        return SYSTEM_SOCKET
    runtime = environment.get(b"XDG_RUNTIME_DIR") or b"/run/user/%d" % uid
    return runtime.decode("utf-8", "surrogateescape") + "/shepherd/socket"


def working_directory() -> str:
    """Return the current directory, or ``/`` if it has been deleted; the daemon ignores it."""
    try:
        return posix.getcwd()
    except OSError:
        return "/"


def ask(socket_file: str, action: str, service: str, arguments: list[object]) -> Reply | None:
    """Return the daemon's reply, or None if it closed the connection without one.

    Raises FatalError if the daemon cannot be reached, or its reply is none.
    """
    command = [
        Symbol("shepherd-command"),
        [Symbol("version"), 0],
        [Symbol("action"), Symbol(action)],
        [Symbol("service"), Symbol(service)],
        [Symbol("arguments"), arguments],
        [Symbol("directory"), working_directory()],
    ]
    try:
        request = write(command).encode()
    except UnicodeEncodeError:
        raise FatalError("the command is not valid UTF-8") from None
    datum = _exchange(socket_file, request)
    if datum is None:
        return None
    return _decode(datum)


def _exchange(socket_file: str, request: bytes) -> object | None:
    from _socket import AF_UNIX, SOCK_STREAM, socket

    try:
        connection = socket(AF_UNIX, SOCK_STREAM)
        connection.connect(socket_file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FatalError(f"{socket_file}: {reason}") from None
    try:  # noqa: SIM105 - contextlib costs more than the rest of herd
        connection.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the daemon has hung up; it may have answered before
    data = bytearray()
    attempt_at = 0
    while True:
        try:
            chunk = connection.recv(_CHUNK)
        except ConnectionResetError:
            chunk = b""
        except OSError as error:
            raise FatalError(f"{socket_file}: {error.strerror}") from None
        data += chunk
        if len(data) > _LARGEST_REPLY:
            raise FatalError("the reply is too large")
        if chunk and not (data.endswith(b")))") and len(data) >= attempt_at):
            continue
        # The datum may be complete before the daemon closes the connection.  Attempts that fail
        # are made at doubling sizes, so that their cost stays linear.
        try:
            return read(bytes(data))
        except IncompleteError:
            if not chunk:
                if data.strip():
                    raise FatalError("premature end-of-file while talking to shepherd") from None
                return None
            attempt_at = 2 * len(data)
        except ReadError as error:
            raise FatalError(f"malformed reply from shepherd: {error}") from None
        except MemoryError:
            raise FatalError("the reply is too large") from None


def _decode(datum: object) -> Reply:
    match datum:
        case [Symbol(name="reply"), [Symbol(name="version"), 0, *_],
              [Symbol(name="result"), result], [Symbol(name="error"), error],
              [Symbol(name="messages"), list(messages)]]:  # fmt: skip
            if all(isinstance(message, str) for message in messages):
                return Reply(result, error, messages)
    raise FatalError("malformed reply from shepherd: it is not a reply of protocol version 0")
