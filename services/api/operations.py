"""``(fibers operations)`` and its relatives: waiting for the first of several things.

An operation says how to wait for one thing; ``perform-operation`` does so.  A choice waits
for all of its operations and gives up those that were not first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from services.api.fibers import LIBRARY as _FIBERS
from services.api.fibers import Channel, channel
from services.api.written import unavailable
from services.scheme.errors import wrong_type
from services.scheme.library.waiting import until_ready
from services.scheme.ports import Port
from services.scheme.primitives import Await, Call, Library, Steps
from services.scheme.types import Procedure, Value, Values

LIBRARY = Library()
LIBRARY.bindings.update(_FIBERS.bindings)


class Operation:
    """``wait()`` is a coroutine of the value; ``wraps`` are called with it, one after the other."""

    __slots__ = ("wait", "wraps")

    def __init__(
        self, wait: Callable[[], Awaitable[Any]], wraps: tuple[Procedure, ...] = ()
    ) -> None:
        self.wait = wait
        self.wraps = wraps


class Choice:
    """The first of several operations."""

    __slots__ = ("operations",)

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations

    async def wait(self) -> tuple[Value, tuple[Procedure, ...]]:
        """Return the value of the first that is done, and what wraps it."""
        tasks = {asyncio.ensure_future(one.wait()): one for one in self.operations}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            first = next(task for task in tasks if task in done)
            return first.result(), tasks[first].wraps
        finally:
            for task in tasks:
                task.cancel()


def _operations(who: str, value: Value) -> list[Operation]:
    if isinstance(value, Operation):
        return [value]
    if isinstance(value, Choice):
        return value.operations
    raise wrong_type(who, 1, value)


async def _silent(work: Awaitable[Any]) -> Values:
    """Wait for something that gives no value."""
    await work
    return Values(())


@LIBRARY.primitive("get-operation", 1)
def get_operation(value: Value) -> Operation:
    return Operation(channel("get-operation", value).get)


@LIBRARY.primitive("put-operation", 2)
def put_operation(value: Value, message: Value) -> Operation:
    to: Channel = channel("put-operation", value)
    return Operation(lambda: _silent(to.put(message)))


@LIBRARY.primitive("sleep-operation", 1)
def sleep_operation(seconds: Value) -> Operation:
    if isinstance(seconds, bool) or not hasattr(seconds, "__float__"):
        raise wrong_type("*", 1, seconds)
    return Operation(lambda: _silent(asyncio.sleep(max(0.0, float(seconds)))))


@LIBRARY.primitive("wrap-operation", 2)
def wrap_operation(operation: Value, procedure: Value) -> Operation | Choice:
    if not isinstance(procedure, Procedure):
        raise wrong_type("wrap-operation", 2, procedure)
    wrapped = [
        Operation(one.wait, (*one.wraps, procedure))
        for one in _operations("wrap-operation", operation)
    ]
    return wrapped[0] if isinstance(operation, Operation) else Choice(wrapped)


@LIBRARY.primitive("choice-operation", 0, None)
def choice_operation(*operations: Value) -> Choice:
    return Choice([one for value in operations for one in _operations("choice-operation", value)])


@LIBRARY.procedure("perform-operation", 1)
def perform_operation(operation: Value) -> Steps:
    choice = Choice(_operations("perform-operation", operation))
    value, wraps = yield Await(choice.wait())
    for procedure in wraps:
        arguments = value.items if isinstance(value, Values) else (value,)
        value = yield Call(procedure, arguments)
    return value


# Conditions


class Condition(asyncio.Event):
    """Something that happens once."""

    def __str__(self) -> str:
        return f"#<condition {id(self):x}>"


def _condition(who: str, value: Value) -> Condition:
    if not isinstance(value, Condition):
        raise wrong_type(who, 1, value)
    return value


LIBRARY.primitive("make-condition", 0)(Condition)
LIBRARY.primitive("condition?", 1)(lambda value: isinstance(value, Condition))


@LIBRARY.primitive("signal-condition!", 1)
def signal_condition(value: Value) -> bool:
    """Let it happen; false if it had happened before."""
    condition = _condition("signal-condition!", value)
    before = condition.is_set()
    condition.set()
    return not before


@LIBRARY.primitive("wait-operation", 1)
def wait_operation(value: Value) -> Operation:
    condition = _condition("wait-operation", value)
    return Operation(lambda: _silent(condition.wait()))


@LIBRARY.procedure("wait", 1)
def wait(value: Value) -> Steps:
    yield Await(_condition("wait", value).wait())


# Ports


def _port_operation(name: str, write: bool) -> None:
    @LIBRARY.primitive(name, 1)
    def operation(port: Value) -> Operation:
        if not isinstance(port, Port) or port.fd is None:
            raise wrong_type(name, 1, port)
        descriptor = port.fd
        return Operation(lambda: _silent(until_ready(descriptor, write)))


_port_operation("wait-until-port-readable-operation", write=False)
_port_operation("wait-until-port-writable-operation", write=True)


@LIBRARY.procedure("dynamic-wind*", 3)
def dynamic_wind(before: Value, thunk: Value, after: Value) -> Steps:
    """Enter and leave only when the extent is really entered and left."""
    yield Call(before)
    try:
        return (yield Call(thunk))
    finally:
        yield Call(after)


LIBRARY.bind("%fibers-version", "1.4.3")
unavailable(
    LIBRARY, "fibers run on the event loop of the daemon",
    "make-base-operation", "make-base-operation/internal", "timer-operation", "accept-operation",
    "make-read-operation", "make-write-operation", "with-read-waiting-is-failure",
    "with-write-waiting-is-failure", "cancel-fd-waiter", "cancel-timer",
    "choose-parallel-scheduler", "current-scheduler", "destroy-scheduler", "make-scheduler",
    "rewinding-for-scheduling?", "run-scheduler", "schedule-task", "schedule-task-at-time",
    "schedule-task-when-fd-readable", "schedule-task-when-fd-writable", "scheduler-kernel-thread",
    "scheduler-remote-peers", "scheduler-runcount", "scheduler-timers", "scheduler-work-pending?",
    "suspend-current-task", "unschedule-task-for-fd", "%nesting-test-1?", "%nesting-test-2?",
)  # fmt: skip
