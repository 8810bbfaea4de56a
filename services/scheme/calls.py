"""The nodes that use the machine: calls, and whatever has a part that does.

A part that may take long is evaluated after pushing a frame that goes on with the rest.
Frames are never changed once pushed, so that a continuation can go through them twice.
"""

from __future__ import annotations

from typing import Any

from services.scheme.errors import SchemeError, as_scheme_error, locate
from services.scheme.machine import JUMP, Machine, single
from services.scheme.primitives import Primitive
from services.scheme.procedures import Closure, Direct, Env, Node, Template, Where
from services.scheme.syntax import DIRECT, GENERAL, SIMPLE, Code
from services.scheme.types import Value, Values


def call(operator: Direct, args: list[Direct], where: Where) -> Node:
    """Call what ``operator`` gives; every part is direct."""
    count = len(args)
    if count == 0:

        def call0(env: Env, machine: Machine) -> Any:
            try:
                procedure = operator(env)
                if type(procedure) is Closure:
                    template = procedure.template
                    if template.count == 0:
                        machine.env = [procedure.env, *template.pad]
                        machine.node = template.body
                        return JUMP
                return machine.apply(procedure, (), where)
            except SchemeError as error:
                locate(error, where)
                raise

        return call0
    if count == 1:
        (a,) = args

        def call1(env: Env, machine: Machine) -> Any:
            try:
                procedure = operator(env)
                if type(procedure) is Closure:
                    template = procedure.template
                    if template.count == 1:
                        machine.env = [procedure.env, a(env), *template.pad]
                        machine.node = template.body
                        return JUMP
                return machine.apply(procedure, (a(env),), where)
            except SchemeError as error:
                locate(error, where)
                raise

        return call1
    if count == 2:
        a, b = args

        def call2(env: Env, machine: Machine) -> Any:
            try:
                procedure = operator(env)
                if type(procedure) is Closure:
                    template = procedure.template
                    if template.count == 2:
                        machine.env = [procedure.env, a(env), b(env), *template.pad]
                        machine.node = template.body
                        return JUMP
                return machine.apply(procedure, (a(env), b(env)), where)
            except SchemeError as error:
                locate(error, where)
                raise

        return call2

    def calln(env: Env, machine: Machine) -> Any:
        try:
            return machine.apply(operator(env), tuple([arg(env) for arg in args]), where)
        except SchemeError as error:
            locate(error, where)
            raise

    return calln


def call_known(depth: int, template: Template, args: list[Direct], where: Where) -> Node:
    """Call a closure of ``template`` whose variable is ``depth`` environments up."""
    if depth == 1 and len(args) == 1:
        (a,) = args

        def loop1(env: Env, machine: Machine) -> Any:
            machine.env = [env[0], a(env), *template.pad]
            machine.node = template.body
            return JUMP

        return loop1
    if depth == 1 and len(args) == 2:
        a, b = args

        def loop2(env: Env, machine: Machine) -> Any:
            machine.env = [env[0], a(env), b(env), *template.pad]
            machine.node = template.body
            return JUMP

        return loop2

    def node(env: Env, machine: Machine) -> Any:
        outer = env
        for _ in range(depth):
            outer = outer[0]
        machine.env = [outer, *[arg(env) for arg in args], *template.pad]
        machine.node = template.body
        return JUMP

    return node


class Finish:
    """What is done with the values of all parts; a subclass for each kind of call."""

    __slots__ = ("where",)

    def __init__(self, where: Where) -> None:
        self.where = where

    def __call__(self, machine: Machine, values: tuple[Value, ...]) -> Any:
        raise NotImplementedError


class Apply(Finish):
    """The first value is the procedure."""

    __slots__ = ()

    def __call__(self, machine: Machine, values: tuple[Value, ...]) -> Any:
        try:
            return machine.apply(values[0], values[1:], self.where)
        except SchemeError as error:
            locate(error, self.where)
            raise


class ApplyPrimitive(Finish):
    """The procedure is a primitive and the number of values fits."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Primitive, where: Where) -> None:
        super().__init__(where)
        self.primitive = primitive

    def __call__(self, machine: Machine, values: tuple[Value, ...]) -> Any:
        try:
            return self.primitive.fn(*values)
        except Exception as error:
            raise as_scheme_error(error, self.primitive.name, self.where) from None


class ApplyKnown(Finish):
    """The first value is the environment of a closure of ``template``."""

    __slots__ = ("template",)

    def __init__(self, template: Template, where: Where) -> None:
        super().__init__(where)
        self.template = template

    def __call__(self, machine: Machine, values: tuple[Value, ...]) -> Any:
        machine.env = [*values, *self.template.pad]
        machine.node = self.template.body
        return JUMP


def staged(parts: list[Code], finish: Finish) -> Node:
    """Evaluate ``parts`` in order, at least one of them general, then ``finish``."""
    general = [i for i, part in enumerate(parts) if part[0] == GENERAL]
    first = general[0]
    if len(general) == 1 and all(part[0] == SIMPLE for part in parts[:first]):
        return _one_general(parts, first, finish)
    # From the last general part backwards; each stage takes the values so far.
    following: Any = None
    end = len(parts)
    for index in reversed(general):
        after = [part[1] for part in parts[index + 1 : end]]
        following = _stage(parts[index][1], after, following, finish)
        end = index
    before = [part[1] for part in parts[:first]]

    def node(env: Env, machine: Machine) -> Any:
        return following(env, machine, tuple([part(env) for part in before]))

    return node


def _stage(node: Node, after: list[Direct], following: Any, finish: Finish) -> Any:
    """Evaluate a general part, then the direct ones after it, then go on."""

    def resume(value: Value, state: Any, machine: Machine) -> Any:
        env, values = state
        if type(value) is Values:
            value = single(value)
        values = (*values, value, *[part(env) for part in after])
        if following is None:
            return finish(machine, values)
        return following(env, machine, values)

    def begin(env: Env, machine: Machine, values: tuple[Value, ...]) -> Any:
        machine.stack += (resume, (env, values))
        return node(env, machine)

    return begin


def _one_general(parts: list[Code], index: int, finish: Finish) -> Node:
    """One part is general and what stands before it can as well be evaluated after it."""
    general = parts[index][1]
    before = [part[1] for part in parts[:index]]
    after = [part[1] for part in parts[index + 1 :]]
    resume: Any
    if not before and not after:

        def resume(value: Value, env: Env, machine: Machine) -> Any:
            if type(value) is Values:
                value = single(value)
            return finish(machine, (value,))

    elif len(before) == 1 and not after:
        (left,) = before

        def resume(value: Value, env: Env, machine: Machine) -> Any:
            if type(value) is Values:
                value = single(value)
            return finish(machine, (left(env), value))

    else:

        def resume(value: Value, env: Env, machine: Machine) -> Any:
            if type(value) is Values:
                value = single(value)
            values = (*[part(env) for part in before], value, *[part(env) for part in after])
            return finish(machine, values)

    def node(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return general(env, machine)

    return node


# Control structures, out of codes


def general_of(code: Code) -> Node:
    """The code as a node that takes the machine."""
    direct = code[1]
    if code[0]:
        return lambda env, machine: direct(env)
    return direct  # type: ignore[no-any-return]


def conditional(test: Code, then: Code, other: Code) -> Code:
    """``(if test then other)``."""
    test_of = test[1]
    if test[0]:
        if then[0] and other[0]:
            then_direct, other_direct = then[1], other[1]
            return (
                DIRECT,
                lambda env: then_direct(env) if test_of(env) is not False else other_direct(env),
            )
        if other[0]:
            then_node, other_direct = then[1], other[1]

            def node_tn(env: Env, machine: Machine) -> Any:
                if test_of(env) is not False:
                    return then_node(env, machine)
                return other_direct(env)

            return GENERAL, node_tn
        if then[0]:
            then_direct, other_node = then[1], other[1]

            def node_on(env: Env, machine: Machine) -> Any:
                if test_of(env) is not False:
                    return then_direct(env)
                return other_node(env, machine)

            return GENERAL, node_on
        then_node, other_node = then[1], other[1]

        def node(env: Env, machine: Machine) -> Any:
            if test_of(env) is not False:
                return then_node(env, machine)
            return other_node(env, machine)

        return GENERAL, node
    then_node, other_node = general_of(then), general_of(other)

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        if value is not False:
            return then_node(env, machine)
        return other_node(env, machine)

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return test_of(env, machine)

    return GENERAL, begin


def sequence(codes: list[Code]) -> Code:
    """Evaluate in order; the value is that of the last."""
    codes = [code for code in codes[:-1] if code[0] != SIMPLE] + codes[-1:]
    result = codes[-1]
    index = len(codes) - 2
    while index >= 0:
        if codes[index][0]:
            end = index + 1
            while index >= 0 and codes[index][0]:
                index -= 1
            result = _after_direct([code[1] for code in codes[index + 1 : end]], result)
        else:
            result = _after_general(codes[index][1], result)
            index -= 1
    return result


def _after_direct(effects: list[Direct], last: Code) -> Code:
    node = last[1]
    if len(effects) == 1:
        (effect,) = effects
        if last[0]:

            def direct1(env: Env) -> Any:
                effect(env)
                return node(env)

            return DIRECT, direct1

        def node1(env: Env, machine: Machine) -> Any:
            effect(env)
            return node(env, machine)

        return GENERAL, node1
    if last[0]:

        def direct(env: Env) -> Any:
            for effect in effects:
                effect(env)
            return node(env)

        return DIRECT, direct

    def general(env: Env, machine: Machine) -> Any:
        for effect in effects:
            effect(env)
        return node(env, machine)

    return GENERAL, general


def _after_general(effect: Node, last: Code) -> Code:
    node = general_of(last)

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        return node(env, machine)

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return effect(env, machine)

    return GENERAL, begin


def consume(code: Code, use: Any) -> Code:
    """Evaluate ``code`` and give ``use(env, value)``, which must not need the machine."""
    node = code[1]
    if code[0]:
        return DIRECT, lambda env: use(env, node(env))

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        if type(value) is Values:
            value = single(value)
        return use(env, value)

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return node(env, machine)

    return GENERAL, begin


def store(index: int, code: Code) -> Code:
    """Put a value into the environment."""
    node = code[1]
    if code[0]:

        def direct(env: Env) -> Any:
            env[index] = node(env)

        return DIRECT, direct

    def use(env: Env, value: Value) -> None:
        env[index] = value

    return consume(code, use)


def either(codes: list[Code]) -> Code:
    """``or``."""
    result = codes[-1]
    for code in reversed(codes[:-1]):
        result = _either2(code, result)
    return result


def _either2(left: Code, right: Code) -> Code:
    first = left[1]
    if left[0] and right[0]:
        second = right[1]

        def direct(env: Env) -> Any:
            value = first(env)
            return value if value is not False else second(env)

        return DIRECT, direct
    node = general_of(right)
    if left[0]:

        def mixed(env: Env, machine: Machine) -> Any:
            value = first(env)
            return value if value is not False else node(env, machine)

        return GENERAL, mixed

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        if type(value) is Values:
            value = single(value)
        return value if value is not False else node(env, machine)

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return first(env, machine)

    return GENERAL, begin
