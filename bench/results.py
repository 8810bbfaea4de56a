"""What is measured, what is aimed at, and the samples that were taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

GNU = "GNU Shepherd"
DROVER = "drover"


@dataclass(frozen=True)
class Metric:
    """One figure; targets are by number of services, 0 standing for all of them.

    A target is the largest ratio to the GNU Shepherd's figure, or, if ``absolute``, the largest
    value itself.
    """

    name: str
    title: str
    unit: str
    digits: int = 1
    targets: Mapping[int, float] = field(default_factory=dict)
    absolute: bool = False
    more_is_better: bool = False

    def target(self, count: int) -> float | None:
        """The target for ``count`` services, if there is one."""
        return self.targets.get(count, self.targets.get(0))


METRICS = [
    Metric("ready", "exec to all running", "ms", targets={100: 0.35, 1000: 0.15}),
    Metric("ready-cpu", "processor time of that, with the children's", "ms"),
    Metric("floor", "as many posix_spawn calls in C, and nothing else", "ms"),
    Metric("stop", "stop all, through a common requirement", "ms",
           targets={100: 0.15, 1000: 0.02}),
    Metric("shutdown", "ordered shutdown of the daemon with its services", "ms"),
    Metric("status-one", "`herd status SERVICE`, whole process", "ms"),
    Metric("status-one-cpu", "`herd status SERVICE`, processor time", "ms", targets={0: 0.8}),
    Metric("status-all", "`herd status`, whole process", "ms", targets={1000: 0.2}),
    Metric("status-all-cpu", "`herd status`, processor time", "ms"),
    Metric("respawn", "SIGKILL to replacement running, beyond the delay", "ms", 2,
           targets={0: 0.5}),
    Metric("memory", "memory (PSS, alone)", "KiB", 0, targets={1: 0.8}),
    Metric("per-service", "memory per service, from N to 1,000", "KiB", 2, targets={0: 0.2}),
    Metric("idle", "wake-ups in 10 s of idleness", "", 0, targets={0: 0}, absolute=True),
    Metric("cycles", "start + stop on the socket", "per s", 0, more_is_better=True),
    Metric("requests", "status of one on the socket", "per s", 0, more_is_better=True),
    Metric("clients-one", "200 clients at once, status of one", "ms"),
    Metric("clients-all", "200 clients at once, status of all", "ms", targets={0: 0.1}),
    Metric("crowd", "500 clients at once, status of one, median", "ms",
           targets={0: 200}, absolute=True),
    Metric("nuisance", "status of one beside 1,000 clients that never finish, worst of 50", "ms",
           targets={0: 200}, absolute=True),
    Metric("endless-median", "status while a start loops for ever, median", "ms", 2,
           targets={0: 5}, absolute=True),
    Metric("endless-worst", "status while a start loops for ever, worst of 1,000", "ms", 2,
           targets={0: 100}, absolute=True),
    Metric("lines-file", "printed lines to the service's log file", "µs per line", 2,
           targets={0: 0.05}),
    Metric("lines-file-cpu", "its processor time", "µs per line", 2, targets={0: 0.1}),
    Metric("lines-daemon", "printed lines to the daemon's log", "µs per line", 2,
           targets={0: 0.05}),
    Metric("lines-daemon-cpu", "its processor time", "µs per line", 2, targets={0: 0.1}),
    Metric("printing-herd", "`herd status SERVICE` while a service prints", "ms",
           targets={0: 50}, absolute=True),
    Metric("printing-request", "status of one while a service prints, median", "ms", 2),
    Metric("printing-worst", "status of one while a service prints, worst", "ms", 2,
           targets={0: 50}, absolute=True),
]  # fmt: skip

# What is linear in the number of services, or should be.
GROWING = ("ready", "ready-cpu", "stop", "shutdown", "status-all", "status-all-cpu", "memory")


class Results:
    """Samples by metric, number of services and candidate."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, int, str], list[float]] = {}

    def add(self, metric: str, count: int, candidate: str, *values: float) -> None:
        """Note one or more samples."""
        self._samples.setdefault((metric, count, candidate), []).extend(values)

    def get(self, metric: str, count: int, candidate: str) -> float | None:
        """The median; None if there is no sample."""
        samples = self._samples.get((metric, count, candidate))
        return median(samples) if samples else None

    def counts(self, metric: str) -> list[int]:
        """The numbers of services for which there are samples."""
        return sorted({count for name, count, _candidate in self._samples if name == metric})

    def slope(self, metric: str, low: int, high: int, candidate: str) -> float | None:
        """The growth per service between two numbers of services."""
        below, above = self.get(metric, low, candidate), self.get(metric, high, candidate)
        if below is None or above is None:
            return None
        return (above - below) / (high - low)


def ratio(results: Results, metric: str, count: int) -> float | None:
    """Our figure over the GNU Shepherd's."""
    ours, theirs = results.get(metric, count, DROVER), results.get(metric, count, GNU)
    if ours is None or not theirs or theirs == float("inf"):
        return None
    return ours / theirs


def met(results: Results, metric: Metric, count: int) -> bool | None:
    """Whether the target is met; None where there is no target or no figure."""
    target = metric.target(count)
    figure = (
        results.get(metric.name, count, DROVER)
        if metric.absolute
        else ratio(results, metric.name, count)
    )
    return None if target is None or figure is None else figure <= target
