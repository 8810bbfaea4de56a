"""What a process has used, from /proc: processor time, memory, wake-ups (Linux only)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


def _each_thread(pid: int, file: str) -> Iterator[str]:
    """The contents of a file of each thread; threads that end meanwhile are left out."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield (task / file).read_text()


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for text in _each_thread(pid, "children") for child in text.split()]


def cpu(pid: int) -> float:
    """Seconds of processor time that all threads of a process have used."""
    return sum(int(text.split()[0]) for text in _each_thread(pid, "schedstat")) / 1e9


def cpu_with_children(pid: int) -> float:
    """As ``cpu``, and what its children used: starting a program is work of the daemon too."""
    total = cpu(pid)
    for child in children(pid):
        with contextlib.suppress(FileNotFoundError):
            total += cpu(child)
    return total


def switches(pid: int) -> int:
    """How often the threads of a process have gone to sleep."""
    counters = [
        text.partition("\nvoluntary_ctxt_switches:")[2] for text in _each_thread(pid, "status")
    ]
    return sum(int(counter.split(maxsplit=1)[0]) for counter in counters)


def memory(pid: int) -> int:
    """The proportional set size that a process would have if it were alone, in KiB.

    Pages of files count in full, whoever else has them: the benchmark, which may run on the
    interpreter that drover runs on, or another daemon on the machine.
    """
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.partition("\nRss:")[2].split(maxsplit=1)[0])
