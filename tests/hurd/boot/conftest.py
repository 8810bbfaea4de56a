"""Disks with drover as PID 1 of a real Hurd; skips the tests where there is no root for it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import vm


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly built disk, which has never been booted."""
    if not os.environ.get(vm.ROOT_VARIABLE):
        pytest.skip(f"{vm.ROOT_VARIABLE} is not set")
    if shutil.which("qemu-system-i386") is None:
        pytest.skip("qemu-system-i386 is not installed")
    path = tmp_path_factory.mktemp("disk") / "hurd.img"
    vm.build(path)
    return path


@pytest.fixture
def own_disk(disk: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copy(disk, tmp_path / "own.img"))


@pytest.fixture(scope="module")
def machine(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vm.Hurd]:
    """A machine that somebody has logged in to, for all tests of a module that leave it well."""
    copy = Path(shutil.copy(disk, tmp_path_factory.mktemp("machine") / "shared.img"))
    with vm.Hurd(copy) as hurd:
        hurd.login()
        yield hurd
