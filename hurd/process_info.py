"""What the proc server knows of a process: the answer of proc_getprocinfo, read."""

from __future__ import annotations

from hurd.argz import unpack
from hurd.constants import (
    PI_FETCH_TASKINFO,
    PI_FETCH_THREAD_BASIC,
    PI_FETCH_THREAD_SCHED,
    PI_FETCH_THREADS,
)
from hurd.process import proc_getprocinfo
from hurd.results import Result
from hurd.rpc import read_structure, size_of
from hurd.structures import ProcInfoHeader, ProcInfoThread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


class Thread(Result):
    """A thread of a process; `wait` is what it waits for, "" if unknown."""

    info: ProcInfoThread
    wait: str


class ProcessInfo(Result):
    """What is known of a process."""

    process: ProcInfoHeader
    threads: list[Thread]


def process_info(process: Port, pid: int, flags: int = PI_FETCH_TASKINFO) -> ProcessInfo:
    """What `proc_getprocinfo` tells of process `pid`, as structures.

    Fields that `flags` (PI_FETCH_…) did not ask for, or that could not be provided, are 0.
    Asking for PI_FETCH_THREAD_WAITS may block on a process that does not answer.
    """
    _, words, waits = proc_getprocinfo(process, pid, flags)
    header = read_structure(ProcInfoHeader, words)
    names = unpack(waits)
    threads = []
    if flags & (PI_FETCH_THREADS | PI_FETCH_THREAD_BASIC | PI_FETCH_THREAD_SCHED):
        for index in range(header.nthreads):
            offset = size_of(ProcInfoHeader) + index * size_of(ProcInfoThread)
            if offset >= 4 * len(words):
                break
            info = read_structure(ProcInfoThread, words, offset)
            threads.append(Thread(info, names[index] if index < len(names) else ""))
    return ProcessInfo(header, threads)
