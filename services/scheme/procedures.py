"""The procedures of the evaluator itself: closures and operations of the machine.

A ``Template`` is the code of one lambda expression; closures made from it share it, so
that code compiled anew (because a name it relied on was redefined) is seen by all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.types import Keyword, Procedure, Value

if TYPE_CHECKING:
    from services.scheme.machine import Machine

# An environment is a list: the enclosing environment, the arguments, other local variables.
Env: TypeAlias = "list[Any]"
# A node that needs the machine: gives a value, or JUMP after setting ``node`` and ``env``.
Node: TypeAlias = "Callable[[Env, Machine], Any]"
# A node that does not: constants, variables, calls of known primitives.
Direct: TypeAlias = "Callable[[Env], Any]"
# Where a form stands: its source and an offset; turned into a Location when needed.
Where: TypeAlias = "tuple[Any, int] | None"


class Template:
    """The code of a lambda expression.

    ``count`` is the number of arguments if it is fixed, else -1, and then ``required``,
    ``optional``, ``keys``, ``rest`` say how arguments are taken.  ``pad`` initialises the
    local variables that stand after the arguments.  ``uses`` names the cells of primitives
    that were taken as known; ``remake`` compiles the body again.
    """

    __slots__ = (
        "__weakref__", "body", "count", "documentation", "formals", "keys", "name", "optional",
        "others", "pad", "remake", "required", "rest", "uses", "where",
    )  # fmt: skip

    def __init__(self, name: str | None, where: Where) -> None:
        self.name = name
        self.where = where
        self.count = -1
        self.required = 0
        self.optional = 0
        self.keys: tuple[tuple[Keyword, int], ...] = ()
        self.others = False  # #:allow-other-keys
        self.rest = 0  # index of the rest variable, or 0
        self.formals: Value = None  # the argument list as written
        self.documentation: str | None = None
        self.pad: tuple[Any, ...] = ()
        self.body: Any = None
        self.uses: set[Any] = set()
        self.remake: Callable[[], None] | None = None


class Closure(Procedure):
    """A lambda expression's value."""

    __slots__ = ("env", "template")

    def __init__(self, template: Template, env: Env) -> None:
        self.template = template
        self.env = env


class CaseLambda(Procedure):
    """A procedure with several argument lists; the first that fits is taken."""

    __slots__ = ("clauses", "name")

    def __init__(self, clauses: tuple[Closure, ...], name: str | None = None) -> None:
        self.clauses = clauses
        self.name = name


class Operation(Procedure):
    """A procedure that works on the machine: ``fn(machine, *args)`` gives a value or JUMP."""

    __slots__ = ("fn", "formals", "high", "low", "name")

    def __init__(
        self, name: str, fn: Callable[..., Any], low: int, high: int | None, formals: str = ""
    ) -> None:
        self.name = name
        self.fn = fn
        self.low = low
        self.high = high
        self.formals = formals


class Unset:
    """The sole instance marks an optional argument that was not given."""

    __slots__ = ()


UNSET = Unset()


def operation(
    table: dict[str, Value], name: str, low: int, high: int | None = -1, formals: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put an operation into ``table``; ``high`` defaults to ``low``, None means any number."""

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        table[name] = Operation(name, fn, low, low if high == -1 else high, formals)
        return fn

    return register
