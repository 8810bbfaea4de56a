"""What the daemon remembers has an end, however long it runs."""

from __future__ import annotations

import asyncio

from running import eventually, logged

from hurd.system import SpawnSpec
from pid1.forkexec import ForkExec
from pid1.log import Output, client_output, say, write_output
from pid1.service import MAX_RESPAWNS, Service
from pid1.supervisor import Supervisor


async def test_only_the_newest_respawns_are_remembered(manager: Supervisor) -> None:
    count = 0

    def start() -> bool:
        nonlocal count
        count += 1
        return True

    manager.register(
        [Service(("a",), start=start, respawn=True, respawn_limit=(1, 0), respawn_delay=0)]
    )
    service = manager.registry.lookup("a")
    for _ in range(MAX_RESPAWNS + 5):
        await manager.respawn(service)
        service.status = "stopped"
    assert count == MAX_RESPAWNS + 5
    assert len(service.respawns) == MAX_RESPAWNS


async def test_as_many_respawns_are_remembered_as_the_limit_needs(manager: Supervisor) -> None:
    limit = MAX_RESPAWNS + 5
    start = ForkExec(SpawnSpec(["false"], ["PATH=/usr/bin:/bin"], directory="/"))
    manager.register(
        [Service(("a",), start=start, respawn=True, respawn_limit=(limit, 60), respawn_delay=0)]
    )
    service = manager.registry.lookup("a")
    async with logged() as lines:
        await manager.start(service)
        await eventually(lambda: not service.enabled)
    assert len(service.respawns) == limit
    assert "  (Respawning too fast.)" in lines


async def test_who_prints_after_the_answer_prints_to_the_log_only(manager: Supervisor) -> None:
    output = Output()
    client_output.set(output)

    async def print_again() -> None:
        say("first")
        answered.set()
        await go_on.wait()
        say("second")
        write_output("third\n")

    answered, go_on = asyncio.Event(), asyncio.Event()
    task = manager.spawn_task(print_again())
    await answered.wait()
    assert output.finish() == ["first"]
    async with logged() as lines:
        go_on.set()
        await task
    assert lines == ["second", "third"]
    # Nobody will ever read it: it does not grow.
    assert output.lines == ["first"]
