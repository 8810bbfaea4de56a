"""The machine: an explicit stack of continuation frames and the loop that runs it.

A frame is two entries of the stack, a function and what it works on; the function is
called with the value that the frame waited for.  Python's stack holds only the nesting
of one expression, so Scheme recursion is bounded by memory and an evaluation can stop
between any two steps.  Errors, escapes and the unwinding of frames are in ``unwinding``.
"""

from __future__ import annotations

import gc
from itertools import repeat
from time import perf_counter
from typing import Any

from services.scheme.dynamics import Bindings, Dynamic
from services.scheme.errors import (
    SchemeError,
    as_scheme_error,
    locate,
    stack_overflow,
    wrong_number_of_arguments,
)
from services.scheme.parameters import CallWith, Parameter, dynamic, set_value
from services.scheme.primitives import Await, Call, Primitive, TailCall
from services.scheme.procedures import (
    CaseLambda,
    Closure,
    Operation,
    Where,
    accepts,
    bind_arguments,
)
from services.scheme.types import NIL, Value, Values, scheme_list

JUMP: Any = type("Jump", (), {"__repr__": lambda self: "JUMP"})()

_DEEP = 50_000  # entries of the stack that are worth the collector's while
_STEPS = 64  # steps between two looks at the clock
_FRAME_BYTES = 200  # measured: what a frame of a simple recursion keeps alive
_share = 4  # the stack may take this part of the memory: a quarter
_MOST = 1 << 30  # bytes, however large the memory: this is PID 1, not a computation


def _stack_limit() -> int:
    import os

    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        memory = 1 << 30
    return max(100_000, min(memory // _share, _MOST) // _FRAME_BYTES) * 2


class Stop(BaseException):
    """Leaves the loop: the evaluation has ended or is suspended.  Never seen elsewhere."""


class Running:
    """A generator procedure in progress; the object of its frame."""

    __slots__ = ("generator", "primitive", "steps", "where")

    def __init__(self, generator: Any, primitive: Primitive, where: Where) -> None:
        self.steps = 0  # how often it was resumed: a continuation cannot go back before that
        self.generator = generator
        self.primitive = primitive
        self.where = where


class Machine:
    """One evaluation.

    ``state`` is ``ready``, ``awaiting`` (``awaitable`` is to be awaited), ``done`` (``value``)
    or ``failed`` (``error``).  ``dynamic`` is the innermost dynamic extent.
    """

    __slots__ = (
        "awaitable", "dynamic", "env", "error", "frozen", "limit", "node", "stack", "state",
        "value",
    )  # fmt: skip

    limit_default = 0  # entries of the stack
    deep = 0  # how many machines hold a frozen stack
    host_froze = False  # the host keeps objects of its own from the collector

    def __init__(self) -> None:
        if not Machine.limit_default:
            Machine.limit_default = _stack_limit()
        self.limit = Machine.limit_default
        self.frozen = 0  # depth of the stack when it was last hidden from the collector
        self.stack: list[Any] = [finish, None]
        # Parameters bound around the caller's evaluation, if one is running, are seen here too.
        self.dynamic = Dynamic(None, dynamic.bindings)
        self.state = "ready"
        self.value: Any = None
        self.error: BaseException | None = None
        self.awaitable: Any = None
        self.node: Any = None
        self.env: Any = None

    # The dynamic environment

    def enter(self, extent: Dynamic) -> None:
        """Put ``extent`` in force."""
        self.dynamic = extent
        dynamic.bindings = extent.bindings

    def extend(self, extent: Dynamic) -> None:
        """Put ``extent`` in force until the call that follows returns."""
        self.stack += (leave, extent)
        self.dynamic = extent
        dynamic.bindings = extent.bindings

    # Running

    def start(self, procedure: Value, args: tuple[Value, ...]) -> None:
        """Prepare to apply ``procedure``."""
        self.node = _start
        self.env = (procedure, args)
        self.value = JUMP

    def run(self, seconds: float) -> None:
        """Run for about ``seconds``; look at ``state`` afterwards.

        Raises nothing that Scheme code may cause; KeyboardInterrupt and its like pass.
        """
        from services.scheme.unwinding import raise_in

        outer = dynamic.bindings
        dynamic.bindings = self.dynamic.bindings
        deadline = perf_counter() + seconds
        stack = self.stack
        pop = stack.pop
        result = self.value
        try:
            while True:
                try:
                    while True:
                        for _ in repeat(None, _STEPS):
                            if result is JUMP:
                                result = self.node(self.env, self)
                            else:
                                env = pop()
                                result = pop()(result, env, self)
                        if perf_counter() > deadline:
                            self.value = result
                            return
                        if len(stack) > _DEEP or self.frozen:
                            self._watch_depth()
                except Exception as error:
                    result = raise_in(self, as_scheme_error(error))
                    if perf_counter() > deadline:  # raising and catching may be all it does
                        self.value = result
                        return
        except Stop:
            return
        except BaseException as error:
            self.state, self.error = "failed", error
            raise
        finally:
            dynamic.bindings = outer
            if self.frozen and self.state in ("done", "failed"):
                self.thaw()

    def _watch_depth(self) -> None:
        """Bound the stack, and keep Python's collector from walking a deep one again and again.

        A full collection takes 50 ms for each million frames.  Raises SchemeError.
        """
        depth = len(self.stack)
        if depth > self.limit:
            self.limit += Machine.limit_default // 8  # for the handlers
            raise stack_overflow()
        if self.limit > Machine.limit_default > 2 * depth:
            self.limit = Machine.limit_default
        if depth > self.frozen + _DEEP:
            if not self.frozen:
                if not Machine.deep:
                    Machine.host_froze = gc.get_freeze_count() > 0
                Machine.deep += 1
            self.frozen = depth
            gc.freeze()
        elif self.frozen and depth < _DEEP:
            self.thaw()

    def thaw(self) -> None:
        """The stack is not deep any more."""
        self.frozen = 0
        Machine.deep -= 1
        if not Machine.deep:
            gc.unfreeze()
            if Machine.host_froze:
                gc.freeze()

    def resume(self, value: Value) -> None:
        """Give the value of the awaitable; ``run`` goes on."""
        self.state, self.value, self.awaitable = "ready", value, None

    def resume_error(self, error: BaseException) -> None:
        """Raise in the procedure that awaited."""
        self.state, self.awaitable = "ready", None
        self.node, self.env, self.value = _raise, error, JUMP

    # Application

    def apply(self, procedure: Value, args: tuple[Value, ...], where: Where = None) -> Any:
        """Apply in tail position: gives a value or JUMP.  Raises SchemeError."""
        kind = type(procedure)
        if kind is Closure:
            template = procedure.template
            if template.count == len(args):
                self.env = [procedure.env, *args, *template.pad]
            else:
                self.env = bind_arguments(procedure, args)
            self.node = template.body
            return JUMP
        if kind is Primitive:
            if len(args) < procedure.low or (
                procedure.high is not None and len(args) > procedure.high
            ):
                raise wrong_number_of_arguments(procedure)
            if procedure.generator:
                running = Running(procedure.fn(*args), procedure, where)
                return resume_generator(None, running, self)
            try:
                return procedure.fn(*args)
            except SchemeError:
                raise
            except Exception as error:
                raise as_scheme_error(error, procedure.name) from error
        if kind is Operation:
            if len(args) < procedure.low or (
                procedure.high is not None and len(args) > procedure.high
            ):
                raise wrong_number_of_arguments(procedure)
            return procedure.fn(self, *args)
        if kind is Parameter:
            return self._apply_parameter(procedure, args)
        if kind is CaseLambda:
            for clause in procedure.clauses:
                if accepts(clause, len(args)):
                    return self.apply(clause, args, where)
            raise wrong_number_of_arguments(procedure)
        special = getattr(kind, "apply_in", None)
        if special is not None:
            return special(procedure, self, args)
        raise SchemeError(
            "wrong-type-arg",
            (
                False,
                "Wrong type to apply: ~S",
                scheme_list((procedure,)),
                scheme_list((procedure,)),
            ),
        )

    def _apply_parameter(self, parameter: Parameter, args: tuple[Value, ...]) -> Any:
        if not args:
            cell = dynamic.bindings.get(parameter)
            return parameter.default if cell is None else cell[0]
        if len(args) > 1:
            raise wrong_number_of_arguments(parameter)
        if parameter.converter is None:
            return set_value(parameter, args[0])
        self.stack += (_store_parameter, parameter)
        return self.apply(parameter.converter, args)


# Frames.  Each is a function of the value, the frame's object and the machine.


def finish(value: Value, _: Any, machine: Machine) -> Any:
    """The bottom of the stack."""
    machine.state, machine.value = "done", value
    machine.stack += (finish, None)
    raise Stop


def leave(value: Value, extent: Dynamic, machine: Machine) -> Any:
    """The end of a dynamic extent."""
    outer = extent.parent
    machine.dynamic = outer
    dynamic.bindings = outer.bindings
    return value


def give(value: Value, kept: Value, machine: Machine) -> Any:
    """Drop the value for the one kept."""
    return kept


def _store_parameter(value: Value, parameter: Parameter, machine: Machine) -> Any:
    return set_value(parameter, value)


def resume_generator(value: Value, running: Running, machine: Machine) -> Any:
    """Send a value into a generator procedure and do what it asks for."""
    running.steps += 1
    try:
        request = running.generator.send(value)
    except StopIteration as end:
        return end_generator(end.value, running, machine)
    except SchemeError as error:
        locate(error, running.where)
        raise
    except Exception as error:
        raise as_scheme_error(error, running.primitive.name, running.where) from error
    return serve(request, running, machine)


def end_generator(value: Value, running: Running, machine: Machine) -> Any:
    """A generator procedure has returned."""
    if type(value) is TailCall:
        return machine.apply(value.proc, value.args, running.where)
    return value


def serve(request: Any, running: Running, machine: Machine) -> Any:
    """Do what a generator procedure yielded."""
    kind = type(request)
    if kind is Call:
        machine.stack += (resume_generator, running)
        return machine.apply(request.proc, request.args, running.where)
    if kind is Await:
        machine.stack += (resume_generator, running)
        machine.awaitable = request.awaitable
        machine.state = "awaiting"
        raise Stop
    if kind is CallWith:
        machine.stack += (resume_generator, running)
        machine.extend(
            Bindings(machine.dynamic, {key: [value] for key, value in request.bindings.items()})
        )
        return machine.apply(request.proc, request.args, running.where)
    raise TypeError(f"{running.primitive.name} yielded {request!r}")


# Nodes


def _start(env: Any, machine: Machine) -> Any:
    return machine.apply(*env)


def _raise(env: Any, machine: Machine) -> Any:
    raise env


def single(value: Value) -> Value:
    """The first of multiple values, as a continuation that takes one gets it."""
    if type(value) is Values:
        if not value.items:
            message = "Zero values returned to single-valued continuation"
            raise SchemeError("misc-error", (False, message, NIL, False))
        return value.items[0]
    return value
