"""The samples that were taken, what follows from them, and their file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.metrics import DROVER, FLOOR, Metric


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

    def counts(self, metric: str, candidate: str) -> list[int]:
        """The numbers of services for which there are samples of a candidate."""
        return sorted(
            count for name, count, of in self._samples if (name, of) == (metric, candidate)
        )

    def candidates(self) -> list[str]:
        """Who was measured, in the order of the first samples."""
        return list(dict.fromkeys(candidate for _metric, _count, candidate in self._samples))

    def slope(self, metric: str, low: int, high: int, candidate: str) -> float | None:
        """The growth per service between two numbers of services."""
        below, above = self.get(metric, low, candidate), self.get(metric, high, candidate)
        if below is None or above is None:
            return None
        return (above - below) / (high - low)

    def derive(self) -> None:
        """Note the memory per service, which is the growth between two numbers of services."""
        for low in (10, 100):
            for name in self.candidates():
                if name == FLOOR:
                    continue
                slope = self.slope("memory", low, 1000, name)
                if slope is not None:
                    self.add("per-service", low, name, slope)

    def plain(self) -> list[dict[str, Any]]:
        """As data for a file; what never came is null."""
        return [
            {
                "metric": metric,
                "count": count,
                "of": candidate,
                "values": [
                    float(f"{value:.6g}") if math.isfinite(value) else None for value in values
                ],
            }
            for (metric, count, candidate), values in self._samples.items()
        ]

    @classmethod
    def from_plain(cls, samples: Iterable[dict[str, Any]]) -> Results:
        """The reverse of ``plain``; raises KeyError or TypeError for other data."""
        results = cls()
        for sample in samples:
            values = [math.inf if value is None else float(value) for value in sample["values"]]
            results.add(sample["metric"], sample["count"], sample["of"], *values)
        return results


@dataclass(frozen=True)
class Section:
    """What was measured together, and under which conditions."""

    conditions: list[str] = field(default_factory=list)
    results: Results = field(default_factory=Results)


def save(file: Path, sections: dict[str, Section]) -> None:
    """Write the raw results."""
    plain = {
        name: {"conditions": section.conditions, "samples": section.results.plain()}
        for name, section in sections.items()
    }
    lines = json.dumps(plain, indent=1, ensure_ascii=False)
    file.write_text(lines + "\n", encoding="utf-8")


def load(file: Path) -> dict[str, Section]:
    """Read the raw results; raises OSError, or ValueError for a file of something else."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        return {
            name: Section(list(part["conditions"]), Results.from_plain(part["samples"]))
            for name, part in plain.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} does not hold results of bench/run: {error!r}") from None


def ratio(results: Results, metric: Metric, count: int, of: str = DROVER) -> float | None:
    """A figure over that of the reference."""
    ours = results.get(metric.name, count, of)
    theirs = results.get(metric.name, count, metric.reference)
    if ours is None or not theirs or math.isinf(theirs):
        return None
    return ours / theirs


def met(results: Results, metric: Metric, count: int) -> bool | None:
    """Whether the target is met; None where there is no target or no figure."""
    target = metric.target(count)
    figure = (
        results.get(metric.name, count, DROVER)
        if metric.absolute
        else ratio(results, metric, count)
    )
    return None if target is None or figure is None else figure <= target


def floor(results: Results, metric: Metric, count: int) -> tuple[float, float | None] | None:
    """The measured floor of a figure, and its ratio to the reference; None where there is none."""
    value = results.get(metric.name, count, FLOOR)
    return None if value is None else (value, ratio(results, metric, count, FLOOR))
