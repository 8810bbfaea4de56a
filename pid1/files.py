"""Opening files where somebody else may have put something: log files, PID files, kept state.

The daemon writes and reads in directories of its services' users, or of everybody.  There a
symbolic link, another name of a file, a FIFO or, on the Hurd, a translator may stand where a file
is expected, to have root write elsewhere or wait for ever.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

from hurd.system import system

# On the Hurd no flag is O_NORW, which asks for no right to the directory either.
_PLACE: Final = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC
# Never waits for the other end of a FIFO or for a modem, never becomes our terminal.
_QUIETLY: Final = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_MOST_LINKS: Final = 40
_OTHERS_WRITE: Final = "in a directory that others can write to"


def open_carefully(path: str, flags: int, mode: int = 0, directories: int | None = None) -> int:
    """Open a file without waiting; symbolic links are followed only where others cannot make any.

    Where they can, a file of several names is refused as well, and in a directory such as /tmp
    somebody else's file.  With ``directories``, missing ones are made, the last with that mode.
    Raises OSError with ``filename`` set, to that of the directory if that cannot be had.

    On the Hurd O_NOFOLLOW also refuses translators of others than root, which need not answer
    (hurd/lookup-retry.c of glibc).
    """
    place, name = directory_of(path, directories)
    try:
        status = os.fstat(place)
        if _is_ours(status):
            return os.open(name, flags | _QUIETLY, mode, dir_fd=place)
        descriptor = os.open(name, flags | _QUIETLY | os.O_NOFOLLOW, mode, dir_fd=place)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _link(path) from None
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(place)
    try:
        _check(os.fstat(descriptor), status, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def directory_of(path: str, directories: int | None = None) -> tuple[int, str]:
    """Open the directory of a file, and return it with the name of the file in there.

    Links of others on the way are refused; with ``directories``, missing ones are made, the last
    with that mode.  Raises OSError with ``filename`` set to that of the directory.
    """
    above, name = os.path.split(path)
    waiting = _parts(above)
    place = -1
    try:
        place = _root_of(above)
        links = 0
        while waiting:
            part = waiting.pop()
            # Where only we and root can change anything, nothing happens between two calls.
            trusted = _is_ours(os.fstat(place))
            target = _target(part, place) if trusted else None
            if target is None:
                mode = directories if directories is None or not waiting else 0o777
                following = _enter(part, place, trusted, mode)
            else:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                waiting += _parts(target)
                following = _root_of(target) if target.startswith("/") else os.dup(place)
            os.close(place)
            place = following
    except OSError as error:
        if place >= 0:
            os.close(place)
        raise OSError(error.errno, error.strerror, above) from None
    return place, name


def others(status: os.stat_result) -> list[int]:
    """The owners of a file that are neither root nor the daemon's user."""
    return [uid for uid in system.owners(status) if uid not in (0, os.geteuid())]


def read_small_file(path: str, limit: int) -> tuple[bytes, list[int]]:
    """Return the beginning of a regular file, at most ``limit`` bytes, and its other owners.

    Raises OSError; what is no regular file is one.
    """
    descriptor = open_carefully(path, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.read(descriptor, limit), others(status)
    finally:
        os.close(descriptor)


def remove_file(path: str) -> None:
    """Remove a file, and no file of the same name elsewhere; raises OSError."""
    place, name = directory_of(path)
    try:
        os.unlink(name, dir_fd=place)
    finally:
        os.close(place)


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody but root and the daemon's user can change what is in a directory."""
    if status.st_mode & stat.S_IWOTH or others(status):
        return False
    return not status.st_mode & stat.S_IWGRP or status.st_gid in (0, os.getegid())


def _link(path: str) -> OSError:
    return OSError(errno.ELOOP, f"a symbolic link {_OTHERS_WRITE}", path)


def _check(file: os.stat_result, directory: os.stat_result, path: str) -> None:
    if stat.S_ISREG(file.st_mode) and file.st_nlink > 1:
        raise OSError(errno.EMLINK, f"a file of several names {_OTHERS_WRITE}", path)
    if directory.st_mode & stat.S_ISVTX and (whose := others(file)):
        raise OSError(errno.EACCES, f"a file of user {whose[0]} {_OTHERS_WRITE}", path)


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _root_of(path: str) -> int:
    return os.open("/" if path.startswith("/") else ".", _PLACE)


def _target(part: str, place: int) -> str | None:
    """Where a symbolic link leads; None for anything else."""
    try:
        return os.readlink(part, dir_fd=place)
    except OSError:
        return None


def _enter(part: str, place: int, trusted: bool, mode: int | None) -> int:
    """Open a directory in another one; with ``mode`` it is made if it is missing."""
    flags = _PLACE if trusted else _PLACE | os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=place)
    except FileNotFoundError:
        if mode is None:
            raise
    except OSError as error:
        if trusted or error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        text = f"a symbolic link, or no directory, {_OTHERS_WRITE}"
        raise OSError(error.errno, text) from None
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, mode, dir_fd=place)
    return os.open(part, flags, dir_fd=place)
