"""The end of the machine that somebody else has asked for: a program that calls reboot(2).

On the Hurd that is a request to /hurd/startup, which tells those who asked to be told, file systems
among them, and waits for each.  The daemon stops its services then as for an end of its own, and
lets startup go on; it stays, for startup takes the death of PID 1 for a crash.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hurd.offload import off_loop
from hurd.system import system
from pid1.log import log, the_log
from pid1.service import RUNNING, STOPPING

if TYPE_CHECKING:
    from pid1.daemon import Daemon

# Seconds that services may take: startup loses its patience after 60.
DEADLINE: Final = 40.0


async def watch_for_the_end(daemon: Daemon) -> None:
    """Have services stopped before the machine ends, whoever ends it."""

    def told() -> None:
        daemon.loop.call_soon_threadsafe(_begin, daemon)

    with contextlib.suppress(OSError):
        system.on_local_sockets_lost(lambda: begin_anew(daemon))
    try:
        await off_loop(system.on_machine_end, told)
    except OSError as error:
        log(f"Services will not be stopped if others end the machine: {error.strerror or error}.")


def begin_anew(daemon: Daemon) -> None:
    """Have a fresh image of the daemon go on; called while the event loop sleeps for ever."""
    from pid1.reexec import execute

    # Nothing is logged: that belongs to the loop's thread.
    with contextlib.suppress(Exception):
        execute(daemon)


def _begin(daemon: Daemon) -> None:
    # An end of the daemon's own is allowed when it comes to that.
    if daemon.ending is None:
        daemon.supervisor.spawn_task(give_way(daemon), name="end of the machine")


async def give_way(daemon: Daemon) -> None:
    """Stop everything, and let the machine end."""
    root = daemon.supervisor.root
    daemon.ending = "halt"
    log("The machine is being stopped; stopping all services.")
    if root is not None and root.status == RUNNING:
        root.transition(STOPPING)
    daemon.shutdown_deadline = min(daemon.shutdown_deadline, DEADLINE)
    try:
        await daemon.stop_services()
    except Exception as error:
        log(f"Unexpected error while stopping services: {type(error).__name__}: {error}")
    finally:
        the_log.flush()
        system.allow_machine_end()
