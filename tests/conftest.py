"""Fixtures that more than one room's tests use."""

from __future__ import annotations

import sys
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


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with drover's programs, as they are installed."""
    from pid1 import launchers

    directory = tmp_path_factory.mktemp("programs")
    assert launchers.main(["--python", sys.executable, str(directory)]) == 0
    return directory


@pytest.fixture(scope="session")
def herd(programs: Path) -> Path:
    """The program."""
    return programs / "herd"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that only its owner, who runs the tests, may read."""
    file = tmp_path / "secret"
    file.write_text("root only\n")
    file.chmod(0o600)
    return file
