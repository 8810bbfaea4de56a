"""Programs of those who are measured: started in their root directory, timed, and ended."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import usage

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8", "USER": "root"}
# Enough for 1,000 services; the same for all, since some programs close them one by one.
_DESCRIPTORS = 4096
# Seconds after which something has gone wrong.
PATIENCE = 120.0


@dataclass(frozen=True)
class Cost:
    """What a program took: seconds, and seconds of processor time."""

    seconds: float
    processor: float


def prepare(root: Path) -> Callable[[], None]:
    """What a child does before it executes a program that lives in the directory ``root``."""
    inside = str(root)

    def before() -> None:
        if inside != "/":
            os.chroot(inside)
        os.chdir("/")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, hard), hard))

    return before


def start(
    root: Path, command: Sequence[str], errors: Path, environment: Mapping[str, str] = ENVIRONMENT
) -> subprocess.Popen[bytes]:
    """Start a manager; what it has to say of itself goes to ``errors``."""
    with errors.open("w") as file:
        return _start(root, command, stdout=subprocess.DEVNULL, stderr=file, env=environment)


def _start(root: Path, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    options = {"env": ENVIRONMENT, "stdin": subprocess.DEVNULL, **options}
    return subprocess.Popen(command, preexec_fn=prepare(root), **options)


def run(root: Path, command: Sequence[str]) -> Cost:
    """Run a program with its output thrown away, from before fork until it is reaped.

    Raises RuntimeError if it fails.
    """
    began = time.monotonic()
    process = _start(root, command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        shown = " ".join(command)
        raise RuntimeError(f"{shown[:200]} failed with status {process.returncode}")
    return Cost(took, used.ru_utime + used.ru_stime)


def output(root: Path, command: Sequence[str]) -> str:
    """What a program prints, on either stream."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with _start(root, command, text=True, **streams) as process:
        printed: str = process.communicate()[0]
    return printed


def wait(process: subprocess.Popen[bytes]) -> None:
    """Wait until a program has ended; raises TimeoutError.

    Not with ``Popen.wait``, which looks at times that are up to 50 ms apart.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], PATIENCE)[0]:
            raise TimeoutError(f"process {process.pid} does not end")
    finally:
        os.close(descriptor)
    process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a manager, whatever state it is in, with everything that it has started."""
    if process.poll() is None:
        # From the top: a supervisor that outlives its service would start it again.
        for pid in [process.pid, *usage.descendants(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    reap(kill_them=True)


def reap(kill_them: bool = False) -> None:
    """Wait for the processes that were left to us as process 1 of a namespace.

    As long as they are there, even dead, they count.  In no namespace there is nothing to do.
    """
    if os.getpid() != 1:
        return
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in usage.children(1) if kill_them else ():
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)
