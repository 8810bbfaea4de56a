"""Opening files where somebody else may have put something: log files, PID files, kept state.

The daemon writes and reads in directories of its services' users, or of everybody.  There a
symbolic link, another name of a file, a FIFO or, on the Hurd, a translator may stand where a file
is expected, to have root write elsewhere or wait for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

# On the Hurd no flag is O_NORW, which asks for no right to the directory either.
_PLACE: Final = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_CLOEXEC
# Never waits for the other end of a FIFO or for a modem, never becomes our terminal.
_QUIETLY: Final = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_OTHERS_WRITE: Final = "in a directory that others can write to"


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody but root and the daemon's user can change what is in a directory."""
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & stat.S_IWOTH:
        return False
    return not status.st_mode & stat.S_IWGRP or status.st_gid in (0, os.getegid())


def open_carefully(path: str, flags: int, mode: int = 0) -> int:
    """Open a file without waiting; symbolic links are followed only where others cannot make any.

    Where they can, a file of several names is refused as well, and in a directory such as /tmp
    somebody else's file.  Raises OSError with ``filename`` set.  On the Hurd O_NOFOLLOW also
    refuses translators of others than root (hurd/lookup-retry.c of glibc), which need not answer.
    """
    directory, name = os.path.split(path)
    place = os.open(directory or ".", _PLACE)
    try:
        status = os.fstat(place)
        if _is_ours(status):
            return os.open(name, flags | _QUIETLY, mode, dir_fd=place)
        descriptor = os.open(name, flags | _QUIETLY | os.O_NOFOLLOW, mode, dir_fd=place)
    except OSError as error:
        text = error.strerror
        if error.errno == errno.ELOOP:
            text = f"a symbolic link {_OTHERS_WRITE}"
        raise OSError(error.errno, text, path) from None
    finally:
        os.close(place)
    try:
        _check(os.fstat(descriptor), status, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(file: os.stat_result, directory: os.stat_result, path: str) -> None:
    if stat.S_ISREG(file.st_mode) and file.st_nlink > 1:
        raise OSError(errno.EMLINK, f"a file of several names {_OTHERS_WRITE}", path)
    if directory.st_mode & stat.S_ISVTX and file.st_uid not in (0, os.geteuid()):
        raise OSError(errno.EACCES, f"a file of user {file.st_uid} {_OTHERS_WRITE}", path)


def read_small_file(path: str, limit: int) -> tuple[bytes, int]:
    """Return the beginning of a regular file, at most ``limit`` bytes, and its owner.

    Raises OSError; what is no regular file is one.
    """
    descriptor = open_carefully(path, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.read(descriptor, limit), status.st_uid
    finally:
        os.close(descriptor)
