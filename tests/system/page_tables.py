"""The tables of a page of docs/, for tests that hold page and code together."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def table_rows(page: str) -> list[list[str]]:
    """The cells of every row whose table begins with a column called id."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in (ROOT / page).read_text().splitlines()
        if line.startswith("|")
    ]
    return [row for row in cells if row[0] != "id" and not row[0].startswith("---")]
