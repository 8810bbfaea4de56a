"""``herd analyze``: how long the boot took, and what it waited for.

Everything here is derived from the boot chart that the daemon keeps (``pid1.chart``): the first
start of each service, until nothing has been starting for ``PAUSE`` seconds.
"""

from __future__ import annotations

from pid1.herd.services import properties
from pid1.herd.terminal import Terminal
from pid1.sexp import write_symbol

PAUSE = 5.0
"""Seconds without any service starting that end the boot: later starts are somebody's wish."""

SHOWN = 10
"""Slowest services that are listed, unless ``-n`` gives a number."""


class Start:
    """The first start of a service.

    Times are seconds after the daemon's start; ``end`` is None while it is starting.  ``outcome``
    is the status that the start led to, or "failed"; a one-shot service is "stopped" at once.
    """

    __slots__ = ("begin", "end", "outcome", "service")

    def __init__(self, service: str, begin: float) -> None:
        self.service = service
        self.begin = begin
        self.end: float | None = None
        self.outcome = "starting"

    @property
    def took(self) -> float:
        return 0.0 if self.end is None else self.end - self.begin

    @property
    def name(self) -> str:
        """The name as it is printed."""
        return write_symbol(self.service)


class Boot:
    """What the chart says: ``starts`` in their order, and the requirements of each service.

    ``time`` is when the daemon started, in seconds of the epoch; ``lost`` how many changes came
    after the chart was full.
    """

    def __init__(self, sexp: object) -> None:
        """Read ``(boot-chart (version 0) ...)``; raises ValueError and its relatives."""
        found = properties(sexp, "boot-chart")
        self.time: int = found["time"]  # type: ignore[assignment]
        self.lost: int = found["lost"]  # type: ignore[assignment]
        self.starts = _starts(
            (float(moment), service.name, status.name)
            for moment, service, status in found["changes"]  # type: ignore[attr-defined]
        )
        providers = {
            name.name: names[0].name
            for names, _ in found["services"]  # type: ignore[attr-defined]
            for name in names
        }
        self.requirements: dict[str, list[str]] = {
            names[0].name: [providers.get(name.name, name.name) for name in required]
            for names, required in found["services"]  # type: ignore[attr-defined]
        }

    @property
    def duration(self) -> float:
        """Seconds from the daemon's start to the end of the last start."""
        return max((start.end for start in self.starts if start.end is not None), default=0.0)

    def critical_path(self) -> list[Start]:
        """The chain of requirements that ends with the service that was up last."""
        ended = {start.service: start for start in self.starts if start.end is not None}
        if not ended:
            return []
        chain = [max(ended.values(), key=_end)]
        while True:
            required = [
                ended[name]
                for name in self.requirements.get(chain[0].service, ())
                if name in ended and _end(ended[name]) <= chain[0].begin
            ]
            if not required:
                return chain
            chain.insert(0, max(required, key=_end))

    def slowest(self, number: int) -> list[Start]:
        """The services that took longest, the worst first; what took no time is left out."""
        worst = sorted(self.starts, key=lambda start: start.took, reverse=True)
        return [start for start in worst[:number] if start.took >= 0.0005]

    def to_json(self) -> dict[str, object]:
        """Return it as docs/json.md has it."""
        return {
            "time": self.time,
            "seconds": self.duration,
            "starts": [
                {
                    "service": start.service,
                    "begin": start.begin,
                    "end": start.end,
                    "status": start.outcome,
                    "requires": self.requirements.get(start.service, []),
                }
                for start in self.starts
            ],
            "critical_path": [start.service for start in self.critical_path()],
        }


def _end(start: Start) -> float:
    assert start.end is not None
    return start.end


def _starts(changes: object) -> list[Start]:
    """The first start of each service, up to the end of the boot."""
    found: dict[str, Start] = {}
    pending: set[str] = set()
    quiet_since = 0.0
    for moment, service, status in changes:  # type: ignore[attr-defined]
        if service == "root":
            continue  # what follows it is the configuration, for as long as it takes to load
        if status == "starting" and service not in found:
            if found and not pending and moment - quiet_since > PAUSE:
                break
            found[service] = Start(service, moment)
            pending.add(service)
        elif service in pending:
            start = found[service]
            start.end, start.outcome = moment, status
            pending.discard(service)
        if not pending:
            quiet_since = moment
    return list(found.values())


def show_analysis(terminal: Terminal, boot: Boot, limit: int | None) -> int:
    """Print what took how long; return the exit status (1 if nothing was started)."""
    if not boot.starts:
        terminal.error("no service has been started")
        return 1
    chain = boot.critical_path()
    count = len(boot.starts)
    what = "1 service" if count == 1 else f"{count} services"
    if chain:
        terminal.put(
            f"{what} in {_seconds(boot.duration)} after the daemon's start, "
            f"the last one '{chain[-1].name}'.\n"
        )
        terminal.put("\nCritical path, each service having waited for the one above:\n")
        _put_table(terminal, chain)
    pending = [start.name for start in boot.starts if start.end is None]
    if pending:
        terminal.put(f"\nStill starting: {', '.join(pending)}\n")
    failed = [start.name for start in boot.starts if start.outcome == "failed"]
    if failed:
        terminal.put(f"\nFailed: {', '.join(failed)}\n")
    slowest = boot.slowest(SHOWN if limit is None else limit)
    if slowest:
        terminal.put("\nSlowest services:\n")
        _put_table(terminal, slowest)
    if boot.lost:
        terminal.put(f"\nThe chart was full: {boot.lost} later changes are not in it.\n")
    return 0


def _put_table(terminal: Terminal, starts: list[Start]) -> None:
    width = max(len(_seconds(value)) for start in starts for value in (start.begin, start.took))
    width = max(width, 4)
    terminal.put(f"  {'at':>{width}}  {'took':>{width}}  service\n")
    for start in starts:
        begin, took = _seconds(start.begin), _seconds(start.took)
        terminal.put(f"  {begin:>{width}}  {took:>{width}}  {start.name}\n")


def _seconds(value: float) -> str:
    return f"{value:.3f}s"
