"""Translators as services: from a start that succeeds to the end, with a stand-in for the Hurd.

The stand-in runs a real process for each translator; what it cannot do is serve a node.
"""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

import pytest
from running import eventually

from hurd.system import system
from hurd.system.nodes import ServerSpec
from pid1.process import is_alive
from pid1.service import RUNNING, STOPPED, Service
from pid1.supervisor import Supervisor
from pid1.translator import TranslatorStart, TranslatorStop
from pid1.values import Process

NODE = "/servers/socket/2"
SCRIPT = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


class StandIn:
    """What a Hurd does for its translators; ``refusals`` are its answers to who stops one."""

    def __init__(self) -> None:
        self.refusals: list[int] = []
        self.stops: list[bool] = []
        self.pid = 0

    def start_server(self, node: str, server: ServerSpec, *, output: int = 2) -> int:
        assert node == NODE
        self.pid = os.posix_spawnp(
            server.command[0], server.command, os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)], setsid=True,
        )  # fmt: skip
        return self.pid

    def stop_server(self, node: str, *, force: bool = False) -> None:
        assert node == NODE
        self.stops.append(force)
        if self.refusals:
            number = self.refusals.pop(0)
            raise OSError(number, os.strerror(number), node)
        os.kill(self.pid, signal.SIGKILL)


@pytest.fixture
def hurd(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setattr(system, "start_server", made.start_server)
    monkeypatch.setattr(system, "stop_server", made.stop_server)
    return made


async def _started(manager: Supervisor, **options: Any) -> Service:
    service = Service(
        ("net",),
        start=TranslatorStart(NODE, ServerSpec(["sh", "-c", SCRIPT])),
        stop=TranslatorStop(NODE, grace_period=0.2),
        **options,
    )
    manager.register([service])
    assert isinstance(await manager.start(service), Process)
    await eventually(lambda: [text for _, text in service.messages()] == ["ready"])
    return service


async def test_a_translator_that_is_asked_goes_away(manager: Supervisor, hurd: StandIn) -> None:
    service = await _started(manager)
    assert service.main_pid == hurd.pid
    await manager.stop(service)
    assert hurd.stops == [False]
    assert service.status == STOPPED
    assert not is_alive(hurd.pid)


async def test_one_that_is_in_use_is_told_to_go_all_the_same(
    manager: Supervisor, hurd: StandIn
) -> None:
    service = await _started(manager)
    hurd.refusals = [errno.EBUSY]
    await manager.stop(service)
    assert hurd.stops == [False, True]
    assert not is_alive(hurd.pid)


async def test_one_that_does_not_go_is_killed_and_told(
    manager: Supervisor, hurd: StandIn, log: list[str]
) -> None:
    service = await _started(manager)
    hurd.refusals = [errno.EPERM]
    await manager.stop(service)
    assert hurd.stops == [False]
    assert any(f"The translator of '{NODE}' does not go away: {NODE}: " in line for line in log)
    assert not is_alive(hurd.pid)


async def test_one_that_dies_is_started_again(manager: Supervisor, hurd: StandIn) -> None:
    service = await _started(manager, respawn=True)
    first = hurd.pid
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: service.status == RUNNING and service.main_pid not in (None, first))
    assert service.main_pid == hurd.pid
    await manager.stop(service)
    assert not is_alive(hurd.pid)
