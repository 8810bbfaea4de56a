"""The image builder beside mke2fs: time, memory, and a build after one service has changed.

`python3 -m bench.image` makes a tree of 300 MB, and in one run, taking turns, times `mke2fs -d` of
it, our writing of the same files as a whole disk with its check, and the complete command.
"""

from __future__ import annotations

import argparse
import gc
import json
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
from statistics import median

_ROOT = Path(__file__).resolve().parent.parent
_EPOCH = 1_700_000_000
_MEGABYTE = 1_000_000
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

    @property
    def middle(self) -> float:
        return median(self.seconds)


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
    begun = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=_ROOT, env=_environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")
    processor = usage.ru_utime + usage.ru_stime
    return time.monotonic() - begun, processor, usage.ru_maxrss * 1024


def _environment() -> dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": str(_EPOCH)}


def _mke2fs(tree: Path, output: Path) -> list[str]:
    mke2fs = shutil.which("mke2fs", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or "mke2fs"
    return [mke2fs, "-q", "-F", "-t", "ext2", "-o", "hurd", "-I", "128", "-d", str(tree),
            str(output), "450M"]  # fmt: skip


def _disk(tree: Path, output: Path) -> list[str]:
    """The disk alone: nodes, filesystem, GRUB and the check."""
    return [sys.executable, "-m", "bench.image", "--write", str(tree), str(output)]


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
        "mke2fs -d, the filesystem alone": lambda: _mke2fs(tree, output),
        "write_disk with its check": lambda: _disk(tree, output),
        "hurd-image build --from DIRECTORY": lambda: _command(tree, output, place / "cache"),
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


def report(rows: list[Row]) -> str:
    """Return the rows as a table of Markdown; ratios are to the first."""
    lines = [
        "| what | median | fastest to slowest | ratio | processor | ratio | most memory |",
        "|---|---|---|---|---|---|---|",
    ]
    first = rows[0]
    for row in rows:
        processor = median(row.processor)
        cells = [
            row.name,
            f"{row.middle:.2f} s",
            f"{min(row.seconds):.2f} to {max(row.seconds):.2f} s",
            f"{row.middle / first.middle:.2f}",
            f"{processor:.2f} s",
            f"{processor / median(first.processor):.2f}",
            f"{row.memory / _MEGABYTE:.0f} MB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(words: list[str]) -> int:
    """Run the benchmark and print the table, or as JSON."""
    parser = argparse.ArgumentParser(prog="bench.image", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the files, one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", nargs=2, type=Path, metavar=("TREE", "DISK"),
                        help=argparse.SUPPRESS)  # fmt: skip
    options = parser.parse_args(words)
    if options.write:
        write(*options.write)
        return 0
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as place:
        size = QUICK if options.quick else FULL
        rows = measure(size, 1 if options.quick else options.rounds, Path(place))
    if options.json:
        print(json.dumps([{**vars(row), "median": row.middle} for row in rows], indent=2))
    else:
        print(report(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
