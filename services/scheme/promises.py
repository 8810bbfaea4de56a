"""Promises: ``delay``, ``force`` and their relatives."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import wrong_type
from services.scheme.forms import LAMBDA
from services.scheme.machine import Machine
from services.scheme.primitives import Primitive
from services.scheme.procedures import operation
from services.scheme.syntax import Macro, form, parts_of
from services.scheme.types import NIL, Value

TABLE: dict[str, Value] = {}


class Promise:
    """What ``delay`` makes; ``done`` tells that ``value`` is the value, else it is a thunk."""

    __slots__ = ("done", "value")

    def __init__(self, done: bool, value: Value) -> None:
        self.done = done
        self.value = value

    def __str__(self) -> str:
        from services.scheme.printer import write

        return f"#<promise {write(self.value)}>"


_DELAY = Primitive("make-delayed", lambda thunk: Promise(False, thunk), 1, 1)


def _delay(datum: Any) -> Value:
    return form(_DELAY, form(LAMBDA, NIL, parts_of(datum, 1)[0]))


TABLE["delay"] = Macro("delay", _delay)
TABLE["lazy"] = Macro("lazy", _delay)
TABLE["delay-force"] = TABLE["lazy"]
TABLE["make-promise"] = Primitive(
    "make-promise", lambda v: v if type(v) is Promise else Promise(True, v), 1, 1
)
TABLE["promise?"] = Primitive("promise?", lambda v: type(v) is Promise, 1, 1)


@operation(TABLE, "force", 1)
def force(machine: Machine, promise: Value) -> Any:
    if type(promise) is not Promise:
        raise wrong_type("force", 1, promise)
    if promise.done:
        return promise.value
    machine.stack += (_forced, promise)
    return machine.apply(promise.value, ())


def _forced(value: Value, promise: Promise, machine: Machine) -> Any:
    if promise.done:  # it forced itself
        return promise.value
    if type(value) is Promise:  # delay of a delay, as with delay-force
        promise.done, promise.value = value.done, value.value
        return force(machine, promise)
    promise.done, promise.value = True, value
    return value
