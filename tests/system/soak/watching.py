"""What /proc says of a daemon and its processes, without asking the daemon."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.system.live import children

_LISTENING = 0x10000  # __SO_ACCEPTCON in the flags of /proc/net/unix


@dataclass(frozen=True)
class Seen:
    """A process of the daemon's namespace; `inside` is its number there."""

    pid: int
    parent: int
    inside: int
    state: str
    mark: str
    command: str

    @property
    def service(self) -> str:
        """The service that its environment names; empty for none."""
        return self.mark.partition(":")[0]


@dataclass(frozen=True)
class Memory:
    """What the daemon takes: kilobytes and descriptors.

    ``private`` are the pages that it alone has and has written, which depend on nobody else.  How
    many of those of the interpreter count as its own, in the two other figures, depends on how many
    other processes run Python at the moment.
    """

    pss: int
    rss: int
    private: int
    descriptors: int


def processes(daemon: int) -> dict[int, Seen]:
    """The daemon and all below it, by outer number: as PID 1 it is the parent of every orphan."""
    found: dict[int, Seen] = {}
    waiting = [daemon]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError, ValueError, KeyError, IndexError):
            found[pid] = _seen(Path(f"/proc/{pid}"))
            waiting += children(pid)
    return found


def _seen(entry: Path) -> Seen:
    status = dict(
        line.split(":\t", 1)
        for line in (entry / "status").read_text().splitlines()
        if ":\t" in line
    )
    # A dead one has no environment any more.
    dead = status["State"][0] == "Z"
    variables = [] if dead else (entry / "environ").read_bytes().split(b"\0")
    marks = [one[5:].decode() for one in variables if one.startswith(b"SOAK=")]
    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return Seen(
        pid=int(status["Pid"]),
        parent=int(status["PPid"]),
        inside=int(status["NSpid"].split()[-1]),
        state=status["State"][0],
        mark=marks[0] if marks else "",
        command=command.strip() or status["Name"],
    )


def listening(below: Path) -> list[str]:
    """The names of the Unix sockets in a directory that somebody listens on, one for each."""
    found = []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & _LISTENING:
            path = Path(fields[7])
            if path.parent == below:
                found.append(path.name)
    return found


def memory(pid: int) -> Memory:
    """What a process takes now."""
    sizes: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        sizes[name] = int(value.split()[0])
    return Memory(
        pss=sizes["Pss"],
        rss=sizes["Rss"],
        private=sizes["Private_Dirty"] + sizes["Swap"],
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )
