"""Services that say when they are ready, on a descriptor or on a socket."""

from __future__ import annotations

import signal
import sys
from typing import Any

from hurd.system import SpawnSpec
from pid1.forkexec import ForkExec, Kill
from pid1.readiness import Readiness
from pid1.service import Service
from pid1.supervisor import Supervisor

# What the programs below begin with.
CLIENT = """
import os, socket, sys, time
def tell(text, address=os.environ.get("NOTIFY_SOCKET", "")):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), "\\0" + address[1:] if address[0] == "@" else address)
"""


def service(
    manager: Supervisor,
    command: list[str],
    readiness: Readiness,
    *,
    environment: tuple[str, ...] = (),
    user: str | None = None,
    log_file: str | None = None,
    **options: Any,
) -> Service:
    spec = SpawnSpec(command, ["PATH=/usr/bin:/bin", *environment], directory="/", user=user)
    made = Service(
        ("notifier",),
        start=ForkExec(spec, log_file, readiness=readiness),
        stop=Kill(signal.SIGTERM, 0.7),
        **options,
    )
    manager.register([made])
    return made


def shell(manager: Supervisor, script: str, number: int = 3, **options: Any) -> Service:
    """A service that writes to a descriptor."""
    return service(manager, ["sh", "-c", script], Readiness(number), **options)


def python(
    manager: Supervisor, script: str, watchdog: float | None = None, **options: Any
) -> Service:
    """A service that sends to the socket with ``tell``."""
    # Other users may not reach the interpreter of the tests.
    interpreter = "/usr/bin/python3" if "user" in options else sys.executable
    command = [interpreter, "-I", "-S", "-c", CLIENT + script]
    return service(manager, command, Readiness(None, watchdog), **options)
