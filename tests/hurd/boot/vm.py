"""A disk that ``hurd-image`` has built, in QEMU, with its console in our hands."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
ROOT_VARIABLE = "DROVER_HURD_ROOT"
_PARTITION = 2048 * 512
# A boot takes 15 to 40 seconds without KVM, as busy as the machine is.
PATIENCE = 180.0


def build(disk: Path, *options: str) -> None:
    """Build a disk from the real root, with drover as its init and no password for root."""
    command = [
        sys.executable, "-m", "image", "build", f"--from={os.environ[ROOT_VARIABLE]}",
        "--owners=root", "--network=none", "--root-password=", "--quiet", f"--output={disk}",
        *options,
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=REPOSITORY)


class ConsoleError(AssertionError):
    """What was waited for did not appear on the console."""


class Hurd:
    """One run of a machine; ``console`` is everything that it has printed.

    The file DISK.console has it too, and that of earlier runs, for whoever looks meanwhile.
    """

    def __init__(self, disk: Path, *options: str, memory: int = 1024) -> None:
        command = [
            "qemu-system-i386", "-m", str(memory), "-nographic", "-no-reboot", "-net", "none",
            "-drive", f"file={disk},format=raw,cache=unsafe", *options,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self.process.stdout is not None
        self._output = self.process.stdout.fileno()
        os.set_blocking(self._output, False)
        self.console = ""
        self._copy = disk.with_suffix(".console").open("ab", buffering=0)

    def __enter__(self) -> Hurd:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()

    def cut_power(self) -> None:
        """End the machine as a power failure does."""
        self.process.kill()
        self.process.communicate()
        self._copy.close()

    def _read(self, seconds: float) -> bool:
        """Take in what is printed within so many seconds; False at the machine's end."""
        if select.select([self._output], [], [], seconds)[0]:
            data = os.read(self._output, 65536)
            self._copy.write(data)
            self.console += data.decode(errors="replace").replace("\r", "")
            return bool(data)
        return True

    def run_for(self, seconds: float) -> None:
        """Let the machine run for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(min(left, 0.2)):
            pass

    def until(self, text: str, seconds: float = PATIENCE, start: int = 0) -> str:
        """Wait for a text on the console; return what was printed since ``start``."""
        end = time.monotonic() + seconds
        while text not in self.console[start:]:
            if not self._read(0.2) or time.monotonic() > end:
                raise ConsoleError(f"no {text!r} in:\n{self.console[start:][-4000:]}")
        return self.console[start:]

    def type(self, text: str) -> None:
        """Type on the console."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def login(self, start: int = 0) -> None:
        """Wait for the login prompt, and log in as root."""
        self.until("login> ", start=start)
        start = len(self.console)
        self.type("login root\n")
        self.until("# ", start=start)

    def run(self, command: str, seconds: float = PATIENCE) -> str:
        """Run a command in the shell on the console; return what it printed."""
        return self.run_with_status(command, seconds)[0]

    def run_with_status(self, command: str, seconds: float = PATIENCE) -> tuple[str, int]:
        """The same, with the exit status."""
        start = len(self.console)
        # The quotes keep the marks out of the echo of what is typed.
        self.type(f"echo be'gin'; {command}; echo e'nd'=$?\n")
        text = self.until("end=", seconds, start)
        while not re.search(r"end=\d+\n", text):
            text = self.until("\n", seconds, start + text.index("end="))
            text = self.console[start:]
        found = re.search(r"begin\n(.*?)end=(\d+)\n", text, re.DOTALL)
        assert found is not None, text
        return _plain(found[1]), int(found[2])

    def wait_end(self, seconds: float = PATIENCE) -> str:
        """Wait until the machine has ended by itself; return the console."""
        end = time.monotonic() + seconds
        while self._read(0.2):
            if time.monotonic() > end:
                raise ConsoleError(f"still running:\n{self.console[-4000:]}")
        self.process.wait(10)
        return self.console


def _plain(text: str) -> str:
    """A text without the colours and the like of a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def partition_of(disk: Path) -> Path:
    """A copy of the disk's partition, for e2fsprogs."""
    copy = disk.with_suffix(".partition")
    with disk.open("rb") as source, copy.open("wb") as target:
        source.seek(_PARTITION)
        while chunk := source.read(1 << 20):
            target.write(chunk)
    return copy


def filesystem_state(disk: Path) -> tuple[str, int]:
    """What the superblock says ("clean" or "not clean"), and the exit status of e2fsck -fn."""
    copy = partition_of(disk)
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    environment = {**os.environ, "PATH": path, "LC_ALL": "C"}
    shown = subprocess.run(
        ["dumpe2fs", "-h", copy], capture_output=True, text=True, env=environment, check=True
    ).stdout
    [state] = re.findall(r"Filesystem state: +(.*)", shown)
    checked = subprocess.run(["e2fsck", "-fn", copy], capture_output=True, env=environment)
    copy.unlink()
    return state.strip(), checked.returncode
