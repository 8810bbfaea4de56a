"""Booting a real Hurd with drover beside its native start-up: from PID 1's exec to the login.

Two disks are built from the root in DROVER_HURD_ROOT that differ in the init only, and booted in
QEMU in turn.  The clock starts when the last of the boot servers has
told its name on the console, which is when /hurd/startup runs PID 1, and stops at the login prompt.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_VARIABLE = "DROVER_HURD_ROOT"
_PATIENCE = 300.0

# What the console says, in this order.
SERVERS = "proc auth."
LOGIN = "login> "
_PREAMBLE = "start ext2fs"


@dataclass(frozen=True)
class Boot:
    """When PID 1 was executed, and when the login prompt was there, in seconds after power-on."""

    init: float
    login: float


def build(directory: Path, init: str) -> Path:
    """Build a disk with that init ("drover" or "native")."""
    disk = directory / f"{init}.img"
    command = [
        sys.executable, "-m", "image", "build", f"--from={os.environ[_VARIABLE]}",
        "--owners=root", "--network=none", "--root-password=", "--quiet", f"--init={init}",
        f"--output={disk}",
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=_ROOT)
    return disk


def boot(disk: Path) -> Boot:
    """Boot a disk; raises TimeoutError or EOFError, with what the console said."""
    command = [
        "qemu-system-i386", "-m", "1024", "-nographic", "-no-reboot", "-net", "none",
        "-drive", f"file={disk},format=raw,cache=unsafe", "-snapshot",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.fileno()
    begin, text, found = time.monotonic(), "", dict[str, float]()
    try:
        for mark in (_PREAMBLE, SERVERS, LOGIN):
            while mark not in text:
                left = begin + _PATIENCE - time.monotonic()
                if left <= 0 or not select.select([output], [], [], left)[0]:
                    raise TimeoutError(f"no {mark!r} on the console:\n{text[-2000:]}")
                data = os.read(output, 65536)
                if not data:
                    raise EOFError(f"the machine ended:\n{text[-2000:]}")
                text += data.decode(errors="replace")
            found[mark] = time.monotonic() - begin
            text = text.partition(mark)[2]
    finally:
        process.kill()
        process.wait()
    return Boot(found[SERVERS], found[LOGIN])


def measure(rounds: int) -> dict[str, list[Boot]]:
    """Boot each disk so many times, taking turns; raises FileNotFoundError without QEMU."""
    if shutil.which("qemu-system-i386") is None:
        raise FileNotFoundError(
            "qemu-system-i386 is not installed (Debian package qemu-system-x86)"
        )
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as directory:
        disks = {init: build(Path(directory), init) for init in ("native", "drover")}
        found: dict[str, list[Boot]] = {init: [] for init in disks}
        for number in range(rounds):
            # Whoever comes second finds the machine warmer: take turns in that too.
            for init in sorted(disks, reverse=bool(number % 2)):
                marks = boot(disks[init])
                found[init].append(marks)
                print(
                    f"{init:7} {marks.login - marks.init:6.2f} s "
                    f"(PID 1 at {marks.init:.2f} s, login at {marks.login:.2f} s)",
                    file=sys.stderr,
                    flush=True,
                )
    return found
