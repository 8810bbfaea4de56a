"""Services that are programs: started, killed, respawned, and what is left behind of them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from running import eventually, logged

from hurd.system import SpawnSpec, system
from pid1.forkexec import ForkExec, Kill
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.supervisor import Supervisor
from pid1.values import Process

ENVIRONMENT = ["PATH=/usr/bin:/bin"]


def program(*command: str, **options: Any) -> ForkExec:
    return ForkExec(SpawnSpec(list(command), ENVIRONMENT, directory="/"), **options)


def sleeper(name: str, *requirement: str, **options: Any) -> Service:
    return Service((name,), requirement, start=program("sleep", "1000"), stop=Kill(), **options)


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet reaped does not."""
    process = system.process_table().get(pid)
    return process is not None and process.state != "Z"


async def test_a_process_is_started_and_killed(manager: Supervisor) -> None:
    manager.register([sleeper("a")])
    service = manager.registry.lookup("a")
    value = await manager.start(service)
    assert isinstance(value, Process)
    assert alive(value.pid)
    await manager.stop(service)
    assert not alive(value.pid)
    assert service.exits[0][0] == signal.SIGTERM


async def test_a_status_that_was_delivered_can_still_be_asked_for(manager: Supervisor) -> None:
    manager.register([Service(("a",), start=program("sh", "-c", "exit 3"))])
    service = manager.registry.lookup("a")
    pid = (await manager.start(service)).pid
    await eventually(lambda: service.status == STOPPED)
    assert await manager.children.wait(pid) == 3 << 8


async def test_what_ignores_the_signal_is_killed_after_the_grace_period(
    manager: Supervisor,
) -> None:
    start = program("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    manager.register([Service(("a",), start=start, stop=Kill(grace_period=0.2))])
    service = manager.registry.lookup("a")
    value = await manager.start(service)
    await eventually(lambda: service.messages())
    async with logged() as lines:
        await manager.stop(service)
    assert f"Grace period of 0.2 seconds is over; sending -{value.pid} SIGKILL." in lines
    assert service.exits[0][0] == signal.SIGKILL


async def test_children_in_sessions_of_their_own_are_not_left_behind(
    manager: Supervisor, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ > {file}; exec sleep 1000' & wait"
    manager.register([Service(("a",), start=program("sh", "-c", script), stop=Kill())])
    service = manager.registry.lookup("a")
    await manager.start(service)
    await eventually(lambda: file.exists() and file.read_text().strip())
    await manager.stop(service)
    pid = int(file.read_text())
    await eventually(lambda: not alive(pid))


async def test_a_dead_process_is_respawned_after_the_delay(manager: Supervisor) -> None:
    manager.register([sleeper("a", respawn=True, respawn_delay=0.05)])
    service = manager.registry.lookup("a")
    first = (await manager.start(service)).pid
    before = time.monotonic()
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: service.status == RUNNING and service.main_pid != first)
    assert time.monotonic() - before >= 0.05
    assert len(service.respawns) == 1
    assert service.exits[0][0] == signal.SIGKILL


async def test_a_respawn_limit_of_n_allows_n(manager: Supervisor) -> None:
    start = program("false")
    manager.register(
        [Service(("a",), start=start, respawn=True, respawn_limit=(3, 60), respawn_delay=0)]
    )
    service = manager.registry.lookup("a")
    async with logged() as lines:
        await manager.start(service)
        await eventually(lambda: not service.enabled)
    assert len(service.respawns) == 3
    assert "  (Respawning too fast.)" in lines
    assert service.status == STOPPED


async def test_an_ordinary_service_whose_process_ends_is_disabled(manager: Supervisor) -> None:
    manager.register([Service(("a",), start=program("true"))])
    service = manager.registry.lookup("a")
    await manager.start(service)
    await eventually(lambda: not service.enabled)
    assert service.status == STOPPED
    assert service.exits[0][0] == 0


async def test_a_termination_handler_takes_the_place_of_the_default(manager: Supervisor) -> None:
    calls: list[Any] = []
    manager.register(
        [
            Service(
                ("a",),
                start=program("sh", "-c", "exit 3"),
                termination_handler=lambda *arguments: calls.append(arguments),
            )
        ]
    )
    service = manager.registry.lookup("a")
    value = await manager.start(service)
    await eventually(lambda: calls)
    assert calls == [(service, value, 3 << 8)]
    assert service.enabled


async def test_a_death_during_the_start_is_handled_afterwards(manager: Supervisor) -> None:
    run = program("true")

    async def start() -> Any:
        process = run()
        await asyncio.sleep(0.1)
        return process

    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    await manager.start(service)
    await eventually(lambda: service.status == STOPPED)
    assert [status for status, _ in service.changes] == [STOPPED, RUNNING, STARTING]


async def test_a_forked_child_ends_a_service_without_a_process_value(
    manager: Supervisor,
) -> None:
    run = program("sh", "-c", "exit 4")

    def start() -> bool:
        run()
        return True

    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    await manager.start(service)
    await eventually(lambda: service.status == STOPPED)
    assert service.exits[0][0] == 4 << 8


async def test_a_transient_service_is_forgotten_when_it_ends(manager: Supervisor) -> None:
    manager.register([sleeper("a", transient=True), sleeper("b", transient=True)])
    a, b = manager.registry.lookup("a"), manager.registry.lookup("b")
    await manager.start(a)
    await manager.start(b)
    await manager.stop(a)
    assert manager.registry.get("a") is None
    os.kill(b.main_pid or 0, signal.SIGKILL)
    await eventually(lambda: manager.registry.get("b") is None)


async def test_a_start_past_its_deadline_fails_and_leaves_no_process(
    manager: Supervisor,
) -> None:
    run = program("sleep", "1000")
    pids: list[int] = []

    async def start() -> bool:
        process = run()
        assert isinstance(process, Process)
        pids.append(process.pid)
        await asyncio.sleep(1000)
        return True

    manager.register([Service(("a",), start=start, start_timeout=0.05)])
    service = manager.registry.lookup("a")
    assert await manager.start(service) is False
    assert service.failures
    await eventually(lambda: not alive(pids[0]))


async def test_a_program_that_cannot_be_run_fails_the_start(manager: Supervisor) -> None:
    manager.register([Service(("a",), start=program("/no/such/program"))])
    service = manager.registry.lookup("a")
    async with logged() as lines:
        assert await manager.start(service) is False
    assert 'exec of "/no/such/program" failed: No such file or directory.' in lines
    assert service.enabled


async def test_a_pid_file_names_the_main_process(manager: Supervisor, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = f"(setsid sleep 1000 & echo $! > {file})"
    start = program("sh", "-c", script, pid_file=str(file))
    manager.register([Service(("a",), start=start, stop=Kill())])
    service = manager.registry.lookup("a")
    file.write_text("1 stale")
    value = await manager.start(service)
    assert value.pid == int(file.read_text())
    await manager.stop(service)
    assert not alive(value.pid)


async def test_a_pid_file_that_does_not_come_ends_the_process(
    manager: Supervisor, tmp_path: Path
) -> None:
    start = program("sleep", "1000", pid_file=str(tmp_path / "x"), pid_file_timeout=0.1)
    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    async with logged() as lines:
        assert await manager.start(service) is False
    (line,) = [line for line in lines if "did not show up" in line]
    pid = int(line.rstrip(".").split()[-1])
    await eventually(lambda: not alive(pid))


@pytest.mark.parametrize("session", ["", "setsid"])
async def test_a_cancelled_start_leaves_nothing_that_forked(
    manager: Supervisor, tmp_path: Path, session: str
) -> None:
    file, other = tmp_path / "pid", tmp_path / "other"
    script = f"{session} sleep 1000 & echo $! >{other}.new; mv {other}.new {other}"
    start = program("sh", "-c", script, pid_file=str(file), pid_file_timeout=30)
    manager.register([Service(("a",), start=start, stop=Kill())])
    service = manager.registry.lookup("a")
    starting = asyncio.ensure_future(manager.start(service))
    await eventually(lambda: other.exists() and not service.children)
    pid = int(other.read_text())
    if session:
        # Found by its file only; it is looked at twice a second by now.
        await asyncio.sleep(0.7)
        file.write_text(str(pid))
    await manager.stop(service)
    await starting
    await eventually(lambda: not alive(pid))


async def test_a_start_that_is_cancelled_at_once_leaves_nothing_that_forked(
    manager: Supervisor, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    script = f"trap '' TERM; sleep 1000 & echo $! >{other}.new; mv {other}.new {other}"
    start = program("sh", "-c", script, pid_file=str(tmp_path / "pid"), pid_file_timeout=30)
    manager.register([Service(("a",), start=start, stop=Kill())])
    service = manager.registry.lookup("a")
    starting = asyncio.ensure_future(manager.start(service))
    await asyncio.sleep(0)
    (pid,) = service.children
    # The loop stands still until there is nobody but what was forked.
    while not other.exists() or alive(pid):
        time.sleep(0.01)  # noqa: ASYNC251
    await manager.stop(service)
    await starting
    await eventually(lambda: not alive(int(other.read_text())))


async def test_the_output_of_a_service_is_kept_and_logged(manager: Supervisor) -> None:
    start = program("sh", "-c", r"echo one; printf 'two\rthree'; printf '\303'; exec sleep 100")
    manager.register([Service(("a",), start=start, stop=Kill())])
    service = manager.registry.lookup("a")
    async with logged() as lines:
        await manager.start(service)
        await eventually(lambda: len(service.messages()) == 2)
    assert [text for _, text in service.messages()] == ["two", "one"]
    assert any(line.startswith("sh[") and line.endswith("] one") for line in lines)


async def test_a_log_file_gets_every_line_with_the_time(
    manager: Supervisor, tmp_path: Path
) -> None:
    file = tmp_path / "deep" / "a.log"
    start = program("sh", "-c", "seq 1 2000; printf last", log_file=str(file))
    manager.register([Service(("a",), start=start)])
    service = manager.registry.lookup("a")
    await manager.start(service)
    assert service.log_files() == [str(file)]
    await eventually(lambda: file.exists() and file.read_text().endswith("last\n"))
    lines = file.read_text().splitlines()
    assert [line[20:] for line in lines] == [*map(str, range(1, 2001)), "last"]
    assert file.stat().st_mode & 0o777 == 0o640


async def test_the_end_stops_everything_and_kills_what_is_late(manager: Supervisor) -> None:
    async def never(_value: Any) -> bool:
        await asyncio.sleep(1000)
        return False

    manager.register([sleeper("a"), sleeper("b", "a"), Service(("stuck",), stop=never)])
    for name in ("b", "stuck"):
        await manager.start(manager.registry.lookup(name))
    late = await manager.stop_all(deadline=0.3)
    assert [service.name for service in late] in ([], ["stuck"])
    assert manager.registry.lookup("a").status == STOPPED
