"""Starts that are complete when the program says so, and what becomes of those that never do."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from running import eventually

from hurd.system import SpawnSpec, system
from pid1.errors import KeyedError
from pid1.forkexec import ForkExec
from pid1.process import is_alive
from pid1.readiness import Readiness
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.supervisor import Supervisor
from pid1.values import Process
from tests.pid1.notifiers import python, service, shell

linux = pytest.mark.skipif(system.name != "linux", reason="senders are told on Linux only")


# A descriptor


@pytest.mark.parametrize("number", [3, 4, 9])
async def test_running_means_that_the_newline_was_written(
    manager: Supervisor, tmp_path: Path, number: int
) -> None:
    script = f"until test -e {tmp_path}/go; do sleep 0.02; done; echo >&{number}; exec sleep 1000"
    one = shell(manager, script, number)
    starting = asyncio.ensure_future(manager.start(one))
    await asyncio.sleep(0.15)
    assert one.status == STARTING
    (tmp_path / "go").touch()
    assert isinstance(await starting, Process)
    assert one.status == RUNNING


async def test_a_newline_may_follow_other_text_and_come_in_parts(manager: Supervisor) -> None:
    one = shell(manager, "printf READY >&3; sleep 0.05; echo >&3; echo more >&3; exec sleep 1000")
    assert await manager.start(one)
    # Nobody reads what comes later, and the program does not die of that.
    await asyncio.sleep(0.1)
    assert one.status in (RUNNING, STOPPED)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exited with 3"),
        ("kill -9 $$", "terminated with signal 9"),
        ("printf almost >&3; exit 0", "exited with 0"),
    ],
)
async def test_an_end_before_that_fails_the_start_with_the_reason(
    manager: Supervisor, log: list[str], script: str, reason: str
) -> None:
    one = shell(manager, script)
    assert await manager.start(one) is False
    assert f"Service notifier {reason} before it was ready." in log
    assert one.status == STOPPED
    assert len(one.exits) == 1


async def test_an_end_that_is_noticed_at_once_is_told_as_it_was(
    manager: Supervisor, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the wait for it has begun, as on a busy machine."""
    one = shell(manager, "exit 3")
    spawn = ForkExec.spawn

    def slow(*arguments: Any) -> int | None:
        pid = spawn(*arguments)
        time.sleep(0.1)
        asyncio.get_running_loop().call_soon(manager.children.reap)
        return pid

    monkeypatch.setattr(ForkExec, "spawn", slow)
    assert await manager.start(one) is False
    assert "Service notifier exited with 3 before it was ready." in log


async def test_a_program_that_was_ready_and_ended_at_once_has_started(
    manager: Supervisor, log: list[str]
) -> None:
    one = shell(manager, "echo >&3; exit 7")
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert not one.children
    assert [os.WEXITSTATUS(status) for status, _ in one.exits] == [7]
    await eventually(lambda: any(line.endswith("exited with 7.") for line in log))


async def test_a_closed_descriptor_ends_the_wait_and_the_program(
    manager: Supervisor, log: list[str]
) -> None:
    one = shell(manager, "echo $$; exec 3>&-; exec sleep 1000")
    assert await manager.start(one) is False
    assert "Service notifier has closed its descriptor without saying that it is ready." in log
    assert not one.children
    assert os.WTERMSIG(one.exits[0][0]) == signal.SIGTERM


async def test_what_a_failed_start_leaves_in_its_group_is_killed(
    manager: Supervisor, tmp_path: Path
) -> None:
    one = shell(manager, f"sleep 1000 3>&- & echo $! >{tmp_path}/pid; exit 1")
    assert await manager.start(one) is False
    left = int((tmp_path / "pid").read_text())
    table = system.process_table
    await eventually(lambda: left not in table() or table()[left].state == "Z")


async def test_a_deadline_ends_the_program(manager: Supervisor, log: list[str]) -> None:
    one = shell(manager, "exec sleep 1000", start_timeout=0.2)
    assert await manager.start(one) is False
    assert "Service notifier did not start within 0.2 seconds; giving up." in log
    assert not one.children


async def test_stopping_cancels_the_start_and_ends_the_program(manager: Supervisor) -> None:
    one = shell(manager, "trap '' TERM; sleep 1000 & echo $! >/dev/null; wait")
    starting = asyncio.ensure_future(manager.start(one))
    await eventually(lambda: one.children)
    (pid,) = one.children or ()
    before = time.monotonic()
    await manager.stop(one)
    assert await starting is False
    assert one.status == STOPPED
    assert not is_alive(pid)
    assert time.monotonic() - before < 5


async def test_a_program_that_cannot_be_run_fails_the_start(
    manager: Supervisor, log: list[str]
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for readiness in (Readiness(3), Readiness()):
        one = service(manager, ["/no/such/program"], readiness)
        assert await manager.start(one) is False
    assert log.count('exec of "/no/such/program" failed: No such file or directory.') == 2
    assert set(os.listdir("/proc/self/fd")) == before


async def test_no_descriptor_is_left_open(manager: Supervisor) -> None:
    before = set(os.listdir("/proc/self/fd"))
    ready = "tell('READY=1'); time.sleep(1000)"
    for one in (shell(manager, "echo >&3; exec sleep 1000"), python(manager, ready)):
        assert await manager.start(one)
        await manager.stop(one)
    for one in (shell(manager, "exit 1"), python(manager, "")):
        assert await manager.start(one) is False
    one = python(manager, "tell('READY=1')")
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    # The output is read to its end a moment after that of the process.
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)


async def test_it_is_for_services_only(manager: Supervisor) -> None:
    start = ForkExec(SpawnSpec(["true"], []), readiness=Readiness())
    with pytest.raises(KeyedError, match="only the program of a service"):
        await start()  # type: ignore[misc]


# Respawning


async def test_an_end_before_ready_is_respawned_like_any_other(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    """The first start is reported to who asks for it; later ones nobody waits for."""
    one = shell(
        manager,
        f"echo >>{tmp_path}/starts; case $(wc -l <{tmp_path}/starts) in"
        " 1) echo >&3; exit 0;; 2|3) exit 1;; *) echo >&3; exec sleep 1000;; esac",
        respawn=True,
        respawn_delay=0.01,
    )
    assert await manager.start(one)
    await eventually(lambda: (tmp_path / "starts").read_text().count("\n") == 4)
    await eventually(lambda: one.status == RUNNING)
    assert log.count("Service notifier exited with 1 before it was ready.") == 2
    assert len(one.respawns) == 3


async def test_starts_that_never_succeed_count_against_the_limit(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    one = shell(
        manager,
        f"test -e {tmp_path}/once && exit 1; touch {tmp_path}/once; echo >&3",
        respawn=True,
        respawn_delay=0.01,
        respawn_limit=(3, 60),
    )
    assert await manager.start(one)
    await eventually(lambda: not one.enabled)
    assert "  (Respawning too fast.)" in log
    assert log.count("Respawning notifier.") == 3


async def test_a_respawn_that_is_stopped_is_not_begun_again(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    one = shell(
        manager,
        f"test -e {tmp_path}/once && exec sleep 1000; touch {tmp_path}/once; echo >&3",
        respawn=True,
        respawn_delay=0.01,
    )
    assert await manager.start(one)
    await eventually(lambda: one.status == STARTING and one.children)
    await manager.stop(one)
    await asyncio.sleep(0.1)
    assert one.status == STOPPED
    assert log.count("Respawning notifier.") == 1
    assert one.enabled


# What is left behind


async def test_a_service_whose_value_is_something_else_leaves_nothing_open(
    manager: Supervisor,
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    started = python(manager, "tell('READY=1'); time.sleep(0.1)").start

    async def start() -> bool:
        return await started() is not False

    one = Service(("other",), start=start, one_shot=True)
    assert await manager.start(one)
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)
    two = python(manager, "tell('READY=1'); time.sleep(0.1)", one_shot=True)
    assert await manager.start(two)
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)


@linux
async def test_the_session_counts_after_another_process_is_named(
    subreaper: None, manager: Supervisor
) -> None:
    one = python(
        manager,
        "if os.fork() == 0:\n"
        "    time.sleep(0.2); tell('STATUS=from its sister'); time.sleep(1000)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    time.sleep(1000)\n"
        "tell(f'MAINPID={pid}\\nREADY=1')",
    )
    assert await manager.start(one)
    await eventually(lambda: [line for _, line in one.messages()] == ["from its sister"])
