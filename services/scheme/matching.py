"""``match`` of (ice-9 match) and its relatives; what the patterns become is in ``patterns``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.binding import LET
from services.scheme.codes import conditional, general_of, sequence, store
from services.scheme.errors import SchemeError, locate
from services.scheme.forms import LAMBDA
from services.scheme.machine import Machine
from services.scheme.nodes import bounce, local
from services.scheme.patterns import Patterns
from services.scheme.primitives import Primitive
from services.scheme.procedures import Env, Operation
from services.scheme.syntax import (
    DIRECT,
    GENERAL,
    Code,
    Macro,
    Scope,
    SpecialForm,
    bad_form,
    is_identifier,
    items_of,
    parts_of,
    symbol_of,
    temporary,
)
from services.scheme.types import NIL, Pair, Value, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler

TABLE: dict[str, Value] = {}


def compile_match(compiler: Compiler, form: Any, scope: Scope) -> Code:
    """``(match value (pattern [(=> failure)] body …) …)``."""
    parts = parts_of(form, 2)
    slot = scope.frame.slot()
    value = store(slot, compiler.compile(parts[0], scope))
    get = local(0, slot)
    where = compiler.where()

    def fail(env: Env) -> Value:
        error = SchemeError("match-error", ("match", "no matching pattern", get(env)))
        locate(error, where)
        raise error

    result: Code = (DIRECT, fail)
    made: list[tuple[Code, Any, Scope, Value]] = []
    for clause in parts[1:]:
        if type(clause) is not Pair or type(clause.cdr) is not Pair:
            raise bad_form(form, True)
        inner = Scope(scope.frame, scope)
        test = Patterns(compiler, inner, form).test(clause.car, slot)
        body = clause.cdr
        escape: Any = None
        first = body.car
        if (
            type(first) is Pair
            and is_identifier(first.car)
            and symbol_of(first.car).name == "=>"
            and type(first.cdr) is Pair
        ):
            escape, body = first.cdr.car, body.cdr
        made.append((test, escape, inner, body))
    for number, (test, escape, inner, body) in enumerate(reversed(made)):
        if escape is None:
            then = compiler.body(body, inner, form)
        else:
            then = _with_failure(compiler, escape, body, inner, result, form)
        result = conditional(test, then, result)
        if number % 40 == 39:
            result = GENERAL, bounce(general_of(result))
    return sequence([value, result])


def _with_failure(
    compiler: Compiler, name: Any, body: Value, scope: Scope, rest: Code, whole: Value
) -> Code:
    """``(=> failure)``: calling ``failure`` goes on with the clauses that follow."""
    inner = Scope(scope.frame, scope)
    variable = inner.add(name)
    node = general_of(rest)

    def make(env: Env) -> Value:
        def failure(machine: Machine) -> Any:
            return node(env, machine)

        return Operation("failure", failure, 0, 0, "()")

    return sequence([store(variable.index, (DIRECT, make)), compiler.body(body, inner, whole)])


MATCH = SpecialForm("match", compile_match)
_LIST = Primitive("list", lambda *items: scheme_list(items), 0, None)


def _match_lambda(form: Any) -> Value:
    name = temporary("value")
    body = Pair(MATCH, Pair(name, form.cdr))
    return scheme_list([LAMBDA, scheme_list([name]), body])


def _match_lambda_star(form: Any) -> Value:
    name = temporary("values")
    return scheme_list([LAMBDA, name, Pair(MATCH, Pair(name, form.cdr))])


def _bindings(form: Any) -> list[list[Value]]:
    if type(form.cdr) is not Pair or type(form.cdr.cdr) is not Pair:
        raise bad_form(form, True)
    pairs = [items_of(item, form, True) for item in items_of(form.cdr.car, form, True)]
    if not all(len(pair) == 2 for pair in pairs):
        raise bad_form(form, True)
    return pairs


def _match_let(form: Any) -> Value:
    if type(form.cdr) is Pair and is_identifier(form.cdr.car):  # a named let
        name, inner = form.cdr.car, Pair(form.car, form.cdr.cdr)
        pairs = _bindings(inner)
        names = [temporary("value") for _ in pairs]
        again = Pair(
            MATCH,
            scheme_list(
                [Pair(_LIST, scheme_list(names)),
                 Pair(scheme_list([pair[0] for pair in pairs]), inner.cdr.cdr)]
            ),
        )  # fmt: skip
        starts = scheme_list(
            [scheme_list([new, pair[1]]) for new, pair in zip(names, pairs, strict=True)]
        )
        return scheme_list([LET, name, starts, again])
    pairs = _bindings(form)
    values = Pair(_LIST, scheme_list([pair[1] for pair in pairs]))
    clause = Pair(scheme_list([pair[0] for pair in pairs]), form.cdr.cdr)
    return scheme_list([MATCH, values, clause])


def _match_let_star(form: Any) -> Value:
    result: Value = Pair(LET, Pair(NIL, form.cdr.cdr)) if type(form.cdr) is Pair else NIL
    for pattern, value in reversed(_bindings(form)):
        result = scheme_list([MATCH, value, scheme_list([pattern, result])])
    return result


TABLE.update(
    {
        "match": MATCH,
        "match-lambda": Macro("match-lambda", _match_lambda),
        "match-lambda*": Macro("match-lambda*", _match_lambda_star),
        "match-let": Macro("match-let", _match_let),
        "match-let*": Macro("match-let*", _match_let_star),
    }
)
