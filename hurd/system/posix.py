"""What every Unix offers, the GNU/Hurd included: the common part of the interface."""

from __future__ import annotations

import errno
import os
import signal as signals
import stat

from hurd.system import limits, processes
from hurd.system.base import Process, SpawnSpec, System
from hurd.system.containment import Containment, TableContainment
from hurd.system.spawn import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hurd.system.machine import Memory, Mount

_MOST_DESCRIPTORS = 65536  # looked at one by one where they cannot be listed


class PosixSystem(System):
    name = "posix"

    def spawn(self, spec: SpawnSpec) -> int:
        return spawn(spec)

    def adopt_descriptors(self) -> None:
        for fd in self.open_descriptors():
            if fd > 2:
                os.set_inheritable(fd, False)

    def open_descriptors(self) -> list[int]:
        for directory in ("/proc/self/fd", "/dev/fd"):
            try:
                listed = [int(name) for name in os.listdir(directory)]
            except OSError:
                continue
            return [fd for fd in listed if _is_open(fd)]  # not that of the listing
        return probed_descriptors()

    def raise_descriptor_limit(self, inherited: tuple[int, int] | None = None) -> tuple[int, int]:
        return limits.raise_descriptor_limit(inherited)

    def limits_programs(self) -> bool:
        return True

    def reap(self) -> tuple[int, int] | None:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        return (pid, status) if pid else None

    def kill(self, pid: int, signal: int) -> None:
        os.kill(pid, signal)

    def process_exists(self, pid: int) -> bool:
        if pid <= 0:
            return False
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (OSError, OverflowError):
            return False
        return True

    def is_child(self, pid: int) -> bool:
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except (OSError, OverflowError):
            return False
        return True

    def process_command(self, pid: int) -> list[str] | None:
        return processes.command(pid)

    def process_owner(self, pid: int) -> int:
        try:
            return os.stat(f"/proc/{pid}").st_uid
        except OSError:
            return -1

    def process_group(self, pid: int) -> int | None:
        try:
            return os.getpgid(pid)
        except OSError:
            return None

    def is_essential(self, pid: int) -> bool:
        return pid == 1 or self.is_kernel_thread(pid)

    def processes_to_end(self) -> list[int]:
        ourselves = os.getpid()
        return [
            pid
            for pid, process in self.process_table().items()
            if pid != ourselves and process.state != "Z" and not self.is_essential(pid)
        ]

    def process_table(self) -> dict[int, Process]:
        return processes.table()

    def descendants(self, pid: int) -> list[int]:
        return [p for p in processes.family(self.process_table(), [pid]) if p != pid]

    def containment(self, name: str, *, control_group: bool = False) -> Containment:
        return TableContainment(self)

    # The first steps of a daemon

    def adapt_process(self) -> None:
        pass

    def is_init(self) -> bool:
        return os.getpid() == 1

    def start_local_sockets(self) -> None:
        pass

    def boot_arguments(self) -> list[str]:
        return []

    def register_essential(self, name: str) -> bool:
        return False

    def on_local_sockets_lost(self, told: Callable[[], object]) -> None:
        return

    def on_machine_end(self, told: Callable[[], object]) -> None:
        return

    def allow_machine_end(self) -> None:
        return

    # Power

    def disable_ctrl_alt_del(self) -> None:
        pass

    def shutdown_signals(self) -> tuple[int, ...]:
        return (signals.SIGINT, signals.SIGTERM, signals.SIGHUP)

    # Names and logs

    def hostname(self) -> str:
        return os.uname().nodename

    def set_hostname(self, name: str) -> None:
        import socket

        socket.sethostname(name)

    def kernel_log_prefix(self) -> str:
        return "vmunix: "

    def console_log_files(self) -> tuple[str, ...]:
        return ("/dev/console",)

    # Memory

    def physical_memory(self) -> int:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def memory(self) -> Memory:
        from hurd.system import meminfo
        from hurd.system.machine import Memory

        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return meminfo.memory() or Memory(self.physical_memory(), free, 0, 0)

    def swap_devices(self) -> list[str]:
        from hurd.system import meminfo

        return meminfo.swap_devices()

    # File systems

    def mounts(self) -> list[Mount]:
        from hurd.system import mounts

        return mounts.of_table(mounts.read("/proc/mounts") or mounts.read("/etc/mtab"))

    def is_read_only(self, path: str) -> bool:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)

    def sync(self) -> None:
        os.sync()

    def lstat(self, path: str) -> os.stat_result:
        return os.lstat(path)

    def names_in(self, directory: str) -> list[str]:
        return os.listdir(directory)

    # Terminals

    def become_session_leader(self) -> None:
        from hurd.system import terminal

        terminal.become_session_leader()

    def open_console(self) -> int:
        from hurd.system import terminal

        return terminal.open_terminal("/dev/console")

    def console_type(self) -> str:
        return "vt100"

    def take_terminal(self, descriptor: int) -> None:
        from hurd.system import terminal

        terminal.take_terminal(descriptor)

    def reset_terminal(self, descriptor: int) -> None:
        from hurd.system import terminal

        terminal.reset_terminal(descriptor)

    # Time, records, chance

    def set_clock(self, seconds: float) -> None:
        import time

        time.clock_settime(time.CLOCK_REALTIME, seconds)

    def record_boot(self) -> None:
        from hurd.system import utmp

        utmp.write(utmp.BOOT_TIME, "reboot")

    def record_shutdown(self) -> None:
        from hurd.system import utmp

        utmp.write(utmp.RUN_LEVEL, "shutdown")

    def add_entropy(self, seed: bytes) -> None:
        fd = os.open("/dev/urandom", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, seed)
        finally:
            os.close(fd)

    # Users, sockets, files

    def user_home(self, user: str | int | None = None) -> str | None:
        import pwd

        if user is None:
            user = os.getuid()
        try:
            entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
        except KeyError:
            return None
        return entry.pw_dir

    def set_socket_access(self, path: str, owner: int, group: int, mode: int) -> None:
        require_socket(status := os.lstat(path), path)
        os.chown(path, owner, group, follow_symlinks=False)
        if stat.S_IMODE(status.st_mode) != mode:
            os.chmod(path, mode, follow_symlinks=False)


def require_socket(status: os.stat_result, path: str) -> None:
    """Raise OSError unless ``status``, that of ``path``, is of a socket with this name only."""
    if not stat.S_ISSOCK(status.st_mode) or status.st_nlink != 1:
        raise OSError(errno.ENOTSOCK, "replaced by something that is not our socket", path)


def probed_descriptors() -> list[int]:
    """The open ones, found by trying, for systems that do not list them."""
    limit = os.sysconf("SC_OPEN_MAX")
    most = _MOST_DESCRIPTORS if limit < 0 else min(limit, _MOST_DESCRIPTORS)
    return [fd for fd in range(most) if _is_open(fd)]


def _is_open(fd: int) -> bool:
    try:
        os.get_inheritable(fd)
    except OSError:
        return False
    return True
