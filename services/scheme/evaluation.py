"""Running evaluations: at once for one slice, then in turn with the others.

``apply``, ``evaluate`` and ``load`` return the value if it was there within a slice, else
an awaitable that goes on in the task that awaits it.  All unfinished evaluations share
the loop: one slice in each of its turns, round robin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any

from services.scheme.errors import misc_error
from services.scheme.machine import Machine
from services.scheme.modules import Module
from services.scheme.parameters import dynamic
from services.scheme.types import Value

if TYPE_CHECKING:
    from services.scheme.reader import Reader

SLICE = 0.001  # seconds


class _Turns:
    """Who waits for a slice on one event loop."""

    __slots__ = ("loop", "scheduled", "waiting")

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.waiting: deque[Any] = deque()
        self.scheduled = False

    def wait(self) -> Any:
        """A future that is done when it is the caller's turn."""
        future = self.loop.create_future()
        self.waiting.append(future)
        if not self.scheduled:
            self.scheduled = True
            self.loop.call_soon(self._next)
        return future

    def _next(self) -> None:
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                break
        # Always once more: that turn finds nobody if the evaluation ended.
        self.scheduled = bool(self.waiting)
        if self.scheduled:
            self.loop.call_soon(self._next)


_turns: _Turns | None = None


def _next_turn() -> Any:
    global _turns
    from asyncio import get_running_loop

    loop = get_running_loop()
    if _turns is None or _turns.loop is not loop:
        _turns = _Turns(loop)
    return _turns.wait()


class Evaluation:
    """An unfinished evaluation; awaiting it gives the value or raises SchemeError.

    Cancelling the task that awaits it unwinds it.
    """

    __slots__ = ("_machine",)

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __await__(self) -> Generator[Any, Any, Value]:
        machine = self._machine
        try:
            while True:
                if machine.state == "ready":
                    yield from _next_turn().__await__()
                    machine.run(SLICE)
                elif machine.state == "awaiting":
                    try:
                        value = yield from machine.awaitable.__await__()
                    except Exception as error:
                        machine.resume_error(error)
                    else:
                        machine.resume(value)
                    machine.run(SLICE)
                elif machine.state == "done":
                    return machine.value
                else:
                    assert machine.error is not None
                    raise machine.error
        except BaseException as error:
            if machine.state in ("ready", "awaiting"):
                self._abandon(error)
            raise

    def _abandon(self, reason: BaseException) -> None:
        from services.scheme.unwinding import abandon

        abandon(self._machine, reason)

    def close(self) -> None:
        """Unwind an evaluation that will not be awaited, and what it would have waited for."""
        machine = self._machine
        if machine.state == "awaiting":
            close = getattr(machine.awaitable, "close", None)
            if close is not None:
                close()
        if machine.state in ("ready", "awaiting"):
            self._abandon(GeneratorExit())


def begin(procedure: Value, args: tuple[Value, ...]) -> Value | Awaitable[Value]:
    """Apply ``procedure`` for at most a slice; the value, or what to await."""
    machine = Machine()
    machine.start(procedure, args)
    machine.run(SLICE)
    if machine.state == "done":
        return machine.value
    if machine.state == "failed":
        assert machine.error is not None
        raise machine.error
    return Evaluation(machine)


def apply(procedure: Value, args: tuple[Value, ...] | list[Value] = ()) -> Any:
    """Apply a Scheme procedure.

    Returns its value, or an awaitable of it if the procedure suspended itself or its slice
    ended.  Multiple values come as ``Values``.  Raises SchemeError.
    """
    return begin(procedure, tuple(args))


def run_now(
    procedure: Value,
    args: tuple[Value, ...] = (),
    seconds: float = 0.1,
    bindings: dict[Any, list[Value]] | None = None,
) -> Value:
    """Apply a procedure that must not suspend and must end within ``seconds``.

    For places that cannot wait: record printers, macro expanders.  Raises SchemeError.
    """
    outer = dynamic.bindings
    if bindings is not None:
        dynamic.bindings = bindings
    try:
        machine = Machine()
        machine.start(procedure, args)
        machine.run(seconds)
    finally:
        dynamic.bindings = outer
    if machine.state == "done":
        return machine.value
    if machine.state == "failed":
        assert machine.error is not None
        raise machine.error
    suspended = machine.state == "awaiting"
    Evaluation(machine).close()
    reason = "procedure cannot wait here: ~S" if suspended else "procedure takes too long: ~S"
    raise misc_error(None, reason, procedure)


def evaluate(datum: Value, module: Module, reader: Reader | None = None) -> Any:
    """Evaluate one datum in ``module``; returns and raises like ``apply``.

    ``reader`` is what has just read the datum, and knows the places in it.
    """
    from services.scheme.toplevel import EVALUATE, EVALUATE_IN

    if reader is not None:
        return begin(EVALUATE_IN, (datum, module, reader))
    return begin(EVALUATE, (datum, module))


def load(path: str, module: Module) -> Any:
    """Evaluate the forms of a file in ``module``: the value of the last one.

    Returns and raises like ``apply``; a file that cannot be read is a ``system-error``.
    """
    from services.scheme.toplevel import LOAD

    return begin(LOAD, (path, module))
