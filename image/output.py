"""Output that appears whole or not at all: written aside, then renamed.

Also here: whether another program, such as a virtual machine, uses the file that is to be
replaced or read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from image.errors import ImageError, ImageInUse, NoSpace

_OFD_GETLK = 36  # Linux; the locks that QEMU takes
_FLOCK = struct.Struct("hhqqi4x")  # struct flock where off_t has 64 bits


@contextlib.contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """Yield the path of a new file beside `destination`, and rename it over that in the end.

    A symbolic link is followed.  When the block raises, also KeyboardInterrupt, the new file is
    removed and the old one stays as it was.  Raises ImageInUse if the old one is open in a
    virtual machine, NoSpace for a full disk and ImageError, with the path, for other errors of
    the system.
    """
    destination = _end_of_links(destination)
    # A file that is missing or cannot be read: nobody can be asked whether it is in use.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        refuse_if_in_use(destination)
    with scratch(destination) as aside:
        yield aside
        aside.replace(destination)


@contextlib.contextmanager
def scratch(destination: Path) -> Iterator[Path]:
    """Yield the path of a new file beside `destination` that is removed in the end.

    Errors of the system become NoSpace or ImageError with the path of `destination`.
    """
    aside = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.part")
    try:
        yield aside
    except OSError as error:
        raise explain(error, destination) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _end_of_links(destination: Path) -> Path:
    """Return what is to be replaced; ImageError unless that is a file or does not exist."""
    try:
        end = destination.resolve() if destination.is_symlink() else destination
        mode = end.stat().st_mode
    except FileNotFoundError:
        return end
    except (OSError, RuntimeError) as error:
        raise ImageError(f"{destination}: {error}") from error
    if stat.S_ISDIR(mode):
        raise ImageError(f"{destination}: is a directory")
    if not stat.S_ISREG(mode):
        raise ImageError(f"{destination}: is no ordinary file; write a file, and copy it there")
    return end


def refuse_if_in_use(path: Path) -> None:
    """Raise ImageInUse if another program holds a lock on the file; OSError if it is not there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if _locked(descriptor):
            raise ImageInUse(path)
    finally:
        os.close(descriptor)


def explain(error: OSError, path: object) -> ImageError:
    """Return what to tell the user of an error of the system at writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"{path}: no space left on this machine's disk")
    name = error.filename if error.filename is not None else path
    if isinstance(name, str) and name.endswith(".part"):
        name = path
    return ImageError(f"{name}: {error.strerror or error}")


def _locked(descriptor: int) -> bool:
    """Whether a write lock on the whole file would be refused."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    for command in (_OFD_GETLK, fcntl.F_GETLK):
        try:
            answer = fcntl.fcntl(descriptor, command, asked)
        except OSError:
            continue  # a system without such locks
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
    return False
