"""Whether logs contain what services wrote, over rotations: read piece by piece, and compared."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path

from tests.system.soak.catalogue import FLOOD_LINES

# What the programs print: SOAK, their number, and a word or a count.
_LINE = re.compile(r"[a-z][a-z0-9-]*:\d+ \d+ (?:up|flooded|\d+ of \d+)$", re.MULTILINE)
_LOST = re.compile(r"line\(s\) lost\.$", re.MULTILINE)


class Tail:
    """Reads a log file from where it was read before, and the copies that it was rotated to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> str:
        """What is new; rotated copies are removed.  Nothing is being rotated meanwhile."""
        parts = []
        for copy in self._copies():
            data = gzip.decompress(copy.read_bytes()) if copy.suffix == ".gz" else copy.read_bytes()
            parts.append(data[self._offset :])
            self._offset = 0
            copy.unlink()
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        # A line at the edge of a page may be there in part.
        parts.append(data[: data.rfind(b"\n") + 1])
        self._offset += len(parts[-1])
        return b"".join(parts).decode(errors="replace")

    def _copies(self) -> list[Path]:
        """The oldest first."""
        found = {}
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            number = path.name.removeprefix(f"{self._path.name}.").removesuffix(".gz")
            found[int(number)] = path
        return [found[number] for number in sorted(found, reverse=True)]


class Logs:
    """The logs on a disk, and the journals in which programs have noted what they printed."""

    def __init__(self, disk: Path, journal: Path) -> None:
        self._disk = disk
        self._journal = journal
        self._tails: dict[str, Tail] = {}
        self._noted: dict[Path, int] = {}
        # Printed, and not found in a log yet.
        self._wanted: Counter[str] = Counter()
        # Found in a log, and not noted yet: the program is about to, or was killed before.
        self._found: Counter[str] = Counter()
        self.lines = 0
        self.lost = 0

    def read(self) -> str:
        """Take in what is new; returns that of the daemon's own log."""
        # Journals first: a line is printed before it is noted.
        self._read_journals()
        own = ""
        for path in sorted(self._disk.glob("*.log")):
            text = self._tails.setdefault(path.name, Tail(path)).read()
            if path.name == "daemon.log":
                own = text
            self._found.update(_LINE.findall(text))
            self.lost += len(_LOST.findall(text))
        return own

    def _read_journals(self) -> None:
        for path in self._journal.iterdir():
            with path.open("rb") as file:
                file.seek(self._noted.get(path, 0))
                data = file.read()
            data = data[: data.rfind(b"\n") + 1]
            self._noted[path] = self._noted.get(path, 0) + len(data)
            for line in data.decode().splitlines():
                self._wanted[line] += 1
                if line.endswith(" flooded"):
                    start = line.removesuffix("flooded")
                    self._wanted.update(
                        f"{start}{number} of {FLOOD_LINES}" for number in range(1, FLOOD_LINES + 1)
                    )

    def missing(self) -> list[str]:
        """Lines that were printed and are in no log."""
        matched = self._wanted & self._found
        self.lines += matched.total()
        self._wanted -= matched
        self._found -= matched
        return list(self._wanted)

    def forget(self) -> None:
        """What is missing was lost for a reason: a full disk."""
        # What was found and is not noted yet will be.
        self._wanted.clear()
