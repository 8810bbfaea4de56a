"""Booting a real Hurd with drover beside its native start-up: from PID 1's exec to the login.

``python3 -m bench.hurd_boot`` builds two disks from the root in DROVER_HURD_ROOT that differ in the
init only, and boots them in QEMU in turn.  The clock starts when the last of the boot servers has
told its name on the console, which is when /hurd/startup runs PID 1, and stops at the login prompt.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

_ROOT = Path(__file__).resolve().parent.parent
_VARIABLE = "DROVER_HURD_ROOT"
_PATIENCE = 300.0

# What the console says, in this order.
SERVERS = "proc auth."
LOGIN = "login> "
_PREAMBLE = "start ext2fs"


def build(directory: Path, init: str) -> Path:
    """Build a disk with that init ("drover" or "native")."""
    disk = directory / f"{init}.img"
    command = [
        sys.executable, "-m", "image.command", "build", f"--from={os.environ[_VARIABLE]}",
        "--owners=root", "--network=none", "--root-password=", "--quiet", f"--init={init}",
        f"--output={disk}",
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=_ROOT)
    return disk


def boot(disk: Path) -> dict[str, float]:
    """Boot a disk and return when each mark appeared, in seconds after QEMU's start."""
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
    return found


def main(words: list[str]) -> int:
    """Run the comparison; return the exit status."""
    parser = argparse.ArgumentParser(prog="bench.hurd_boot", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="boots of each (5)")
    options = parser.parse_args(words)
    if not os.environ.get(_VARIABLE):
        print(f"{_VARIABLE} is not set", file=sys.stderr)
        return 1
    if shutil.which("qemu-system-i386") is None:
        print("qemu-system-i386 is not installed (Debian package qemu-system-x86)", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as directory:
        disks = {init: build(Path(directory), init) for init in ("native", "drover")}
        seconds: dict[str, list[float]] = {init: [] for init in disks}
        for number in range(options.rounds):
            # Whoever comes second finds the machine warmer: take turns in that too.
            for init in sorted(disks, reverse=bool(number % 2)):
                marks = boot(disks[init])
                seconds[init].append(marks[LOGIN] - marks[SERVERS])
                print(
                    f"{init:7} {marks[LOGIN] - marks[SERVERS]:6.2f} s "
                    f"(PID 1 at {marks[SERVERS]:.2f} s, login at {marks[LOGIN]:.2f} s)",
                    flush=True,
                )
    middle = {init: median(values) for init, values in seconds.items()}
    for init, value in middle.items():
        print(f"{init}: median {value:.2f} s from PID 1's exec to the login prompt")
    print(f"ratio {middle['drover'] / middle['native']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
