"""Calls: the nodes that apply a procedure to the values of their parts.

A part that may take long is evaluated after pushing a frame that goes on with the rest.
Frames are never changed once pushed, so that a continuation can go through them twice.
"""

from __future__ import annotations

from typing import Any

from services.scheme.codes import followed
from services.scheme.errors import SchemeError, as_scheme_error, locate
from services.scheme.machine import JUMP, Machine, single
from services.scheme.primitives import Primitive
from services.scheme.procedures import Closure, Direct, Env, Node, Template, Where
from services.scheme.syntax import GENERAL, SIMPLE, Code
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

    node: Node = followed(general, resume)[1]
    return node
