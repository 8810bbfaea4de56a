"""Promises: ``delay``, ``force`` and their relatives."""

from __future__ import annotations

from collections.abc import Callable
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
    """What ``delay`` makes; ``done`` tells that ``value`` is the value, else it is a thunk.

    The thunk of a ``lazy`` one gives a promise, whose value is to be this one's.
    """

    __slots__ = ("done", "lazy", "value")

    def __init__(self, done: bool, value: Value, lazy: bool = False) -> None:
        self.done = done
        self.value = value
        self.lazy = lazy

    def __str__(self) -> str:
        from services.scheme.printer import write

        return f"#<promise {write(self.value)}>"


_DELAY = Primitive("make-delayed", lambda thunk: Promise(False, thunk), 1, 1)
_LAZY = Primitive("make-lazy", lambda thunk: Promise(False, thunk, True), 1, 1)


def _expander(make: Primitive) -> Callable[[Any], Value]:
    return lambda datum: form(make, form(LAMBDA, NIL, parts_of(datum, 1)[0]))


TABLE["delay"] = Macro("delay", _expander(_DELAY))
TABLE["lazy"] = Macro("lazy", _expander(_LAZY))
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
    if promise.lazy and type(value) is Promise:
        promise.done, promise.value, promise.lazy = value.done, value.value, value.lazy
        return force(machine, promise)
    promise.done, promise.value = True, value
    return value
