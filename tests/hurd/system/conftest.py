"""What every test of `hurd.system` needs."""

from __future__ import annotations

import pytest

from hurd.system import system


@pytest.fixture(scope="session", autouse=True)
def started_like_the_daemon():
    system.adopt_descriptors()
