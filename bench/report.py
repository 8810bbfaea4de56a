"""The results as a table: for people, and as the Markdown of docs/performance.md."""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from bench.results import DROVER, GNU, GROWING, METRICS, Metric, Results, met, ratio

BEGIN = "<!-- figures of bench/run: begin -->"
END = "<!-- figures of bench/run: end -->"

Row = list[str]
_HEADER: Row = ["figure", "N", GNU, DROVER, "ratio", "target", "met"]
_SLOPES: Row = ["per service", "from", "to", GNU, DROVER, f"{DROVER} before"]

_FEW = 10


def figures(results: Results) -> list[Row]:
    """One row per metric and number of services."""
    rows = []
    for metric in METRICS:
        for count in results.counts(metric.name):
            rows.append(_row(results, metric, count))
    return rows


def _row(results: Results, metric: Metric, count: int) -> Row:
    verdict = met(results, metric, count)
    target = metric.target(count)
    unit = f", {metric.unit}" if metric.unit else ""
    goal = "" if target is None else f"≤ {target:g}"
    if goal and metric.absolute and metric.unit:
        goal += f" {metric.unit}"
    quotient = ratio(results, metric.name, count)
    return [
        metric.title + unit,
        f"{count:,}",
        _number(results.get(metric.name, count, GNU), metric.digits),
        _number(results.get(metric.name, count, DROVER), metric.digits),
        "" if quotient is None else f"{quotient:.3g}",
        goal,
        "" if verdict is None else ("yes" if verdict else "**no**"),
    ]


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return ""
    return f"{value:,.{digits}f}" if math.isfinite(value) else "no answer"


def slopes(results: Results) -> list[Row]:
    """How much each further service costs, between each two numbers of services measured."""
    rows = []
    for metric in METRICS:
        if metric.name not in GROWING:
            continue
        # What one service costs more than none is lost in the noise.
        counts = [count for count in results.counts(metric.name) if count >= _FEW]
        before: float | None = None
        for low, high in pairwise(counts):
            ours = results.slope(metric.name, low, high, DROVER)
            theirs = results.slope(metric.name, low, high, GNU)
            rows.append(
                [
                    f"{metric.title}, {metric.unit}",
                    f"{low:,}",
                    f"{high:,}",
                    _number(theirs, 3),
                    _number(ours, 3),
                    _number(before, 3),
                ]
            )
            before = ours
    return rows


def table(header: Row, rows: Sequence[Row]) -> str:
    """A table for a terminal."""
    cells = [header, *[[cell.replace("**", "") for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell.rjust(width)}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def markdown_table(header: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown."""
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, alignment, *rows))


def text(results: Results, conditions: Sequence[str]) -> str:
    """Everything for a terminal."""
    parts = ["\n".join(conditions) + "\n", table(_HEADER, figures(results))]
    growth = slopes(results)
    if growth:
        parts.append(table(_SLOPES, growth))
    return "\n".join(parts)


def markdown(results: Results, conditions: Sequence[str]) -> str:
    """Everything in Markdown."""
    parts = ["".join(f"- {line}\n" for line in conditions)]
    parts.append(markdown_table(_HEADER, figures(results)))
    growth = slopes(results)
    if growth:
        parts.append("Growth per service:\n")
        parts.append(markdown_table(_SLOPES, growth))
    return "\n".join(parts)


def update(file: Path, section: str) -> None:
    """Put ``section`` between the markers of ``file``; raises ValueError if they are missing."""
    before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no markers for the figures")
    file.write_text(f"{before}{BEGIN}\n\n{section}\n{END}{after}", encoding="utf-8")


def machine() -> str:
    """The machine, without its name."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    version = platform.release().split("-", maxsplit=1)[0]
    return f"{os.cpu_count()} cores, {model}; Linux {version}, {sys.platform}"
