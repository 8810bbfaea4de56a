"""Timers with the real clock and real processes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from running import eventually

from hurd.system import SpawnSpec
from pid1 import timer as timer_module
from pid1.calendar import CalendarEvent
from pid1.command import Command
from pid1.errors import misc_error
from pid1.log import Output, client_output
from pid1.process import is_alive
from pid1.service import RUNNING, STOPPED, Service
from pid1.sexp import Symbol, write
from pid1.supervisor import Supervisor
from pid1.timer import TRIGGER_ACTION, Timer, TimerStart, timer_destructor, trigger

EVERY_SECOND = CalendarEvent(seconds=tuple(range(60)))
FAR = CalendarEvent(minutes=(0,), hours=(3,), months=(2,), days_of_month=(29,))
NEVER = CalendarEvent(days_of_month=(30,), months=(2,))


def shell(text: str) -> Command:
    return Command(SpawnSpec(["/bin/sh", "-c", text], ["PATH=/bin:/usr/bin"], directory="/"))


def timed(
    manager: Supervisor,
    event: CalendarEvent,
    action: Command | Callable[[], Any],
    transient: bool = False,
    **options: Any,
) -> Service:
    service = Service(
        ("tmr",),
        start=TimerStart(event, action, **options),
        stop=timer_destructor,
        actions=(TRIGGER_ACTION,),
        transient=transient,
    )
    manager.register([service])
    return service


async def started(manager: Supervisor, *arguments: Any, **options: Any) -> tuple[Service, Timer]:
    service = timed(manager, *arguments, **options)
    timer = await manager.start(service)
    assert isinstance(timer, Timer)
    return service, timer


async def test_a_program_runs_at_each_occurrence(manager: Supervisor, log: list[str]) -> None:
    service, timer = await started(manager, EVERY_SECOND, shell("echo tick; exit 3"))
    await eventually(lambda: len(timer.past_runs) == 2)
    (status, end, start), (_, _, earlier) = timer.past_runs
    assert (status, end - start, start - earlier) == (768, 0, 1)
    assert service.status == RUNNING
    assert [line for _, line in service.messages()] == ["tick"]
    pid = next(line for line in log if "spawned" in line).split()[-1].rstrip(".")
    assert f"Timer 'tmr' spawned process {pid}." in log
    assert f"Process {pid} of timer 'tmr' terminated with status 768 after 0 seconds." in log


async def test_it_runs_when_the_second_begins(manager: Supervisor) -> None:
    when: list[float] = []
    await started(manager, EVERY_SECOND, lambda: when.append(time.time()))
    await eventually(lambda: len(when) == 3)
    assert all(moment % 1 < 0.1 for moment in when)
    assert [int(moment) - int(when[0]) for moment in when] == [0, 1, 2]


async def test_a_trigger_runs_it_at_once(manager: Supervisor) -> None:
    service, timer = await started(manager, FAR, shell("exit 0"))
    output = Output()
    client_output.set(output)
    trigger(service.value)
    assert output.lines == ["Triggering timer."]
    await eventually(lambda: timer.past_runs)
    assert timer.past_runs[0][0] == 0
    await manager.stop(service)
    trigger(service.value)
    assert output.lines[-1] == "Attempted to trigger a timer that is not running; doing nothing."


async def test_procedures_may_be_plain_or_suspend(manager: Supervisor) -> None:
    async def later() -> None:
        await asyncio.sleep(0.01)

    for action in (lambda: None, later):
        service, timer = await started(manager, FAR, action)
        timer.trigger()
        await eventually(lambda t=timer: t.past_runs)  # type: ignore[misc]
        assert timer.past_runs[0][0] is Symbol("success")
        await manager.stop(service)


async def test_an_exception_is_logged_and_remembered(manager: Supervisor, log: list[str]) -> None:
    def fail() -> None:
        raise misc_error("bad", 42)

    service, timer = await started(manager, FAR, fail)
    timer.trigger()
    timer.trigger()
    await eventually(lambda: len(timer.past_runs) == 2)
    assert write(timer.past_runs[0][0]) == '(exception misc-error #f "~A ~S" ("bad" 42) #f)'
    text = "Exception caught while calling action of timer 'tmr': "
    assert log.count(text + '(misc-error #f "~A ~S" ("bad" 42) #f)') == 2
    assert service.status == RUNNING


async def test_a_program_that_cannot_run_is_remembered_too(manager: Supervisor) -> None:
    command = Command(SpawnSpec(["/no/such/program"], []))
    service, timer = await started(manager, FAR, command)
    timer.trigger()
    await eventually(lambda: timer.past_runs)
    assert "No such file" in write(timer.past_runs[0][0])
    assert service.status == RUNNING


async def test_after_the_last_occurrence_the_service_stops(
    manager: Supervisor, log: list[str]
) -> None:
    service, timer = await started(manager, FAR, shell("sleep 0.2"), occurrences=2, transient=True)
    timer.trigger()
    timer.trigger()
    timer.trigger()
    await eventually(lambda: len(timer.processes) == 2)
    assert write(timer.to_wire()).count("(remaining-occurrences 0)") == 1
    await eventually(lambda: service.status == STOPPED)
    assert len(timer.past_runs) == 2
    assert "Finished last occurrence of timer 'tmr'." in log
    assert "Transient service tmr unregistered." in log
    assert service.enabled


async def test_a_run_that_takes_too_long_is_ended(manager: Supervisor, log: list[str]) -> None:
    _, timer = await started(manager, FAR, shell("sleep 50 & wait"), max_duration=0.1)
    timer.trigger()
    await eventually(lambda: timer.past_runs)
    assert timer.past_runs[0][0] == signal.SIGTERM
    assert any("of timer 'tmr' after maximum duration of 0.1 seconds." in line for line in log)


async def test_stopping_ends_running_processes(manager: Supervisor, log: list[str]) -> None:
    service, timer = await started(
        manager, FAR, shell("sleep 50 & sleep 50"), termination_signal=signal.SIGINT
    )
    timer.trigger()
    timer.trigger()
    await eventually(lambda: len(timer.processes) == 2)
    pids = list(timer.processes)
    await manager.stop(service)
    assert "Terminating timer 'tmr' with 2 processes running." in log
    assert not any(is_alive(pid) for pid in pids)


async def test_stopping_interrupts_a_procedure(manager: Supervisor) -> None:
    ended = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.set()

    service, timer = await started(manager, FAR, long)
    timer.trigger()
    await asyncio.sleep(0.01)
    await manager.stop(service)
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_procedure_may_stop_its_own_timer(manager: Supervisor) -> None:
    after: list[str] = []

    async def stop() -> None:
        await manager.stop(service)
        after.append(service.status)

    service, timer = await started(manager, FAR, stop)
    timer.trigger()
    await eventually(lambda: after)
    assert after == [STOPPED]


async def test_occurrences_are_skipped_while_one_runs_if_asked(manager: Supervisor) -> None:
    service, timer = await started(
        manager, EVERY_SECOND, shell("sleep 1.5"), wait_for_termination=True
    )
    most = 0
    begin = time.monotonic()
    while time.monotonic() - begin < 2.2:
        most = max(most, len(timer.processes))
        await asyncio.sleep(0.02)
    assert most == 1
    await manager.stop(service)


async def test_an_event_that_never_happens_fails_to_start(manager: Supervisor) -> None:
    output = Output()
    client_output.set(output)
    service = timed(manager, NEVER, shell("exit 0"))
    assert await manager.start(service) is False
    assert output.lines[0].startswith("No matching event for timer 'tmr': #<<calendar-event> ")
    assert "This indicates that the calendar event is overly constrained." in output.lines


class Clock:
    """A wall clock that can be set."""

    offset = 0.0

    def time(self) -> float:
        return time.time() + self.offset


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timer_module, "time", clock)
    monkeypatch.setattr(timer_module, "CLOCK_CHECK", 0.02)
    return clock


def at_three(hours_from_now: float) -> float:
    """The offset that makes it so many hours before three o'clock."""
    now = time.localtime()
    since = now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec
    return 3 * 3600 - since - hours_from_now * 3600


DAILY = CalendarEvent(minutes=(0,), hours=(3,))


async def test_what_was_slept_through_is_left_out(
    manager: Supervisor, clock: Clock, log: list[str]
) -> None:
    clock.offset = at_three(1)
    ran: list[int] = []
    await started(manager, DAILY, lambda: ran.append(1))
    await asyncio.sleep(0.05)
    clock.offset += 5 * 3600
    await eventually(lambda: "Waiting anew for timer 'tmr' (resuming from sleep state?)." in log)
    await asyncio.sleep(0.05)
    assert not ran


async def test_what_was_slept_through_is_made_up_for_if_asked(
    manager: Supervisor, clock: Clock
) -> None:
    clock.offset = at_three(1)
    ran: list[int] = []
    await started(manager, DAILY, lambda: ran.append(1), catch_up=True)
    await asyncio.sleep(0.05)
    clock.offset += 5 * 3600
    await eventually(lambda: ran)
    await asyncio.sleep(0.1)
    assert ran == [1]


async def test_a_clock_that_is_set_is_followed(manager: Supervisor, clock: Clock) -> None:
    clock.offset = at_three(-1)
    ran: list[int] = []
    await started(manager, DAILY, lambda: ran.append(1))
    await asyncio.sleep(0.05)
    clock.offset = at_three(1 / 3600)  # one second before three of the same day
    await eventually(lambda: ran)


def test_timers_are_written_as_the_gnu_shepherd_writes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def make() -> Timer:
        event = CalendarEvent(seconds=(5,), minutes=(1,), hours=(2,), days_of_month=(3,))
        command = Command(SpawnSpec(["/bin/sleep", "300"], ["A=b"]))
        timer = Timer(Supervisor(), Service(("x",)), event, command)
        timer.processes[53] = 1795394550
        timer.past_runs = [(768, 20, 10)]
        return timer

    timer = asyncio.run(make())
    months = " ".join(map(str, range(1, 13)))
    assert write(timer.to_wire()) == (
        "(timer (version 0) (event (calendar-event (version 0) (seconds (5)) (minutes (1)) "
        f"(hours (2)) (days-of-month (3)) (days-of-week (0 1 2 3 4 5 6)) (months ({months})))) "
        '(action (command (version 0) (arguments ("/bin/sleep" "300")) (user #f) (group #f) '
        '(supplementary-groups ()) (environment-variables ("A=b")) (directory "/") '
        "(resource-limits ()))) (processes ((53 . 1795394550))) (remaining-occurrences +inf.0) "
        "(past-runs ((768 20 10))))"
    )
    assert str(timer).startswith(
        "#<timer #<<calendar-event> seconds: (5) minutes: (1) hours: (2) days-of-month: (3) "
        f"months: ({months}) days-of-week: (0 1 2 3 4 5 6)> "
        '#<<command> arguments: ("/bin/sleep" "300") user: #f group: #f supplementary-groups: () '
        'environment-variables: ("A=b") directory: "/" resource-limits: ()> '
    )
