"""The special forms: everything that compiles to code of its own.

``FORMS`` is what the default environment starts with.  Forms that are written as
expansions into these are in ``derived``; Python code that builds forms uses the objects
defined here (``LAMBDA``, ``LET`` …) so that no user binding can come between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scheme import modules, nodes
from services.scheme.bodies import (
    Definition,
    bind_procedures,
    compile_definition,
    compile_named,
    parse_definition,
)
from services.scheme.calls import (
    ApplyKnown,
    call_known,
    conditional,
    consume,
    either,
    general_of,
    sequence,
    staged,
    store,
)
from services.scheme.lambdas import compile_lambda, fixed_count
from services.scheme.machine import Machine, single
from services.scheme.primitives import Primitive
from services.scheme.procedures import Closure, Env
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
    strip,
    symbol_of,
    syntax_violation,
    temporary,
)
from services.scheme.types import NIL, Char, Pair, Symbol, Value, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler

FORMS: dict[str, SpecialForm] = {}
UNSPECIFIED: Code = (SIMPLE, lambda env: None)


def special(name: str) -> Callable[[Any], SpecialForm]:
    """Define a special form."""

    def register(compile: Any) -> SpecialForm:
        result = FORMS[name] = SpecialForm(name, compile)
        return result

    return register


def constant(value: Value) -> Code:
    return SIMPLE, nodes.constant(value)


@special("quote")
def QUOTE(compiler: Compiler, form: Any, scope: Scope) -> Code:
    if type(form.cdr) is not Pair or form.cdr.cdr is not NIL:
        raise syntax_violation("quote", "bad syntax", form)
    return constant(strip(form.cdr.car))


@special("if")
def IF(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if not 2 <= len(parts) <= 3:
        raise bad_form(form)
    test = compiler.compile(parts[0], scope)
    then = compiler.compile(parts[1], scope)
    other = compiler.compile(parts[2], scope) if len(parts) == 3 else UNSPECIFIED
    return conditional(test, then, other)


@special("begin")
def BEGIN(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if not parts:
        if scope.parent is None:
            return UNSPECIFIED
        raise syntax_violation(None, "sequence of zero expressions", form)
    return sequence([compiler.compile(part, scope) for part in parts])


@special("lambda")
def LAMBDA(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _lambda(compiler, form, scope, False)


@special("lambda*")
def LAMBDA_STAR(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _lambda(compiler, form, scope, True)


def _lambda(compiler: Compiler, form: Any, scope: Scope, star: bool) -> Code:
    if type(form.cdr) is not Pair or type(form.cdr.cdr) is not Pair:
        raise syntax_violation("lambda*" if star else "lambda", "bad lambda", form, False)
    template = compile_lambda(
        compiler, None, form.cdr.car, form.cdr.cdr, scope, form, star
    )
    return SIMPLE, lambda env: Closure(template, env)


@special("define")
def DEFINE(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _define(compiler, parse_definition(form), scope)


@special("define*")
def DEFINE_STAR(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _define(compiler, parse_definition(form, True), scope)


def at_toplevel(scope: Scope) -> bool:
    """Whether a definition here makes a variable of the module."""
    return scope.parent is None


def _define(compiler: Compiler, definition: Definition, scope: Scope) -> Code:
    if not at_toplevel(scope):
        raise syntax_violation(
            None, "definition in expression context, where definitions are not allowed,",
            definition.whole,
        )  # fmt: skip
    name = symbol_of(definition.name).name
    module = compiler.module
    own = module.own(name)
    if own is not None:
        compiler.unknown(own)
    code = compile_definition(compiler, definition, scope)

    def use(env: Env, value: Value) -> None:
        module.define(name, value)

    return consume(code, use)


@special("set!")
def SET(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if len(parts) != 2:
        raise syntax_violation("set!", "bad set!", form)
    target = parts[0]
    if type(target) is Pair:  # (set! (getter object) value) with a procedure with setter
        from services.scheme.derived import SETTER

        call = scheme_list([scheme_list([SETTER, target.car]), *items_of(target.cdr, form)])
        return compiler.compile(append_form(call, parts[1]), scope)
    if not is_identifier(target):
        raise syntax_violation("set!", "bad set!", form)
    return compiler.assign(target, scope, compiler.compile(parts[1], scope))


def append_form(form: Value, item: Value) -> Value:
    """A call with one more argument."""
    return scheme_list([*items_of(form, form), item])


@special("and")
def AND(compiler: Compiler, form: Any, scope: Scope) -> Code:
    codes = [compiler.compile(part, scope) for part in items_of(form.cdr, form)]
    if not codes:
        return constant(True)
    result = codes[-1]
    for code in reversed(codes[:-1]):
        result = conditional(code, result, constant(False))
    return result


@special("or")
def OR(compiler: Compiler, form: Any, scope: Scope) -> Code:
    codes = [compiler.compile(part, scope) for part in items_of(form.cdr, form)]
    return either(codes) if codes else constant(False)


@special("when")
def WHEN(compiler: Compiler, form: Any, scope: Scope) -> Code:
    test, body = _test_and_body(compiler, form, scope)
    return conditional(test, body, UNSPECIFIED)


@special("unless")
def UNLESS(compiler: Compiler, form: Any, scope: Scope) -> Code:
    test, body = _test_and_body(compiler, form, scope)
    return conditional(test, UNSPECIFIED, body)


def _test_and_body(compiler: Compiler, form: Any, scope: Scope) -> tuple[Code, Code]:
    parts = items_of(form.cdr, form, True)
    if len(parts) < 2:
        raise bad_form(form, True)
    codes = [compiler.compile(part, scope) for part in parts]
    return codes[0], sequence(codes[1:])


@special("cond")
def COND(compiler: Compiler, form: Any, scope: Scope) -> Code:
    clauses = items_of(form.cdr, form, True)
    if not clauses:
        raise bad_form(form, True)
    made: list[tuple[Code, Code]] = []
    final = UNSPECIFIED
    for number, clause in enumerate(clauses):
        parts = items_of(clause, form)
        if not parts:
            raise bad_form(form, True)
        if compiler.is_form(parts[0], scope, "else"):
            if number != len(clauses) - 1 or len(parts) < 2:
                raise syntax_violation("cond", "invalid clause", form, True, clause)
            final = sequence([compiler.compile(part, scope) for part in parts[1:]])
            break
        test = compiler.compile(parts[0], scope)
        if len(parts) == 1:
            slot = scope.frame.slot()
            made.append((sequence([store(slot, test), _slot(slot)]), _slot(slot)))
        elif len(parts) == 3 and compiler.is_form(parts[1], scope, "=>"):
            slot = scope.frame.slot()
            inner = Scope(scope.frame, scope)
            name = temporary()
            from services.scheme.syntax import Variable

            inner.names[name] = Variable(scope.frame, slot)
            then = compiler.compile(scheme_list([parts[2], name]), inner)
            made.append((sequence([store(slot, test), _slot(slot)]), then))
        else:
            then = sequence([compiler.compile(part, scope) for part in parts[1:]])
            made.append((test, then))
    return _clauses(made, final)


def _slot(index: int) -> Code:
    return DIRECT, nodes.local(0, index)


def _clauses(made: list[tuple[Code, Code]], final: Code) -> Code:
    """A chain of conditionals; long ones go through the machine now and then."""
    result = final
    for number, (test, then) in enumerate(reversed(made)):
        result = conditional(test, then, result)
        if number % 50 == 49:
            result = GENERAL, nodes.bounce(general_of(result))
    return result


@special("case")
def CASE(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form, True)
    if not parts:
        raise bad_form(form, True)
    slot = scope.frame.slot()
    key = store(slot, compiler.compile(parts[0], scope))
    table: dict[Any, int] = {}
    bodies: list[Code] = []
    otherwise = UNSPECIFIED
    for number, clause in enumerate(parts[1:]):
        items = items_of(clause, form)
        if len(items) < 2:
            raise bad_form(form, True)
        if len(items) == 3 and compiler.is_form(items[1], scope, "=>"):
            from services.scheme.syntax import Variable

            inner = Scope(scope.frame, scope)
            name = temporary()
            inner.names[name] = Variable(scope.frame, slot)
            body = compiler.compile(scheme_list([items[2], name]), inner)
        else:
            body = sequence([compiler.compile(item, scope) for item in items[1:]])
        if compiler.is_form(items[0], scope, "else"):
            if number != len(parts) - 2:
                raise bad_form(form, True)
            otherwise = body
            break
        for datum in items_of(items[0], form):
            table.setdefault(case_key(strip(datum)), len(bodies))
        bodies.append(body)
    return sequence([key, _select(slot, table, bodies, otherwise)])


def case_key(value: Value) -> Any:
    """A hashable that is equal for values that are ``eqv?``."""
    kind = type(value)
    if kind is Symbol or kind is Char or kind is int or kind is str:
        return (kind, value) if kind is not Symbol else value
    if value is None or kind is bool or value is NIL:
        return (kind, value)
    try:
        return (kind, value if value == value else "nan")
    except Exception:
        return id(value)


def _select(slot: int, table: dict[Any, int], bodies: list[Code], otherwise: Code) -> Code:
    def choose(env: Env) -> int:
        value = env[slot]
        try:
            return table.get(case_key(value), -1)
        except TypeError:  # not hashable: eqv? to nothing but itself
            return -1

    codes = [*bodies, otherwise]
    if all(code[0] for code in codes):
        direct = [code[1] for code in codes]
        return DIRECT, lambda env: direct[choose(env)](env)
    general = [general_of(code) for code in codes]

    def node(env: Env, machine: Machine) -> Any:
        return general[choose(env)](env, machine)

    return GENERAL, node


# Binding forms


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
def LET(compiler: Compiler, form: Any, scope: Scope) -> Code:
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
    stores = [
        store(inner.add(name).index, code) for name, code in zip(names, codes, strict=True)
    ]
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
def LET_STAR(compiler: Compiler, form: Any, scope: Scope) -> Code:
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
def LETREC(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _letrec(compiler, form, scope, "letrec")


@special("letrec*")
def LETREC_STAR(compiler: Compiler, form: Any, scope: Scope) -> Code:
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
def RECEIVE(compiler: Compiler, form: Any, scope: Scope) -> Code:
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
    names: list[Any] = []
    rest = formals
    while type(rest) is Pair:
        names.append(rest.car)
        rest = rest.cdr
    every = names if rest is NIL else [*names, rest]
    slots = [scope.add(name).index for name in identifiers(every, whole)]
    return into_slots(slots, rest is not NIL, producer)


def into_slots(slots: list[int], has_rest: bool, producer: Code) -> Code:
    """Put multiple values into the environment."""
    from services.scheme.errors import SchemeError
    from services.scheme.types import Values

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

    def resume(value: Value, env: Env, machine: Machine) -> Any:
        return use(env, value)

    def begin(env: Env, machine: Machine) -> Any:
        machine.stack += (resume, env)
        return node(env, machine)

    return GENERAL, begin


@special("let*-values")
def LET_STAR_VALUES(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _let_values(compiler, form, scope, True)


@special("let-values")
def LET_VALUES(compiler: Compiler, form: Any, scope: Scope) -> Code:
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
def DEFINE_VALUES(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form, True)
    if len(parts) != 2 or not at_toplevel(scope):
        raise bad_form(form, True)
    names: list[Any] = []
    rest = parts[0]
    while type(rest) is Pair:
        names.append(rest.car)
        rest = rest.cdr
    has_rest = rest is not NIL
    every = identifiers([*names, rest] if has_rest else names, form)
    slots = [scope.frame.slot() for _ in every]
    take = into_slots(slots, has_rest, compiler.compile(parts[1], scope))
    module = compiler.module
    texts = [symbol_of(name).name for name in every]

    def define(env: Env) -> None:
        for text, slot in zip(texts, slots, strict=True):
            module.define(text, env[slot])

    return sequence([take, (DIRECT, define)])


@special("do")
def DO(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form, True)
    if len(parts) < 2:
        raise bad_form(form, True)
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
    bindings = scheme_list(
        [scheme_list(pair) for pair in zip(names, values, strict=True)]
    )
    return compiler.compile(scheme_list([LET, loop, bindings, body]), scope)


# Quasiquotation

_CONS = Primitive("cons", Pair, 2, 2)


def _append2(first: Value, rest: Value) -> Value:
    from services.scheme.errors import wrong_type

    if rest is NIL:
        return first
    items = []
    tail = first
    while type(tail) is Pair:
        items.append(tail.car)
        tail = tail.cdr
    if tail is not NIL:
        raise wrong_type("append", 1, first)
    return scheme_list(items, rest)


def _to_vector(items: Value) -> Value:
    from services.scheme.types import iterate

    return list(iterate(items))


_APPEND = Primitive("append", _append2, 2, 2)
_VECTOR = Primitive("list->vector", _to_vector, 1, 1)
_LIST = Primitive("list", lambda *items: scheme_list(items), 0, None)


@special("quasiquote")
def QUASIQUOTE(compiler: Compiler, form: Any, scope: Scope) -> Code:
    if type(form.cdr) is not Pair or form.cdr.cdr is not NIL:
        raise bad_form(form, True)
    return compiler.compile(_quasi(compiler, form.cdr.car, 1, scope), scope)


def _quasi(compiler: Compiler, datum: Value, depth: int, scope: Scope) -> Value:
    """The expression that makes ``datum`` with its unquoted parts evaluated."""
    if type(datum) is list:
        inner = _quasi(compiler, scheme_list(datum), depth, scope)
        if type(inner) is Pair and inner.car is QUOTE:
            return scheme_list([QUOTE, datum])
        return scheme_list([_VECTOR, inner])
    if type(datum) is not Pair:
        return scheme_list([QUOTE, datum])
    # The spine is walked in a loop: long lists are common, deep ones are not.
    spine: list[Value] = []
    rest: Value = datum
    while type(rest) is Pair:
        if compiler.is_form(rest.car, scope, "unquote") and _single(rest.cdr):
            break
        if compiler.is_form(rest.car, scope, "quasiquote") and _single(rest.cdr):
            break
        spine.append(rest.car)
        rest = rest.cdr
    if type(rest) is Pair:
        name = rest.car
        argument = rest.cdr.car
        if compiler.is_form(name, scope, "unquote"):
            if depth == 1:
                result = argument
            else:
                result = _tagged(name, _quasi(compiler, argument, depth - 1, scope))
        else:
            result = _tagged(name, _quasi(compiler, argument, depth + 1, scope))
    else:
        result = scheme_list([QUOTE, rest])
    for item in reversed(spine):
        result = _quasi_item(compiler, item, result, depth, scope)
    return result


def _quasi_item(
    compiler: Compiler, item: Value, rest: Value, depth: int, scope: Scope
) -> Value:
    if (
        type(item) is Pair
        and compiler.is_form(item.car, scope, "unquote-splicing")
        and type(item.cdr) is Pair
    ):
        if depth == 1:
            result = rest
            for part in reversed(items_of(item.cdr, item)):
                result = scheme_list([_APPEND, part, result])
            return result
        inner = _quasi(compiler, item.cdr, depth - 1, scope)
        item_form: Value = scheme_list([_CONS, scheme_list([QUOTE, item.car]), inner])
    elif (
        depth == 1
        and type(item) is Pair
        and compiler.is_form(item.car, scope, "unquote")
        and type(item.cdr) is Pair
        and item.cdr.cdr is not NIL
    ):
        result = rest
        for part in reversed(items_of(item.cdr, item)):
            result = scheme_list([_CONS, part, result])
        return result
    else:
        item_form = _quasi(compiler, item, depth, scope)
    if (
        type(item_form) is Pair
        and item_form.car is QUOTE
        and type(rest) is Pair
        and rest.car is QUOTE
    ):
        return scheme_list([QUOTE, Pair(item_form.cdr.car, rest.cdr.car)])
    return scheme_list([_CONS, item_form, rest])


def _single(rest: Value) -> bool:
    return type(rest) is Pair and rest.cdr is NIL


def _tagged(name: Value, inner: Value) -> Value:
    if type(inner) is Pair and inner.car is QUOTE:
        return scheme_list([QUOTE, scheme_list([name, inner.cdr.car])])
    return scheme_list([_LIST, scheme_list([QUOTE, name]), inner])


__all__ = ["FORMS", "compile_lambda", "fixed_count", "modules", "single"]
