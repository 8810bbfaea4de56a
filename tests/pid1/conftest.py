"""Fixtures of this room: a supervisor that runs, and what it says."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from running import logged, running_supervisor

from hurd.system import system
from hurd.system.libc import libc
from hurd.system.linux import _PR_SET_CHILD_SUBREAPER
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


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Orphans become children of this process, as of the daemon; to be asked for first."""
    if not system.become_subreaper():
        pytest.skip("orphans go elsewhere")
    yield
    while orphans := system.descendants(os.getpid()):
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0
