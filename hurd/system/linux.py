"""Linux: what it offers beyond POSIX. Kernel constants are those of its stable ABI (linux/*.h)."""

from __future__ import annotations

import contextlib
import errno
import os
import signal as signals

from hurd.system.base import FileWatch, RebootError, SpawnError
from hurd.system.containment import Containment, TableContainment
from hurd.system.posix import PosixSystem, require_socket
from hurd.system.processes import have_proc, line, stat_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from hurd.system.base import Process, SpawnSpec
    from hurd.system.containment import ControlGroups
    from hurd.system.machine import Mount
    from hurd.system.mounts import MountFlags

_PF_KTHREAD = 0x00200000  # linux/sched.h; field 9 of /proc/PID/stat
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

_INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO, linux/proc_ns.h

# linux/mount.h
_MS_REMOUNT = 32
_MS_REC = 16384
_MS_RELATIME = 1 << 21
_MS_STRICTATIME = 1 << 24
_MNT_FORCE = 1
_MNT_DETACH = 2

# linux/reboot.h, under the names of glibc's sys/reboot.h
_RB_DISABLE_CAD = 0
_REBOOT = {
    "halt": ("RB_HALT_SYSTEM", 0xCDEF0123),
    "power-off": ("RB_POWER_OFF", 0x4321FEDC),
    "reboot": ("RB_AUTOBOOT", 0x01234567),
    "kexec": ("RB_KEXEC", 0x45584543),
}


# Some 5 KiB of the stack each.
_STACK_LEVELS = 200
# Bytes of the stack that there may be for each, so that all of them are safe and leave enough.
_STACK_SHARE = 16 << 10


class LinuxSystem(PosixSystem):
    name = "linux"

    def adapt_process(self) -> None:
        # The kernel ends a process whose stack cannot grow any more because memory, or what the
        # process may have of it, has run out: nothing can be done then. So it grows beforehand.
        import resource

        limit = resource.getrlimit(resource.RLIMIT_STACK)[0]
        if limit == resource.RLIM_INFINITY:
            limit = _STACK_LEVELS * _STACK_SHARE
        _use_stack(min(_STACK_LEVELS, limit // _STACK_SHARE))

    def spawn(self, spec: SpawnSpec) -> int:
        try:
            from hurd.system import linux_spawn
        except OSError as error:
            # The first program is started when there is no descriptor left to read a module with.
            name = spec.command[0] if spec.command else ""
            raise SpawnError("descriptors", error.errno or 0, name) from None

        return linux_spawn.start(spec)

    def process_owner(self, pid: int) -> int:
        # The directory belongs to root when the process has changed its user since it was executed.
        try:
            with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
                return int(file.read().partition(b"\nUid:")[2].split(None, 1)[0])
        except (OSError, LookupError, ValueError):
            return -1

    def is_kernel_thread(self, pid: int) -> bool:
        fields = stat_fields(pid)
        return fields is not None and bool(int(fields[6]) & _PF_KTHREAD)

    def process(self, pid: int) -> Process | None:
        return line(pid) if have_proc() else super().process(pid)

    def descendants(self, pid: int) -> list[int]:
        """As stated; asks the kernel per process, so the cost does not grow with the machine's."""
        found: list[int] = []
        queue = [pid]
        for parent in queue:
            try:
                threads = os.listdir(f"/proc/{parent}/task")
                for thread in threads:
                    with open(f"/proc/{parent}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                        children = [int(child) for child in file.read().split()]
                    found += children
                    queue += children
            except FileNotFoundError:
                if not os.path.exists("/proc/self/task"):
                    return super().descendants(pid)
                if parent == pid and os.path.exists(f"/proc/{pid}/task/{pid}"):
                    # A kernel built without CONFIG_PROC_CHILDREN.
                    return super().descendants(pid)
            except OSError:
                continue
        return found

    def become_subreaper(self) -> bool:
        from hurd.system.libc import libc

        return libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0

    def end_with_parent(self) -> bool:
        from hurd.system.libc import libc

        return libc.prctl(_PR_SET_PDEATHSIG, signals.SIGKILL, 0, 0, 0) == 0

    def containment(self, name: str, *, control_group: bool = False) -> Containment:
        if control_group and (groups := self.control_groups()):
            return groups.containment(name)
        return TableContainment(self)

    def control_groups(self) -> ControlGroups | None:
        from hurd.system import cgroup

        return cgroup.control_groups()

    # The first steps of a daemon

    def boot_arguments(self) -> list[str]:
        try:
            initial = os.readlink("/proc/self/ns/pid") == f"pid:[{_INITIAL_PID_NAMESPACE}]"
            path = "/proc/cmdline" if initial else "/proc/1/cmdline"
            with open(path, "rb") as file:  # noqa: PTH123
                line = file.read()
        except OSError:
            return []
        return _words(os.fsdecode(line)) if initial else _arguments(line)

    # Power

    def reboot(self, action: str) -> None:
        from hurd.system.libc import c_errno, libc

        if action not in _REBOOT:
            raise NotImplementedError(action)
        name, constant = _REBOOT[action]
        if libc.reboot(_signed(constant)) != 0:
            raise RebootError(c_errno(), name)

    def disable_ctrl_alt_del(self) -> None:
        from hurd.system.libc import c_errno, libc

        if libc.reboot(_RB_DISABLE_CAD) != 0:
            code = c_errno()
            if code not in (errno.EINVAL, errno.EPERM, errno.ENOSYS):
                raise RebootError(code, "RB_DISABLE_CAD")

    def kexec_loaded(self) -> bool | None:
        try:
            fd = os.open("/sys/kernel/kexec_loaded", os.O_RDONLY)
        except OSError:
            return False  # a kernel without kexec, or no /sys: none can have been loaded
        try:
            return os.read(fd, 1) == b"1"
        finally:
            os.close(fd)

    # Names and logs

    def kernel_log_file(self) -> str | None:
        return "/proc/kmsg"

    def kernel_log_prefix(self) -> str:
        return "linux: "

    def console_log_files(self) -> tuple[str, ...]:
        return ("/dev/kmsg", "/dev/console")

    # Memory and file systems

    def swap_on(self, device: str) -> None:
        from hurd.system.libc import libc

        _check(libc.swapon(os.fsencode(device), 0), device)

    def swap_off(self, device: str) -> None:
        from hurd.system.libc import libc

        _check(libc.swapoff(os.fsencode(device)), device)

    def mounts(self) -> list[Mount]:
        from hurd.system import mounts

        return mounts.of_mountinfo(mounts.read("/proc/self/mountinfo"))

    def mount(self, source: str, target: str, type: str, options: Sequence[str] = ()) -> None:
        from hurd.system.mounts import BIND, MountFlags

        parts = MountFlags(options)
        if type in ("", "auto", "none") and not parts.flags & BIND:
            self._mount_some(source, target, parts)
        else:
            _mount(source, target, type, parts.flags, parts.data)
        if parts.flags & BIND and (further := parts.flags & ~(BIND | _MS_REC)):
            # A bind takes no other flags with it.
            try:
                _mount("none", target, "", further | BIND | _MS_REMOUNT, "")
            except OSError:
                self.unmount(target, force=True)
                raise
        for flag in parts.propagation:
            _mount("none", target, "", flag, "")

    def _mount_some(self, source: str, target: str, parts: MountFlags) -> None:
        """Try the kernel's types of file systems on disks, as mount(8) without libblkid."""
        from hurd.system.mounts import read

        known = [line.split()[-1].decode() for line in read("/proc/filesystems")
                 if line.strip() and not line.startswith(b"nodev")]  # fmt: skip
        for kind in known:
            try:
                _mount(source, target, kind, parts.flags, parts.data)
                return
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        raise OSError(errno.EINVAL, "no known file system", source)

    def remount(self, target: str, options: Sequence[str]) -> None:
        from hurd.system.mounts import MountFlags

        at = os.path.realpath(target)
        present = [mount for mount in self.mounts() if mount.target == at]
        if not present:
            raise OSError(errno.EINVAL, "not a mount point", target)
        # The flags are all given anew, what the file system itself was told stays.
        before = MountFlags(present[-1].options)
        change = MountFlags(options)
        flags = before.flags & ~change.cleared | change.flags | _MS_REMOUNT
        if change.flags & _MS_STRICTATIME or "norelatime" in options:
            flags &= ~_MS_RELATIME
        _mount("none", target, "", flags, change.data)
        for flag in change.propagation:
            _mount("none", target, "", flag, "")

    def unmount(self, target: str, *, force: bool = False) -> None:
        from hurd.system.libc import libc

        flags = _MNT_DETACH | _MNT_FORCE if force else 0
        _check(libc.umount2(os.fsencode(target), flags), target)

    # Terminals, sockets and files

    def console_type(self) -> str:
        return "linux"

    def peer_credentials(self, connection: socket.socket) -> tuple[int, int, int] | None:
        from socket import SO_PEERCRED, SOL_SOCKET
        from sys import byteorder

        try:
            data = connection.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)
        except OSError:
            return None
        pid, uid, gid = (int.from_bytes(data[i : i + 4], byteorder) for i in (0, 4, 8))
        return (pid, uid, gid) if pid else None  # 0: not connected, or of another namespace

    def pass_credentials(self, sock: socket.socket) -> bool:
        from socket import SO_PASSCRED, SOL_SOCKET

        sock.setsockopt(SOL_SOCKET, SO_PASSCRED, 1)
        return True

    def sender_credentials(
        self, ancillary: Sequence[tuple[int, int, bytes]]
    ) -> tuple[int, int, int] | None:
        from socket import SCM_CREDENTIALS, SOL_SOCKET
        from sys import byteorder

        for level, kind, data in ancillary:
            if (level, kind) == (SOL_SOCKET, SCM_CREDENTIALS) and len(data) >= 12:
                pid, uid, gid = (int.from_bytes(data[i : i + 4], byteorder) for i in (0, 4, 8))
                return pid, uid, gid
        return None

    def set_socket_access(self, path: str, owner: int, group: int, mode: int) -> None:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            require_socket(os.fstat(descriptor), path)
            # No call changes what such a descriptor stands for, but for the name that it has here.
            name = f"/proc/self/fd/{descriptor}"
            if not os.path.exists(name):
                super().set_socket_access(path, owner, group, mode)
                return
            os.chown(name, owner, group)
            os.chmod(name, mode)
        finally:
            os.close(descriptor)

    def watch_file(self, path: str) -> FileWatch | None:
        return InotifyWatch(path)


def _mount(source: str, target: str, type: str, flags: int, data: str) -> None:
    from hurd.system.libc import libc

    words = [os.fsencode(word) for word in (source, target, type, data)]
    _check(libc.mount(words[0], words[1], words[2], flags, words[3]), target)


def _check(result: int, path: str) -> None:
    """Raise the error of the call just made, about `path`, if it failed."""
    from hurd.system.libc import c_errno

    if result != 0:
        code = c_errno()
        raise OSError(code, os.strerror(code), path)


def _words(line: str) -> list[str]:
    """The kernel's command line: blanks inside double quotes belong to a word (lib/cmdline.c)."""
    words = []
    word = ""
    quoted = False
    for character in line:
        if character == '"':
            quoted = not quoted
        elif character.isspace() and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += character
    return [*words, word] if word else words


def _arguments(line: bytes) -> list[str]:
    return [os.fsdecode(word) for word in line.removesuffix(b"\0").split(b"\0")[1:]]


def _signed(constant: int) -> int:
    """As reboot(2) takes it, an int of 32 bits."""
    return constant - (1 << 32) if constant >= 1 << 31 else constant


# linux/inotify.h
_IN_NONBLOCK = os.O_NONBLOCK
_IN_CLOEXEC = os.O_CLOEXEC
_IN_EVENTS = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800  # moved, created, deleted; (itself)
_IN_ONLYDIR = 0x01000000


class InotifyWatch(FileWatch):
    """Watches the directory: a socket in use gets no "deleted" of its own while it is open."""

    def __init__(self, path: str) -> None:
        from hurd.system.libc import c_errno, libc

        self._path = path
        self._identity = _identity(path)
        if self._identity is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self._fd = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        if self._fd < 0:
            raise OSError(code := c_errno(), os.strerror(code))
        directory = os.fsencode(os.path.dirname(path) or ".")
        if libc.inotify_add_watch(self._fd, directory, _IN_EVENTS | _IN_ONLYDIR) < 0:
            code = c_errno()
            self.close()
            raise OSError(code, os.strerror(code), path)

    def fileno(self) -> int:
        return self._fd

    def changed(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fd, 4096):
                pass
        return _identity(self._path) != self._identity

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _use_stack(levels: int) -> int:
    if levels:
        [levels - 1].sort(key=_use_stack)
    return 0
