"""What the Hurd's servers tell about processes, memory and file systems, without /proc.

`hurd.system.hurd` builds on it; all calls are remote procedure calls, so each can take as long as a
server does.  Failures are `HurdError`.
"""

from __future__ import annotations

import contextlib
import os
import sys

from hurd import argz, constants, lookup, process
from hurd.errors import HurdError
from hurd.system.base import Process
from hurd.system.machine import Memory, Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port

# HURD-BOOT: what startup and the kernel give these numbers to.
_KERNEL_PID = 3
_STARTUP = "/servers/startup"
_FIRST_PIDS = (1, 2, _KERNEL_PID, 4)  # init, startup, the kernel, proc


# Processes


def process_table() -> dict[int, Process]:
    """Every process that the proc server knows."""
    table = {}
    with lookup.getproc() as server:
        for pid in process.proc_getallpids(server):
            with contextlib.suppress(HurdError):  # it has ended meanwhile
                table[pid] = _process(server, pid)
    return table


def process_line(pid: int) -> Process | None:
    """What the proc server knows of one process; None without such a process."""
    try:
        with lookup.getproc() as server:
            return _process(server, pid)
    except HurdError:
        return None


def _process(server: Port, pid: int) -> Process:
    raw = process.proc_getprocinfo(server, pid, constants.PI_FETCH_TASKINFO)
    # struct procinfo (hurd_types.h): state, owner, ppid, pgrp, session, …, taskinfo
    state, _, parent, group, session = raw.procinfo[:5]
    if state & constants.PI_ZOMBIE:
        letter = "Z"
    elif state & constants.PI_STOPPED:
        letter = "T"
    else:
        letter = "S"
    return Process(pid, parent, group, session, letter, str(raw.procinfo[_CREATED]))


# Where `taskinfo.creation_time` is among the words: seconds (a long) and microseconds.
_CREATED = slice(24, 27) if sys.maxsize > 1 << 32 else slice(17, 19)


def process_command(pid: int) -> list[str] | None:
    """The arguments of a process; None without such a process."""
    try:
        with lookup.getproc() as server:
            return argz.unpack(process.proc_getprocargs(server, pid))
    except HurdError as error:
        # A process that is dead, or that has not told where its arguments are, has none.
        return [] if _exists(pid) and error.errno != _esrch() else None


def process_owner(pid: int) -> int:
    """The user whom the proc server takes for the owner; -1 without such a process."""
    try:
        with lookup.getproc() as server:
            return int(process.proc_getprocinfo(server, pid, 0).procinfo[1])
    except HurdError:
        return -1


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _esrch() -> int:
    import errno

    return errno.ESRCH


def is_important(pid: int) -> bool:
    """Whether the machine needs the process: the first ones, and who was marked as important."""
    if pid in _FIRST_PIDS:
        return True
    try:
        with lookup.getproc() as server, process.proc_pid2proc(server, pid) as other:
            return bool(process.proc_is_important(other))
    except HurdError:
        return False


def kernel_arguments() -> list[str]:
    """The words of the kernel's command line: its task's arguments, after the name "gnumach"."""
    with lookup.getproc() as server:
        return argz.unpack(process.proc_getprocargs(server, _KERNEL_PID))[1:]


def register_essential(name: str) -> None:
    """Have /hurd/startup reboot the machine when this task ends."""
    from hurd import mach, startup

    privileges = lookup.get_privileged_ports()
    with (
        privileges.host_priv as host,
        privileges.device_master,
        lookup.file_name_lookup(_STARTUP, 0, 0) as server,
    ):
        startup.startup_essential_task(server, mach.mach_task_self(), None, name, host)


def stop_machine(flags: int) -> None:
    """Stop the machine without asking /hurd/startup; returns only if that is refused."""
    from hurd import mach_host

    privileges = lookup.get_privileged_ports()
    with privileges.host_priv as host, privileges.device_master:
        mach_host.host_reboot(host, flags)


# Memory


def memory() -> Memory:
    """What the kernel and the default pager say."""
    from hurd import mach
    from hurd.memory import vm_statistics

    pages = vm_statistics(mach.mach_task_self())
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # What is inactive is clean or can be paged out: given away before anybody has to wait long.
    available = (pages.free_count + pages.inactive_count) * pages.pagesize
    sizes = _swap()
    return Memory(
        total, available, sum(size for size, _, _ in sizes), sum(free for _, free, _ in sizes)
    )


def swap_devices() -> list[str]:
    """The names that the default pager's storage was given."""
    return [name for _, _, name in _swap()]


def _swap() -> list[tuple[int, int, str]]:
    """Size and free bytes and name of each piece; none without a default pager, or as a user."""
    from hurd.default_pager import default_pager_storage_info
    from hurd.memory import vm_set_default_memory_manager

    try:
        privileges = lookup.get_privileged_ports()
        with (
            privileges.host_priv as host,
            privileges.device_master,
            vm_set_default_memory_manager(host, None) as pager,
        ):
            if not pager:
                return []
            storage = default_pager_storage_info(pager)
    except HurdError:
        return []
    names = argz.unpack(storage.name)
    return list(zip(storage.size, storage.free, names, strict=False))


# File systems


# What one user may mount below another's file system is for nobody to refuse: a file system that
# names itself among its children must not make us go round for ever.
_MOST_MOUNTS = 1000
_DEEPEST_MOUNT = 32


def mounts() -> list[Mount]:
    """The translators that are directories, from the root's down; starts none.

    No more than 1000, and none deeper than 32 file systems.
    """
    from hurd import fs

    found: list[Mount] = []
    with lookup.getcrdir() as root, fs.file_getcontrol(root) as control:
        _collect(control, "/", found, 1)
    return found


def root_mount() -> Mount:
    """The root's file system."""
    from hurd import fs

    with lookup.getcrdir() as root, fs.file_getcontrol(root) as control:
        return _mount(control, "/")


def _mount(control: Port, path: str) -> Mount:
    from hurd import fsys
    from hurd.translator.mounting import Mounted

    try:
        words = argz.unpack(fsys.fsys_get_options(control))
    except HurdError:
        words = []
    mounted = Mounted(words or ["none"], "none")
    source = mounted.device
    with contextlib.suppress(HurdError):
        source = fsys.fsys_get_source(control) or source
    kind = os.path.basename(mounted.program).removesuffix(".static")
    return Mount(source, path, kind, tuple(mounted.options))


def _collect(control: Port, path: str, found: list[Mount], depth: int) -> None:
    from hurd import fsys

    if depth > _DEEPEST_MOUNT or len(found) == _MOST_MOUNTS:
        return
    try:
        # An active translator answers; the node below it has no say in this.
        if not os.path.isdir(path):
            return
        found.append(_mount(control, path))
        children = fsys.fsys_get_children(control)
    except HurdError:
        return
    names = argz.unpack(children.names)
    for name, child in sorted(zip(names, children.controls, strict=False), key=lambda x: x[0]):
        below = f"{path.rstrip('/')}/{name.lstrip('/')}"
        with child:
            # startup answers nobody while it waits for the daemon to stop its services.
            if child and below != _STARTUP:
                _collect(child, below, found, depth + 1)
