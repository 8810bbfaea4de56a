"""Linux control groups (version 2) as the services' containments: the kernel keeps the list.

The daemon's own control group gets a sub-group `drover-PID`, with one leaf for each service that
runs.  No controller is enabled, so the daemon may stay where it is ("no internal processes" does
not apply).  The sub-group is locked (flock) by its daemon: what one has left that was killed is
removed by the next.

Measured on Linux 6.18, median of 100 in microseconds: mkdir 29, moving a process 38 (once in a
while 9,000: the kernel waits for an RCU grace period), cgroup.kill 17, rmdir 22.  With glibc 2.43 a
thousand programs are started in 263 to 280 ms within groups and in 221 to 224 without.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal as signals

from hurd.system.containment import Containment, ControlGroups

# Where the hierarchy is mounted by convention; looked at again for as long as it is not there.
_USUAL = ("/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs")
_PREFIX = "drover-"
_MOST = 100  # groups that would have the same name
_ROUNDS = 20  # of killing, where the kernel (before 5.14) does not do it at once
_LAST_ROUNDS, _PAUSE = 20, 0.005  # until what was killed is gone, at the end of the daemon; seconds

_groups: Groups | None = None
_looked: list[bool] | None = None


def control_groups() -> Groups | None:
    """The groups of this process; None where it may have none, or none is mounted yet."""
    global _groups, _looked
    if _groups is None:
        there = [os.path.exists(path) for path in _USUAL]
        if there != _looked:
            _looked = there
            own = own_group()
            _groups = Groups(own) if own is not None else None
    return _groups


def own_group() -> str | None:
    """The directory of this process's control group if it may make groups there."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:  # noqa: PTH123
            paths = [line[3:].rstrip("\n") for line in file if line.startswith("0::")]
        with open("/proc/self/mountinfo", encoding="utf-8") as file:  # noqa: PTH123
            mounts = [line.split() for line in file if " - cgroup2 " in line]
    except OSError:
        return None
    for path in paths:
        for mount in mounts:
            root, point = mount[3], mount[4]
            inside = path if root == "/" else path.removeprefix(root)
            directory = f"{point}/{inside.strip('/')}".rstrip("/")
            if os.access(directory, os.W_OK) and os.access(f"{directory}/cgroup.procs", os.W_OK):
                return directory if _is_ours(directory) else None
    return None


def _is_ours(directory: str) -> bool:
    """Whether nobody else manages the group: not systemd's, or handed over by it (Delegate=)."""
    if not os.path.isdir("/run/systemd/system"):
        return True
    try:
        if os.geteuid() != 0:
            return os.stat(directory).st_uid == os.geteuid()
        return "1" in [_attribute(directory, f"{kind}.delegate") for kind in ("trusted", "user")]
    except OSError:
        return False


def _attribute(path: str, name: str) -> str | None:
    try:
        return os.getxattr(path, name).decode("ascii", "replace")
    except OSError:
        return None


class Groups(ControlGroups):
    """The sub-group of this daemon below `own`; made when the first service needs it."""

    def __init__(self, own: str) -> None:
        from hurd.system.libc_spawn import knows_control_groups

        self.entered_at_birth = knows_control_groups
        self.parent: str | None = None
        self._own = own
        self._lock = -1
        self._left: set[str] = set()  # of stopped services, and not empty when last looked at

    def containment(self, name: str, carried: str | None = None) -> GroupContainment:
        safe = "".join(c if c.isalnum() or c in "-_+@" else f"%{ord(c):x}" for c in name)
        return GroupContainment(self, safe, carried)

    def make(self, name: str) -> str:
        """Make a group for a service; its directory. Raises OSError."""
        self.retry()
        if self.parent is None:
            self._make_parent()
        for number in range(_MOST):
            leaf = f"{name}-{number}.service" if number else f"{name}.service"
            # A group that is there is not joined: whoever does so after it was killed may be, too.
            with contextlib.suppress(FileExistsError):
                try:
                    os.mkdir(directory := f"{self.parent}/{leaf}")
                except FileNotFoundError:  # somebody has removed the group above
                    self._make_parent()
                    os.mkdir(directory := f"{self.parent}/{leaf}")
                return directory
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def leave(self, directory: str) -> None:
        """Remove a group as soon as it is empty."""
        if not remove(directory):
            self._left.add(directory)

    def retry(self) -> None:
        """Remove what has become empty meanwhile."""
        if self._left:
            self._left = {directory for directory in self._left if not remove(directory)}

    def carry(self) -> str | None:
        return self.parent

    def adopt(self, carried: str) -> None:
        if os.path.dirname(carried) == self._own and os.path.isdir(carried):
            self.parent = carried
            self._lock = _locked(carried)

    def close(self) -> None:
        if self.parent is None:
            return
        for _ in range(_LAST_ROUNDS):
            self.retry()
            if not self._left:
                break
            import time

            time.sleep(_PAUSE)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        remove(self.parent)
        self.parent = None

    def _make_parent(self) -> None:
        """Make the daemon's sub-group. Raises OSError."""
        for name in os.listdir(self._own):
            if name.startswith(_PREFIX):
                _remove_abandoned(f"{self._own}/{name}")
        if self._lock >= 0:
            os.close(self._lock)
        self._lock, self.parent = -1, None
        for number in range(_MOST):
            directory = f"{self._own}/{_PREFIX}{os.getpid()}" + (f"-{number}" if number else "")
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory)
                lock = _locked(directory)
                if lock >= 0:
                    self._lock, self.parent = lock, directory
                    return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


class GroupContainment(Containment):
    """The leaf of one service."""

    def __init__(self, groups: Groups, name: str, directory: str | None = None) -> None:
        self._groups = groups
        self._name = name
        self._added: list[int] = []
        self.directory = directory

    def entrance(self) -> str:
        if self.directory is None or not os.path.isdir(self.directory):
            self.directory = self._groups.make(self._name)
        return self.directory

    def carry(self) -> str | None:
        return self.directory

    def add(self, pid: int) -> None:
        self._added.append(pid)
        with contextlib.suppress(OSError):
            _write(f"{self.entrance()}/cgroup.procs", str(pid))

    def discard(self, pid: int) -> None:
        if pid in self._added:
            self._added.remove(pid)

    def members(self) -> list[int]:
        directory = self.directory
        found = [] if directory is None else _processes(directory)
        return sorted(found, key=lambda pid: pid not in self._added)

    def kill(self, signal: int) -> int:
        members = self.members()
        if signal == signals.SIGKILL:
            self._kill(members)
        else:
            for pid in members:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal)
        return len(members)

    def _kill(self, members: list[int]) -> None:
        if self.directory is None or not members:
            return
        try:
            _write(f"{self.directory}/cgroup.kill", "1")
        except OSError:
            self._kill_each()
        # Not used again: Linux 6.18 kills whatever is born into a group that was killed before.
        self._groups.leave(self.directory)
        self.directory = None

    def _kill_each(self) -> None:
        """Until there is nobody who was forked meanwhile, or could not be killed."""
        before: list[int] = []
        for _ in range(_ROUNDS):
            members = self.members()
            if members == before:
                break
            before = members
            for pid in members:
                with contextlib.suppress(OSError):
                    os.kill(pid, signals.SIGKILL)

    def sweep(self) -> int:
        if self._removed():
            return 0
        killed = self.kill(signals.SIGKILL)
        self.close()
        return killed

    def close(self) -> None:
        self._added.clear()
        if not self._removed() and self.directory is not None:
            self._groups.leave(self.directory)

    def _removed(self) -> bool:
        """Whether the group is gone: one call for one without processes and sub-groups."""
        if self.directory is None:
            return True
        try:
            os.rmdir(self.directory)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        self.directory = None
        return True


def _processes(directory: str) -> list[int]:
    """Those of a group and of the groups below it, as seen from here; none if it is gone."""
    try:
        with open(f"{directory}/cgroup.procs", encoding="ascii") as file:  # noqa: PTH123
            found = [int(line) for line in file]
        for name in _groups_below(directory):
            found += _processes(f"{directory}/{name}")
    except OSError:
        return []
    return [pid for pid in found if pid]


def _groups_below(directory: str) -> list[str]:
    if os.stat(directory).st_nlink <= 2:
        return []
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def remove(directory: str) -> bool:
    """Remove a group and those below it if there are no processes; whether it is gone."""
    try:
        for name in _groups_below(directory):
            remove(f"{directory}/{name}")
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _locked(directory: str) -> int:
    """A descriptor that holds the lock of a daemon's sub-group; -1 if it belongs to another."""
    import fcntl

    lock = -1
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been removed, and made again, before it was locked.
        if os.path.samestat(os.fstat(lock), os.stat(directory)):
            return lock
    except OSError:
        pass
    if lock >= 0:
        os.close(lock)
    return -1


def _remove_abandoned(directory: str) -> None:
    """Remove the sub-group of a daemon that has ended, as far as no process is left in it."""
    lock = _locked(directory)
    if lock >= 0:
        remove(directory)
        os.close(lock)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
