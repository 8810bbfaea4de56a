"""The monitoring service."""

from __future__ import annotations

import re

from running import eventually, logged

from pid1.log import Output
from pid1.monitoring import descriptor_count, monitoring_service, resident_memory
from pid1.service import Service
from pid1.supervisor import Supervisor

LINE = re.compile(r"service names: (\d+); heap: (\d+\.\d\d) MiB; file descriptors: (\d+)$")


async def test_it_logs_at_start_now_and_then_and_at_the_end(
    manager: Supervisor, output: Output
) -> None:
    service = monitoring_service(period=0.1)
    manager.register([service, Service(("x", "y"))])
    async with logged() as log:
        await manager.start(service)
        await eventually(lambda: len([line for line in log if LINE.match(line)]) == 3)
        await manager.stop(service)
    end = log.index("Terminating shepherd monitoring.")
    assert log[end - 1].startswith("service names: 3; ")
    # Its client hears nothing of that.
    assert not any(LINE.match(line) for line in output.lines)


async def test_it_logs_at_once_if_asked(manager: Supervisor, output: Output) -> None:
    service = monitoring_service()
    manager.register([service])
    action = service.action("log")
    assert action is not None
    action.procedure(service.value)
    found = LINE.match(output.lines[-1])
    assert found
    assert int(found[1]) == 1
    assert 1 < float(found[2]) < 10_000
    assert int(found[3]) == descriptor_count()
    assert resident_memory() > 1 << 20


async def test_the_period_can_be_changed(manager: Supervisor, output: Output) -> None:
    service = monitoring_service()
    manager.register([service])
    value = await manager.start(service)
    action = service.action("period")
    assert action is not None
    async with logged() as log:
        assert action.procedure(value, "1") is None
        assert "Monitoring logging period changed to 1 second." in log
        assert value.period == 1
        await eventually(lambda: any(LINE.match(line) for line in log))
    for bad in ("zork", "0", "-3", "1.5"):
        assert action.procedure(value, bad) is False
        assert output.lines[-2:] == [f"{bad}: invalid number; expected a positive integer", ""]
    assert value.period == 1
