"""`docs/compatibility.md` and the tests agree on what drover does differently."""

from __future__ import annotations

import re

import pytest
from page_tables import ROOT, table_rows
from sessions.accepted import DIFFERENCES

COLUMNS = 5


ROWS = table_rows("docs/compatibility.md")


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_row_says_what_differs_why_and_where_it_shows(row: list[str]) -> None:
    assert len(row) == COLUMNS
    assert all(row)
    references = re.findall(r"`(tests/[^`:]+)::(\w+)`", row[-1])
    assert references or "recordings" in row[-1]
    for file, test in references:
        assert re.search(rf"^ *(async )?def {test}\(", (ROOT / file).read_text(), re.M), test


def test_ids_are_unique() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_rows_that_point_to_the_recordings_are_those_with_accepted_differences() -> None:
    pointing = {row[0] for row in ROWS if "recordings" in row[-1]}
    assert pointing == {entry.row for entry in DIFFERENCES}
