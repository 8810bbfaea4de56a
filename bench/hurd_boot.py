"""Booting a real Hurd with drover beside its native start-up: from PID 1's exec to the login.

Disks are built from the root in DROVER_HURD_ROOT that differ in the init only, and booted in QEMU
in turn; a further one from the root in DROVER_HURD_SYSV_ROOT, which brings sysvinit.  The clock
starts when the last of the boot servers has told its name on the console, which is when
/hurd/startup runs PID 1, and stops at the login prompt.
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

from bench.metrics import DROVER, FLOOR, NATIVE, SYSVINIT

_ROOT = Path(__file__).resolve().parent.parent
_VARIABLE = "DROVER_HURD_ROOT"
SYSV_ROOT = "DROVER_HURD_SYSV_ROOT"
_PATIENCE = 300.0

# The least that an init in Python can do: start the interpreter, and with it a getty.
_LEAST = """\
#!{env} -S PYTHONHASHSEED=0 {python} -S -P -X utf8
import os
environment = {{"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "TERM": "mach"}}
os.posix_spawn("/libexec/getty", ["getty", "38400", "console"], environment)
while True:
    os.wait()
"""
# Boots of it: its time varies little.
_LEAST_BOOTS = 3

# What the console says, in this order.
SERVERS = "proc auth."
LOGIN = "login> "
_PREAMBLE = "start ext2fs"
# What sysvinit says first: another init that a root happens to start is not measured as sysvinit.
_SYSVINIT_SAYS = "INIT: "


@dataclass(frozen=True)
class Boot:
    """When PID 1 was executed, and when the login prompt was there, in seconds after power-on."""

    init: float
    login: float


def roots() -> dict[str, Path]:
    """The inits to boot, each with the directory that its disk is made of."""
    root = Path(os.environ[_VARIABLE])
    found = {NATIVE: root, DROVER: root, FLOOR: root}
    if os.environ.get(SYSV_ROOT):
        found[SYSVINIT] = Path(os.environ[SYSV_ROOT])
    return found


def build(directory: Path, init: str, root: Path) -> Path:
    """Build a disk with that init: drover, the floor's, or the one that the root starts itself."""
    disk = directory / f"{init}.img"
    command = [
        sys.executable, "-m", "image", "build", f"--from={root}", "--owners=root",
        "--network=none", "--root-password=", "--quiet", f"--output={disk}",
        f"--init={'drover' if init == DROVER else 'native'}",
    ]  # fmt: skip
    if init == FLOOR:
        script = directory / "least"
        env = "/usr/bin/env" if (root / "usr/bin/env").exists() else "/bin/env"
        script.write_text(_LEAST.format(env=env, python="/usr/bin/python3"), encoding="utf-8")
        command.append(f"--file={script}:/libexec/runsystem:755")
    subprocess.run(command, check=True, cwd=_ROOT)
    return disk


def boot(disk: Path, init: str) -> Boot:
    """Boot a disk with that init; raises TimeoutError or EOFError, with what the console said."""
    says = (_SYSVINIT_SAYS,) if init == SYSVINIT else ()
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
        for mark in (_PREAMBLE, SERVERS, *says, LOGIN):
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
        disks = {init: build(Path(directory), init, root) for init, root in roots().items()}
        found: dict[str, list[Boot]] = {init: [] for init in disks}
        for number in range(rounds):
            # Whoever comes second finds the machine warmer: take turns in that too.
            for init in sorted(disks, reverse=bool(number % 2)):
                if init == FLOOR and number >= _LEAST_BOOTS:
                    continue
                marks = boot(disks[init], init)
                found[init].append(marks)
                print(
                    f"{init:8} {marks.login - marks.init:6.2f} s "
                    f"(PID 1 at {marks.init:.2f} s, login at {marks.login:.2f} s)",
                    file=sys.stderr,
                    flush=True,
                )
    return found
