"""Which processes belong to a service: what is to be known of them, told from the process table.

`hurd.system.cgroup` tells it from the kernel's control groups.
"""

from __future__ import annotations

import os
import signal as signals

from hurd.system.processes import family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.system.base import Process, System

_SWEEPS = 20  # each meets what was forked during the one before; three are the rule
_STOPPED = ("T", "t")


class Containment:
    """The processes of one service, wherever they went; made by `System.containment`."""

    def entrance(self) -> str | None:
        """What to give as `SpawnSpec.control_group`, made if need be; None if there is no such.

        A process that is only added later may have forked before, and that child escapes.
        Raises OSError if it cannot be made.
        """
        raise NotImplementedError("entrance")

    def add(self, pid: int) -> None:
        """Count `pid` and what it starts from now on as the service's; never fails."""
        raise NotImplementedError("add")

    def discard(self, pid: int) -> None:
        """`pid` was waited for: the number may be reused from now on; its relatives still count."""
        raise NotImplementedError("discard")

    def members(self) -> list[int]:
        """The living processes, those added first.

        To find the ones that left their session, call this (or `kill`) before the main process
        dies: afterwards nothing but what was seen then ties them to the service.
        """
        raise NotImplementedError("members")

    def kill(self, signal: int) -> int:
        """Signal all members; how many. Before SIGKILL they are stopped, lest they fork."""
        raise NotImplementedError("kill")

    def sweep(self) -> int:
        """Kill what is left once the main process has ended, and forget it; how many there were."""
        raise NotImplementedError("sweep")

    def close(self) -> None:
        """Forget everything; harms no process."""
        raise NotImplementedError("close")

    def carry(self) -> str | None:
        """What `ControlGroups.containment` of the daemon's next image needs; None if nothing."""
        return None


class ControlGroups:
    """The control groups of this daemon, one for each service that asks for it."""

    # Whether a process is born within its group; otherwise starting one takes a fork of the daemon.
    entered_at_birth = False

    def containment(self, name: str, carried: str | None = None) -> Containment:
        """That of the service `name`; nothing is made yet.

        `carried` is what `Containment.carry` of the previous image of this daemon returned.
        """
        raise NotImplementedError("containment")

    def carry(self) -> str | None:
        """What the next image of the daemon gives to `adopt`; None if no group was made."""
        raise NotImplementedError("carry")

    def adopt(self, carried: str) -> None:
        """Go on with the groups of the previous image of this daemon."""
        raise NotImplementedError("adopt")

    def close(self) -> None:
        """Remove what is empty: the daemon ends."""
        raise NotImplementedError("close")


class TableContainment(Containment):
    """Needs nothing but the process table; costs nothing until somebody looks.

    A process belongs if it was added, descends from one that belongs, or is in the session or
    process group of one that was added.  What leaves its session and loses its parent is remembered
    from the last look, so a look is due before the main process dies.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._alive: dict[int, None] = {}  # added, in order
        self._gone: set[int] = set()  # added and waited for
        self._seen: dict[int, str] = {}  # members at the last look, with their start

    def entrance(self) -> str | None:
        return None

    def add(self, pid: int) -> None:
        self._gone.discard(pid)
        self._alive[pid] = None

    def discard(self, pid: int) -> None:
        if pid in self._alive:
            del self._alive[pid]
            self._gone.add(pid)
        self._seen.pop(pid, None)

    def members(self) -> list[int]:
        return list(self._look())

    def _look(self) -> dict[int, Process]:
        """The members that are alive, each before its children."""
        if not self._alive and not self._gone:
            return {}
        table = self._system.process_table()
        # A number stays taken while a session or group has it. If a process has it again, then
        # nobody was left.
        self._gone -= table.keys()
        leaders = self._alive.keys() | self._gone
        roots = list(self._alive)
        roots += [p.pid for p in table.values() if p.session in leaders or p.group in leaders]
        roots += [
            pid
            for pid, started in self._seen.items()
            if pid in table and table[pid].started == started
        ]
        roots += self._further_members()
        ourselves = os.getpid()
        members = {
            pid: table[pid]
            for pid in family(table, roots)
            if pid != ourselves and pid != 1 and table[pid].state != "Z"
        }
        self._seen = {pid: process.started for pid, process in members.items()}
        return members

    def kill(self, signal: int) -> int:
        if signal == signals.SIGKILL:
            members = self._freeze()
        else:
            members = self.members()
        self._signal(members, signal)
        return len(members)

    def _freeze(self) -> list[int]:
        """Stop all members, so that none forks while the others are being killed."""
        stopped: dict[int, None] = {}
        at_rest = False
        for _ in range(_SWEEPS):
            members = self._look()
            fresh = [pid for pid in members if pid not in stopped]
            # Somebody may have been forked while one look was taken, and by one that was told to
            # stop and had not yet: only another look after that shows all.
            if not fresh and (at_rest or not members):
                break
            at_rest = not fresh and all(one.state in _STOPPED for one in members.values())
            self._signal(fresh, signals.SIGSTOP)
            stopped.update(dict.fromkeys(fresh))
        return list(stopped)

    def _signal(self, members: list[int], signal: int) -> None:
        for pid in members:
            try:
                self._system.kill(pid, signal)
            except OSError:
                continue

    def sweep(self) -> int:
        return self.kill(signals.SIGKILL)

    def close(self) -> None:
        self._alive.clear()
        self._gone.clear()
        self._seen.clear()

    def _further_members(self) -> list[int]:
        """Members known from elsewhere."""
        return []
