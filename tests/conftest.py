"""Fixtures that more than one room's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
import shepherd_chroot as reference


@pytest.fixture(scope="session")
def shepherd_chroot() -> Path:
    """The root of a Debian chroot with the GNU Shepherd; skips the test where there is none."""
    try:
        return reference.find_or_build()
    except reference.ChrootUnavailable as unavailable:
        pytest.skip(f"no chroot with the GNU Shepherd: {unavailable}")
