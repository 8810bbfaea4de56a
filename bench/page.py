"""The sections of the results, and their places on the page of docs/."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from bench import metrics, report
from bench.report import Table
from bench.results import Section

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/performance.md"
# The samples of which the page's tables are made.
RAW = ROOT / "docs/performance.json"

SECTIONS = ("daemons", "peers", "images", "boot")
_METRICS = {
    "daemons": metrics.DAEMONS,
    "images": metrics.IMAGES,
    "boot": metrics.BOOT,
}


def tables(name: str, section: Section) -> list[Table]:
    """The tables of a section."""
    if name == "daemons":
        return report.daemons(section.results)
    if name == "peers":
        return report.peers(section.results)
    return report.others(_METRICS[name], section.results)


def text(sections: dict[str, Section]) -> str:
    """Everything for a terminal."""
    parts = [report.text(section, tables(name, section)) for name, section in sections.items()]
    return "\n".join([*parts, _missed(sections)])


def _missed(sections: dict[str, Section]) -> str:
    lines = [
        line
        for name, section in sections.items()
        for line in report.missed(_METRICS.get(name, []), section.results)
    ]
    if not lines:
        return "No target is missed.\n"
    return "Missed:\n" + "".join(f"- {line}\n" for line in lines)


def write(page: Path, sections: dict[str, Section]) -> None:
    """Put the tables between their markers in ``page``.

    Raises ValueError if a marker is missing; nothing is written then.
    """
    content = page.read_text(encoding="utf-8")
    for name, section in sections.items():
        shown = report.markdown(section, tables(name, section), ["Growth per service:"])
        content = _replace(content, name, shown, page)
    content = _replace(content, "missed", _missed(sections), page)
    page.write_text(content, encoding="utf-8")


def markers(name: str) -> tuple[str, str]:
    """The lines around a section."""
    return f"<!-- {name} of bench/run: begin -->", f"<!-- {name} of bench/run: end -->"


def _replace(content: str, name: str, shown: str, page: Path) -> str:
    first, last = markers(name)
    before, begin, rest = content.partition(first)
    _old, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{page} has no markers for {name}")
    return f"{before}{begin}\n\n{shown}\n{end}{after}"


def machine() -> str:
    """The machine, without its name."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    version = platform.release().split("-", maxsplit=1)[0]
    return f"Machine: {os.cpu_count()} cores, {model}; Linux {version}, {sys.platform}"
