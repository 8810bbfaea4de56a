"""Without a Hurd root, the tests that need one say so and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import machine
import pytest


def test_no_root_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DROVER_HURD_ROOT", raising=False)
    assert machine.find_root() == (None, "DROVER_HURD_ROOT is not set")


def test_a_root_without_a_hurd_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DROVER_HURD_ROOT", str(tmp_path))
    root, reason = machine.find_root()
    assert root is None
    assert str(tmp_path) in reason
