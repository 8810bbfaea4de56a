"""What every test of `hurd.system` needs."""

from __future__ import annotations

import pytest

from hurd.system import system


@pytest.fixture(scope="session", autouse=True)
def started_like_the_daemon():
    system.adopt_descriptors()


@pytest.fixture(scope="session", autouse=True)
def no_control_groups_are_left():
    yield
    groups = system.control_groups()
    if groups is not None:
        groups.close()


@pytest.fixture(autouse=True)
def no_dead_children_are_left_by_others():
    while system.reap() is not None:
        pass
