"""Random graphs, random operations: what must hold of the state machine, always.

1. No status changes but along the table of transitions.
2. A service begins to start only while every service it requires runs, or is a one-shot
   that was done in the same operation.
3. A service begins to stop only when nothing that requires it is left running.
4. Every transition ends: at rest each service is stopped or running.
5. Nobody waits for ever, and no error is lost in a task.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from running import logged, running_supervisor

from pid1.errors import KeyedError, ServiceNotFound, misc_error
from pid1.service import RUNNING, STARTING, STOPPED, STOPPING, TRANSITIONS, Service
from pid1.supervisor import Supervisor

COUNT = 7
NAMES = [f"s{i}" for i in range(COUNT)]


class Watched(Service):
    """A service that checks the rules at each of its transitions."""

    __slots__ = ("done_once", "manager", "violations")

    def transition(self, status: str) -> None:
        if (self.status, status) not in TRANSITIONS:
            self.violations.append(f"{self.name}: {self.status} -> {status}")
        manager: Supervisor = self.manager
        if status == STARTING:
            for name in self.requirement:
                required = manager.registry.get(name)
                if required is None or (required.status != RUNNING and not required.one_shot):
                    self.violations.append(f"{self.name} starts without {name}")
                elif required.one_shot and not required.changes:
                    self.violations.append(f"{self.name} starts before {name} was done")
        if status == STOPPING:
            for dependent in manager.registry.dependents(self):
                if dependent.status != STOPPED:
                    self.violations.append(
                        f"{self.name} stops before {dependent.name} ({dependent.status})"
                    )
        super().transition(status)


@st.composite
def definitions(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            # Requirements may point anywhere: cycles are refused, unknown names allowed.
            "requirement": tuple(
                draw(st.lists(st.sampled_from([*NAMES, "nowhere"]), max_size=3, unique=True))
            )
            if draw(st.booleans())
            else tuple(f"s{j}" for j in range(i) if draw(st.booleans())),
            "one_shot": draw(st.booleans()) and draw(st.booleans()),
            "transient": draw(st.booleans()) and draw(st.booleans()),
            "respawn": draw(st.booleans()),
            "start": draw(st.sampled_from(["ok", "slow", "slow", "false", "raise"])),
            "stop": draw(st.sampled_from(["ok", "slow", "raise"])),
        }
        for i in range(COUNT)
    ]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "restart", "die", "replace", "disable", "background"]),
        st.sampled_from(NAMES),
        st.integers(0, 3),
    ),
    max_size=14,
)


def make(manager: Supervisor, name: str, how: dict[str, Any], violations: list[str]) -> Service:
    async def slowly(result: Any) -> Any:
        await asyncio.sleep(0.001)
        return result

    def act(kind: str, result: Any) -> Any:
        if kind == "slow":
            return slowly(result)
        if kind == "raise":
            raise misc_error("no")
        return result if kind == "ok" else False

    service = Watched(
        (name,),
        how["requirement"],
        one_shot=how["one_shot"],
        transient=how["transient"],
        respawn=how["respawn"],
        respawn_delay=0,
        start=lambda *_a: act(how["start"], True),
        stop=lambda *_a: act(how["stop"], False),
    )
    service.manager = manager
    service.violations = violations
    return service


async def carry_out(
    manager: Supervisor, operation: str, name: str, how: dict[str, Any], violations: list[str]
) -> None:
    service = manager.registry.get(name)
    if service is None:
        return
    with contextlib.suppress(KeyedError, ServiceNotFound):
        if operation == "start":
            await manager.start(service)
        elif operation == "stop":
            await manager.stop(service)
        elif operation == "restart":
            await manager.restart(service)
        elif operation == "die":
            # What the end of its process does; the process itself is not needed here.
            manager._child_died(service, 1 << 22, 9)
        elif operation == "replace":
            manager.register([make(manager, name, how, violations)])
        elif operation == "disable":
            service.set_enabled(not service.enabled)
        elif operation == "background":
            manager.start_in_background([name, NAMES[0]])


async def scenario(graph: list[dict[str, Any]], operations: list[tuple[str, str, int]]) -> None:
    violations: list[str] = []
    async with running_supervisor() as manager, logged() as lines:
        for name, how in zip(NAMES, graph, strict=True):
            with contextlib.suppress(KeyedError):
                manager.register([make(manager, name, how, violations)])
        work = []
        for index, (operation, name, pause) in enumerate(operations):
            how = graph[index % COUNT]
            work.append(asyncio.ensure_future(carry_out(manager, operation, name, how, violations)))
            for _ in range(pause):
                await asyncio.sleep(0.0005)
        if work:
            _done, pending = await asyncio.wait(work, timeout=5)
            assert not pending, "somebody waits for ever"
            for task in work:
                task.result()
        while manager._tasks:
            await asyncio.wait(manager._tasks, timeout=5)
        for service in manager.registry:
            assert service.status in (STOPPED, RUNNING)
        await manager.stop_all(5)
        assert [s for s in manager.registry if s.status != STOPPED] == []
        assert not [line for line in lines if line.startswith("Unexpected error")]
    assert violations == []


@settings(max_examples=150, deadline=None)
@given(definitions(), OPERATIONS)
def test_invariants_hold_for_any_graph_and_any_operations(
    graph: list[dict[str, Any]], operations: list[tuple[str, str, int]]
) -> None:
    asyncio.run(scenario(graph, operations))
