"""The results as tables: for a terminal, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bench.metrics import DAEMONS, DROVER, FLOOR, GNU, GROWING, PEERS, Metric
from bench.peers import PEERS as MANAGERS
from bench.results import Results, Section, floor, met, ratio

Row = list[str]
_SLOPES: Row = ["per service", "from", "to", GNU, DROVER, f"{DROVER} before"]
_FEW = 10
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Table:
    """A heading of columns, rows, and notes below."""

    def __init__(self, header: Row, rows: Iterable[Row], notes: Iterable[str] = ()) -> None:
        self.header = header
        self.rows = list(rows)
        self.notes = list(notes)

    def text(self) -> str:
        """For a terminal."""
        cells = [self.header, *[[cell.replace("**", "") for cell in row] for row in self.rows]]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.header))]
        lines = [
            row[0].ljust(widths[0])
            + "".join(
                f"  {cell.rjust(width)}" for cell, width in zip(row[1:], widths[1:], strict=True)
            )
            for row in cells
        ]
        return "".join(f"{line.rstrip()}\n" for line in [*lines, *self.notes])

    def markdown(self) -> str:
        """In Markdown."""
        alignment = ["---", *["---:"] * (len(self.header) - 1)]
        table = "".join(f"| {' | '.join(row)} |\n" for row in (self.header, alignment, *self.rows))
        # Two blanks end a line.
        return table + ("\n" + "  \n".join(self.notes) + "\n" if self.notes else "")


def number(value: float | None, digits: int) -> str:
    """A figure for people."""
    if value is None:
        return ""
    return f"{value:,.{digits}f}" if math.isfinite(value) else "no answer"


def daemons(results: Results) -> list[Table]:
    """drover beside the GNU Shepherd, with targets, and the growth per service."""
    rows = [
        [metric.heading, f"{count:,}" if count else "", *_verdict(results, metric, count)]
        for metric in DAEMONS
        for count in results.counts(metric.name, DROVER)
    ]
    header = ["figure", "N", DROVER, GNU, "ratio", "target", "met", FLOOR]
    growth = _slopes(results)
    return [Table(header, rows), *([Table(_SLOPES, growth)] if growth else [])]


def others(metrics: Sequence[Metric], results: Results) -> list[Table]:
    """drover beside what each metric is compared with, where that was measured or is not needed."""
    rows = [
        [metric.heading, metric.reference, *_verdict(results, metric, count)]
        for metric in metrics
        for count in results.counts(metric.name, DROVER)
        if metric.absolute or results.get(metric.name, count, metric.reference) is not None
    ]
    header = ["figure", "compared with", DROVER, "the other", "ratio", "target", "met", FLOOR]
    return [Table(header, rows)]


def _verdict(results: Results, metric: Metric, count: int) -> Row:
    """drover's figure, the other's, their ratio, the target, whether it is met, and the floor."""
    target = metric.target(count)
    goal = "" if target is None else f"≤ {target:g}"
    if goal and metric.absolute and metric.unit:
        goal += f" {metric.unit}"
    quotient = ratio(results, metric, count)
    verdict = met(results, metric, count)
    least = floor(results, metric, count)
    bottom = ""
    if least is not None:
        value, share = least
        bottom = number(value, metric.digits) + (f" ({share:.3g})" if share is not None else "")
    return [
        number(results.get(metric.name, count, DROVER), metric.digits),
        number(results.get(metric.name, count, metric.reference), metric.digits),
        "" if quotient is None else f"{quotient:.3g}",
        goal,
        "" if verdict is None else ("yes" if verdict else "**no**"),
        bottom,
    ]


def missed(metrics: Sequence[Metric], results: Results) -> list[str]:
    """The targets that are missed, each with its floor, as items of a list."""
    lines = []
    for metric in metrics:
        for count in results.counts(metric.name, DROVER):
            if met(results, metric, count) is not False:
                continue
            ours, _theirs, quotient, goal, _met, least = _verdict(results, metric, count)
            services = f", N = {count:,}" if count else ""
            figure = ours if metric.absolute else f"{quotient} ({ours} {metric.unit})"
            bottom = f"floor {least}" if least else "no floor is measured"
            lines.append(f"{metric.title}{services}: {figure}, target {goal}; {bottom}")
    return lines


def _slopes(results: Results) -> list[Row]:
    """How much each further service costs, between each two numbers of services measured."""
    rows = []
    for metric in DAEMONS:
        if metric.name not in GROWING:
            continue
        # What one service costs more than none is lost in the noise.
        counts = [count for count in results.counts(metric.name, DROVER) if count >= _FEW]
        before: float | None = None
        for low, high in pairwise(counts):
            ours = results.slope(metric.name, low, high, DROVER)
            theirs = results.slope(metric.name, low, high, GNU)
            figures = [number(value, 3) for value in (theirs, ours, before)]
            rows.append([metric.heading, f"{low:,}", f"{high:,}", *figures])
            before = ours
    return rows


def peers(results: Results) -> list[Table]:
    """All managers side by side, with notes on what cannot be compared plainly."""
    names = results.candidates()
    notes: list[str] = []
    rows = []
    for metric in PEERS:
        for count in results.counts(metric.name, DROVER):
            cells = []
            for name in names:
                value = results.get(metric.name, count, name)
                remark = MANAGERS[name].notes.get(metric.name) if name in MANAGERS else None
                cells.append(_noted(value, metric.digits, name, remark, notes))
            rows.append([metric.heading, f"{count:,}", *cells])
    numbered = [f"{_raised(index)} {note}" for index, note in enumerate(notes, start=1)]
    return [Table(["figure", "N", *names], rows, numbered)] if rows else []


def _noted(value: float | None, digits: int, name: str, remark: str | None,
           notes: list[str]) -> str:  # fmt: skip
    """A figure, or a dash, with the mark of its note."""
    text = "–" if value is None else number(value, digits)
    if remark is None:
        return text
    note = f"{name}: {remark}"
    if note not in notes:
        notes.append(note)
    return text + _raised(notes.index(note) + 1)


def _raised(index: int) -> str:
    return str(index).translate(_RAISED)


def text(section: Section, tables: Sequence[Table]) -> str:
    """A section for a terminal."""
    parts = [*section.conditions, "", *[table.text() for table in tables]]
    return "\n".join(parts)


def markdown(section: Section, tables: Sequence[Table], headings: Sequence[str]) -> str:
    """A section in Markdown; every table but the first has a heading of its own."""
    parts = ["".join(f"- {line}\n" for line in section.conditions)]
    for table, heading in zip(tables, ["", *headings], strict=False):
        parts += [f"{heading}\n"] if heading else []
        parts.append(table.markdown())
    return "\n".join(parts)
