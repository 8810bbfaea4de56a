"""One boot of a real Hurd for all tests of this folder; skips them where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import machine


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> machine.Outcome:
    """What `guest_program` found; DROVER_HURD_CYCLES shortens the 1,000 starts."""
    root, reason = machine.find_root()
    if root is None:
        pytest.skip(reason)
    cycles = os.environ.get("DROVER_HURD_CYCLES", "1000")
    return machine.run_in_guest(
        root,
        Path(__file__).parent / "guest_program.py",
        tmp_path_factory.mktemp("hurd"),
        [cycles],
    )


@pytest.fixture(scope="session")
def result(guest: machine.Outcome) -> dict[str, Any]:
    found: dict[str, Any] = guest.result
    return found
