"""`docs/security.md` and the tests agree: each line names the tests that play it, or a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_tables import ROOT, table_rows

COLUMNS = 4


ROWS = table_rows("docs/security.md")
_REFERENCE = re.compile(r"`(tests/[^`:]+)::(\w+)`")


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_line_says_what_happens_and_which_test_shows_it(row: list[str]) -> None:
    assert len(row) == COLUMNS
    assert all(row)
    assert row[1].endswith(".") and row[2].endswith(".")
    last = row[-1]
    if last.startswith("reason: "):
        assert len(last) > len("reason: ") + 20
        return
    references = _REFERENCE.findall(last)
    # Nothing but tests stands there.
    assert references and not _REFERENCE.sub("", last).strip()
    for file, test in references:
        assert re.search(rf"^ *(async )?def {test}\(", (ROOT / file).read_text(), re.M), test


def test_ids_are_unique() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_every_test_of_an_attack_is_named() -> None:
    """Those in files of that name; what only says that nothing else has changed is not one."""
    named = {test for row in ROWS for _, test in _REFERENCE.findall(row[-1])}
    found = {
        test
        for file in (ROOT / "tests").rglob("test_security_*.py")
        if file.name != Path(__file__).name
        for test in re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(), re.M)
    }
    assert found - named <= {
        "test_a_socket_is_given_to_its_owner_in_a_directory_of_theirs",
        "test_visible_text_says_the_same_and_controls_nothing",
    }
    assert len(found) > 20
