"""What the library makes of some hundred expressions equals what Guile 3.0.11 made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.services.scheme.library.driver import outcome

_LINES = Path(__file__).with_name("recorded.txt").read_text(encoding="utf-8").splitlines()
_SPLIT = next(n for n, line in enumerate(_LINES) if line.startswith(";; with modules"))
_CASES = [
    (*line.split("\t", 1), number > _SPLIT)
    for number, line in enumerate(_LINES)
    if "\t" in line and not line.startswith(("(use-modules", ";"))
]


def _plain(text: str) -> str:
    """Addresses differ from run to run; so do descriptors."""
    text = re.sub(r"#<procedure .*?>(?=[ )]|$)", "#<procedure>", text)
    text = re.sub(r"(#<[a-z-]+: file) [0-9a-f]{6,}>", r"\1 ADDRESS>", text)
    return re.sub(r"(#<[a-z -]+) [0-9a-f]{6,}", r"\1 ADDRESS", text)


@pytest.mark.parametrize(("text", "expected", "modules"), _CASES)
def test_as_guile(text: str, expected: str, modules: bool) -> None:
    module = ("srfi", "srfi-19") if modules else None
    assert _plain(outcome(text, module)) == _plain(expected)
