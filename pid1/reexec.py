"""Replacing the running daemon by a fresh image of itself, keeping what it supervises.

Processes, pipes, sockets and the exit statuses of children survive ``execve``; what the
daemon knows about them is written to an unnamed file that the next image inherits.
Definitions are code: they come back by loading the configuration again, with starts
suppressed, and what was loaded or evaluated since.  Clients wait in the kernel's queue
meanwhile; nobody is refused and no status is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import sys
from typing import TYPE_CHECKING, Any, Final

from hurd.system import SpawnError, SpawnSpec, system
from pid1.carried import FORMAT, descriptors_of, snapshot
from pid1.errors import misc_error
from pid1.log import log, the_log
from pid1.service import STARTING, STOPPING, Service
from pid1.supervisor import Supervisor

if TYPE_CHECKING:
    from pid1.daemon import Daemon

# Names the descriptor of the state, for the next image only.
VARIABLE: Final = "DROVER_REEXEC_FD"
# Asks an image whether it starts, and can read a state of this format.
CHECK_VARIABLE: Final = "DROVER_REEXEC_CHECK"
# Seconds that starts, stops and commands in progress may take to finish first.
PATIENCE: Final = 5.0
# Seconds that an image may take to start, while everybody is served: on a busy Hurd that is long.
_CHECK_PATIENCE: Final = 120.0


# The old image


def busy(supervisor: Supervisor) -> list[Service]:
    """Services in the middle of a transition, or whose end is being seen to."""
    return [
        s
        for s in supervisor.registry
        if s.status in (STARTING, STOPPING)
        or (s in supervisor.ends and s not in supervisor.respawning)
    ]


def execute(daemon: Daemon) -> None:
    """Replace this image; returns only if that failed, and then all is as before.

    Raises OSError with the reason.
    """
    daemon.server.release_spare()
    # A signal that comes before the next image has its handlers shall wait for them.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    descriptors: list[int] = []
    file = -1
    try:
        the_log.flush()
        state = snapshot(daemon)
        the_log.flush()  # it may have said what stays behind
        file = _unnamed_file(os.path.dirname(daemon.socket_path))
        descriptors = [*descriptors_of(state), file]
        _write(file, json.dumps(state).encode())
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        os.execve(sys.executable, command_line(), {**os.environ, VARIABLE: str(file)})
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, False)
        if file >= 0:
            os.close(file)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        daemon.server.reserve_spare()


def _unnamed_file(directory: str) -> int:
    """Open a file without a name, in memory where the system has such files.

    Else in the directory of the socket, which is ours, or wherever files can be made.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create("drover-state")
    for place in (directory, "/run"):
        with contextlib.suppress(OSError):
            return _file_without_name(place)
    return _file_without_name("/tmp")


def _file_without_name(directory: str) -> int:
    path = f"{directory}/.drover-state-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of an image that was killed in between
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return file


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)


def command_line() -> list[str]:
    """How this interpreter was started."""
    return [sys.executable, *sys.orig_argv[1:]]


# The new image


def inherited_state() -> dict[str, Any] | None:
    """Return what the previous image left, or None in a daemon that starts afresh."""
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    try:
        descriptor = int(number)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None  # not what an image of ours would leave
        with os.fdopen(descriptor, "rb") as file:
            state: dict[str, Any] = json.loads(file.read())
        return state if _is_usable(state) else None
    except (OSError, OverflowError, ValueError, LookupError, TypeError):
        return None


def _is_usable(state: dict[str, Any]) -> bool:
    """Whether it is ours, and what is used before the event loop runs, which survives the rest."""
    limit, listener = state["descriptor_limit"], state["listener"]
    return (
        state["format"] == FORMAT
        and isinstance(state["socket_path"], str)
        and isinstance(state["state_directory"], str | None)
        and (listener is None or (type(listener) is int and listener >= 0))
        and (limit is None or [type(part) for part in limit] == [int, int])
    )


def inherited_listener(state: dict[str, Any]) -> socket.socket | None:
    """Return the control socket of the previous image; None if that had none yet."""
    if state["listener"] is None:
        return None
    try:
        listener = socket.socket(fileno=state["listener"])
    except OSError:
        return None  # its server has died
    listener.setblocking(False)
    return listener


async def reexecute(daemon: Daemon) -> None:
    """Finish what is in progress, then replace the image; on failure go on as before."""
    loop = daemon.loop
    daemon.server.pause()
    try:
        end = loop.time() + PATIENCE
        while loop.time() < end and (
            daemon.server.busy or busy(daemon.supervisor) or daemon.loading
        ):
            await daemon.tick()
        if daemon.stop_wanted() is not None:
            log("Not re-executing: the daemon is stopping.")
            return
        # Starts that do not end are begun again by the next image.
        for service in busy(daemon.supervisor):
            if service.job is not None:
                log(f"Start of service {service.name} begins again after re-execution.")
        log("Re-executing.")
        execute(daemon)
    except Exception as error:
        log(f"Cannot re-execute: {getattr(error, 'strerror', None) or error}.")
    finally:
        daemon.server.resume()


async def check_image(supervisor: Supervisor) -> None:
    """Raise KeyedError unless the program that would be executed starts and understands us."""
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    # Not captured: what it prints is of interest to nobody.
    spec = SpawnSpec(command_line(), [*environment, f"{CHECK_VARIABLE}={FORMAT}"])
    try:
        pid = system.spawn(spec)
    except SpawnError as error:
        raise misc_error(f"the new image does not start: {error}; not re-executing") from error
    supervisor.children.forget_unclaimed(pid)
    ending = asyncio.ensure_future(supervisor.children.wait(pid))
    done, _ = await asyncio.wait({ending}, timeout=_CHECK_PATIENCE)
    if not done:
        os.kill(pid, signal.SIGKILL)
        await ending
        raise misc_error(
            f"the new image has not started within {_CHECK_PATIENCE:g} seconds; not re-executing"
        )
    status = await ending
    if status != 0:
        raise misc_error("the new image does not start; not re-executing", status)


__all__ = ["CHECK_VARIABLE", "FORMAT", "VARIABLE", "check_image", "execute",
           "inherited_listener", "inherited_state", "reexecute"]  # fmt: skip
