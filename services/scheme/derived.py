"""Syntax that is an expansion into the special forms, and the values it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme import conditions
from services.scheme.binding import LET
from services.scheme.control import OPERATIONS
from services.scheme.errors import SchemeError, wrong_type
from services.scheme.forms import BEGIN, COND, IF, LAMBDA, QUOTE, UNLESS
from services.scheme.lambdas import compile_lambda
from services.scheme.library.checks import expecting
from services.scheme.machine import Machine
from services.scheme.parameters import Parameter, set_value, value_of
from services.scheme.primitives import Primitive
from services.scheme.procedures import CaseLambda, Closure, Env, operation
from services.scheme.syntax import (
    SIMPLE,
    Code,
    Macro,
    Scope,
    SpecialForm,
    bad_form,
    form,
    is_identifier,
    items_of,
    names_in,
    parts_of,
    symbol_of,
    temporary,
)
from services.scheme.types import NIL, Keyword, Pair, Procedure, Symbol, Value, scheme_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.scheme.compiler import Compiler

TABLE: dict[str, Value] = {}


def macro(name: str) -> Callable[[Callable[[Any], Value]], Callable[[Any], Value]]:
    """Put an expander into the table."""

    def register(expand: Callable[[Any], Value]) -> Callable[[Any], Value]:
        TABLE[name] = Macro(name, expand)
        return expand

    return register


# Parameters and fluids


@operation(TABLE, "make-parameter", 1, 2, formals="(init #:optional conv)")
def make_parameter(machine: Machine, value: Value, converter: Value = None) -> Any:
    if converter is None:
        return Parameter(value)
    machine.stack += (_make_parameter, converter)
    return machine.apply(converter, (value,))


def _make_parameter(value: Value, converter: Value, machine: Machine) -> Value:
    return Parameter(value, converter)


_PARAMETERIZE = OPERATIONS["%parameterize"]
_VECTOR = Primitive("vector", lambda *items: list(items), 0, None)


@macro("parameterize")
def _parameterize(datum: Any) -> Value:
    parts = parts_of(datum, 2)
    pairs: list[Value] = []
    for binding in items_of(parts[0], datum, True):
        items = items_of(binding, datum, True)
        if len(items) != 2:
            raise bad_form(datum, True)
        pairs += items
    if not pairs:
        return Pair(LET, datum.cdr)
    return form(_PARAMETERIZE, form(_VECTOR, *pairs), Pair(LAMBDA, Pair(NIL, datum.cdr.cdr)))


TABLE["with-fluids"] = Macro("with-fluids", _parameterize)


def _fluid(value: Value, who: str) -> Parameter:
    if type(value) is not Parameter:
        raise expecting(who, 1, "fluid", value)
    return value


TABLE["make-fluid"] = Primitive("make-fluid", lambda value=False: Parameter(value), 0, 1)
TABLE["make-unbound-fluid"] = Primitive("make-unbound-fluid", lambda: Parameter(False), 0, 0)
TABLE["fluid-ref"] = Primitive("fluid-ref", lambda f: value_of(_fluid(f, "fluid-ref")), 1, 1)
TABLE["fluid-set!"] = Primitive(
    "fluid-set!", lambda f, value: set_value(_fluid(f, "fluid-set!"), value), 2, 2
)
TABLE["fluid?"] = Primitive("fluid?", lambda value: type(value) is Parameter, 1, 1)
TABLE["parameter?"] = Primitive("parameter?", lambda value: type(value) is Parameter, 1, 1)


@operation(TABLE, "with-fluid*", 3, formals="(fluid value thunk)")
def with_fluid(machine: Machine, fluid: Value, value: Value, thunk: Value) -> Any:
    return machine.apply(_PARAMETERIZE, ([fluid, value], thunk))


# Procedures


def _case_lambda(compiler: Compiler, datum: Any, scope: Scope) -> Code:
    star = is_identifier(datum.car) and symbol_of(datum.car).name == "case-lambda*"
    templates = []
    for clause in items_of(datum.cdr, datum, True):
        if type(clause) is not Pair:
            raise bad_form(datum, True)
        templates.append(compile_lambda(compiler, None, clause.car, clause.cdr, scope, datum, star))

    def node(env: Env) -> Value:
        return CaseLambda(tuple([Closure(template, env) for template in templates]))

    return SIMPLE, node


TABLE["case-lambda"] = SpecialForm("case-lambda", _case_lambda)
TABLE["case-lambda*"] = SpecialForm("case-lambda*", _case_lambda)


def _cut(datum: Any, early: bool) -> Value:
    parts = parts_of(datum, 1)
    names: list[Value] = []
    call: list[Value] = []
    early_bindings: list[Value] = []
    tail: Value = NIL
    for index, part in enumerate(parts):
        name = symbol_of(part).name if is_identifier(part) else None
        if name == "<>":
            argument = temporary("cut")
            names.append(argument)
            call.append(argument)
        elif name == "<...>" and index == len(parts) - 1:
            tail = temporary("rest")
        elif early:
            value = temporary("value")
            early_bindings.append(form(value, part))
            call.append(value)
        else:
            call.append(part)
    if tail is not NIL:
        call = [OPERATIONS["apply"], *call, tail]
    made = form(LAMBDA, scheme_list(names, tail), scheme_list(call))
    return form(LET, scheme_list(early_bindings), made) if early else made


TABLE["cut"] = Macro("cut", lambda datum: _cut(datum, False))
TABLE["cute"] = Macro("cute", lambda datum: _cut(datum, True))


class WithSetter(Procedure):
    """A procedure with a setter."""

    __slots__ = ("getter", "setter")

    def __init__(self, getter: Value, setter: Value) -> None:
        self.getter = getter
        self.setter = setter

    def apply_in(self, machine: Machine, args: tuple[Value, ...]) -> Any:
        return machine.apply(self.getter, args)


def _setter(procedure: Value) -> Value:
    if type(procedure) is not WithSetter:
        raise wrong_type("setter", 1, procedure)
    return procedure.setter


SETTER = Primitive("setter", _setter, 1, 1)
TABLE["setter"] = SETTER
TABLE["make-procedure-with-setter"] = Primitive("make-procedure-with-setter", WithSetter, 2, 2)
TABLE["procedure-with-setter?"] = Primitive(
    "procedure-with-setter?", lambda value: type(value) is WithSetter, 1, 1
)
TABLE["define-inlinable"] = Macro(
    "define-inlinable", lambda datum: Pair(_forms("define"), datum.cdr)
)


def _forms(name: str) -> SpecialForm:
    from services.scheme.forms import FORMS

    return FORMS[name]


# Control


@macro("let/ec")
def _let_ec(datum: Any) -> Value:
    parts = parts_of(datum, 2)
    return form(OPERATIONS["call/ec"], Pair(LAMBDA, Pair(form(parts[0]), datum.cdr.cdr)))


TABLE["let-escape-continuation"] = TABLE["let/ec"]


@macro("let/cc")
def _let_cc(datum: Any) -> Value:
    parts = parts_of(datum, 2)
    return form(OPERATIONS["call/cc"], Pair(LAMBDA, Pair(form(parts[0]), datum.cdr.cdr)))


def _mentions(datum: Value, name: str) -> bool:
    return any(symbol_of(found).name == name for found in names_in(datum))


@macro("while")
def _while(datum: Any) -> Value:
    """``break`` and ``continue`` are bound in the body, as in Guile."""
    parts = parts_of(datum, 1)
    loop = temporary("while")
    body: Value = form(BEGIN, *parts[1:]) if len(parts) > 1 else False
    if _mentions(body, "continue"):
        body = form(OPERATIONS["call/ec"], form(LAMBDA, form(Symbol("continue")), body))
    turns = form(LET, loop, NIL, form(IF, parts[0], form(BEGIN, body, form(loop)), False))
    if not _mentions(datum.cdr, "break"):
        return turns
    leave = temporary("leave")
    results = temporary("results")
    ending = form(
        LAMBDA, results,
        form(IF, form(_IS_NULL, results), form(leave, True),
             form(OPERATIONS["apply"], leave, results)),
    )  # fmt: skip
    inner = form(LET, form(form(Symbol("break"), ending)), turns)
    return form(OPERATIONS["call/ec"], form(LAMBDA, form(leave), inner))


_IS_NULL = Primitive("null?", lambda value: value is NIL, 1, 1)


def _reraise(machine: Machine, value: Value) -> Any:
    raise conditions.as_error(value, True)


operation(TABLE, "%reraise", 1)(_reraise)


@macro("guard")
def _guard(datum: Any) -> Value:
    """``(guard (variable clause …) body …)``; unwinds, and raises again if no clause fits."""
    parts = parts_of(datum, 2)
    spec = parts[0]
    if type(spec) is not Pair or not is_identifier(spec.car):
        raise bad_form(datum, True)
    clauses = items_of(spec.cdr, datum, True)
    has_else = bool(clauses) and type(clauses[-1]) is Pair and is_identifier(
        clauses[-1].car
    ) and symbol_of(clauses[-1].car).name == "else"  # fmt: skip
    if not has_else:
        clauses.append(form(True, form(TABLE["%reraise"], spec.car)))
    handler = form(LAMBDA, form(spec.car), Pair(COND, scheme_list(clauses)))
    thunk = Pair(LAMBDA, Pair(NIL, datum.cdr.cdr))
    return form(OPERATIONS["with-exception-handler"], handler, thunk, Keyword("unwind?"), True)


def _assertion_failed(machine: Machine, expression: Value) -> Any:
    raise SchemeError("assertion-failed", (expression,))


operation(TABLE, "%assertion-failed", 1)(_assertion_failed)


@macro("assert")
def _assert(datum: Any) -> Value:
    parts = parts_of(datum, 1)
    failed = form(TABLE["%assertion-failed"], form(QUOTE, parts[0]))
    return form(UNLESS, parts[0], failed)


@macro("and-let*")
def _and_let(datum: Any) -> Value:
    parts = parts_of(datum, 1)
    clauses = items_of(parts[0], datum, True)
    body = datum.cdr.cdr
    result: Value = Pair(LET, Pair(NIL, body)) if type(body) is Pair else None
    if not clauses:
        return True if result is None else result
    for clause in reversed(clauses):
        if is_identifier(clause):
            result = clause if result is None else form(IF, clause, result, False)
        elif type(clause) is Pair and clause.cdr is NIL:
            test = clause.car
            result = test if result is None else form(IF, test, result, False)
        else:
            items = items_of(clause, datum, True)
            if len(items) != 2 or not is_identifier(items[0]):
                raise bad_form(datum, True)
            name = items[0]
            inner = name if result is None else form(IF, name, result, False)
            result = form(LET, form(form(name, items[1])), inner)
    return result


@macro("let-loop")
def _let_loop(datum: Any) -> Value:
    """``let-loop`` of (shepherd support): a named let that may be given some variables only."""
    parts = parts_of(datum, 3)
    name, bindings = parts[0], items_of(parts[1], datum, True)
    if not is_identifier(name):
        raise bad_form(datum, True)
    variables = []
    for binding in bindings:
        items = items_of(binding, datum, True)
        if len(items) != 2 or not is_identifier(items[0]):
            raise bad_form(datum, True)
        variables.append(items[0])
    real = temporary("loop")

    def expand(use: Any) -> Value:
        given = {}
        for item in items_of(use.cdr, use, True):
            pair = items_of(item, use, True)
            if len(pair) != 2:
                raise bad_form(use, True)
            given[pair[0]] = pair[1]
        return scheme_list([real, *[given.get(variable, variable) for variable in variables]])

    body = Pair(_with_macro(name, Macro(symbol_of(name).name, expand)), datum.cdr.cdr.cdr)
    return form(LET, real, parts[1], body)


def _with_macro(name: Any, value: Macro) -> SpecialForm:
    """A form whose body sees ``name`` as a macro."""

    def compile_body(compiler: Compiler, datum: Any, scope: Scope) -> Code:
        inner = Scope(scope.frame, scope)
        inner.names[name] = value
        return compiler.body(datum.cdr, inner, datum)

    return SpecialForm("let-loop", compile_body)
