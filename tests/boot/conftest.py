"""What several tests of booting share."""

from __future__ import annotations

import pytest

from hurd.system.fake import FakeSystem, exits


@pytest.fixture
def system() -> FakeSystem:
    """A machine whose disks are clean."""
    fake = FakeSystem()
    for program in ("/sbin/e2fsck", "/sbin/fsck.ext2"):
        fake.plan(program, exits(0))
    return fake
