"""How a procedure written in Python becomes a Scheme procedure.

Two kinds.  ``@primitive`` marks a plain function that never calls back into
Scheme and never suspends: the compiler may call it directly.  ``@procedure``
marks a generator function, which may do both: it yields ``Call(proc, args)`` to
apply a Scheme procedure and ``Await(awaitable)`` to suspend the whole evaluation
until an awaitable is done; the value comes back from ``yield``, an error is
raised there.  It may end with ``return TailCall(proc, args)``.

A module of the library collects its procedures in a ``Library``; nothing is
registered globally at import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.errors import wrong_type
from services.scheme.types import Procedure, Value

if TYPE_CHECKING:
    from services.scheme.parameters import Parameter


class Call:
    """Yielded by a generator procedure: apply ``proc`` to ``args`` and send the value back."""

    __slots__ = ("args", "proc")

    def __init__(self, proc: Value, args: tuple[Value, ...] = ()) -> None:
        self.proc = proc
        self.args = args


class TailCall(Call):
    """Returned by a generator procedure: apply ``proc`` in its place."""

    __slots__ = ()


class Await:
    """Yielded by a generator procedure: suspend this evaluation until ``awaitable`` is done."""

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Value]) -> None:
        self.awaitable = awaitable


Steps: TypeAlias = Generator[Call | Await, Any, Any]


class Primitive(Procedure):
    """A procedure written in Python.

    ``low`` and ``high`` bound the number of arguments (``high`` None: any number).
    ``generator`` tells the two kinds apart.
    """

    __slots__ = ("fn", "generator", "high", "low", "name")

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        low: int,
        high: int | None,
        generator: bool = False,
    ) -> None:
        self.name = name
        self.fn = fn
        self.low = low
        self.high = high
        self.generator = generator


_SAME = object()


class Library:
    """The bindings of one module, by Scheme name; values may also be plain constants.

    >>> lib = Library()
    >>> @lib.primitive("car", 1)
    ... def car(pair): ...
    >>> lib.bind("INADDR_ANY", 0)
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Value] = {}

    def bind(self, name: str, value: Value) -> None:
        """Bind ``name`` to a value."""
        self.bindings[name] = value

    def alias(self, new: str, old: str) -> None:
        """Give an existing binding a second name."""
        self.bindings[new] = self.bindings[old]

    def primitive(
        self, name: str, low: int = 0, high: int | object | None = _SAME
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Bind a plain function; ``high`` defaults to ``low``, None means any number."""
        return self._define(name, low, high, generator=False)

    def procedure(
        self, name: str, low: int = 0, high: int | object | None = _SAME
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Bind a generator function, which may call Scheme and suspend."""
        return self._define(name, low, high, generator=True)

    def parameter(self, name: str, default: Value) -> Parameter:
        """Bind a new parameter, and return it."""
        from services.scheme.parameters import Parameter

        parameter = Parameter(default, None, name)
        self.bind(name, parameter)
        return parameter

    def predicate(self, name: str, kind: type) -> None:
        """Bind a procedure that tells whether its argument is a ``kind``."""
        self.primitive(name, 1)(lambda value: isinstance(value, kind))

    def accessor(self, name: str, kind: type, read: Callable[[Any], Value]) -> None:
        """Bind ``read``, which is for a ``kind`` only; other arguments are of a wrong type."""

        def get(value: Value) -> Value:
            if not isinstance(value, kind):
                raise wrong_type(name, 1, value)
            return read(value)

        self.primitive(name, 1)(get)

    def _define(
        self, name: str, low: int, high: int | object | None, generator: bool
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        limit: Any = low if high is _SAME else high

        def register(fn: Callable[..., Any]) -> Callable[..., Any]:
            self.bindings[name] = Primitive(name, fn, low, limit, generator)
            return fn

        return register
