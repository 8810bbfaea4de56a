"""A tiny evaluator for the library's tests: calls, quote, lambda, let, if and begin.

It exists so that the library is tested by itself: generator procedures are driven here
and not by the real evaluator.  Results and errors are written as the recorder
(``record.scm``) writes them.
"""

from __future__ import annotations

import asyncio
from types import GeneratorType
from typing import Any

from services.scheme.errors import SchemeError, unbound_variable, wrong_number_of_arguments
from services.scheme.library import MISSING, lookup, modules
from services.scheme.library.apply import applicable
from services.scheme.parameters import CallWith, Parameter, dynamic, value_of
from services.scheme.primitives import Await, Primitive, TailCall
from services.scheme.printer import write
from services.scheme.reader import read_one
from services.scheme.types import Pair, Symbol, Values, iterate, scheme_list


def apply(procedure: Any, args: tuple[Any, ...] | list[Any] = ()) -> Any:
    """Apply a library procedure (or a lambda made here) and return its value."""
    applicable(procedure)
    if isinstance(procedure, Parameter):
        return value_of(procedure)
    if len(args) < procedure.low or (procedure.high is not None and len(args) > procedure.high):
        raise wrong_number_of_arguments(procedure)
    result = procedure.fn(*args)
    return drive(result) if isinstance(result, GeneratorType) else result


def drive(steps: Any) -> Any:
    """Run a generator procedure to its end."""
    value, error = None, None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(value)
        except StopIteration as stop:
            result = stop.value
            return apply(result.proc, result.args) if isinstance(result, TailCall) else result
        value, error = None, None
        try:
            if isinstance(step, Await):
                value = asyncio.run(_finish(step.awaitable))
            elif isinstance(step, CallWith):
                old = dynamic.bindings
                dynamic.bindings = {**old, **{p: [v] for p, v in step.bindings.items()}}
                try:
                    value = apply(step.proc, step.args)
                finally:
                    dynamic.bindings = old
            else:
                value = apply(step.proc, step.args)
        except SchemeError as raised:
            error = raised


async def _finish(awaitable: Any) -> Any:
    return await awaitable


def evaluate(form: Any, env: dict[str, Any], extra: tuple[str, ...] = ()) -> Any:
    """Evaluate a datum; ``extra`` names submodules whose libraries come first."""
    if type(form) is Symbol:
        return _variable(form.name, env, extra)
    if type(form) is not Pair:
        return form
    head = form.car.name if type(form.car) is Symbol else ""
    rest = list(iterate(form.cdr))
    if head == "quote":
        return rest[0]
    if head == "lambda":
        names, body = rest[0], rest[1:]
        fixed = [symbol.name for symbol in iterate(names)]
        variadic = type(names) is Symbol

        def fn(*args: Any) -> Any:
            inner = {**env, **dict(zip(fixed, args, strict=False))}
            if variadic:
                inner[names.name] = scheme_list(args)
            return [evaluate(part, inner, extra) for part in body][-1]

        count = len(fixed)
        return Primitive("lambda", fn, 0 if variadic else count, None if variadic else count)
    if head in ("let", "let*"):
        inner = dict(env)
        for binding in iterate(rest[0]):
            inner[binding.car.name] = evaluate(binding.cdr.car, inner, extra)
        return [evaluate(part, inner, extra) for part in rest[1:]][-1]
    if head == "begin":
        return [evaluate(part, env, extra) for part in rest][-1]
    if head == "if":
        return evaluate(rest[1 if evaluate(rest[0], env, extra) is not False else 2], env, extra)
    values = [evaluate(part, env, extra) for part in (form.car, *rest)]
    return apply(values[0], values[1:])


def _variable(name: str, env: dict[str, Any], extra: tuple[str, ...]) -> Any:
    if name in env:
        return env[name]
    for submodule in extra:
        from importlib import import_module

        bindings = import_module(submodule).LIBRARY.bindings
        if name in bindings:
            return bindings[name]
    value = lookup(name)
    if value is MISSING:
        raise unbound_variable(name)
    return value


def outcome(text: str, module: tuple[str, ...] | None = None) -> str:
    """The value of an expression as text, or ``ERR`` and what was thrown."""
    extra = (modules[module],) if module else ()
    try:
        value = evaluate(read_one(text), {}, extra)
    except SchemeError as error:
        return "ERR " + write(scheme_list([Symbol(error.key), *error.arguments]))
    if isinstance(value, Values):
        return "values: " + write(scheme_list(value.items))
    return write(value)
