"""Operations on services: order, waiting, failure, replacement, cancellation."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from running import eventually, logged

from hurd.system import system
from pid1 import reexec
from pid1.errors import KeyedError, ServiceNotFound, misc_error
from pid1.service import RUNNING, STARTING, STOPPED, STOPPING, Service
from pid1.supervisor import Supervisor


async def test_requirements_start_first_and_side_by_side(manager: Supervisor) -> None:
    events: list[str] = []

    def slow(name: str) -> Any:
        async def start() -> bool:
            events.append(f"begin {name}")
            await asyncio.sleep(0.02)
            events.append(f"end {name}")
            return True

        return start

    manager.register(
        [
            Service(("a",), start=slow("a")),
            Service(("b",), start=slow("b")),
            Service(("c",), ("a", "b"), start=slow("c")),
        ]
    )
    assert await manager.start(manager.registry.lookup("c")) is True
    assert sorted(events[:2]) == ["begin a", "begin b"]
    assert sorted(events[2:4]) == ["end a", "end b"]
    assert events[4:] == ["begin c", "end c"]


async def test_an_unknown_requirement_is_named(manager: Supervisor) -> None:
    manager.register([Service(("a",), ("nowhere",))])
    with pytest.raises(ServiceNotFound) as caught:
        await manager.start(manager.registry.lookup("a"))
    assert caught.value.name == "nowhere"


async def test_a_failed_requirement_keeps_the_service_down(manager: Supervisor) -> None:
    def fail() -> bool:
        raise misc_error("no luck", 42)

    manager.register(
        [
            Service(("bad",), start=fail),
            Service(("good",)),
            Service(("top",), ("good", "bad")),
        ]
    )
    async with logged() as lines:
        assert await manager.start(manager.registry.lookup("top")) is False
    assert manager.registry.lookup("top").status == STOPPED
    assert not manager.registry.lookup("top").changes
    assert manager.registry.lookup("good").status == RUNNING
    assert 'Exception caught while starting bad: (misc-error #f "~A ~S" ("no luck" 42) #f)' in lines
    assert "Service top depends on bad." in lines


async def test_an_error_of_the_service_itself_is_raised(manager: Supervisor) -> None:
    def fail() -> bool:
        raise OSError(2, "No such file or directory")

    manager.register([Service(("bad",), start=fail)])
    with pytest.raises(KeyedError) as caught:
        await manager.start(manager.registry.lookup("bad"))
    assert caught.value.key == "system-error"
    assert len(manager.registry.lookup("bad").failures) == 1


async def test_a_second_start_waits_for_the_first(manager: Supervisor) -> None:
    starts = []

    async def start() -> str:
        starts.append(1)
        await asyncio.sleep(0.02)
        return "value"

    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    values = await asyncio.gather(*(manager.start(service) for _ in range(5)))
    assert values == ["value"] * 5
    assert len(starts) == 1


async def test_one_shot_runs_once_per_tree(manager: Supervisor) -> None:
    runs = []
    manager.register(
        [
            Service(("once",), one_shot=True, start=lambda: runs.append(1) or True),
            Service(("a",), ("once",)),
            Service(("b",), ("once",)),
            Service(("top",), ("a", "b")),
        ]
    )
    await manager.start(manager.registry.lookup("top"))
    assert len(runs) == 1
    once = manager.registry.lookup("once")
    assert [status for status, _ in once.changes] == [STOPPED, STARTING]


async def test_stop_takes_dependents_first_and_lists_them(manager: Supervisor) -> None:
    order: list[str] = []

    def stopper(name: str) -> Any:
        return lambda _value: order.append(name) or False

    manager.register(
        [
            Service(("a",), stop=stopper("a")),
            Service(("b",), ("a",), stop=stopper("b")),
            Service(("c",), ("b",), stop=stopper("c")),
            Service(("unrelated",), stop=stopper("unrelated")),
        ]
    )
    for name in ("c", "unrelated"):
        await manager.start(manager.registry.lookup(name))
    stopped = await manager.stop(manager.registry.lookup("a"))
    assert [service.name for service in stopped] == ["a", "b", "c"]
    assert order == ["c", "b", "a"]


async def test_a_chain_of_thousands_starts_and_stops(manager: Supervisor) -> None:
    services = [Service(("s0",))]
    services += [Service((f"s{i}",), (f"s{i - 1}",)) for i in range(1, 3000)]
    manager.register(services)
    assert await manager.start(services[-1]) is True
    stopped = await manager.stop(services[0])
    assert len(stopped) == 3000
    assert all(service.status == STOPPED for service in services)


async def test_cycles_are_refused_with_the_cycle_in_the_message(manager: Supervisor) -> None:
    with pytest.raises(KeyedError) as caught:
        manager.register(
            [
                Service(("a",), ("b",)),
                Service(("b",), ("c",)),
                Service(("c",), ("a",)),
                Service(("free",)),
            ]
        )
    assert "c -> a -> b -> c" in str(caught.value)
    assert manager.registry.get("c") is None
    assert manager.registry.get("free") is not None
    with pytest.raises(KeyedError):
        manager.register([Service(("x", "y"), ("y",))])


async def test_errors_of_stopping_dependents_do_not_stop_the_stop(manager: Supervisor) -> None:
    def fail(_value: Any) -> bool:
        raise misc_error("stuck")

    manager.register([Service(("a",)), Service(("b",), ("a",), stop=fail)])
    await manager.start(manager.registry.lookup("b"))
    async with logged() as lines:
        await manager.stop(manager.registry.lookup("a"))
    assert 'Ignoring error while stopping b: (misc-error #f "~A" ("stuck") #f)' in lines
    assert manager.registry.lookup("b").status == STOPPED


async def test_a_disabled_service_does_not_start(manager: Supervisor) -> None:
    manager.register([Service(("a",))])
    service = manager.registry.lookup("a")
    service.set_enabled(False)
    assert await manager.start(service) is False
    service.set_enabled(True)
    assert await manager.start(service) is True


async def test_a_replacement_waits_for_the_stop(manager: Supervisor) -> None:
    old, new = Service(("a",), start=lambda: "old"), Service(("a", "b"), start=lambda: "new")
    manager.register([old])
    await manager.start(old)
    manager.register([new])
    assert manager.registry.lookup("a") is old
    assert old.replacement is new
    assert manager.registry.get("b") is None
    assert await manager.restart(old) is True
    assert manager.registry.lookup("a") is new
    assert manager.registry.lookup("b") is new
    assert new.value == "new"


@pytest.mark.parametrize("during", [STARTING, STOPPING])
async def test_a_replacement_in_the_middle_of_a_transition_is_kept(
    manager: Supervisor, during: str
) -> None:
    async def slowly(*_arguments: Any) -> bool:
        await asyncio.sleep(0.05)
        return during == STARTING

    old = Service(("a",), start=slowly, stop=slowly)
    if during == STOPPING:
        old.start = lambda: True
    new = Service(("a",), start=lambda: "new")
    manager.register([old])
    if during == STARTING:
        work = asyncio.ensure_future(manager.start(old))
    else:
        await manager.start(old)
        work = asyncio.ensure_future(manager.stop(old))
    await eventually(lambda: old.status == during)
    manager.register([new])
    assert manager.registry.lookup("a") is old
    await work
    if during == STARTING:
        assert manager.registry.lookup("a") is old
        await manager.stop(old)
    assert manager.registry.lookup("a") is new


async def test_a_stopped_service_is_replaced_at_once_and_stays_disabled(
    manager: Supervisor,
) -> None:
    manager.register([Service(("a", "x"))])
    manager.registry.lookup("a").set_enabled(False)
    new = Service(("a",))
    manager.register([new])
    assert manager.registry.lookup("a") is new
    assert manager.registry.get("x") is None
    assert not new.enabled


async def test_stop_cancels_a_start_that_never_ends(manager: Supervisor) -> None:
    cleaned = []

    async def start() -> bool:
        try:
            await asyncio.sleep(1000)
        finally:
            cleaned.append(1)
        return True

    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    starting = asyncio.ensure_future(manager.start(service))
    await eventually(lambda: service.job is not None)
    await manager.stop(service)
    assert await starting is False
    assert service.status == STOPPED
    assert cleaned == [1]


async def test_restart_fails_when_the_start_fails(manager: Supervisor) -> None:
    values = iter([True, False])
    manager.register([Service(("a",), start=lambda: next(values))])
    service = manager.registry.lookup("a")
    await manager.start(service)
    assert await manager.restart(service) is False


async def test_restart_fails_for_what_was_unloaded_meanwhile(manager: Supervisor) -> None:
    end = asyncio.Event()

    async def stop(_value: object) -> bool:
        await end.wait()
        return False

    service = Service(("a",), start=lambda: True, stop=stop)
    manager.register([service])
    await manager.start(service)
    restarting = asyncio.ensure_future(manager.restart(service))
    unloading = asyncio.ensure_future(manager.unregister([service]))
    await eventually(lambda: service.status == STOPPING)
    # Whichever of the two comes first: a service that runs is registered, and none runs unseen.
    end.set()
    restarted, _ = await asyncio.gather(restarting, unloading)
    registered = manager.registry.get("a") is service
    assert (service.status == RUNNING) is registered is restarted


async def test_a_start_that_waited_for_a_stop_looks_at_its_requirements_again(
    manager: Supervisor,
) -> None:
    ends = {name: asyncio.Event() for name in ("base", "above")}

    def slowly(name: str, *requirement: str) -> Service:
        async def stop(_value: object, *_arguments: object) -> bool:
            await ends[name].wait()
            return False

        return Service((name,), requirement, start=lambda: True, stop=stop)

    base, above = slowly("base"), slowly("above", "base")
    manager.register([base, above])
    assert await manager.start(above)
    stopping = asyncio.ensure_future(manager.stop(base))
    await eventually(lambda: above.status == STOPPING)
    starting = asyncio.ensure_future(manager.start(above))
    await asyncio.sleep(0)
    ends["above"].set()
    await eventually(lambda: base.status == STOPPING)
    await asyncio.sleep(0.02)
    assert above.status == STOPPED
    ends["base"].set()
    await stopping
    assert await starting
    assert base.status == above.status == RUNNING


async def test_what_was_replaced_or_unloaded_while_its_start_waited_is_not_started(
    manager: Supervisor,
) -> None:
    ready = asyncio.Event()
    started: list[str] = []

    async def begin() -> bool:
        await ready.wait()
        return True

    def noted(name: str, mark: str) -> Service:
        def start() -> bool:
            started.append(mark)
            return True

        return Service((name,), ("base",), start=start)

    replaced, unloaded = noted("replaced", "old"), noted("unloaded", "gone")
    above = Service(("above",), ("replaced",))
    manager.register([Service(("base",), start=begin), replaced, unloaded, above])
    starts = [asyncio.ensure_future(manager.start(one)) for one in (replaced, unloaded, above)]
    await asyncio.sleep(0.01)
    manager.register([noted("replaced", "new")])
    await manager.unregister([unloaded])
    ready.set()
    assert await asyncio.gather(*starts) == [True, False, True]
    assert started == ["new"]
    assert (replaced.status, unloaded.status, above.status) == (STOPPED, STOPPED, RUNNING)


async def test_a_transient_service_that_has_stopped_is_not_started_again(
    manager: Supervisor,
) -> None:
    end = asyncio.Event()

    async def stop(_value: object) -> bool:
        await end.wait()
        return False

    service = Service(("passing",), transient=True, start=lambda: True, stop=stop)
    manager.register([service])
    await manager.start(service)
    stopping = asyncio.ensure_future(manager.stop(service))
    await eventually(lambda: service.status == STOPPING)
    starting = asyncio.ensure_future(manager.start(service))
    await asyncio.sleep(0)
    end.set()
    await stopping
    assert await starting is False
    assert service.status == STOPPED


async def test_what_was_stopped_during_a_start_of_many_stays_stopped(manager: Supervisor) -> None:
    ready = asyncio.Event()
    started: list[str] = []

    async def begin() -> bool:
        await ready.wait()
        return True

    def noted(mark: str) -> Service:
        return Service(("quick",), start=lambda: started.append(mark) or True)

    manager.register([Service(("slow",), start=begin), noted("old")])
    await manager.start(manager.registry.lookup("quick"))
    manager.start_in_background(["slow", "quick"])
    await asyncio.sleep(0.01)
    await manager.stop(manager.registry.lookup("quick"))
    manager.register([noted("new")])
    await manager.start(manager.registry.lookup("quick"))
    ready.set()
    await eventually(lambda: not manager.background)
    assert started == ["old", "new"]


async def test_an_image_that_does_not_start_in_time_is_not_executed(
    manager: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reexec, "_CHECK_PATIENCE", 0.05)
    monkeypatch.setattr(reexec, "command_line", lambda: ["sleep", "1000"])
    with pytest.raises(KeyedError, match=r"has not started within 0\.05 seconds"):
        await reexec.check_image(manager)
    me = os.getpid()
    assert not [pid for pid, one in system.process_table().items() if one.parent == me]
