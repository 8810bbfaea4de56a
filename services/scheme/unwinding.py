"""What happens when an error is raised or a continuation is called.

An error first looks for a handler.  One that runs in place is called on top of the
stack; for one that unwinds, frames are dropped one by one: generator procedures get the
error thrown into them (an escape closes them), ``after`` thunks run.  A generator
procedure that catches the error takes over there.  In-place handlers run before any
generator procedure hears of the error.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import ref

from services.scheme.dynamics import Dynamic, Handler, Mask, Wind
from services.scheme.errors import SchemeError, as_scheme_error, locate, misc_error
from services.scheme.machine import (
    Machine,
    Running,
    Stop,
    end_generator,
    leave,
    resume_generator,
    serve,
)
from services.scheme.types import Procedure, Symbol, Value, Values

_BATCH = 250  # frames dropped in one step; there are 64 steps between two looks at the clock


def raise_in(machine: Machine, error: SchemeError) -> Any:
    """Raise ``error`` where the machine stands: gives a value or JUMP."""
    while True:
        try:
            return _dispatch(machine, error, machine.dynamic.handler)
        except Exception as another:
            error = as_scheme_error(another)


def _dispatch(machine: Machine, error: SchemeError, handler: Handler | None) -> Any:
    while handler is not None and not _handles(handler, error):
        handler = handler.outer
    if handler is None:
        return unwind(machine, 2, error, None)
    if handler.height is None:
        if not error.continuable:
            machine.stack += (_after_in_place, (handler, error))
        machine.extend(Mask(machine.dynamic, handler.outer))
        return _call(machine, handler, handler.procedure, error)
    if handler.before is not None:
        machine.stack += (_after_before, (handler, error))
        machine.extend(Mask(machine.dynamic, handler.outer))
        return _call(machine, handler, handler.before, error)
    return unwind(machine, handler.height, error, handler)


def _handles(handler: Handler, error: SchemeError) -> bool:
    if handler.kinds is not None:
        from services.scheme.conditions import exception_object

        return handler.kinds(exception_object(error)) is True
    if handler.height is None and error.key == "stack-overflow":
        return False  # there is no room to run it in
    return handler.key is None or handler.key == error.key


def _call(machine: Machine, handler: Handler, procedure: Value, error: SchemeError) -> Any:
    if handler.spread:
        return machine.apply(procedure, (Symbol(error.key), *error.arguments))
    from services.scheme.conditions import exception_object

    return machine.apply(procedure, (exception_object(error),))


def _after_in_place(value: Value, state: Any, machine: Machine) -> Any:
    handler, error = state
    if handler.rethrow:
        return _dispatch(machine, error, handler.outer)
    from services.scheme.conditions import non_continuable

    return _dispatch(machine, non_continuable(), handler.outer)


def _after_before(value: Value, state: Any, machine: Machine) -> Any:
    handler, error = state
    return unwind(machine, handler.height, error, handler)


def unwind(machine: Machine, height: int, error: SchemeError | None, then: Any) -> Any:
    """Drop frames down to ``height``, then do ``then``.

    ``then`` is a handler to call with ``error``; or, if ``error`` is None, a function of the
    machine; None: the evaluation fails with ``error``.
    """
    stack = machine.stack
    batch = _BATCH
    while len(stack) > height:
        state = stack.pop()
        frame = stack.pop()
        if frame is leave:
            machine.enter(state.parent)
        elif frame is resume_generator:
            result = _leave_generator(machine, state, error)
            if result is not _UNWINDING:
                return result
        elif frame is leave_wind:
            machine.enter(state.parent)
            stack += (_go_on, (height, error, then))
            return machine.apply(state.after, ())
        elif frame is leave_continuation:
            state.left(machine)
        batch -= 1
        if not batch:
            stack += (_go_on, (height, error, then))
            return None
    if error is None:
        return then(machine)
    if then is None:
        machine.state, machine.error = "failed", error
        raise Stop
    return _call(machine, then, then.procedure, error)


_UNWINDING: Any = object()


def _go_on(value: Value, state: Any, machine: Machine) -> Any:
    return unwind(machine, *state)


def _leave_generator(machine: Machine, running: Running, error: SchemeError | None) -> Any:
    generator = running.generator
    if error is None:
        with suppress(RuntimeError):  # if it yields it can neither go on nor stop the escape
            generator.close()
        return _UNWINDING
    try:
        request = generator.throw(error)
    except StopIteration as end:
        return end_generator(end.value, running, machine)
    except Exception as another:
        if another is error:
            locate(error, running.where)
            return _UNWINDING
        raised = as_scheme_error(another, running.primitive.name, running.where)
        return _dispatch(machine, raised, machine.dynamic.handler)
    return serve(request, running, machine)


# dynamic-wind


def leave_wind(value: Value, wind: Wind, machine: Machine) -> Any:
    """The body of a ``dynamic-wind`` has returned."""
    from services.scheme.machine import give

    machine.enter(wind.parent)
    machine.stack += (give, value)
    return machine.apply(wind.after, ())


# Continuations


class Mark:
    """The object of a ``call/cc`` frame.

    When the frame is left and somebody still holds the continuation, the stack below is
    copied, so that it can be entered again; but not past a generator procedure that has
    gone on since.
    """

    __slots__ = ("dynamic", "height", "holder", "live", "machine", "saved", "steps")

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.height = len(machine.stack)
        self.dynamic: Dynamic = machine.dynamic
        self.live = True
        self.saved: list[Any] = []
        self.steps: list[tuple[int, int]] = []
        self.holder: Any = None

    def left(self, machine: Machine) -> None:
        """The frame was popped."""
        self.live = False
        if self.holder is not None and self.holder() is not None:
            self.saved = machine.stack[: self.height]
            self.steps = [
                (index, entry.steps)
                for index, entry in enumerate(self.saved)
                if type(entry) is Running
            ]


class Continuation(Procedure):
    """What ``call/cc`` gives.  While the frame of the call stands, calling it only unwinds."""

    __slots__ = ("__weakref__", "mark")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark

    def apply_in(self, machine: Machine, args: tuple[Value, ...]) -> Any:
        value = args[0] if len(args) == 1 else Values(args)
        mark = self.mark
        if mark.live and mark.machine is machine:
            return unwind(machine, mark.height, None, _Return(mark, value))
        if not mark.saved:
            raise misc_error(None, "continuation cannot be entered from here")
        return _reenter(mark, machine, value)


def capture(machine: Machine, reenter: bool) -> Continuation:
    """The current continuation; ``reenter`` False: it need not be copied when left."""
    stack = machine.stack
    if stack[-2] is leave_continuation and stack[-1].holder is not None and reenter:
        mark = stack[-1]  # a tail call of call/cc: the same continuation
        held: Continuation | None = mark.holder()
        if held is not None:
            return held
    else:
        mark = Mark(machine)
        stack += (leave_continuation, mark)
    continuation = Continuation(mark)
    if reenter:
        mark.holder = ref(continuation)
    return continuation


def _reenter(mark: Mark, machine: Machine, value: Value) -> Any:
    saved, stack = mark.saved, machine.stack
    common = 2
    limit = min(len(saved), len(stack))
    while (
        common < limit and saved[common] is stack[common] and saved[common + 1] is stack[common + 1]
    ):
        common += 2
    for index, steps in mark.steps:
        if index >= common or saved[index].steps != steps:
            raise misc_error(
                None,
                "continuation cannot be entered again: it goes through ~A",
                saved[index].primitive,
            )
    winds = [saved[i + 1] for i in range(common, len(saved), 2) if saved[i] is leave_wind]
    return unwind(machine, common, None, _Rewind(mark, winds, value))


class _Return:
    """Goes on after a ``call/cc`` whose frame is still there."""

    __slots__ = ("mark", "value")

    def __init__(self, mark: Mark, value: Value) -> None:
        self.mark = mark
        self.value = value

    def __call__(self, machine: Machine) -> Any:
        machine.enter(self.mark.dynamic)
        return self.value


class _Rewind:
    """Runs the ``before`` thunks on the way into a continuation, then puts its stack back."""

    __slots__ = ("mark", "value", "winds")

    def __init__(self, mark: Mark, winds: list[Wind], value: Value) -> None:
        self.mark = mark
        self.winds = winds
        self.value = value

    def __call__(self, machine: Machine) -> Any:
        if self.winds:
            wind, *rest = self.winds
            machine.enter(wind.parent)
            machine.stack += (_rewind_on, _Rewind(self.mark, rest, self.value))
            return machine.apply(wind.before, ())
        machine.stack[:] = self.mark.saved
        machine.enter(self.mark.dynamic)
        return self.value


def _rewind_on(value: Value, rewind: _Rewind, machine: Machine) -> Any:
    return rewind(machine)


def leave_continuation(value: Value, mark: Mark, machine: Machine) -> Any:
    """The procedure given to ``call/cc`` has returned."""
    mark.left(machine)
    return value


# Abandoning


def abandon(machine: Machine, reason: BaseException, seconds: float = 0.05) -> None:
    """Drop every frame of an evaluation that is not wanted any more.

    Generator procedures get ``reason`` thrown into them; ``after`` thunks run for at most
    ``seconds`` each and cannot suspend.
    """
    from services.scheme.evaluation import run_now

    stack = machine.stack
    while len(stack) > 2:
        state = stack.pop()
        frame = stack.pop()
        if frame is leave:
            machine.dynamic = state.parent
        elif frame is resume_generator:
            try:
                state.generator.throw(reason)
                state.generator.close()
            except BaseException:
                pass  # what it raises has nobody left to hear it
        elif frame is leave_wind:
            machine.dynamic = state.parent
            with suppress(SchemeError):
                run_now(state.after, (), seconds, state.parent.bindings)
    machine.state, machine.error = "failed", reason
    if machine.frozen:
        machine.thaw()
