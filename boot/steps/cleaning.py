"""Emptying directories when a machine starts, so that a power failure meanwhile does no harm.

The Hurd's ext2fs writes a directory soon after a change, and the inodes within half a minute.  If
the power fails in between, a file that was removed is one that no directory knows, or its inode has
been used again for something else, and no checker dares to repair that by itself
(``drover.repair=all`` has it do so).  Except for an empty file, which is just removed.

So what was removed is brought to the disk, and files are empty there before they are removed; what
will be needed again stays.  Left are the moments in which links, sockets and directories go.  (What
was made and is not on the disk yet does no harm.  Nor is it any good to remove a socket when the
machine stops: that server keeps the inode of one that was bound, and never frees it.)
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from hurd.system import system
from pid1.log import log
from pid1.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def clean_directory(path: str, keep_directories: bool = False, keep: Collection[str] = ()) -> int:
    """Remove all that is in a directory, or only what is no directory; how much.  Blocks.

    The files named ``keep`` stay.  Looking at an entry starts no server that sits on it, and one
    that runs is sent away.  What cannot be removed is logged and left.

    What was removed is removed on the disk when this returns.
    """
    try:
        names = os.listdir(path)
    except OSError as error:
        log(f"Cannot clean '{path}': {error.strerror}.")
        return 0
    found: list[tuple[str, bool]] = []
    shortened = 0
    # Not by recursion: anybody can nest directories in /tmp as deeply as they like.
    waiting = [os.path.join(path, name) for name in names]
    while waiting:
        entry = waiting.pop()
        if entry in keep:
            continue
        with _logged(entry):
            status = system.lstat(entry)
            if not stat.S_ISLNK(status.st_mode) and system.may_be_served(status.st_mode):
                _send_server_away(entry)
            is_directory = stat.S_ISDIR(status.st_mode)
            if not is_directory or not keep_directories:
                found.append((entry, is_directory))
            if is_directory:
                waiting += [os.path.join(entry, name) for name in os.listdir(entry)]
            shortened += _shorten(entry, status)
    if shortened:
        system.sync()
    removed = 0
    # What is in a directory was found after it.
    for entry, is_directory in reversed(found):
        with _logged(entry):
            if is_directory:
                os.rmdir(entry)
            else:
                os.unlink(entry)
            removed += 1
    if removed:
        system.sync()
    return removed


@contextlib.contextmanager
def _logged(entry: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # It may be gone; and what is left in a directory has been named, or is to stay.
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
            log(f"Cannot remove '{one_line(entry)}': {error.strerror}.")


def _send_server_away(path: str) -> None:
    """Free a node from what serves it, or would: its files are its own, and go with it."""
    if system.server_record(path) is not None:
        system.set_server_record(path, None)
    if system.is_served(path):
        system.stop_server(path, force=True)


def _shorten(path: str, status: os.stat_result) -> bool:
    """Empty a file that has no other name; False if that is not needed, or not possible."""
    if not stat.S_ISREG(status.st_mode) or not status.st_size or status.st_nlink != 1:
        return False
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return False
    try:
        if not os.path.samestat(os.fstat(descriptor), status):
            return False
        os.ftruncate(descriptor, 0)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
