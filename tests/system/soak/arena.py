"""Where a soak takes place: a daemon as PID 1 of a namespace, a small disk, what is taken away.

Everything is taken away from outside: blocks of the disk, processes (a control group's limit) and
descriptors (prlimit).  The machine's clock is everybody's, so it is the daemon's `time.time` that
jumps: it adds what stands in a file in memory.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.system.disk import small_disk
from tests.system.live import LiveDaemon, eventually, live_daemon, namespace_refusal
from tests.system.soak.catalogue import Writer, configuration, write_programs

DISK_SIZE = "24m"
_PIDS = Path("/sys/fs/cgroup/pids")
_UNIFIED = Path("/sys/fs/cgroup")

# In the daemon before its `main`: a clock that can be set, a loop that breaks on SIGUSR2, and the
# blocks of memory that the interpreter has given out, which it counts on SIGUSR1.
_HOOK = """
import gc, mmap, signal, struct, sys, time
from pid1 import mainloop, daemon as module

with open({clock!r}, "r+b") as _file:
    _shift = mmap.mmap(_file.fileno(), 16)
_time = time.time
time.time = lambda: _time() + struct.unpack("d", _shift[:8])[0]

class Breaking(mainloop.Selector):
    broken = False
    def select(self, timeout=None):
        if Breaking.broken:
            Breaking.broken = False
            raise OSError(9, "the selector broke")
        return super().select(timeout)

def _break(number, frame):
    Breaking.broken = True

def _count(number, frame):
    gc.collect()
    _shift[8:] = struct.pack("d", sys.getallocatedblocks())

class Daemon(module.Daemon):
    def install_signal_handlers(self):
        super().install_signal_handlers()
        signal.signal(signal.SIGUSR1, _count)
        signal.signal(signal.SIGUSR2, _break)

mainloop.Selector = Breaking
module.Daemon = Daemon
"""


def refusal() -> str | None:
    """Why there can be no soak on this machine; None where there can."""
    if os.geteuid() != 0:
        return "a soak needs root: it mounts a small disk and limits processes"
    return namespace_refusal()


class Arena:
    """A daemon, its places, and the faults that are in force."""

    def __init__(self, daemon: LiveDaemon, place: Path, disk: Path, pids: Path | None) -> None:
        self.daemon = daemon
        self.place = place
        self.disk = disk
        self.writer = Writer(place, disk)
        self.sockets = place / "sockets"
        self.faults: set[str] = set()
        self._pids = pids
        self._shift = place / "clock"

    def available(self) -> list[str]:
        """The faults that can be had here."""
        processes = ["processes"] if self._pids is not None else []
        return ["disk", *processes, "descriptors"]

    def begin(self, fault: str, amount: int) -> None:
        """Take something away; `amount` is what is left of it: of processes or descriptors."""
        self.faults.add(fault)
        if fault == "disk":
            with suppress(OSError), open(self.disk / "ballast", "wb", 0) as file:  # noqa: PTH123
                while True:
                    file.write(bytes(4096))
        elif fault == "processes":
            assert self._pids is not None
            there = int((self._pids / "pids.current").read_text())
            (self._pids / "pids.max").write_text(str(there + amount))
        elif fault == "descriptors":
            used = [int(name) for name in os.listdir(f"/proc/{self.daemon.pid}/fd")]
            self._limit_descriptors(max(used) + 1 + amount)

    def lift(self, fault: str) -> None:
        """Give it back."""
        self.faults.discard(fault)
        if fault == "disk":
            (self.disk / "ballast").unlink(missing_ok=True)
        elif fault == "processes":
            assert self._pids is not None
            (self._pids / "pids.max").write_text("max")
        elif fault == "descriptors":
            self._limit_descriptors(None)

    def _limit_descriptors(self, soft: int | None) -> None:
        hard = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)[1]
        wanted = hard if soft is None else min(soft, hard)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (wanted, hard))

    def set_clock(self, seconds: float) -> None:
        """Have the daemon's clock differ from the machine's."""
        with open(self._shift, "r+b") as file:  # noqa: PTH123
            file.write(struct.pack("d", seconds))

    def blocks(self) -> int:
        """The blocks of memory that objects of the daemon take, without those in circles."""
        with open(self._shift, "r+b", 0) as file:  # noqa: PTH123
            file.seek(8)
            file.write(bytes(8))
            os.kill(self.daemon.pid, signal.SIGUSR1)

            def counted() -> float:
                return float(struct.unpack("d", os.pread(file.fileno(), 8, 8))[0])

            return int(eventually(counted, what="the daemon counts its blocks"))


@contextmanager
def arena(keep: Path, control_groups: bool) -> Iterator[Arena]:
    """Run a daemon with the base configuration; its standard output and error go to `keep`."""
    place = Path(tempfile.mkdtemp(prefix="drover-soak-"))
    try:
        with small_disk(DISK_SIZE) as disk, _process_limit() as pids:
            for name in ("state", "tmp"):
                (place / name).mkdir()
            (place / "clock").write_bytes(bytes(16))
            write_programs(place, sys.executable)
            options = ["-l", f"{disk}/daemon.log", f"--pid={place}/pid"]
            options += [f"--state-directory={place}/state", "--shutdown-deadline=10"]
            # A session of its own, or the end of a shell would send it SIGHUP while it is stopped.
            enter = ["setsid"]
            if pids is not None:
                enter += ["sh", "-c", f'echo 0 >{pids}/cgroup.procs; exec "$@"', "-"]
            with live_daemon(
                configuration(Writer(place, disk)),
                options=options,
                namespace=True,
                hook=_HOOK.format(clock=str(place / "clock")),
                environment={
                    "TMPDIR": str(place / "tmp"),
                    "DROVER_CONTROL_GROUPS": str(int(control_groups)),
                },
                prefix=enter,
                ready=False,
            ) as daemon:
                daemon.log_file = disk / "daemon.log"
                try:
                    daemon.wait_ready()
                    yield Arena(daemon, place, disk, pids)
                finally:
                    for name in ("stderr", "stdout"):
                        shutil.copy(daemon.directory / name, keep / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _process_limit() -> Iterator[Path | None]:
    """A control group that can limit processes; None where there is no such controller."""
    parent = _PIDS if _PIDS.is_dir() else _UNIFIED
    group = parent / f"drover-soak-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        yield group if (group / "pids.max").exists() else None
    finally:
        for _ in range(100):
            with suppress(OSError):
                group.rmdir()
                break
            subprocess.run(["sleep", "0.05"], check=False)
