"""The Hurd's Unix-domain sockets: binding to a socket file that an earlier run has left.

bind(2) always makes a file (glibc's sysdeps/mach/hurd/bind.c), but what a local address belongs to
is any node of that type: the file system asks /servers/socket/1 for an address when the first one
wants it (libdiskfs/ifsock.c).  So an old file can serve again, without a change on the disk.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_WRITABLE_BY_OTHERS = 0o022


def adopt_file(sock: socket.socket, path: str) -> bool:
    """Bind `sock` to the socket file `path`; False if there is none, or it is in use.

    False, too, where others could put something else in its place or have given it another name,
    which `HurdSystem.set_socket_access` refuses, and while the file system is read-only: its
    checker may yet find that there is no such file.
    """
    directory = os.path.dirname(path) or "."
    try:
        if not stat.S_ISSOCK((status := os.lstat(path)).st_mode) or status.st_nlink != 1:
            return False
        place = os.stat(directory)
        if place.st_mode & _WRITABLE_BY_OTHERS or not _is_ours(status) or not _is_ours(place):
            return False
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return False
    except OSError:
        return False
    return _bind(sock.fileno(), os.fsencode(path))


def _is_ours(status: os.stat_result) -> bool:
    # Who has the group's number counts as an owner as well (`HurdSystem.owners`).
    return {status.st_uid, status.st_gid} <= {0, os.geteuid()}


def _bind(descriptor: int, path: bytes) -> bool:
    # Without remote procedure calls of our own, see `HurdSystem.start_local_sockets`.
    from hurd.system._libc_abi import ffi
    from hurd.system.libc import libc

    task = libc.mach_task_self()
    rights: list[int] = []

    def kept(right: int) -> int:
        if right:
            rights.append(right)
        return right

    try:
        file = kept(libc.file_name_lookup(path, 0, 0))
        address = ffi.new("unsigned int *")
        if not file or libc.ifsock_getsockaddr(file, address) or not kept(address[0]):
            return False
        port = kept(libc.getdport(descriptor))
        return bool(port) and not libc.socket_bind(port, address[0])
    finally:
        for right in rights:
            libc.mach_port_deallocate(task, right)
