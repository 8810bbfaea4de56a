"""Endpoints: addresses that drover listens on for its services (SHEPHERD.md 4.5).

What an endpoint is, and how its socket is opened, with retries while the address is in
use.  Who accepts connections, and what becomes of them, is the business of ``inetd`` and
``activation``.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias

from hurd.system import system
from pid1.addresses import INET6, UNIX, Address
from pid1.files import directory_of
from pid1.log import say
from pid1.sexp import Symbol, write

DEFAULT_BIND_ATTEMPTS: Final = 5
DEFAULT_BACKLOG: Final = 128
RETRY_DELAY: Final = 1.0
# Of a socket's file: who may connect is said by its directory.
_MODE: Final = 0o666

# Binds a socket; raises OSError.  Configurations may supply their own, which may suspend.
Bind: TypeAlias = Callable[[socket.socket, Address], Awaitable[object] | None]


class Endpoint:
    """A listening address and the options of its socket; not changed once made.

    ``owner`` and ``group`` are numbers or names and default to the daemon's; they and the
    mode ``permissions`` are those of the directory of a Unix socket, if it has to be
    created, and ``owner`` and ``group`` also those of the socket.
    """

    __slots__ = (
        "address", "backlog", "bind_attempts", "group", "name", "owner", "permissions", "style",
    )  # fmt: skip

    def __init__(
        self,
        address: Address,
        *,
        name: str = "unknown",
        style: int = socket.SOCK_STREAM,
        backlog: int = DEFAULT_BACKLOG,
        owner: int | str | None = None,
        group: int | str | None = None,
        permissions: int = 0o755,
        bind_attempts: int = DEFAULT_BIND_ATTEMPTS,
    ) -> None:
        self.address = address
        self.name = name
        self.style = int(style)
        self.backlog = backlog
        self.owner = os.getuid() if owner is None else owner
        self.group = os.getgid() if group is None else group
        self.permissions = permissions
        self.bind_attempts = bind_attempts

    def __str__(self) -> str:
        fields = (
            ("name", self.name),
            ("address", self.address.to_vector()),
            ("style", self.style),
            ("backlog", self.backlog),
            ("owner", self.owner),
            ("group", self.group),
            ("permissions", self.permissions),
            ("bind-attempts", self.bind_attempts),
        )
        return f"#<<endpoint> {' '.join(f'{name}: {write(value)}' for name, value in fields)}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        return [
            Symbol("endpoint"),
            [Symbol("version"), 0],
            [Symbol("name"), self.name],
            [Symbol("address"), self.address.to_vector()],
            [Symbol("style"), self.style],
            [Symbol("backlog"), self.backlog],
            [Symbol("owner"), self.owner],
            [Symbol("group"), self.group],
            [Symbol("permissions"), self.permissions],
            [Symbol("bind-attempts"), self.bind_attempts],
        ]


async def open_sockets(
    endpoints: Iterable[Endpoint], bind: Bind | None = None
) -> list[socket.socket]:
    """Open every endpoint, in order; the caller owns the sockets.

    They do not block and are closed on exec.  If one cannot be opened, or the task is
    cancelled, those before it are closed, and the error, an OSError, goes to the caller.
    """
    opened: list[socket.socket] = []
    try:
        for endpoint in endpoints:
            opened.append(await open_socket(endpoint, bind))
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return opened


async def open_socket(endpoint: Endpoint, bind: Bind | None = None) -> socket.socket:
    """Open one endpoint: create, bind and, for connections, listen.

    While the address is in use, up to ``bind_attempts`` attempts are made, a second apart.
    Raises OSError; its attribute ``step`` names the system call that failed.
    """
    address = endpoint.address
    with _step("socket"):
        sock = socket.socket(address.family, endpoint.style)
    try:
        sock.setblocking(False)
        if address.family == UNIX:
            _prepare_directory(endpoint)
        else:
            with _step("setsockopt"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if address.family == INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        await _bind(sock, endpoint, bind or plain_bind)
        if endpoint.style in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            with _step("listen"):
                sock.listen(endpoint.backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def inherited_sockets(descriptors: Iterable[int]) -> list[socket.socket]:
    """Return the sockets that a previous image of the daemon opened (``pid1.reexec``).

    Whether they block is left alone: a program that inherited them shares that.
    """
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for sock in sockets:
        sock.set_inheritable(False)
    return sockets


def plain_bind(sock: socket.socket, address: Address) -> None:
    """Bind a socket; one in the file system takes the place of a socket that is there."""
    if address.family == UNIX:
        path = address.parts[0]
        if not _abstract(path) and system.adopt_socket_file(sock, path):
            return
        remove_socket(path)
    # A file is born with its mode: there is no moment in which the umask decides.
    mask = os.umask(0o777 & ~_MODE)
    try:
        sock.bind(address.to_python())
    finally:
        os.umask(mask)


async def _bind(sock: socket.socket, endpoint: Endpoint, bind: Bind) -> None:
    address = endpoint.address
    remaining = endpoint.bind_attempts
    while True:
        try:
            with _step("bind"):
                pending = bind(sock, address)
                if pending is not None:
                    await pending
            break
        except OSError as error:
            remaining -= 1
            if error.errno != errno.EADDRINUSE or remaining <= 0:
                raise
        say(f"Address {address} is in use; retrying to bind it in one second.")
        await asyncio.sleep(RETRY_DELAY)
    if address.family == UNIX and not _abstract(address.parts[0]):
        _set_access(endpoint)


def _set_access(endpoint: Endpoint) -> None:
    """Give a Unix socket to its owner and let everybody connect."""
    path = endpoint.address.parts[0]
    try:
        owner, group = _owner(endpoint)
        with _step("chown"):
            system.set_socket_access(path, owner, group, _MODE)
    except OSError:
        with contextlib.suppress(OSError):
            remove_socket(path)
        raise


def _prepare_directory(endpoint: Endpoint) -> None:
    """Create the directory of a Unix socket.

    One that exists is left as it is: it may be ``/tmp``, or private for a reason.
    """
    path = endpoint.address.parts[0]
    directory = os.path.dirname(path)
    if _abstract(path) or not directory or os.path.isdir(directory):
        return
    with _step("mkdir"):
        os.makedirs(os.path.dirname(directory) or ".", 0o755, exist_ok=True)
        os.mkdir(directory, 0o700)
        # Not by its name from here on, under which others may have put something else.
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(directory, flags)
    try:
        owner, group = _owner(endpoint)
        with _step("chown"):
            os.fchown(descriptor, owner, group)
        with _step("chmod"):
            os.fchmod(descriptor, endpoint.permissions)
    finally:
        os.close(descriptor)


def remove_socket(path: str) -> None:
    """Remove what a former daemon left: a socket or a symbolic link, and nothing else.

    Raises OSError if the directory cannot be had, or may not be the one that is meant.
    """
    if _abstract(path):
        return
    with _step("bind"):
        place, name = directory_of(path)
    try:
        with contextlib.suppress(OSError):
            mode = os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISLNK(mode):
                os.unlink(name, dir_fd=place)
    finally:
        os.close(place)


def _abstract(path: str) -> bool:
    """Whether this is a name outside of the file system (Linux)."""
    return path.startswith("\0") or not path


def _owner(endpoint: Endpoint) -> tuple[int, int]:
    """Return user and group of a Unix socket as numbers; raises OSError for unknown names."""
    owner, group = endpoint.owner, endpoint.group
    if isinstance(owner, str):
        import pwd

        with _step("getpwnam"):
            owner = _entry(pwd.getpwnam, owner).pw_uid
    if isinstance(group, str):
        import grp

        with _step("getgrnam"):
            group = _entry(grp.getgrnam, group).gr_gid
    return owner, group


def _entry(lookup: Callable[[str], Any], name: str) -> Any:
    try:
        return lookup(name)
    except KeyError:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None


class _step:  # noqa: N801 - used like a function
    """Marks an OSError raised inside with the system call that it came from."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not hasattr(error, "step"):
            error.step = self.name  # type: ignore[attr-defined]
