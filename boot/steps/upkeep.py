"""Small steps of the boot and of the end: directories, nodes, the seed, left processes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from boot.places import place
from hurd.system import system
from pid1.log import log
from pid1.visible import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from boot.nodes import SystemNode

_SEED_BYTES: Final = 512


def make_directory(path: str, mode: int) -> None:
    """Make a directory with exactly that mode, unless it is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
        os.chmod(path, mode)


def clean_directory(
    path: str,
    keep_directories: bool = False,
    keep: Collection[str] = (),
    others: Collection[str] = (),
) -> int:
    """Remove all that is in a directory, or only what is no directory; how much.  Blocks.

    The files named ``keep`` stay, ``others`` elsewhere are removed too.  Looking at an entry starts
    no server that sits on it, and one that runs is sent away.  What cannot be removed is logged and
    left.

    What was removed is removed on the disk when this returns, see `bring_up_to_date`.
    """
    try:
        names = os.listdir(path)
    except OSError as error:
        log(f"Cannot clean '{path}': {error.strerror}.")
        return 0
    removed = 0
    for entry in [*[os.path.join(path, name) for name in names], *others]:
        try:
            removed += _remove(entry, keep_directories, keep)
        except FileNotFoundError:
            continue
        except OSError as error:
            log(f"Cannot remove '{one_line(entry)}': {error.strerror}.")
    if removed:
        bring_up_to_date()
    return removed


def bring_up_to_date() -> None:
    """Have the disk know what was removed.  Blocks, for some 20 ms.

    The Hurd's ext2fs writes a directory soon after a change, and the inodes within half a minute.
    If the power fails in between, a file that was removed is one that no directory knows, or its
    inode has been used again for something else, and no checker dares to repair that by itself.
    What was made and is not on the disk yet does no harm.  (Nor is it any good to remove a socket
    when the machine stops: that server keeps the inode of one that was bound, and never frees it.)
    """
    system.sync()


def _remove(path: str, keep_directories: bool, keep: Collection[str]) -> int:
    removed = 0
    # Not by recursion: anybody can nest directories in /tmp as deeply as they like.
    waiting = [(path, False)]
    while waiting:
        entry, is_empty = waiting.pop()
        if is_empty:
            os.rmdir(entry)
            removed += 1
            continue
        if entry in keep:
            continue
        mode = system.lstat(entry).st_mode
        if not stat.S_ISLNK(mode) and system.may_be_served(mode):
            _send_server_away(entry)
        if not stat.S_ISDIR(mode):
            os.unlink(entry)
            removed += 1
            continue
        if not keep_directories:
            waiting.append((entry, True))
        waiting += [(os.path.join(entry, name), False) for name in os.listdir(entry)]
    return removed


def _send_server_away(path: str) -> None:
    """Free a node from what serves it, or would: its files are its own, and go with it."""
    if system.server_record(path) is not None:
        system.set_server_record(path, None)
    if system.is_served(path):
        system.stop_server(path, force=True)


def make_nodes(nodes: Iterable[SystemNode]) -> int:
    """Make the nodes that are missing, with their records; how many.  Blocks.

    One that cannot be made is logged; the others are made all the same.
    """
    made = 0
    present: dict[str, Collection[str]] = {}
    for node in nodes:
        # Nearly always all are there: looking at each would take the Hurd most of a second.
        directory, _, name = node.path.rpartition("/")
        if directory not in present:
            present[directory] = _names_in(directory or "/")
        if name in present[directory]:
            continue
        if node.optional and node.program and not os.path.exists(place(node.program)):
            continue
        try:
            made += _make_node(node)
        except OSError as error:
            log(f"Cannot make '{node.path}': {error.strerror}.")
    return made


def _names_in(directory: str) -> Collection[str]:
    try:
        return set(system.names_in(directory))
    except OSError:
        return ()  # whoever looks at an entry hears the reason


def _make_node(node: SystemNode) -> bool:
    try:
        system.lstat(node.path)
        return False
    except FileNotFoundError:
        pass
    path = place(node.path)
    if node.kind == "directory":
        os.mkdir(path)
    elif node.kind == "symlink":
        os.symlink(node.target, path)
        return True
    elif node.kind == "file":
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, node.mode))
    else:
        kinds = {"character": stat.S_IFCHR, "block": stat.S_IFBLK}
        os.mknod(path, kinds[node.kind] | node.mode, 0)
    os.chmod(path, node.mode)
    if node.record:
        system.set_server_record(node.path, node.record)
    return True


def ensure_file(path: str, mode: int, group: str | None = None) -> None:
    """Make an empty file, unless it is there, with a mode and a group if there is such a one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        if group is not None:
            import grp

            with contextlib.suppress(KeyError):
                os.fchown(descriptor, 0, grp.getgrnam(group).gr_gid)
    finally:
        os.close(descriptor)


def restore_seed(path: str) -> None:
    """Mix the last seed into the random numbers, and make sure that it is not used twice."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            seed = file.read(_SEED_BYTES)
    except FileNotFoundError:
        seed = b""
    if seed:
        system.add_entropy(seed)
    save_seed(path)


def save_seed(path: str) -> None:
    """Keep some random bytes for the next boot, readable for nobody else."""
    # In the same file: half of it is as random as all, and a file that takes the place of another
    # is what a power failure spoils (`bring_up_to_date`).
    flags = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, os.urandom(_SEED_BYTES))
        os.ftruncate(descriptor, _SEED_BYTES)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_name(path: str) -> str | None:
    """The first word of a file's first line that is no comment: a host name; None without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file:
                words = line.split("#")[0].split()
                if words:
                    return words[0]
    except FileNotFoundError:
        pass
    return None


async def end_processes(grace: float, keep: Iterable[int] = ()) -> int:
    """End all processes that the machine does not need; how many had to be killed.

    They get SIGTERM and then so many seconds; ``keep`` are left alone as well.
    """
    import asyncio
    import signal

    spared = set(keep)

    def left() -> list[int]:
        return [pid for pid in system.processes_to_end() if pid not in spared]

    for pid in left():
        _signal(pid, signal.SIGTERM)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace
    pause = 0.02
    while (remaining := left()) and loop.time() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.25)
    for pid in remaining:
        command = one_line(" ".join(system.process_command(pid) or [])[:60])
        log(f"Killing process {pid} ({command}).")
        _signal(pid, signal.SIGKILL)
    return len(remaining)


def _signal(pid: int, number: int) -> None:
    try:
        system.kill(pid, number)
    except OSError as error:
        if error.errno != errno.ESRCH:
            log(f"Cannot signal process {pid}: {error.strerror}.")
