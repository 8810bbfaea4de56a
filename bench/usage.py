"""What a process has used, from /proc: processor time, memory, wake-ups (Linux only)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path


def _each_thread(pid: int, file: str) -> Iterator[str]:
    """The contents of a file of each thread; threads that end meanwhile are left out."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield (task / file).read_text()


def children(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for text in _each_thread(pid, "children") for child in text.split()]


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on; parents come before their children."""
    found: list[int] = []
    level = [pid]
    while level:
        below: list[int] = []
        for parent in level:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                below += children(parent)
        found += below
        level = below
    return found


def runs(pid: int, program: Path) -> bool:
    """Whether a process executes a program, seen from whichever root directory."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name == program.name
    except OSError:
        return False


def cpu(pid: int) -> float:
    """Seconds of processor time that all threads of a process have used."""
    return sum(int(text.split()[0]) for text in _each_thread(pid, "schedstat")) / 1e9


def cpu_with_children(pid: int) -> float:
    """As ``cpu``, and what its descendants used: starting programs is work of the daemon too."""
    total = cpu(pid)
    for child in descendants(pid):
        with contextlib.suppress(FileNotFoundError):
            total += cpu(child)
    return total


def switches(pid: int) -> int:
    """How often the threads of a process have gone to sleep."""
    counters = [
        text.partition("\nvoluntary_ctxt_switches:")[2] for text in _each_thread(pid, "status")
    ]
    return sum(int(counter.split(maxsplit=1)[0]) for counter in counters)


def memory(pids: Sequence[int]) -> int:
    """The proportional set size that processes would have if they were alone, in KiB.

    One process: pages of files count in full, whoever else has them: the benchmark, which may run
    on the interpreter that drover runs on, or another daemon on the machine.  Several: what they
    have in common counts once; nobody else may have their files mapped.
    """
    name = "Rss" if len(pids) == 1 else "Pss"
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(rollup.partition(f"\n{name}:")[2].split(maxsplit=1)[0])
    return total
