"""The procedures of the evaluator itself, and how arguments get to their variables.

A ``Template`` is the code of one lambda expression; closures made from it share it, so
that code compiled anew (because a name it relied on was redefined) is seen by all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.errors import keyword_error, wrong_number_of_arguments
from services.scheme.types import Keyword, Procedure, Value, scheme_list

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


# Arguments


def accepts(closure: Closure, count: int) -> bool:
    """Whether ``closure`` can be called with ``count`` arguments."""
    template = closure.template
    if template.count >= 0:
        return template.count == count
    if count < template.required:
        return False
    return bool(template.rest or template.keys) or count <= template.required + template.optional


def bind_arguments(closure: Closure, args: tuple[Value, ...]) -> list[Any]:
    """The environment of a call, whatever the number of arguments that is asked for.

    Raises SchemeError: wrong-number-of-args, keyword-argument-error.
    """
    template = closure.template
    count = len(args)
    if not accepts(closure, count):
        raise wrong_number_of_arguments(closure)
    if template.count >= 0:
        return [closure.env, *args, *template.pad]
    required = template.required
    positional = required + template.optional
    env = [closure.env, *args[:positional]]
    taken = count if count < positional else positional
    if template.keys:
        # An optional argument is not taken from where the keywords begin.
        taken = required
        while taken < min(count, positional) and type(args[taken]) is not Keyword:
            taken += 1
        del env[1 + taken :]
    env += [UNSET] * (positional - taken)
    env += template.pad
    if template.rest:
        env[template.rest] = scheme_list(args[taken:])
    if template.keys:
        _bind_keywords(template, args, taken, env)
    return env


def _bind_keywords(template: Template, args: tuple[Value, ...], at: int, env: list[Any]) -> None:
    slots = dict(template.keys)
    for place in slots.values():
        env[place] = UNSET
    count = len(args)
    while at < count:
        keyword = args[at]
        if type(keyword) is not Keyword:
            if not template.rest:
                raise keyword_error("Invalid keyword", keyword)
            at += 1
            continue
        if at + 1 >= count:
            raise keyword_error("Keyword argument has no value", keyword)
        slot = slots.get(keyword)
        if slot is not None:
            env[slot] = args[at + 1]
        elif not template.others:
            raise keyword_error("Unrecognized keyword", keyword)
        at += 2
