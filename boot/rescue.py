"""A shell on the console for whoever has to mend the machine, before there is a supervisor.

It leads a session of its own with the console as its terminal, so that Ctrl-C and job control work;
the process that starts it waits, and reaps what else ends meanwhile, as PID 1 has to.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

from boot.places import place
from hurd.system import SpawnError, SpawnSpec, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SHELLS: Final = ("/bin/bash", "/bin/sh", "/bin/dash", "/bin/csh", "/bin/ash")
"""Tried in this order, as the Hurd's own start-up does."""

PATH: Final = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

# Seconds between two attempts when no shell can be started: somebody may be mending the disk.
_PAUSE: Final = 10.0


def say(text: str) -> None:
    """Print a line on the console; a console that is broken costs nothing."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"drover: {text}\n")
        sys.stderr.flush()


def shell_environment() -> list[str]:
    """What a shell on the console needs, and nothing that we were given."""
    terminal = os.environ.get("TERM", "dumb")
    return [f"PATH={PATH}", "HOME=/root", f"TERM={terminal}", "USER=root", "LOGNAME=root"]


def shell_command() -> list[str] | None:
    """The first shell there is, as a login shell; None if there is none."""
    for shell in SHELLS:
        if os.access(place(shell), os.X_OK):
            return [shell, "-l"] if shell == "/bin/bash" else [shell]
    return None


def run_shell(reason: str) -> int:
    """Say why, run a shell until it ends, and return its wait status.

    Where none can be started it says so and returns, after a pause, a status of failure.
    """
    say(reason)
    try:
        pid = _start_shell()
    except OSError as error:
        say(f"cannot start a shell: {error}; trying again in {_PAUSE:g} seconds")
        time.sleep(_PAUSE)
        return 127 << 8
    return wait_for(pid)


def _start_shell() -> int:
    command = shell_command()
    if command is None:
        raise FileNotFoundError(f"there is none of {', '.join(SHELLS)}")
    console = system.open_console()
    with contextlib.suppress(OSError):
        system.reset_terminal(console)
    try:
        spec = SpawnSpec(
            command, shell_environment(), directory="/",
            stdin=console, stdout=console, stderr=console, tty=console,
        )  # fmt: skip
        say("a shell follows; it ends with 'exit' or Ctrl-D, and then the boot goes on")
        try:
            return system.spawn(spec)
        except SpawnError as error:
            if error.step != "tty":
                raise
            # No terminal at all, a pipe for example: without job control then.
            spec.tty = None
            return system.spawn(spec)
    finally:
        os.close(console)


def wait_for(pid: int) -> int:
    """Wait for a child, reaping all others; return its wait status."""
    while True:
        try:
            ended, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        except ChildProcessError:
            return 0
        if ended == pid:
            return status
