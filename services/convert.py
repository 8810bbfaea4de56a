"""Between Scheme values and the wire data and Python callables that ``pid1`` works with.

A start, stop or action procedure of a configuration becomes a Python callable that runs
the interpreter; one that is a constructor written in Python is used directly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

from pid1.awaiting import is_awaitable
from pid1.errors import KeyedError, ServiceQuit
from pid1.log import log
from pid1.sexp import Keyword, Symbol, Vector
from pid1.supervisor import current_service
from pid1.values import Presentation, Process
from services.scheme import apply
from services.scheme.errors import SchemeError
from services.scheme.evaluation import run_now
from services.scheme.primitives import Await, Primitive, Steps
from services.scheme.printer import write as write_string
from services.scheme.types import (
    NIL,
    Pair,
    Procedure,
    Record,
    RecordType,
    Value,
    Values,
    is_circular_list,
    scheme_list,
)

if TYPE_CHECKING:
    from services.scheme.machine import Machine


# How records of a configuration's own types are sent, by type.
serializers: dict[RecordType, Procedure] = {}


def to_wire(value: Value) -> object:
    """Return a Scheme value as a reply sends it (SHEPHERD.md 11.4).

    What has no wire form is sent as a string, the way it prints.
    """
    if isinstance(value, (bool, int, float, str, Symbol, Keyword)):
        return value
    if type(value).__name__ == "Fraction":
        return value
    if value is NIL:
        return []
    if type(value) is Pair:
        return _list_to_wire(value)
    if hasattr(value, "to_wire"):
        from pid1.command import Command
        from pid1.endpoints import Endpoint

        # These two have a wire form only as parts of others.
        if not isinstance(value, (Command, Endpoint)):
            return value.to_wire()
    if serializers and type(value) is Record and value.type in serializers:
        return to_wire(run_now(serializers[value.type], (value,)))
    return write_string(value)


def _list_to_wire(pair: Pair) -> object:
    if is_circular_list(pair):
        return write_string(pair)
    items = []
    tail: Value = pair
    while type(tail) is Pair:
        items.append(to_wire(tail.car))
        tail = tail.cdr
    if tail is NIL:
        return items
    result = to_wire(tail)
    for item in reversed(items):
        result = (item, result)
    return result


def from_wire(value: object) -> Value:
    """Return wire data as a Scheme value."""
    if isinstance(value, Vector):
        return [from_wire(item) for item in value]
    if isinstance(value, list):
        return scheme_list([from_wire(item) for item in value])
    if isinstance(value, tuple):
        return Pair(from_wire(value[0]), from_wire(value[1]))
    return value


def to_keyed(error: SchemeError) -> KeyedError | ServiceQuit:
    """Return a Scheme error as ``pid1`` reports it; ``(exit)`` becomes ServiceQuit."""
    if error.key == "quit":
        status = error.arguments[0] if error.arguments else 0
        if type(status) is bool or type(status) is not int:
            status = 1 if status is False else 0
        return ServiceQuit(status)
    return KeyedError(error.key, [to_wire(argument) for argument in error.arguments])


def first_value(value: Value) -> Value:
    """The first of several values; none at all is the unspecified value."""
    if type(value) is Values:
        return value.items[0] if value.items else None
    return value


class _Later:
    """What comes of an awaitable later; closing it before it is awaited closes that."""

    __slots__ = ("finish", "work")

    def __init__(
        self, work: Awaitable[Value], finish: Callable[[Awaitable[Value]], Awaitable[Any]]
    ) -> None:
        self.work = work
        self.finish = finish

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self.finish(self.work).__await__())

    def close(self) -> None:
        """Unwind what will not be awaited."""
        close = getattr(self.work, "close", None)
        if close is not None:
            close()


class Host:
    """A Scheme procedure as a Python callable that takes wire data.

    The result is the Scheme value, or an awaitable of it; errors are KeyedErrors.
    """

    __slots__ = ("procedure",)

    def __init__(self, procedure: Procedure) -> None:
        self.procedure = procedure

    def __call__(self, *arguments: object) -> Any:
        return self.run(tuple([from_wire(argument) for argument in arguments]))

    def run(self, arguments: tuple[Value, ...]) -> Any:
        """Apply the procedure to Scheme values."""
        try:
            result = apply(self.procedure, arguments)
        except SchemeError as error:
            raise self.translate(error) from error
        if is_awaitable(result):
            return _Later(result, self._later)
        return first_value(result)

    async def _later(self, work: Awaitable[Value]) -> Value:
        try:
            return first_value(await work)
        except SchemeError as error:
            raise self.translate(error) from error

    def translate(self, error: SchemeError) -> BaseException:
        """Return what is raised in ``pid1`` for an error of the procedure."""
        return to_keyed(error)


class Stop(Host):
    """A procedure of the running value, which it gets as it is, and of wire data."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> Any:
        value, *rest = arguments
        return self.run((value, *[from_wire(argument) for argument in rest]))


class Start(Host):
    """A start procedure: its result is turned into a running value (SHEPHERD.md section 2)."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> Any:
        result = self.run(tuple([from_wire(argument) for argument in arguments]))
        if is_awaitable(result):
            return _Later(result, self._finish_later)
        return running_value(result)

    @staticmethod
    async def _finish_later(work: Awaitable[Value]) -> Any:
        result = running_value(await work)
        return await result if is_awaitable(result) else result


def running_value(value: Value) -> Any:
    """Return what a start procedure's value becomes, or an awaitable of it.

    An integer is the PID of a process; a procedure is given a setter, and what it returns
    is the value for now.
    """
    if type(value) is int and value > 1:
        return Process(value)
    if isinstance(value, Procedure):
        service = current_service.get()

        def set_value(new: Value) -> None:
            if service is None:
                return
            if type(new) is int and new > 1:
                new = Process(new)
            service.set_value(new)
            log(f"Running value of service {service.name} changed to {Presentation.text(new)}.")

        return Host(value).run((Primitive("set-value!", set_value, 1, 1),))
    return value


class Constructor(Procedure):
    """A start or stop procedure written in Python, which Scheme code may call as well."""

    __slots__ = ("host", "name")

    def __init__(self, name: str, host: Callable[..., Any]) -> None:
        self.name = name
        self.host = host

    def __str__(self) -> str:
        return f"#<procedure {self.name} args>"

    def apply_in(self, machine: Machine, arguments: tuple[Value, ...]) -> Any:
        """Apply it in an evaluation: called by the machine for procedures it does not know."""
        return machine.apply(Primitive(self.name, self._steps, 0, None, True), arguments)

    def _steps(self, *arguments: Value) -> Steps:
        result = self.host(*arguments)
        if is_awaitable(result):
            result = yield Await(result)
        return result


def start_callable(procedure: Procedure) -> Callable[..., Any]:
    """Return the Python callable for a service's start procedure."""
    return procedure.host if isinstance(procedure, Constructor) else Start(procedure)


def stop_callable(procedure: Procedure) -> Callable[..., Any]:
    """Return the Python callable for a service's stop procedure."""
    return procedure.host if isinstance(procedure, Constructor) else Stop(procedure)


def text_of(value: Value) -> str:
    """How a running value of a configuration prints in the log."""
    return write_string(value)


def install() -> None:
    """Make ``pid1`` show values as Scheme does."""
    Presentation.encode = staticmethod(to_wire)
    Presentation.decode = staticmethod(from_wire)
    Presentation.text = staticmethod(text_of)


__all__ = [
    "Constructor", "Host", "Start", "Stop", "first_value", "from_wire", "install",
    "running_value", "serializers", "start_callable", "stop_callable", "text_of", "to_keyed",
    "to_wire",
]  # fmt: skip
