"""Timers: services that run a program or a procedure at the times of a calendar event.

A timer is the running value of its service (SHEPHERD.md 7.3).  It waits for the next
occurrence or a trigger, runs its action, and remembers how it went.  Dates are the
business of ``calendar``.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from pid1 import values
from pid1.awaiting import is_awaitable
from pid1.calendar import CalendarEvent, next_occurrence
from pid1.command import Command
from pid1.errors import KeyedError, keyed
from pid1.forkexec import fork_exec
from pid1.log import client_output, log, say
from pid1.process import signal_target, terminate
from pid1.service import RUNNING, Action, Service
from pid1.sexp import Symbol, write
from pid1.supervisor import Supervisor, current_service, supervisor
from pid1.wire import read_datum

if TYPE_CHECKING:
    from asyncio import Task

MAX_PAST_RUNS: Final = 50
# The wall clock is compared this often, in seconds: it may be set, and stands still for the
# loop's own clock while the machine is suspended.
CLOCK_CHECK: Final = 60.0

# The timer whose procedure is running, here or in a task it began.
_running_timer: ContextVar[Timer | None] = ContextVar("running_timer", default=None)


class Timer:
    """A running timer.  Its own task and ``trigger`` change its state, others read it.

    ``past_runs`` holds the newest runs first: (status, end, start), with a raw wait status,
    the symbol ``success``, or a list of the symbol ``exception`` and its key and arguments.
    ``processes`` holds the start time of each running process.
    """

    def __init__(
        self,
        manager: Supervisor,
        service: Service,
        event: CalendarEvent,
        action: Command | Callable[[], Any],
        *,
        occurrences: float = math.inf,
        log_file: str | None = None,
        max_duration: float | None = None,
        termination_signal: int = signal.SIGTERM,
        wait_for_termination: bool = False,
        catch_up: bool = False,
    ) -> None:
        self.supervisor = manager
        self.service = service
        self.event = event
        self.action = action
        self.remaining = occurrences
        self.log_file = log_file
        self.max_duration = max_duration
        self.termination_signal = termination_signal
        self.wait_for_termination = wait_for_termination
        self.catch_up = catch_up
        self.processes: dict[int, int] = {}
        self.past_runs: list[tuple[object, int, int]] = []
        self._triggers = 0
        self._last_due = -math.inf
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: Task[None] | None = None

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know.

        A procedure that is running then ends with this image.
        """
        return {
            "remaining": None if self.remaining == math.inf else self.remaining,
            "past_runs": write([list(run) for run in self.past_runs]),
            "processes": list(self.processes.items()),
            "triggers": self._triggers,
            "last_due": None if self._last_due == -math.inf else self._last_due,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where the previous image was."""
        if state["remaining"] is not None:
            self.remaining = state["remaining"]
        if state["last_due"] is not None:
            self._last_due = state["last_due"]
        runs: Any = read_datum(state["past_runs"].encode())
        self.past_runs = [(outcome, end, start) for outcome, end, start in runs]
        self._triggers = state["triggers"]
        for pid, start in state["processes"]:
            self.processes[pid] = start
            self._begin_watch(pid)
        self.start()

    def start(self) -> None:
        """Begin to wait for the first occurrence."""
        self._task = self.supervisor.spawn_task(self._run(), name=f"timer {self.service.name}")

    def trigger(self) -> None:
        """Run the action now, besides its usual times; it counts as an occurrence."""
        self._triggers += 1
        self._wake.set()

    async def stop(self) -> None:
        """Wait for no more occurrences, and end what is running."""
        count = len(self.processes)
        plural = "process" if count == 1 else "processes"
        log(f"Terminating timer '{self.service.name}' with {count} {plural} running.")
        self._stopping = True
        self._wake.set()
        # A procedure that stops its own timer is not interrupted by that.
        if self._task is not None and _running_timer.get() is not self:
            self._task.cancel()
        if self.processes:
            await asyncio.gather(*map(self._terminate, list(self.processes)))

    # Waiting

    async def _run(self) -> None:
        # Whoever started the service does not hear what the timer does later.
        client_output.set(None)
        current_service.set(self.service)
        while not self._stopping:
            if self.remaining <= 0:
                if not self.processes:
                    self._finish()
                    return
                self._triggers = 0
                await self._woken()
            elif self._triggers:
                self._triggers -= 1
                await self._perform()
            elif self.wait_for_termination and self.processes:
                await self._woken()
            elif await self._occurrence():
                await self._perform()

    def _finish(self) -> None:
        log(f"Finished last occurrence of timer '{self.service.name}'.")
        if self.service.status == RUNNING and self.service.value is self:
            self.supervisor.spawn_task(self.supervisor.stop(self.service))

    async def _woken(self, seconds: float | None = None) -> None:
        """Sleep until something happens or ``seconds`` are over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _occurrence(self) -> bool:
        """Wait for the next occurrence; False if something else has to be seen to first."""
        begin = time.time()
        # The clock may have been set back a little, or a sleep may end a little early: no
        # occurrence comes twice for that.
        recent = 0 <= self._last_due - begin < 2
        due = next_occurrence(self.event, self._last_due if recent else begin)
        if due is None:
            await self._woken()
            return False
        now = begin
        while now < due:
            await self._woken(min(due - now, CLOCK_CHECK))
            if self._triggers or self._stopping:
                return False
            previous, now = now, time.time()
            if now < previous:
                return False  # set back: an earlier occurrence may be next
        self._last_due = due
        if now - due > max(2.0, min((due - begin) / 10, 120.0)) and not self.catch_up:
            # Else every timer would run at once when the machine resumes.
            log(f"Waiting anew for timer '{self.service.name}' (resuming from sleep state?).")
            return False
        return True

    # Running

    async def _perform(self) -> None:
        self.remaining -= 1
        if isinstance(self.action, Command):
            self._launch(self.action)
        else:
            await self._call(self.action)

    def _launch(self, command: Command) -> None:
        start = int(time.time())
        try:
            pid = fork_exec(self.supervisor, self.service, command.spec, self.log_file, own=False)
        except (OSError, KeyedError) as error:
            self._failed(error, start)
            return
        self.processes[pid] = start
        self._begin_watch(pid)
        log(f"Timer '{self.service.name}' spawned process {pid}.")

    def _begin_watch(self, pid: int) -> None:
        self.supervisor.spawn_task(self._watch(pid), name=f"process of timer {self.service.name}")

    async def _watch(self, pid: int) -> None:
        """Wait for the end of a process, or bring it about after the maximum duration."""
        ending = asyncio.ensure_future(self.supervisor.children.wait(pid))
        remaining = None
        if self.max_duration is not None:
            remaining = self.max_duration - max(0, int(time.time()) - self.processes[pid])
        done, _ = await asyncio.wait({ending}, timeout=remaining)
        if not done:
            seconds = _seconds(self.max_duration or 0)
            log(
                f"Terminating process {pid} of timer '{self.service.name}' "
                f"after maximum duration of {seconds}."
            )
            await self._terminate(pid)
        status = await ending
        start, end = self.processes.pop(pid), int(time.time())
        log(
            f"Process {pid} of timer '{self.service.name}' terminated with status {status} "
            f"after {_seconds(end - start)}."
        )
        self._record(status, end, start)
        self._wake.set()

    async def _terminate(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            await terminate(
                self.supervisor.children, signal_target(pid), self.termination_signal, wait_for=pid
            )

    async def _call(self, procedure: Callable[[], Any]) -> None:
        start = int(time.time())
        token = _running_timer.set(self)
        try:
            result = procedure()
            if is_awaitable(result):
                await result
        except Exception as error:
            self._failed(error, start)
        else:
            self._record(Symbol("success"), int(time.time()), start)
        finally:
            _running_timer.reset(token)

    def _failed(self, error: Exception, start: int) -> None:
        reason: KeyedError = keyed(error)
        log(f"Exception caught while calling action of timer '{self.service.name}': {reason}")
        outcome = [Symbol("exception"), Symbol(reason.key), *reason.arguments]
        self._record(outcome, int(time.time()), start)

    def _record(self, outcome: object, end: int, start: int) -> None:
        self.past_runs.insert(0, (outcome, end, start))
        del self.past_runs[MAX_PAST_RUNS:]

    # Showing

    def __str__(self) -> str:
        action = str(self.action) if isinstance(self.action, Command) else values.text(self.action)
        return f"#<timer {self.event} {action} {id(self):x}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        action = self.action.to_wire() if isinstance(self.action, Command) else Symbol("procedure")
        finite = int(self.remaining) if self.remaining != math.inf else math.inf
        return [
            Symbol("timer"),
            [Symbol("version"), 0],
            [Symbol("event"), event_to_wire(self.event)],
            [Symbol("action"), action],
            [Symbol("processes"), list(self.processes.items())[::-1]],
            [Symbol("remaining-occurrences"), finite],
            [Symbol("past-runs"), [list(run) for run in self.past_runs]],
        ]


def _seconds(count: float) -> str:
    number = int(count) if count == int(count) else count
    return f"{number} second" if number == 1 else f"{number} seconds"


def event_to_wire(event: CalendarEvent) -> object:
    """Return a calendar event as SHEPHERD.md 11.4 has it."""
    fields = ("seconds", "minutes", "hours", "days_of_month", "days_of_week", "months")
    return [
        Symbol("calendar-event"),
        [Symbol("version"), 0],
        *([Symbol(name.replace("_", "-")), list(getattr(event, name))] for name in fields),
    ]


class TimerStart:
    """The start procedure of a timer; the options are those of ``Timer``.

    The start fails, with a message, if the event can never happen.
    """

    def __init__(
        self, event: CalendarEvent, action: Command | Callable[[], Any], **options: Any
    ) -> None:
        self.event = event
        self.action = action
        self.options = options

    def __call__(self, *_arguments: object) -> Timer | bool:
        service = current_service.get()
        if service is None:
            raise RuntimeError("a timer can only be started as a service")
        if next_occurrence(self.event, time.time()) is None:
            say(f"No matching event for timer '{service.name}': {self.event}.")
            say("This indicates that the calendar event is overly constrained.")
            return False
        timer = self._timer(service)
        timer.start()
        return timer

    def _timer(self, service: Service) -> Timer:
        return Timer(supervisor(), service, self.event, self.action, **self.options)

    def adopt(self, state: dict[str, Any], service: Service) -> Timer:
        """Return the timer that the previous image of the daemon carried over."""
        timer = self._timer(service)
        timer.resume(state)
        return timer


async def timer_destructor(timer: Timer, *_arguments: object) -> bool:
    """Stop a timer: the stop procedure of its service."""
    await timer.stop()
    return False


def trigger(value: object, *_arguments: object) -> None:
    """Trigger the timer that is a service's running value: the action of that name."""
    if isinstance(value, Timer):
        say("Triggering timer.")
        value.trigger()
    else:
        say("Attempted to trigger a timer that is not running; doing nothing.")


TRIGGER_ACTION: Final = Action("trigger", trigger, "Trigger the action associated with this timer.")
