"""GNU/Hurd: what differs from the common part.

Processes are told by the proc server, so nothing here needs /proc.  There is no subreaper, inotify,
SO_PEERCRED or control group, no list of open descriptors, and no kernel thread that could be
supervised.  Orphans go to PID 1.

Known of the real system: resource limits are accepted and then not inherited by exec; a program
that is signalled within some 30 ms of its start is reported dead of SIGKILL whatever the signal was
(`reap` puts that right); posix_spawn is the fastest way to start a program (17 to 28 ms; fork and
exec 27, Popen 44).
"""

from __future__ import annotations

import errno
import os
import signal as signals
import sys
import time

from hurd.system import limits
from hurd.system.base import RebootError
from hurd.system.clock import mend_clock
from hurd.system.hurd_nodes import TRANSLATED, HurdNodes
from hurd.system.posix import PosixSystem, probed_descriptors, require_socket
from hurd.system.spawn import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from hurd.notification import PortWatcher
    from hurd.shutdown_notice import ShutdownNotice
    from hurd.system.base import Process, SpawnSpec
    from hurd.system.machine import Memory, Mount

# mach/sys/reboot.h. There is no flag for power-off: RB_HALT switches off if it can.
_REBOOT = {
    "halt": ("RB_HALT", 8),
    "power-off": ("RB_HALT", 8),
    "reboot": ("RB_AUTOBOOT", 0),
}

_SIGLOST = 32  # the signal module has no name for it
_O_NOLINK = 0x40
_O_NOTRANS = 0x80
_SCM_CREDS = 3

# Seconds after its start in which a program has no message port yet, generously: what signals it
# then ends it, and is taken for SIGKILL.
_DEAF = 0.2

_HARMLESS = (0, signals.SIGSTOP, signals.SIGCONT, signals.SIGCHLD)

_TMPFS_SIZE = "50%"  # of memory; the translator knows no default of its own


class HurdSystem(HurdNodes, PosixSystem):
    name = "hurd"

    def __init__(self) -> None:
        # Programs that were just started, with the moment; and what they were signalled so early.
        self._young: dict[int, float] = {}
        self._early: dict[int, int] = {}
        self._notice: ShutdownNotice | None = None
        self._watcher: PortWatcher | None = None

    # Processes

    def spawn(self, spec: SpawnSpec) -> int:
        # setgroups makes the first of the list the effective group, and setgid replaces that
        # first one: without the gid in front a supplementary group would be lost.
        pid = spawn(spec, gid_first=True)
        now = time.monotonic()
        self._young = {p: begun for p, begun in self._young.items() if now - begun < _DEAF}
        self._young[pid] = now
        self._early.pop(pid, None)
        return pid

    def kill(self, pid: int, signal: int) -> None:
        try:
            super().kill(pid, signal)
        except OSError as error:
            # A process that is just ending has no task any more though proc still lists it: libc
            # passes on what the kernel says to that, KERN_INVALID_ARGUMENT.
            if error.errno != errno.EINVAL or signal not in signals.valid_signals():
                raise
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from error
        leader = abs(pid)  # a group has its leader's number
        begun = self._young.get(leader)
        if signal == signals.SIGKILL:
            self._early.pop(leader, None)
        elif begun is not None and time.monotonic() - begun < _DEAF and signal not in _HARMLESS:
            self._early[leader] = signal

    def limits_programs(self) -> bool:
        return False  # setrlimit accepts them, and exec forgets them

    def reap(self) -> tuple[int, int] | None:
        ended = super().reap()
        if ended is None:
            return None
        pid, status = ended
        early = self._early.pop(pid, None)
        if early is not None and status & 0x7F == signals.SIGKILL:
            status = status & ~0x7F | early
        return pid, status

    def adopt_descriptors(self) -> None:
        # /libexec/console-run gives PID 1 the console and nothing else; after a re-execution all
        # others are ours. Probing a thousand numbers takes a third of a second.
        if not self.is_init():
            super().adopt_descriptors()

    def open_descriptors(self) -> list[int]:
        # Neither /dev/fd nor procfs lists them, and looking there would start servers.
        return probed_descriptors()

    def raise_descriptor_limit(self, inherited: tuple[int, int] | None = None) -> tuple[int, int]:
        # Programs start with the kernel's default, whatever ours is.
        return limits.raise_descriptor_limit(inherited, keep_slots=False)

    def process_command(self, pid: int) -> list[str] | None:
        from hurd.system import servers

        return servers.process_command(pid)

    def process(self, pid: int) -> Process | None:
        from hurd.system import servers

        return servers.process_line(pid)

    def process_table(self) -> dict[int, Process]:
        from hurd.system import servers

        return servers.process_table()

    def process_owner(self, pid: int) -> int:
        from hurd.system import servers

        return servers.process_owner(pid)

    def is_essential(self, pid: int) -> bool:
        from hurd.system import servers

        return servers.is_important(pid)

    # The first steps of a daemon

    def adapt_process(self) -> None:
        # By default it ends the process when the server of any open file has died. Ignoring it,
        # unlike a handler, outlasts a re-execution; programs get the default again.
        signals.signal(_SIGLOST, signals.SIG_IGN)
        mend_clock()

    def start_local_sockets(self) -> None:
        node = "/servers/socket/1"
        # Without remote procedure calls of our own: their modules take as long to import as all
        # others that PID 1 needs before it listens.
        if not self.lstat(node).st_mode & TRANSLATED:
            from hurd.translator.setting import set_active

            set_active(node, ["/hurd/pflocal"], exclusive=True).close()

    def on_local_sockets_lost(self, told: Callable[[], object]) -> None:
        from hurd import constants, lookup
        from hurd.notification import PortWatcher

        # The helper thread calls it: the main thread never comes back from its poll.
        self._watcher = PortWatcher(lambda call: call())
        with lookup.file_name_lookup("/servers/socket/1", constants.O_NORW, 0) as server:
            self._watcher.on_death(server, lambda: (told(), None)[1])

    def boot_arguments(self) -> list[str]:
        from hurd.errors import HurdError
        from hurd.system import servers

        try:
            words = servers.kernel_arguments()
        except HurdError:
            # /hurd/startup gives them to PID 1 as well.
            words = sys.argv[1:] if self.is_init() else []
        return [word for word in words if not word.startswith("--kernel-task=")]

    def register_essential(self, name: str) -> bool:
        from hurd.system import servers

        servers.register_essential(name)
        return True

    def on_machine_end(self, told: Callable[[], object]) -> None:
        from hurd.shutdown_notice import ShutdownNotice

        self._notice = ShutdownNotice("init", told)

    def allow_machine_end(self) -> None:
        if self._notice is not None:
            self._notice.allow()

    # Power

    def reboot(self, action: str) -> None:
        from hurd.system.libc import c_errno, libc

        if action not in _REBOOT:
            raise NotImplementedError(action)
        name, constant = _REBOOT[action]
        # /hurd/startup asks everybody before it does it, us too, who are waiting here.
        self.allow_machine_end()
        code = c_errno() if libc.reboot(constant) != 0 else 0
        # /hurd/startup never answers a request it accepts; glibc returns 0 without having done
        # anything when it cannot look up /servers/startup. Then the kernel has to do it, and file
        # systems can only be synchronised, not closed.
        if code != errno.EPERM:
            from hurd.system import servers

            os.sync()
            try:
                servers.stop_machine(constant)
            except OSError as error:
                code = code or error.errno or 0
        if self._notice is not None:
            self._notice.refuse()
        raise RebootError(code or errno.ENOENT, name)

    # Names and logs

    def set_hostname(self, name: str) -> None:
        # Kept in /etc/hostname, which may be on a file system that is read-only for now.
        if self.hostname() != name:
            super().set_hostname(name)

    def kernel_log_file(self) -> str | None:
        return "/dev/klog"

    def kernel_log_interval(self) -> float | None:
        # streamio answers a poll with an error when there is nothing to read, and a read with the
        # device's own error; only a blocking read waits.
        return 2.0

    # Memory

    def memory(self) -> Memory:
        from hurd.system import servers

        return servers.memory()

    def swap_devices(self) -> list[str]:
        from hurd.system import servers

        return servers.swap_devices()

    def swap_on(self, device: str) -> None:
        from hurd.system import swapping

        swapping.swap_on(device)

    def swap_off(self, device: str) -> None:
        from hurd.system import swapping

        swapping.swap_off(device)

    # Sockets

    def adopt_socket_file(self, sock: socket.socket, path: str) -> bool:
        from hurd.system import local_sockets

        return local_sockets.adopt_file(sock, path)

    # File systems

    def sync(self) -> None:
        from hurd.system.libc import libc

        # glibc's sync does not wait until all is written; this does, in all file systems, too.
        root = libc.getcrdir()
        libc.file_syncfs(root, 1, 1)
        libc.mach_port_deallocate(libc.mach_task_self(), root)

    def mount(self, source: str, target: str, type: str, options: Sequence[str] = ()) -> None:
        from hurd.translator import mounting

        words = ["bind" if w == "rbind" else w for w in _options(options)]
        if type == "tmpfs":
            sizes = [w.removeprefix("size=") for w in words if w.startswith("size=")]
            words = [w for w in words if not w.startswith("size=")]
            looks_like_size = source[:1].isdecimal()
            source = sizes[-1] if sizes else source if looks_like_size else _TMPFS_SIZE
        # The translator runs on, a child of ours.
        mounting.mount(
            source,
            target,
            type or "auto",
            words,
            timeout=_MOUNT_TIMEOUT,
            descriptors=(None, None, 2),
        ).close()

    def unmount(self, target: str, *, force: bool = False) -> None:
        from hurd.translator import mounting

        control = mounting.control_of_mounted(target)
        if control is None:
            raise OSError(errno.EINVAL, "nothing is mounted there", target)
        control.close()
        mounting.unmount(target, force=force)

    def remount(self, target: str, options: Sequence[str]) -> None:
        from hurd.translator import mounting

        mounting.remount(target, _options(options))

    def root_mount(self) -> Mount:
        from hurd.system import servers

        return servers.root_mount()

    def mounts(self) -> list[Mount]:
        from hurd.system import servers

        return servers.mounts()

    def lstat(self, path: str) -> os.stat_result:
        # Opened for neither reading nor writing, which asks no right to the file.
        descriptor = os.open(path, _O_NOLINK | _O_NOTRANS)
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    # Terminals

    def open_console(self) -> int:
        from hurd.system import terminal

        # /libexec/console-run says where it is if /dev/console cannot be used.
        return terminal.open_terminal(os.environ.get("FALLBACK_CONSOLE") or "/dev/console")

    def console_type(self) -> str:
        # What the kernel's console understands, and the console client's (ncurses knows it).
        return "mach-gnu-color"

    # Sockets

    def owners(self, status: os.stat_result) -> tuple[int, ...]:
        # Who has the group's number as user and as group counts as an owner (libfshelp/isowner.c),
        # and a new file has the group of its directory: what root makes in a user's directory is
        # that user's as well.
        return status.st_uid, status.st_gid

    def set_socket_access(self, path: str, owner: int, group: int, mode: int) -> None:
        descriptor = os.open(path, _O_NOLINK | _O_NOTRANS)
        try:
            require_socket(os.fstat(descriptor), path)
            os.fchown(descriptor, owner, group)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)

    def sender_credentials(
        self, ancillary: Sequence[tuple[int, int, bytes]]
    ) -> tuple[int, int, int] | None:
        """As stated; a sender is known only if it asked for it itself, with SCM_CREDS."""
        from socket import SOL_SOCKET
        from sys import byteorder

        for level, kind, data in ancillary:
            # struct cmsgcred: pid, uid, effective uid, gid, …; the receiving C library has had the
            # auth server confirm it.
            if (level, kind) == (SOL_SOCKET, _SCM_CREDS) and len(data) >= 16:
                pid, uid, _, gid = (
                    int.from_bytes(data[i : i + 4], byteorder) for i in (0, 4, 8, 12)
                )
                return pid, uid, gid
        return None


_MOUNT_TIMEOUT = 60.0  # seconds, as settrans


def _options(options: Sequence[str]) -> list[str]:
    """The options that a translator is to see, by the names that it tells them with."""
    from hurd.system.mounts import for_the_file_system

    names = {"ro": "--readonly", "rw": "--writable"}
    return [names.get(word, word) for word in for_the_file_system(options)]
