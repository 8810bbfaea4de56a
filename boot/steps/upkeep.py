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
    # is what a power failure spoils (`boot.steps.cleaning`).
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
