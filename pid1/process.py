"""Child processes: who is waiting for which PID, reaping, and orderly termination.

``Children`` is the only place that waits for children.  A PID is watched before or after
its death is noticed: statuses of children that nobody watched yet are kept for a moment,
because a process may die before its parent has recorded it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Final

from hurd.system import system
from pid1.log import log, say

# How often a process that is not our child is probed, in seconds.
POLL_INTERVAL: Final = 0.1
# Deaths of unknown children remembered for late watchers; orphans pass through here too.
_MAX_UNCLAIMED: Final = 256

DEFAULT_GRACE_PERIOD: Final = 5.0


class Children:
    """Watched processes.  ``on_death`` hears of every watched child once."""

    def __init__(self) -> None:
        self._watchers: dict[int, list[Callable[[int], None]]] = {}
        self._unclaimed: dict[int, int] = {}
        # Statuses that were delivered, for who begins to wait a moment too late.
        self._delivered: dict[int, int] = {}
        # Set while the watchers of a previous image are not back yet: nothing is forgotten.
        self.keeping = False

    def __contains__(self, pid: int) -> bool:
        return pid in self._watchers

    def pids(self) -> list[int]:
        """The processes that somebody waits for."""
        return list(self._watchers)

    def watch(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call ``callback(wait_status)`` once ``pid`` is reaped, soon if it already was."""
        self._watchers.setdefault(pid, []).append(callback)
        if pid in self._unclaimed:
            # Stays on record until it is delivered: the daemon may be re-executed before.
            asyncio.get_running_loop().call_soon(self._deliver, pid)

    def _deliver(self, pid: int) -> None:
        if pid in self._unclaimed and pid in self._watchers:
            self.ended(pid, self._unclaimed.pop(pid))

    def unwatch(self, pid: int, callback: Callable[[int], None]) -> None:
        """Stop calling ``callback``; unknown pairs are ignored."""
        callbacks = self._watchers.get(pid)
        if callbacks is not None and callback in callbacks:
            callbacks.remove(callback)
            if not callbacks:
                del self._watchers[pid]

    def reap(self) -> None:
        """Collect every child that has ended; called for each SIGCHLD."""
        while True:
            ended = system.reap()
            if ended is None:
                return
            self.ended(*ended)

    def collect(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do what ``reap`` does while the loop does not run; watchers hear of it when it does."""
        while (ended := system.reap()) is not None:
            pid, status = ended
            if pid in self._watchers:
                self._unclaimed[pid] = status
                loop.call_soon(self._deliver, pid)
            else:
                self.ended(pid, status)

    def ended(self, pid: int, status: int) -> None:
        """Tell the watchers of ``pid`` that it ended."""
        callbacks = self._watchers.pop(pid, None)
        if callbacks is None:
            self._unclaimed[pid] = status
            if len(self._unclaimed) > _MAX_UNCLAIMED and not self.keeping:
                del self._unclaimed[next(iter(self._unclaimed))]
            return
        self._delivered[pid] = status
        if len(self._delivered) > _MAX_UNCLAIMED:
            del self._delivered[next(iter(self._delivered))]
        for callback in callbacks:
            try:
                callback(status)
            except Exception as error:
                # The other watchers, and the other children, shall not suffer from it.
                log(f"Unexpected error at the end of process {pid}: {error!r}")

    def unclaimed(self) -> list[tuple[int, int]]:
        """Statuses that nobody asked for yet, as (PID, wait status)."""
        return list(self._unclaimed.items())

    def claim(self, statuses: dict[int, int]) -> None:
        """Report statuses that the previous image of the daemon collected."""
        for pid, status in statuses.items():
            self.ended(pid, status)

    def forget_unclaimed(self, pid: int) -> None:
        """A new process has this number: an older status under it is not its own."""
        self._unclaimed.pop(pid, None)
        self._delivered.pop(pid, None)

    async def wait(self, pid: int) -> int:
        """Return the wait status of ``pid`` when it has ended.

        For a process that never was our child the status is 0 and its end is found by probing.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def ended(status: int) -> None:
            if not done.done():
                done.set_result(status)

        self.watch(pid, ended)
        try:
            while not done.done():
                if system.is_child(pid):
                    return await done
                if not is_alive(pid):
                    # Adopted and reaped between two probes, or never ours.
                    await asyncio.sleep(0)
                    return done.result() if done.done() else self._delivered.get(pid, 0)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.shield(done), POLL_INTERVAL)
            return done.result()
        finally:
            self.unwatch(pid, ended)


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists."""
    return system.process_exists(pid)


def ending(status: int) -> str:
    """How a process ended, or was stopped, in words that follow its name."""
    if os.WIFEXITED(status):
        return f"exited with {os.WEXITSTATUS(status)}"
    if os.WIFSIGNALED(status):
        return f"terminated with signal {os.WTERMSIG(status)}"
    return f"stopped with signal {os.WSTOPSIG(status)}"


def signal_target(pid: int) -> int:
    """Return what to signal for ``pid``: minus its process group, or itself if that is ours.

    It is ours when the child has not called ``setsid`` yet, or shall not.
    """
    group = system.process_group(pid)
    return pid if group is None or group == os.getpgrp() else -group


def send_signal(target: int, number: int) -> bool:
    """Send a signal; False if nobody was there.  A negative target is a process group."""
    try:
        system.kill(target, number)
    except ProcessLookupError:
        return False
    return True


async def terminate(
    children: Children,
    target: int,
    number: int = signal.SIGTERM,
    grace_period: float = DEFAULT_GRACE_PERIOD,
    wait_for: int | None = None,
) -> int:
    """Signal ``target``, kill it after ``grace_period`` seconds, return its wait status.

    ``wait_for`` is the process whose end counts: by default ``target`` or the leader of
    that group.  Raises OSError if it may not be signalled.
    """
    pid = wait_for if wait_for is not None else abs(target)
    waiting = asyncio.ensure_future(children.wait(pid))
    try:
        send_signal(target, number)
        done, _ = await asyncio.wait({waiting}, timeout=grace_period)
        if not done:
            period = int(grace_period) if grace_period == int(grace_period) else grace_period
            say(f"Grace period of {period} seconds is over; sending {target} SIGKILL.")
            send_signal(target, signal.SIGKILL)
        return await waiting
    finally:
        waiting.cancel()
