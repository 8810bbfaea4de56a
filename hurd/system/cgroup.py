"""Linux control groups (version 2) as a service's containment: the kernel keeps the list.

The daemon's own control group gets a sub-group `drover-PID`, with one leaf for each service. No
controller is enabled, so the daemon may stay where it is ("no internal processes" does not apply).
Whatever fails, the process table of `TableContainment` still answers.

Measured on Linux 6.18, median of 100 in microseconds: mkdir 29, moving a process 38 (once in a
while 9,000: the kernel waits for an RCU grace period), cgroup.kill 17, rmdir 22.
"""

from __future__ import annotations

import contextlib
import os
import signal as signals

from hurd.system.containment import TableContainment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.system.base import System


def own_group() -> str | None:
    """The directory of the daemon's control group if it may make groups there."""
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
                return directory
    return None


class GroupContainment(TableContainment):
    """One leaf below `parent`; made when the first process is added."""

    def __init__(self, system: System, parent: str, name: str) -> None:
        super().__init__(system)
        self._parent = parent
        safe = "".join(c if c.isalnum() or c in "-_+@" else f"%{ord(c):x}" for c in name)
        self.directory = f"{parent}/{safe}.service"

    def entrance(self) -> str | None:
        try:
            os.makedirs(self.directory, exist_ok=True)
        except OSError:
            return None
        return f"{self.directory}/cgroup.procs"

    def add(self, pid: int) -> None:
        super().add(pid)
        for _ in range(2):
            try:
                _write(f"{self.directory}/cgroup.procs", str(pid))
                return
            except FileNotFoundError:
                self.entrance()
            except OSError:
                return

    def kill(self, signal: int) -> int:
        if signal != signals.SIGKILL:
            return super().kill(signal)
        before = len(self.members())
        with contextlib.suppress(OSError):
            _write(f"{self.directory}/cgroup.kill", "1")
        super().kill(signal)
        return before

    def sweep(self) -> int:
        left = len(self._further_members())
        if left:
            with contextlib.suppress(OSError):
                _write(f"{self.directory}/cgroup.kill", "1")
        self.close()
        return left

    def close(self) -> None:
        super().close()
        for directory in (self.directory, self._parent):
            with contextlib.suppress(OSError):  # not there, or not empty
                os.rmdir(directory)

    def _further_members(self) -> list[int]:
        try:
            with open(f"{self.directory}/cgroup.procs", encoding="ascii") as file:  # noqa: PTH123
                return [int(line) for line in file]
        except OSError:
            return []


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
