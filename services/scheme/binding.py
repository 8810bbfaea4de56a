"""Forms that bind names: ``let`` and its relatives, loops, multiple values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.bodies import (
    Definition,
    bind_procedures,
    compile_definition,
    compile_named,
)
from services.scheme.calls import ApplyKnown, call_known, staged
from services.scheme.codes import followed, sequence, store
from services.scheme.errors import SchemeError
from services.scheme.forms import BEGIN, FORMS, IF, at_toplevel, special
from services.scheme.procedures import Env
from services.scheme.syntax import (
    DIRECT,
    GENERAL,
    SIMPLE,
    Code,
    Scope,
    SpecialForm,
    bad_form,
    identifiers,
    is_identifier,
    items_of,
    parts_of,
    symbol_of,
    syntax_violation,
    temporary,
)
from services.scheme.types import NIL, Pair, Value, Values, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler


def _bindings(form: Any, whole: Any, who: str | None) -> tuple[list[Any], list[Value]]:
    """Names and values of ``((name value) …)``."""
    names: list[Any] = []
    values: list[Value] = []
    rest = form
    while type(rest) is Pair:
        item = rest.car
        if (
            type(item) is not Pair
            or type(item.cdr) is not Pair
            or item.cdr.cdr is not NIL
            or not is_identifier(item.car)
        ):
            raise _bad_bindings(whole, who)
        names.append(item.car)
        values.append(item.cdr.car)
        rest = rest.cdr
    if rest is not NIL:
        raise _bad_bindings(whole, who)
    return names, values


def _bad_bindings(whole: Any, who: str | None) -> Exception:
    if who is None:
        return bad_form(whole, True)
    return syntax_violation(who, f"bad {who}", whole)


def _distinct(names: list[Any], who: str, whole: Any) -> None:
    if len(set(names)) != len(names):
        raise syntax_violation(who, "duplicate bound variable", whole, False)


@special("let")
def form_let(compiler: Compiler, form: Any, scope: Scope) -> Code:
    rest = form.cdr
    if type(rest) is not Pair:
        raise syntax_violation("let", "bad let", form)
    if is_identifier(rest.car):
        return _named_let(compiler, form, scope)
    names, values = _bindings(rest.car, form, "let")
    _distinct(names, "let", form)
    if type(rest.cdr) is not Pair:
        raise syntax_violation("let", "bad let", form)
    codes = [
        compile_named(compiler, name, value, scope)
        for name, value in zip(names, values, strict=True)
    ]
    inner = Scope(scope.frame, scope)
    stores = [store(inner.add(name).index, code) for name, code in zip(names, codes, strict=True)]
    return sequence([*stores, compiler.body(rest.cdr, inner, form)])


def _named_let(compiler: Compiler, form: Any, scope: Scope) -> Code:
    name, rest = form.cdr.car, form.cdr.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair:
        raise syntax_violation("let", "bad let", form)
    names, values = _bindings(rest.car, form, "let")
    _distinct(names, "let", form)
    codes = [compiler.compile(value, scope) for value in values]
    inner = Scope(scope.frame, scope)
    variable = inner.add(name)
    definition = Definition(name, form)
    definition.formals, definition.body = scheme_list(names), rest.cdr
    where = compiler.where()
    (template,) = bind_procedures(compiler, [(variable, definition)], inner)
    made = store(variable.index, compile_definition(compiler, definition, inner, template))
    assert template is not None
    if all(code[0] for code in codes):
        start: Code = (GENERAL, call_known(0, template, [code[1] for code in codes], where))
    else:
        start = GENERAL, staged([(SIMPLE, lambda env: env), *codes], ApplyKnown(template, where))
    return sequence([made, start])


@special("let*")
def form_let_star(compiler: Compiler, form: Any, scope: Scope) -> Code:
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair:
        raise bad_form(form, True)
    names, values = _bindings(rest.car, form, None)
    codes = []
    for name, value in zip(names, values, strict=True):
        code = compile_named(compiler, name, value, scope)
        scope = Scope(scope.frame, scope)
        codes.append(store(scope.add(name).index, code))
    return sequence([*codes, compiler.body(rest.cdr, Scope(scope.frame, scope), form)])


@special("letrec")
def form_letrec(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _letrec(compiler, form, scope, "letrec")


@special("letrec*")
def form_letrec_star(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _letrec(compiler, form, scope, "letrec*")


def _letrec(compiler: Compiler, form: Any, scope: Scope, who: str) -> Code:
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair:
        raise syntax_violation(who, f"bad {who}", form)
    names, values = _bindings(rest.car, form, who)
    _distinct(names, who, form)
    inner = Scope(scope.frame, scope)
    pairs = []
    for name, value in zip(names, values, strict=True):
        definition = Definition(name, form)
        definition.value = value
        pairs.append((inner.add(name), definition))
    templates = bind_procedures(compiler, pairs, inner)
    codes = [
        store(variable.index, compile_definition(compiler, definition, inner, template))
        for (variable, definition), template in zip(pairs, templates, strict=True)
    ]
    return sequence([*codes, compiler.body(rest.cdr, inner, form)])


@special("receive")
def form_receive(compiler: Compiler, form: Any, scope: Scope) -> Code:
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair or type(rest.cdr.cdr) is not Pair:
        raise bad_form(form, True)
    producer = compiler.compile(rest.cdr.car, scope)
    inner = Scope(scope.frame, scope)
    take = values_into(compiler, rest.car, inner, producer, form)
    return sequence([take, compiler.body(rest.cdr.cdr, inner, form)])


def values_into(
    compiler: Compiler, formals: Value, scope: Scope, producer: Code, whole: Value
) -> Code:
    """Bind the names of ``formals`` in ``scope`` to the values that ``producer`` gives."""
    names, has_rest = _variables(formals, whole)
    return _into_slots([scope.add(name).index for name in names], has_rest, producer)


def _variables(formals: Value, whole: Value) -> tuple[list[Any], bool]:
    """The names of ``(a b)``, ``(a . rest)`` or ``rest``, and whether the last is a rest."""
    names: list[Value] = []
    rest = formals
    while type(rest) is Pair:
        names.append(rest.car)
        rest = rest.cdr
    has_rest = rest is not NIL
    return identifiers([*names, rest] if has_rest else names, whole), has_rest


def _into_slots(slots: list[int], has_rest: bool, producer: Code) -> Code:
    """Put multiple values into the environment."""
    count = len(slots) - has_rest

    def use(env: Env, value: Value) -> None:
        items = value.items if type(value) is Values else (value,)
        if len(items) < count or (len(items) > count and not has_rest):
            raise SchemeError(
                "wrong-number-of-args",
                (False, "Wrong number of values returned to continuation", NIL, False),
            )
        for slot, item in zip(slots, items, strict=False):
            env[slot] = item
        if has_rest:
            env[slots[-1]] = scheme_list(items[count:])

    node = producer[1]
    if producer[0]:
        return DIRECT, lambda env: use(env, node(env))
    return followed(node, lambda value, env, machine: use(env, value))


@special("let*-values")
def form_let_star_values(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _let_values(compiler, form, scope, True)


@special("let-values")
def form_let_values(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _let_values(compiler, form, scope, False)


def _let_values(compiler: Compiler, form: Any, scope: Scope, serial: bool) -> Code:
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair:
        raise bad_form(form, True)
    codes = []
    inner = Scope(scope.frame, scope)
    for item in items_of(rest.car, form):
        parts = items_of(item, form)
        if len(parts) != 2:
            raise bad_form(form, True)
        producer = compiler.compile(parts[1], inner if serial else scope)
        if serial:
            inner = Scope(scope.frame, inner)
        codes.append(values_into(compiler, parts[0], inner, producer, form))
    return sequence([*codes, compiler.body(rest.cdr, inner, form)])


@special("define-values")
def form_define_values(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = parts_of(form, 2, 2)
    if not at_toplevel(compiler, scope):
        raise bad_form(form, True)
    every, has_rest = _variables(parts[0], form)
    slots = [scope.frame.slot() for _ in every]
    take = _into_slots(slots, has_rest, compiler.compile(parts[1], scope))
    module = compiler.module
    texts = [symbol_of(name).name for name in every]

    def define(env: Env) -> None:
        for text, slot in zip(texts, slots, strict=True):
            module.define(text, env[slot])

    return sequence([take, (DIRECT, define)])


def body_values(form: Any, scope: Scope) -> Value:
    """``define-values`` in a body: declares the names; the form that gives them values."""
    parts = parts_of(form, 2, 2)
    every, has_rest = _variables(parts[0], form)
    slots = [scope.add(name).index for name in every]

    def compile_values(compiler: Compiler, _: Any, inner: Scope) -> Code:
        return _into_slots(slots, has_rest, compiler.compile(parts[1], inner))

    return scheme_list([SpecialForm("define-values", compile_values)])


@special("do")
def form_do(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = parts_of(form, 2)
    names, values, steps = [], [], []
    for item in items_of(parts[0], form):
        binding = items_of(item, form)
        if not 2 <= len(binding) <= 3:
            raise bad_form(form, True)
        names.append(binding[0])
        values.append(binding[1])
        steps.append(binding[2] if len(binding) == 3 else binding[0])
    end = items_of(parts[1], form)
    if not end:
        raise bad_form(form, True)
    loop = temporary("do-loop")
    again = scheme_list([loop, *steps])
    result: Value = scheme_list([BEGIN, *end[1:]]) if len(end) > 1 else None
    body = scheme_list([IF, end[0], result, scheme_list([BEGIN, *parts[2:], again])])
    bindings = scheme_list([scheme_list(pair) for pair in zip(names, values, strict=True)])
    return compiler.compile(scheme_list([LET, loop, bindings, body]), scope)


LET = FORMS["let"]
