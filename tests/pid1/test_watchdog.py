"""Programs that have to give signs of life, and what the next image of the daemon knows of them."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from running import eventually

from hurd.system import system
from pid1.carried import pack_value, unpack_value
from pid1.forkexec import ForkExec
from pid1.notifications import NotifiedProcess
from pid1.service import RUNNING, STOPPED
from pid1.supervisor import Supervisor
from pid1.values import Process
from tests.pid1.notifiers import python

# The watchdog


async def test_silence_counts_as_the_end(manager: Supervisor, log: list[str]) -> None:
    one = python(manager, "tell('READY=1'); time.sleep(1000)", watchdog=0.2, respawn=True)
    first = (await manager.start(one)).pid
    await eventually(lambda: one.respawns and one.status == RUNNING)
    assert one.main_pid != first
    assert f"Service notifier (PID {first}) has been silent for 0.2 seconds; killing it." in log
    assert f"Service notifier (PID {first}) terminated with signal 9." in log


async def test_signs_of_life_keep_it_alive(manager: Supervisor, log: list[str]) -> None:
    one = python(
        manager,
        "assert os.environ['WATCHDOG_USEC'] == '300000'\n"
        "assert os.environ['WATCHDOG_PID'] == str(os.getpid())\n"
        "tell('READY=1')\nfor n in range(40):\n    time.sleep(0.02); tell('WATCHDOG=1')\n"
        "tell('STATUS=done'); time.sleep(1000)",
        watchdog=0.3,
        environment=("WATCHDOG_PID=1", "WATCHDOG_USEC=7", "NOTIFY_SOCKET=/nowhere"),
    )
    pid = (await manager.start(one)).pid
    await eventually(lambda: [line for _, line in one.messages()] == ["done"])
    assert one.main_pid == pid
    await eventually(lambda: one.status == STOPPED)
    assert any("has been silent" in line for line in log)


async def test_silence_does_not_count_before_ready_or_while_stopping(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(
        manager,
        "import signal\nsignal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.4), sys.exit(0)))\n"
        "time.sleep(0.3); tell('READY=1'); time.sleep(1000)",
        watchdog=0.2,
    )
    assert await manager.start(one)
    await manager.stop(one)
    assert not any("has been silent" in line for line in log)
    assert one.exits[0][0] == 0


async def test_no_more_signs_are_expected_of_one_that_is_stopping(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1'); tell('STOPPING=1'); time.sleep(0.5)", watchdog=0.2)
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert one.exits[0][0] == 0


async def test_a_busy_daemon_hears_what_was_said_meanwhile(manager: Supervisor) -> None:
    one = python(
        manager,
        "tell('READY=1')\nwhile True:\n    time.sleep(0.05); tell('WATCHDOG=1')",
        watchdog=0.3,
    )
    pid = (await manager.start(one)).pid
    time.sleep(0.7)  # noqa: ASYNC251 - the loop shall not run
    await asyncio.sleep(0.3)
    assert one.main_pid == pid


async def test_it_can_ask_for_its_end_and_for_another_limit(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1'); tell('WATCHDOG=trigger'); time.sleep(9)", watchdog=60)
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert any("asks to be killed" in line for line in log)
    two = python(
        manager, "tell('READY=1'); tell('WATCHDOG_USEC=100000'); time.sleep(9)", watchdog=9
    )
    two.set_enabled(True)
    assert await manager.start(two)
    await eventually(lambda: two.status == STOPPED)
    assert any("has been silent for 0.1 seconds" in line for line in log)


# Re-execution


async def test_the_next_image_goes_on_listening(manager: Supervisor, log: list[str]) -> None:
    one = python(
        manager,
        "tell('READY=1\\nSTATUS=before'); time.sleep(0.4); tell('STATUS=before')\n"
        "tell('STATUS=after'); time.sleep(1000)",
        watchdog=1,
    )
    value = await manager.start(one)
    packed = pack_value(value)
    # As after exec: the descriptor is there, and nothing that knows of it.
    packed[1]["descriptors"] = [os.dup(packed[1]["descriptors"][0])]
    value.release()
    adopted = unpack_value(packed, one)
    assert isinstance(adopted, NotifiedProcess)
    assert (adopted.pid, adopted.command) == (value.pid, value.command)
    assert not os.get_inheritable(packed[1]["descriptors"][0])
    one.set_value(adopted)
    await eventually(lambda: any(line == "after" for _, line in one.messages()))
    assert [line for _, line in one.messages()] == ["after", "before"]
    await eventually(lambda: one.status == STOPPED)
    assert any("has been silent for 1 seconds" in line for line in log)


async def test_one_that_has_ended_while_it_is_being_stopped_is_carried_as_what_it_is(
    manager: Supervisor,
) -> None:
    one = python(manager, "tell('READY=1'); time.sleep(1000)")
    value = await manager.start(one)
    value.release()
    packed = pack_value(value)
    assert packed[1]["descriptors"] == []
    adopted = unpack_value(packed, one)
    assert type(adopted) is Process
    assert (adopted.pid, adopted.command) == (value.pid, value.command)


async def test_nothing_is_watched_of_one_that_ended_when_it_was_ready(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1')", watchdog=0.05)
    spawn = one.start.spawn

    def slow(*arguments: Any) -> int | None:
        pid: int | None = spawn(*arguments)
        while system.process_table()[pid or 0].state != "Z":
            time.sleep(0.01)
        return pid

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ForkExec, "spawn", lambda _self, *arguments: slow(*arguments))
        value = await manager.start(one)
    assert isinstance(value, NotifiedProcess)
    await eventually(lambda: one.status == STOPPED)
    assert not value._notifications._watchdog.watching  # type: ignore[union-attr]
    assert not any("silent" in line for line in log)
