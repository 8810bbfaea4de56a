"""The image builder beside mke2fs: time and memory.

A tree of 300 MB is made, and in one run, taking turns, are timed `mke2fs -d` of it, our writing of
the same files as a whole disk with its check (`python3 -m bench.image TREE DISK`), and the complete
command.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_EPOCH = 1_700_000_000
_MEGABYTE = 1_000_000
REFERENCE, DISK, COMMAND = "mke2fs -d", "the disk alone", "the complete command"
LEAST = "the files in one, nothing else"
FULL = 300 * _MEGABYTE
QUICK = 30 * _MEGABYTE


@dataclass(frozen=True)
class Row:
    """A measured thing: of all rounds the times, and those of processors, in seconds; the most
    memory in bytes."""

    name: str
    seconds: list[float]
    processor: list[float]
    memory: int


def make_files(root: Path, size: int) -> int:
    """Fill a directory with files as a system has them: many small ones and some large."""
    generator = random.Random(5)
    block = generator.randbytes(1 << 20)
    total = count = 0
    while total < size:
        directory = root / f"usr/lib/d{count // 400}/e{count // 40 % 10}"
        directory.mkdir(parents=True, exist_ok=True)
        length = min(int(generator.lognormvariate(9, 1.9)), 8 << 20)
        start = generator.randrange(1 << 18)
        (directory / f"f{count}").write_bytes((block[start:] * 9)[:length])
        total += length
        count += 1
    boot = root / "boot"
    boot.mkdir()
    (boot / "gnumach.gz").write_bytes(block[:300_000])
    hurd = root / "hurd"
    hurd.mkdir()
    for name in ("ext2fs.static", "exec.static"):
        (hurd / name).write_bytes(block)
    return count


def timed(words: list[str]) -> tuple[float, float, int]:
    """Run a program; return how long it took, what it and its children took of the processors, and
    the most memory that one of them had, in bytes."""
    with tempfile.TemporaryFile() as errors:
        begun = time.monotonic()
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=errors, cwd=_ROOT, env=_environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(
                f"{words[0]} ended with {process.returncode}: {errors.read().decode()[-1000:]}"
            )
    # A child has at first the memory of its parent: we are smaller than what is measured.
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _environment() -> dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": str(_EPOCH)}


def _mke2fs(tree: Path, output: Path) -> list[str]:
    mke2fs = shutil.which("mke2fs", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or "mke2fs"
    return [mke2fs, "-q", "-F", "-t", "ext2", "-o", "hurd", "-I", "128", "-d", str(tree),
            str(output), "450M"]  # fmt: skip


def _disk(tree: Path, output: Path) -> list[str]:
    """The disk alone: nodes, filesystem, GRUB and the check."""
    return [sys.executable, "-m", "bench.image", str(tree), str(output)]


def _command(tree: Path, output: Path, cache: Path, *more: str) -> list[str]:
    code = "from image.command import main; import sys; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", code, "build", "--quiet", f"--from={tree}", "--owners=root",
            "--init=native", "--root-password=", f"--cache={cache}", f"--output={output}",
            *more]  # fmt: skip


def write(tree: Path, output: Path) -> None:
    """Write the disk for a directory, with nothing of a configuration."""
    from image.check import check_image
    from image.disk import write_disk
    from image.menu import CONFIGURATION, MenuSettings, make_menu
    from image.nodes import add_system_nodes
    from image.sources.directory import read_directory
    from image.tree import Node

    gc.set_threshold(200_000)  # as the command
    root = read_directory(tree, "root")
    add_system_nodes(root, "kernel", epoch=_EPOCH)
    menu = make_menu(root, MenuSettings()).encode()
    root.add(CONFIGURATION, Node("file", content=menu, mtime=_EPOCH))

    def check(path: Path) -> None:
        check_image(path, root, "kernel").raise_problems()

    write_disk(root, output, epoch=_EPOCH, check=check)


def measure(size: int, rounds: int, place: Path) -> list[Row]:
    """Measure in turns, after one round that warms the caches up."""
    tree = place / "tree"
    make_files(tree, size)
    output = place / "disk"
    chosen: dict[str, Callable[[], list[str]]] = {
        REFERENCE: lambda: _mke2fs(tree, output),
        DISK: lambda: _disk(tree, output),
        LEAST: lambda: ["tar", "--create", f"--file={output}", f"--directory={tree}", "."],
        COMMAND: lambda: _command(tree, output, place / "cache"),
    }
    rows = {name: Row(name, [], [], 0) for name in chosen}
    for turn in range(rounds + 1):
        for name, words in chosen.items():
            output.unlink(missing_ok=True)
            seconds, processor, memory = timed(words())
            if turn:
                old = rows[name]
                rows[name] = Row(
                    name,
                    [*old.seconds, seconds],
                    [*old.processor, processor],
                    max(old.memory, memory),
                )
    return list(rows.values())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
