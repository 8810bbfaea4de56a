"""A machine for tests: stage 0 as PID 1 of namespaces whose console is a terminal of ours."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.live import import_path, namespace_refusal

PATIENCE = 30.0

_MAIN = """\
import sys
sys.path[:0] = {path!r}
from boot import guard, rescue
guard.GRACE, guard.PATIENCE, rescue._PAUSE = 0.5, 3.0, 0.2
guard.Guard.__init__.__defaults__ = (guard.GRACE, guard.PATIENCE)
{hook}
from boot.stage0 import main
main()
"""

# The console is bound where the programs look for it; the root directory is nobody's to change.
_NAMESPACE = """\
mount --make-rprivate / && mount --bind "$1" /dev/console && mount -t proc proc /proc &&
mount -t tmpfs -o mode=755 run /run && shift && exec "$@"
"""


class Machine:
    """What runs behind the terminal; ``output`` is all that it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self.terminal = terminal
        self.output = ""

    def read_until(self, text: str, seconds: float = PATIENCE, start: int = 0) -> str:
        """Wait until ``text`` has been printed after position ``start``; return all output."""
        deadline = time.monotonic() + seconds
        while text not in self.output[start:]:
            left = deadline - time.monotonic()
            assert left > 0, f"no {text!r} within {seconds} s in:\n{self.output}"
            if select.select([self.terminal], [], [], min(left, 0.5))[0]:
                try:
                    data = os.read(self.terminal, 65536)
                except OSError:
                    data = b""
                self.output += data.decode(errors="replace").replace("\r", "")
                if not data:
                    raise AssertionError(f"the machine ended; it printed:\n{self.output}")
        return self.output

    def type(self, text: str) -> None:
        """Type on the console."""
        os.write(self.terminal, text.encode())

    def run(self, command: str) -> str:
        """Run a command in the shell that waits on the console; return what it printed."""
        start = len(self.output)
        # The quotes keep the marks out of the echo of what is typed.
        self.type(f"echo be'gin'; {command}; echo e'nd'\n")
        self.read_until("\nend\n", start=start)
        return self.output[start:].split("begin\n")[-1].split("end\n")[0]


@contextmanager
def machine(*words: str, hook: str = "", environment: Sequence[str] = ()) -> Iterator[Machine]:
    """Start a machine with these words on its kernel's command line."""
    refusal = namespace_refusal()
    if refusal:
        pytest.skip(refusal)
    if os.geteuid() != 0:
        pytest.skip("only root may give a namespace a console")
    master, slave = pty.openpty()
    program = _MAIN.format(path=import_path(), hook=hook)
    command = [
        "unshare", "--mount", "--pid", "--fork", "--kill-child",
        "sh", "-c", _NAMESPACE, "sh", os.ttyname(slave),
        "env", "-i", "PYTHONHASHSEED=0", *environment,
        sys.executable, "-S", "-s", "-P", "-X", "utf8", "-c", program, *words,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        yield Machine(process, master)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(master)


def configuration(directory: Path, text: str) -> str:
    """Write a configuration file; return the word that names it."""
    file = directory / "init.scm"
    file.write_text(text)
    return f"drover.config={file}"
