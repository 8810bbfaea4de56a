"""The nodes that code is made of: direct ones, which need only the environment.

Arithmetic and the commonest predicates have their own nodes, used while their names
mean what the library bound them to.
"""

from __future__ import annotations

from typing import Any

from services.scheme.errors import as_scheme_error, unbound_variable
from services.scheme.machine import JUMP, Machine
from services.scheme.modules import UNBOUND, Cell, Module
from services.scheme.primitives import Primitive
from services.scheme.procedures import Direct, Env, Node, Where
from services.scheme.types import NIL, Pair, Value


def constant(value: Value) -> Direct:
    return lambda env: value


def local(depth: int, index: int) -> Direct:
    if depth == 0:
        return lambda env: env[index]
    if depth == 1:
        return lambda env: env[0][index]
    if depth == 2:
        return lambda env: env[0][0][index]
    if depth == 3:
        return lambda env: env[0][0][0][index]

    def node(env: Env) -> Value:
        for _ in range(depth):
            env = env[0]
        return env[index]

    return node


def set_local(depth: int, index: int, value: Direct) -> Direct:
    if depth == 0:

        def node(env: Env) -> Value:
            env[index] = value(env)

        return node

    def outer(env: Env) -> Value:
        result = value(env)
        for _ in range(depth):
            env = env[0]
        env[index] = result

    return outer


def environment(depth: int) -> Direct:
    """The environment so many levels up."""

    def node(env: Env) -> Env:
        for _ in range(depth):
            env = env[0]
        return env

    return node


def global_reference(cell: Cell, module: Module, where: Where) -> Direct:
    def node(env: Env) -> Value:
        nonlocal cell
        value = cell.value
        if value is UNBOUND:
            # Perhaps it was imported since.
            found = module.find(cell.name)
            if found is None:
                raise as_scheme_error(unbound_variable(cell.name), None, where)
            cell = found
            value = cell.value
        return value

    return node


def bounce(node: Node) -> Node:
    """Go through the loop of the machine, so that Python's stack does not grow."""

    def jump(env: Env, machine: Machine) -> Any:
        machine.node = node
        machine.env = env
        return JUMP

    return jump


def call_primitive(primitive: Primitive, args: list[Direct], where: Where) -> Direct:
    """Call a primitive that takes so many arguments."""
    fn = primitive.fn
    name = primitive.name
    count = len(args)
    if count == 0:

        def call0(env: Env) -> Value:
            try:
                return fn()
            except Exception as error:
                raise as_scheme_error(error, name, where) from None

        return call0
    if count == 1:
        (a,) = args

        def call1(env: Env) -> Value:
            try:
                return fn(a(env))
            except Exception as error:
                raise as_scheme_error(error, name, where) from None

        return call1
    if count == 2:
        a, b = args

        def call2(env: Env) -> Value:
            try:
                return fn(a(env), b(env))
            except Exception as error:
                raise as_scheme_error(error, name, where) from None

        return call2
    if count == 3:
        a, b, c = args

        def call3(env: Env) -> Value:
            try:
                return fn(a(env), b(env), c(env))
            except Exception as error:
                raise as_scheme_error(error, name, where) from None

        return call3

    def call(env: Env) -> Value:
        try:
            return fn(*[arg(env) for arg in args])
        except Exception as error:
            raise as_scheme_error(error, name, where) from None

    return call


# Nodes for particular primitives: (primitive, args, constant of the second or None, where).
# ``slow`` calls the primitive itself, which also makes the error.


def _slow(primitive: Primitive, where: Where) -> Any:
    fn, name = primitive.fn, primitive.name

    def call(*args: Value) -> Value:
        try:
            return fn(*args)
        except Exception as error:
            raise as_scheme_error(error, name, where) from None

    return call


def _add(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)
    if type(k) is int:

        def node_k(env: Env) -> Value:
            x = a(env)
            return x + k if type(x) is int else slow(x, k)

        return node_k

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x + y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _subtract(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)
    if type(k) is int:

        def node_k(env: Env) -> Value:
            x = a(env)
            return x - k if type(x) is int else slow(x, k)

        return node_k

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x - y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _less(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)
    if type(k) is int:

        def node_k(env: Env) -> Value:
            x = a(env)
            return x < k if type(x) is int else slow(x, k)

        return node_k

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x < y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _greater(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x > y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _less_or_equal(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x <= y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _greater_or_equal(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x >= y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _equal_numbers(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x, y = a(env), b(env)
        return x == y if type(x) is int and type(y) is int else slow(x, y)

    return node


def _cons(p: Primitive, a: Direct, b: Direct, k: Any, where: Where) -> Direct:
    return lambda env: Pair(a(env), b(env))


def _car(p: Primitive, a: Direct, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x = a(env)
        return x.car if type(x) is Pair else slow(x)

    return node


def _cdr(p: Primitive, a: Direct, where: Where) -> Direct:
    slow = _slow(p, where)

    def node(env: Env) -> Value:
        x = a(env)
        return x.cdr if type(x) is Pair else slow(x)

    return node


def _is_pair(p: Primitive, a: Direct, where: Where) -> Direct:
    return lambda env: type(a(env)) is Pair


def _is_null(p: Primitive, a: Direct, where: Where) -> Direct:
    return lambda env: a(env) is NIL


def _not(p: Primitive, a: Direct, where: Where) -> Direct:
    return lambda env: a(env) is False


ONE: dict[str, Any] = {
    "car": _car, "cdr": _cdr, "pair?": _is_pair, "null?": _is_null, "not": _not,
}  # fmt: skip
TWO: dict[str, Any] = {
    "+": _add, "-": _subtract, "<": _less, ">": _greater, "<=": _less_or_equal,
    ">=": _greater_or_equal, "=": _equal_numbers, "cons": _cons,
}  # fmt: skip


def primitive_call(primitive: Primitive, datum: Pair, args: list[Any], where: Where) -> Any:
    """Call a known primitive, by the node for it if it has one; ``datum`` is the form."""
    if len(args) == 2:
        make = TWO.get(primitive.name)
        if make is not None:
            second = datum.cdr.cdr.car
            return make(primitive, args[0], args[1], second, where)
    elif len(args) == 1:
        make = ONE.get(primitive.name)
        if make is not None:
            return make(primitive, args[0], where)
    return call_primitive(primitive, args, where)
