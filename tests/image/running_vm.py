"""`hurd-image vm` as a process: on pipes or a terminal, with QEMU as its child."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "image", "vm")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
DEADLINE = 60


@contextlib.contextmanager
def piped(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start `hurd-image vm` with pipes for its three streams."""
    with subprocess.Popen(
        [*COMMAND, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=ENVIRONMENT, bufsize=0,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Read what the process writes until `text` has come."""
    assert process.stdout is not None
    seen = b""
    while text not in seen:
        assert select.select([process.stdout], [], [], 20)[0], seen
        data = os.read(process.stdout.fileno(), 4096)
        assert data, seen
        seen += data


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(what: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a state of the outside world."""
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


class Running:
    """`hurd-image vm` on a pseudo-terminal."""

    def __init__(self, pid: int, terminal: int) -> None:
        self.pid = pid
        self.terminal = terminal
        self._output = b""

    def output(self) -> bytes:
        """All that came so far."""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                break
            if not data:
                break
            self._output += data
        return self._output

    def expect(self, text: bytes) -> None:
        """Wait until something has come."""
        wait_until(lambda: text in self.output())

    def type(self, data: bytes) -> None:
        """Type."""
        os.write(self.terminal, data)

    def modes(self) -> list[object]:
        """The terminal's settings."""
        return termios.tcgetattr(self.terminal)

    def status(self) -> int:
        """The exit status, once it has ended."""
        wait_until(lambda: self.output() is not None and not alive(self.pid))
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def qemu(self) -> int:
        """QEMU's process."""
        wait_until(lambda: bool(children(self.pid)))
        (pid,) = children(self.pid)
        return pid


@contextlib.contextmanager
def machine(*words: object) -> Iterator[Running]:
    """Start `hurd-image vm` on a terminal of its own."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(ENVIRONMENT)
        os.execv(COMMAND[0], [*COMMAND, *map(str, words)])
    running = Running(pid, terminal)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        os.close(terminal)
