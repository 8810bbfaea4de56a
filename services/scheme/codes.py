"""Control structures, out of codes: conditionals, sequences, and what is done with a value.

Each gives a direct code if all its parts are direct, else one that takes the machine.  As with
calls, a part that takes the machine is run after pushing a frame that goes on with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.machine import single
from services.scheme.syntax import DIRECT, GENERAL, SIMPLE, Code
from services.scheme.types import Value, Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.scheme.machine import Machine
    from services.scheme.procedures import Direct, Env, Node


def general_of(code: Code) -> Node:
    """The code as a node that takes the machine."""
    direct = code[1]
    if code[0]:
        return lambda env, machine: direct(env)
    return direct  # type: ignore[no-any-return]


def followed(node: Node, resume: Callable[[Value, Env, Machine], Any]) -> Code:
    """Run ``node``, whose value or values are then what ``resume`` is called with."""

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return node(env, machine)

    return GENERAL, begin


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
        if type(value) is Values:
            value = single(value)
        if value is not False:
            return then_node(env, machine)
        return other_node(env, machine)

    return followed(test_of, resume)


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

    return followed(effect, resume)


def consume(code: Code, use: Any) -> Code:
    """Evaluate ``code`` and give ``use(env, value)``, which must not need the machine."""
    node = code[1]
    if code[0]:
        return DIRECT, lambda env: use(env, node(env))

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        if type(value) is Values:
            value = single(value)
        return use(env, value)

    return followed(node, resume)


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

    return followed(first, resume)
