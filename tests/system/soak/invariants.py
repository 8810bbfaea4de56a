"""What must hold whenever nothing is under way, looked at from outside of the daemon.

The daemon's own word is taken for one thing only: which services it says are running.  Whether that
is so is seen in /proc, in the files, and in what the programs themselves have written.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pid1.sexp import Symbol
from tests.system.live import main_pid
from tests.system.soak import watching
from tests.system.soak.arena import Arena
from tests.system.soak.catalogue import LISTENING, MAKERS, WITH_PROCESS, Definition
from tests.system.soak.watching import Seen

# Lines in the daemon's log that tell of a defect.
_BAD = re.compile(
    r"Unexpected error|Traceback|IllegalTransition|Cannot take over|cannot take its value over"
    # The connections of a service whose replacement knows none are an exception.
    r"|could not be carried over|service [a-z]+\d* is lost; it can be stopped only|Cannot repeat"
    r"|Error in the termination handler|Cannot write a reply"
)
_ROTATED = r"(\.\d+(\.gz)?)?"
_LOG_NAME = re.compile(rf"(daemon|[a-z]+[a-z0-9-]*)\.log{_ROTATED}")


class Invariants:
    """Looks at one arena; `definitions` are all that were ever registered, by mark."""

    def __init__(self, arena: Arena, definitions: Mapping[str, Definition]) -> None:
        self.arena = arena
        self.definitions = definitions
        # Services that were killed or that end by themselves: what requires them goes on.
        self.fallen: set[str] = set()
        # Services whose main process may have ended by itself and left others behind, which is not
        # the daemon's business: it ends those of a service that it stops.
        self.bereft: set[str] = set()
        # Marks of definitions that were replaced before the daemon was: it does not know them.
        self.outdated: set[str] = set()

    def broken(self) -> list[str]:
        """What does not hold now, in words; something may be under way."""
        services = self.arena.daemon.all_services()
        seen = watching.processes(self.arena.daemon.pid)
        found = [
            *self._processes(services, seen),
            *self._sockets(services, seen),
            *self._requirements(services, seen),
            *self._files(services),
        ]
        for name in list(self.fallen):
            if _status(services.get(name)) == "running":
                self.fallen.discard(name)
        return found

    def _processes(self, services: Mapping[str, Any], seen: Mapping[int, Seen]) -> Iterator[str]:
        daemon = self.arena.daemon.pid
        inside = {one.inside: one for one in seen.values()}
        mains: dict[int, str] = {}
        for name, found in services.items():
            status = _status(found)
            if status in ("starting", "stopping"):
                yield f"{name} is {status}"
            if status != "running" or name == "root":
                continue
            pid = main_pid(found)
            if pid is None:
                kinds = {one.kind for one in self.definitions.values() if one.name == name}
                if kinds and kinds <= WITH_PROCESS:
                    yield f"{name} is said to run, and has no process"
                continue
            mains[pid] = name
            process = inside.get(pid)
            if process is None:
                yield f"{name} is said to run as {pid}, which is no process"
                continue
            if process.state == "Z":
                yield f"{name} is said to run as {pid}, which is dead"
            if process.parent != daemon:
                yield f"{name}'s process {pid} is no child of the daemon"
            # A connection's service is called after that whose program it runs.
            if process.service and not re.fullmatch(rf"{process.service}(-\d+)?", name):
                yield f"{name}'s process {pid} is one of {process.service}"
        for one in seen.values():
            if one.pid == daemon:
                continue
            if one.state == "Z":
                yield f"process {one.inside} ({one.mark}) is a zombie"
            elif self._belongs(one, seen, mains, services):
                continue
            elif one.service in self.bereft and self._kind(one) == "family":
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
            else:
                yield f"process {one.inside} ({one.mark} {one.command}) belongs to no service"

    def _belongs(
        self,
        one: Seen,
        seen: Mapping[int, Seen],
        mains: Mapping[int, str],
        services: Mapping[str, Any],
    ) -> bool:
        top = one
        while top.inside not in mains and top.parent in seen:
            if top.parent == self.arena.daemon.pid:
                break
            top = seen[top.parent]
        if top.inside in mains:
            return True
        # A timer's runs are not its main process.
        running = _status(services.get(top.service)) == "running"
        return running and top.command.endswith(" tick")

    def _sockets(self, services: Mapping[str, Any], seen: Mapping[int, Seen]) -> Iterator[str]:
        expected: Counter[str] = Counter()
        inside = {one.inside: one for one in seen.values()}
        for name, found in services.items():
            if _status(found) != "running":
                continue
            value = found["running"]
            record = value[0].name if isinstance(value, list) and value else ""
            pid = main_pid(found)
            process = inside.get(pid) if pid is not None else None
            kind = self._kind(process) if process and process.service == name else ""
            if record in ("inetd-service", "systemd-service") or kind in LISTENING:
                expected[name] += 1
        there = Counter(watching.listening(self.arena.sockets))
        for name in sorted({*expected, *there}):
            if expected[name] != there[name]:
                yield f"{name} has {there[name]} listening sockets in place of {expected[name]}"

    def _kind(self, process: Seen) -> str:
        definition = self.definitions.get(process.mark)
        return definition.kind if definition is not None else ""

    def _requirements(self, services: Mapping[str, Any], seen: Mapping[int, Seen]) -> Iterator[str]:
        inside = {one.inside: one for one in seen.values()}
        for name, found in services.items():
            if _status(found) != "running" or name == "root":
                continue
            pid = main_pid(found)
            process = inside.get(pid) if pid is not None else None
            definition = self.definitions.get(process.mark) if process is not None else None
            if definition is not None and definition.mark in self.outdated:
                continue
            if definition is not None and definition.name == name:
                required: Iterable[str] = definition.requirement
            else:
                required = [symbol.name for symbol in _listed(found["requires"])]
            for other in required:
                if _status(services.get(other)) == "running" or other in self.fallen:
                    continue
                if not self._ends_by_itself(other):
                    yield f"{name} runs without {other}, which it requires"

    def _ends_by_itself(self, name: str) -> bool:
        kinds = {one.kind for one in self.definitions.values() if one.name == name}
        return bool(kinds & {"one-shot", "brief"})

    def _files(self, services: Mapping[str, Any]) -> Iterator[str]:
        arena = self.arena
        names = {one.name for one in self.definitions.values()} | {"daemon", *MAKERS}
        for path in arena.disk.iterdir():
            match = _LOG_NAME.fullmatch(path.name)
            if not match or match[1] not in names:
                yield f"{path.name} lies on the disk"
        for path in (arena.place / "tmp").iterdir():
            yield f"{path.name} was left in the directory of temporary files"
        for path in (arena.place / "state").iterdir():
            if path.name != "disabled":
                yield f"{path.name} was left in the directory of the state"
            elif strange := set(path.read_text().splitlines()) - names:
                yield f"disabled services that never were: {sorted(strange)}"
        run = {path.name for path in arena.daemon.directory.iterdir()}
        if strange := run - {"config.scm", "shepherd", "socket", "stderr", "stdout"}:
            yield f"{sorted(strange)} beside the socket"
        if (arena.place / "pid").read_text().strip() != "1":
            yield "the daemon's PID file does not hold its number"
        for path in (arena.place / "pids").iterdir():
            found = services.get(path.name)
            if found is None or _status(found) != "running" or main_pid(found) is None:
                continue
            kinds = {one.kind for one in self.definitions.values() if one.name == path.name}
            if kinds == {"forking"} and int(path.read_text()) != main_pid(found):
                yield f"the PID file of {path.name} does not hold its number"


def bad_lines(log: str) -> list[str]:
    """The lines of a daemon's log that tell of a defect."""
    return [line for line in log.splitlines() if _BAD.search(line)]


def _status(found: Any) -> str:
    return found["status"].name if found else "unknown"


def _listed(value: Any) -> list[Symbol]:
    """The elements of a property, which has no list if it is empty."""
    if not value or value is True:
        return []
    return value if isinstance(value, list) else [value]
