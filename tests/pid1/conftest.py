"""Fixtures of this room: a supervisor that runs, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from running import logged, running_supervisor

from pid1.log import Output, client_output
from pid1.supervisor import Supervisor


@pytest.fixture
async def manager() -> AsyncIterator[Supervisor]:
    """A supervisor with real child processes; its services are stopped at the end."""
    async with running_supervisor() as manager:
        yield manager


@pytest.fixture
async def log() -> AsyncIterator[list[str]]:
    """The lines that are logged meanwhile."""
    async with logged() as lines:
        yield lines


@pytest.fixture
def output() -> Output:
    """What the client of the test is told."""
    output = Output()
    client_output.set(output)
    return output
