"""What a process has used, from /proc: processor time, memory, wake-ups (Linux only)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_MAPPING = re.compile(rb"[0-9a-f]+-[0-9a-f]+ \S+ \S+ (\S+) (\d+)")


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
    """The proportional set size of a process in KiB, without regard to this process.

    The daemon may run on the interpreter that runs the benchmark; a page that both have is
    counted in full then, as if the daemon were alone.
    """
    total = 0
    ours = _files(os.getpid())
    shared_with_us = False
    for line in Path(f"/proc/{pid}/smaps").read_bytes().splitlines():
        mapping = _MAPPING.match(line)
        if mapping is not None:
            shared_with_us = mapping.groups() in ours
        elif line.startswith(b"Rss:" if shared_with_us else b"Pss:"):
            total += int(line.split()[1])
    return total


def _files(pid: int) -> set[tuple[bytes, ...]]:
    mapped = _MAPPING.finditer(Path(f"/proc/{pid}/maps").read_bytes())
    return {mapping.groups() for mapping in mapped if mapping.group(2) != b"0"}
