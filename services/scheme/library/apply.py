"""Calling procedures from library code.

``direct`` says whether a procedure is a plain primitive that takes so many
arguments; if so its Python function may be called without the evaluator, which is
what makes ``map`` and ``sort`` over primitives fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError
from services.scheme.primitives import Call, Primitive, Steps
from services.scheme.types import Procedure, Value, scheme_list


def direct(proc: Value, count: int) -> Callable[..., Any] | None:
    """The function of ``proc`` if it can be called at once with ``count`` arguments."""
    if (
        type(proc) is Primitive
        and not proc.generator
        and proc.low <= count
        and (proc.high is None or count <= proc.high)
    ):
        return proc.fn
    return None


def applicable(proc: Value) -> Procedure:
    """``proc``, or the error of applying something that is no procedure."""
    if not isinstance(proc, Procedure):
        raise SchemeError(
            "wrong-type-arg",
            (False, "Wrong type to apply: ~S", scheme_list((proc,)), scheme_list((proc,))),
        )
    return proc


def each(proc: Value, items: list[Value]) -> Steps:
    """Apply ``proc`` to each item in turn; return the list of results."""
    fn = direct(proc, 1)
    if fn is not None:
        return [fn(item) for item in items]
    results = []
    for item in items:
        results.append((yield Call(proc, (item,))))
    return results


def call(proc: Value, *args: Value) -> Steps:
    """Apply ``proc`` to ``args`` the quickest way."""
    fn = direct(proc, len(args))
    if fn is not None:
        return fn(*args)
    return (yield Call(proc, args))
