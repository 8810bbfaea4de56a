"""Control operators: continuations, dynamic extents, raising and handling errors."""

from __future__ import annotations

from typing import Any

from services.scheme import conditions
from services.scheme.dynamics import Bindings, Handler, Wind
from services.scheme.errors import SchemeError, misc_error, wrong_type
from services.scheme.machine import Machine
from services.scheme.parameters import Parameter
from services.scheme.procedures import operation
from services.scheme.types import (
    NIL,
    Keyword,
    Pair,
    Procedure,
    RecordType,
    Symbol,
    Value,
    Values,
    is_circular_list,
    scheme_list,
)
from services.scheme.unwinding import capture, leave_wind

OPERATIONS: dict[str, Value] = {}


def _wrong_argument(who: str, position: int, value: Value) -> SchemeError:
    """How Guile's own Scheme code complains: with small format letters."""
    return SchemeError(
        "wrong-type-arg",
        (
            who,
            "Wrong type argument in position ~a: ~a",
            scheme_list((position, value)),
            scheme_list((value,)),
        ),
    )


def _procedure(value: Value, who: str, position: int) -> None:
    if not isinstance(value, Procedure):
        raise _wrong_argument(who, position, value)


# Values and application


@operation(OPERATIONS, "values", 0, None)
def values(machine: Machine, *items: Value) -> Value:
    return items[0] if len(items) == 1 else Values(items)


@operation(OPERATIONS, "call-with-values", 2, formals="(producer consumer)")
def call_with_values(machine: Machine, producer: Value, consumer: Value) -> Any:
    machine.stack += (_consume, consumer)
    return machine.apply(producer, ())


def _consume(value: Value, consumer: Value, machine: Machine) -> Any:
    return machine.apply(consumer, value.items if type(value) is Values else (value,))


@operation(OPERATIONS, "apply", 1, None, formals="(fun args) | (fun arg1 . args)")
def apply(machine: Machine, procedure: Value, *args: Value) -> Any:
    if not args:
        return machine.apply(procedure, ())
    items = list(args[:-1])
    rest = args[-1]
    while type(rest) is Pair:
        items.append(rest.car)
        rest = rest.cdr
        if len(items) % 65536 == 0 and is_circular_list(rest):
            raise wrong_type("apply", len(args) + 1, args[-1])
    if rest is not NIL:
        raise SchemeError(
            "wrong-type-arg",
            ("apply", "Apply to non-list: ~S", scheme_list((args[-1],)), scheme_list((args[-1],))),
        )
    return machine.apply(procedure, tuple(items))


# Continuations


@operation(OPERATIONS, "call-with-current-continuation", 1)
def call_cc(machine: Machine, receiver: Value) -> Any:
    return machine.apply(receiver, (capture(machine, True),))


OPERATIONS["call/cc"] = OPERATIONS["call-with-current-continuation"]


@operation(OPERATIONS, "call-with-escape-continuation", 1, formals="(proc)")
def call_ec(machine: Machine, receiver: Value) -> Any:
    return machine.apply(receiver, (capture(machine, False),))


OPERATIONS["call/ec"] = OPERATIONS["call-with-escape-continuation"]


@operation(OPERATIONS, "dynamic-wind", 3, formals="(in thunk out)")
def dynamic_wind(machine: Machine, before: Value, thunk: Value, after: Value) -> Any:
    machine.stack += (_wind, (before, thunk, after))
    return machine.apply(before, ())


def _wind(value: Value, state: Any, machine: Machine) -> Any:
    before, thunk, after = state
    wind = Wind(machine.dynamic, before, after)
    machine.enter(wind)
    machine.stack += (leave_wind, wind)
    return machine.apply(thunk, ())


# Parameters


@operation(OPERATIONS, "%parameterize", 2)
def parameterize(machine: Machine, bindings: Value, thunk: Value) -> Any:
    """``bindings`` is a vector: parameter, value, parameter, value …"""
    return _convert(None, (list(bindings), 0, {}, thunk), machine)


def _convert(value: Value, state: Any, machine: Machine) -> Any:
    items, index, made, thunk = state
    if index % 2:  # a converter has returned
        made = {**made, items[index - 1]: [value]}
        index += 1
    while index < len(items):
        parameter, given = items[index], items[index + 1]
        if type(parameter) is not Parameter:
            raise SchemeError(
                "wrong-type-arg",
                ("parameterize", "Not a parameter: ~S", scheme_list((parameter,)), False),
            )
        if parameter.converter is not None:
            machine.stack += (_convert, (items, index + 1, made, thunk))
            return machine.apply(parameter.converter, (given,))
        made = {**made, parameter: [given]}
        index += 2
    machine.extend(Bindings(machine.dynamic, made))
    return machine.apply(thunk, ())


# Raising


@operation(OPERATIONS, "throw", 1, None, formals="(key . args)")
def throw(machine: Machine, key: Value, *args: Value) -> Any:
    if type(key) is not Symbol:
        raise _wrong_argument("throw", 1, key)
    if key.name == "%exception" and len(args) == 1:
        raise conditions.as_error(args[0])
    raise SchemeError(key.name, args)


@operation(OPERATIONS, "error", 0, None, formals="() | (message . args)")
def error(machine: Machine, *args: Value) -> Any:
    if not args:
        raise SchemeError("misc-error", (False, "?", False, False))
    template = " ".join(["~A"] + ["~S"] * (len(args) - 1))
    raise SchemeError("misc-error", (False, template, scheme_list(args), False))


@operation(OPERATIONS, "scm-error", 5, formals="(key subr message args data)")
def scm_error(machine: Machine, key: Value, *parts: Value) -> Any:
    if type(key) is not Symbol:
        raise wrong_type("scm-error", 1, key)
    raise SchemeError(key.name, parts)


@operation(OPERATIONS, "raise-exception", 1, 3, formals="(exn #:key continuable?)")
def raise_exception(machine: Machine, value: Value, *options: Value) -> Any:
    continuable = False
    if options:
        if len(options) != 2 or options[0] is not Keyword("continuable?"):
            raise misc_error("raise-exception", "bad keyword arguments: ~S", scheme_list(options))
        continuable = options[1] is not False
    raise conditions.as_error(value, continuable)


@operation(OPERATIONS, "raise-continuable", 1, formals="(obj)")
def raise_continuable(machine: Machine, value: Value) -> Any:
    raise conditions.as_error(value, True)


@operation(OPERATIONS, "exit", 0, None, formals="args")
def exit_(machine: Machine, *args: Value) -> Any:
    raise SchemeError("quit", args)


OPERATIONS["quit"] = OPERATIONS["exit"]


# Handling


def _key(key: Value, who: str) -> str | None:
    if key is True:
        return None
    if type(key) is not Symbol:
        raise _wrong_argument(who, 2, key)  # so Guile counts
    return key.name


@operation(OPERATIONS, "catch", 3, 4, formals="(k thunk handler #:optional pre-unwind-handler)")
def catch(machine: Machine, key: Value, thunk: Value, handler: Value, before: Value = False) -> Any:
    if before is False or before is None:
        before = None
    name = _key(key, "catch")
    _procedure(handler, "catch", 3)
    machine.extend(Handler(machine.dynamic, handler, name, len(machine.stack), before=before))
    return machine.apply(thunk, ())


@operation(OPERATIONS, "with-throw-handler", 3, formals="(k thunk pre-unwind-handler)")
def with_throw_handler(machine: Machine, key: Value, thunk: Value, handler: Value) -> Any:
    name = _key(key, "with-throw-handler")
    machine.extend(Handler(machine.dynamic, handler, name, rethrow=True))
    return machine.apply(thunk, ())


@operation(
    OPERATIONS, "with-exception-handler", 2, None,
    formals="(handler thunk #:key unwind? unwind-for-type)",
)  # fmt: skip
def with_exception_handler(machine: Machine, handler: Value, thunk: Value, *options: Value) -> Any:
    _procedure(handler, "with-exception-handler", 1)
    unwinds, wanted = False, None
    for index in range(0, len(options), 2):
        name = options[index]
        if index + 1 >= len(options) or type(name) is not Keyword:
            raise misc_error("with-exception-handler", "bad keyword arguments", name)
        if name.name == "unwind?":
            unwinds = options[index + 1] is not False
        elif name.name == "unwind-for-type":
            wanted = options[index + 1]
        else:
            from services.scheme.errors import keyword_error

            raise keyword_error("Unrecognized keyword", name)
    key, kinds = None, None
    if unwinds and type(wanted) is Symbol:
        key = wanted.name
    elif unwinds and type(wanted) is RecordType:
        kind: RecordType = wanted

        def kinds(value: Value) -> bool:
            return conditions.component(value, kind) is not None

    height = len(machine.stack) if unwinds else None
    machine.extend(Handler(machine.dynamic, handler, key, height, spread=False, kinds=kinds))
    return machine.apply(thunk, ())
