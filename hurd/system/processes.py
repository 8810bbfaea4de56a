"""The process table: read from /proc (Linux, the Hurd's procfs), else from ps(1)."""

from __future__ import annotations

import os

from hurd.system.base import Process, SpawnSpec
from hurd.system.spawn import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _read(path: str) -> bytes | None:
    """A small file of /proc, None if the process is gone or hidden."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(fd, 1 << 20)
    except OSError:
        return None
    finally:
        os.close(fd)


def have_proc() -> bool:
    """Whether /proc is there, and of this PID namespace."""
    return os.path.exists(f"/proc/{os.getpid()}/stat")


def stat_fields(pid: int) -> list[str] | None:
    """/proc/PID/stat from the third field (the state) on: proc(5), "/proc/pid/stat"."""
    data = _read(f"/proc/{pid}/stat")
    if not data:
        return None
    # The second field is the name in parentheses, which may contain anything.
    return data[data.rindex(b")") + 2 :].decode("ascii", "replace").split()


def table() -> dict[int, Process]:
    """All visible processes, by number."""
    if not have_proc():
        return _table_of_ps()
    found = [line(int(name)) for name in os.listdir("/proc") if name.isdigit()]
    return {process.pid: process for process in found if process is not None}


def line(pid: int) -> Process | None:
    """One process, of /proc."""
    fields = stat_fields(pid)
    if not fields:
        return None
    state, parent, group, session = fields[:4]
    return Process(pid, int(parent), int(group), int(session), state, fields[19])


def command(pid: int) -> list[str] | None:
    """The command line of a process; see `System.process_command`."""
    if have_proc():
        data = _read(f"/proc/{pid}/cmdline")
        if data is None:
            return None
        return [os.fsdecode(word) for word in data.removesuffix(b"\0").split(b"\0")] if data else []
    # ps joins the words; a blank inside one cannot be told from one between two.
    lines = _ps("-o", "args=", "-p", str(pid))
    return lines[0].split() if lines else None


def _table_of_ps() -> dict[int, Process]:
    result = {}
    for line in _ps("-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat="):
        pid, parent, group, state = line.split()[:4]
        try:
            session = os.getsid(int(pid))
        except OSError:
            session = -1
        result[int(pid)] = Process(int(pid), int(parent), int(group), session, state[0], "")
    return result


def _ps(*arguments: str) -> list[str]:
    reader, writer = os.pipe()
    try:
        try:
            path = f"PATH={os.environ.get('PATH', os.defpath)}"
            pid = spawn(SpawnSpec(["ps", *arguments], [path], stdout=writer))
        except OSError:
            return []
        finally:
            os.close(writer)
        output = b""
        while part := os.read(reader, 1 << 16):
            output += part
    finally:
        os.close(reader)
    os.waitpid(pid, 0)
    return os.fsdecode(output).splitlines()


def family(processes: Mapping[int, Process], roots: Iterable[int]) -> list[int]:
    """`roots` that exist and all their descendants, each before its children."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    result = [pid for pid in dict.fromkeys(roots) if pid in processes]
    seen = set(result)
    for pid in result:  # grows while it is walked
        for child in children.get(pid, ()):
            if child not in seen:
                seen.add(child)
                result.append(child)
    return result
