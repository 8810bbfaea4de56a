"""The special forms: everything that compiles to code of its own.

``FORMS`` is what the default environment starts with.  Forms that are written as
expansions into these are in ``derived``; Python code that builds forms uses the objects
defined here (``LAMBDA``, ``LET`` …) so that no user binding can come between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme import nodes
from services.scheme.bodies import (
    Definition,
    compile_definition,
    parse_definition,
)
from services.scheme.codes import conditional, consume, either, general_of, sequence, store
from services.scheme.errors import locate, unbound_variable
from services.scheme.lambdas import compile_lambda
from services.scheme.machine import Machine
from services.scheme.modules import UNBOUND, Cell, Module, assign
from services.scheme.procedures import Closure, Env, Where
from services.scheme.syntax import (
    DIRECT,
    GENERAL,
    SIMPLE,
    Code,
    Macro,
    Scope,
    SpecialForm,
    Variable,
    bad_form,
    distance,
    is_identifier,
    items_of,
    parts_of,
    strip,
    symbol_of,
    syntax_violation,
    temporary,
)
from services.scheme.types import NIL, Char, Pair, Symbol, Value, is_list, iterate, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler

Compile: TypeAlias = "Callable[[Compiler, Any, Scope], Code]"

FORMS: dict[str, SpecialForm] = {}
UNSPECIFIED: Code = (SIMPLE, lambda env: None)


def special(name: str, table: dict[str, Any] = FORMS) -> Callable[[Compile], Compile]:
    """Define a special form."""

    def register(function: Compile) -> Compile:
        table[name] = SpecialForm(name, function)
        return function

    return register


def constant(value: Value) -> Code:
    return SIMPLE, nodes.constant(value)


@special("quote")
def form_quote(compiler: Compiler, form: Any, scope: Scope) -> Code:
    if type(form.cdr) is not Pair or form.cdr.cdr is not NIL:
        raise syntax_violation("quote", "bad syntax", form)
    return constant(strip(form.cdr.car))


@special("if")
def form_if(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if not 2 <= len(parts) <= 3:
        raise bad_form(form)
    test = compiler.compile(parts[0], scope)
    then = compiler.compile(parts[1], scope)
    other = compiler.compile(parts[2], scope) if len(parts) == 3 else UNSPECIFIED
    return conditional(test, then, other)


@special("begin")
def form_begin(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if not parts:
        if at_toplevel(compiler, scope):
            return UNSPECIFIED
        raise syntax_violation(None, "sequence of zero expressions", form)
    return sequence([compiler.compile(part, scope) for part in parts])


@special("lambda")
def form_lambda(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _lambda(compiler, form, scope, False)


@special("lambda*")
def form_lambda_star(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _lambda(compiler, form, scope, True)


def _lambda(compiler: Compiler, form: Any, scope: Scope, star: bool) -> Code:
    if type(form.cdr) is not Pair or type(form.cdr.cdr) is not Pair:
        raise syntax_violation("lambda*" if star else "lambda", "bad lambda", form, False)
    template = compile_lambda(compiler, None, form.cdr.car, form.cdr.cdr, scope, form, star)
    return SIMPLE, lambda env: Closure(template, env)


@special("define")
def form_define(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _define(compiler, parse_definition(form), scope)


@special("define*")
def form_define_star(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _define(compiler, parse_definition(form, True), scope)


def at_toplevel(compiler: Compiler, scope: Scope) -> bool:
    """Whether a definition here makes a variable of the module."""
    return compiler.top and scope.parent is None


def _define(compiler: Compiler, definition: Definition, scope: Scope) -> Code:
    if not at_toplevel(compiler, scope):
        raise syntax_violation(
            None, "definition in expression context, where definitions are not allowed,",
            definition.whole,
        )  # fmt: skip
    name = symbol_of(definition.name).name
    module = compiler.module
    own = module.own(name)
    if own is not None:
        compiler.unknown(own)
    compiler.top = False
    code = compile_definition(compiler, definition, scope)
    compiler.top = True

    def use(env: Env, value: Value) -> None:
        module.define(name, value)

    return consume(code, use)


@special("set!")
def form_set(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if len(parts) != 2:
        raise syntax_violation("set!", "bad set!", form)
    target = parts[0]
    if type(target) is Pair:  # (set! (getter object) value) with a procedure with setter
        from services.scheme.derived import SETTER

        call = scheme_list([scheme_list([SETTER, target.car]), *items_of(target.cdr, form)])
        return compiler.compile(append_form(call, parts[1]), scope)
    if not is_identifier(target) or type(compiler.meaning(target, scope)) in (Macro, SpecialForm):
        raise syntax_violation("set!", "bad set!", form)
    code = compiler.compile(parts[1], scope)
    found = compiler.resolve(target, scope)
    if type(found) is Variable:
        compiler.mutable()
        return _assign_local(distance(scope, found), found.index, code)
    assert type(found) is Cell
    compiler.unknown(found)
    return _assign_global(found, compiler.module, compiler.where(), code)


def _assign_local(depth: int, index: int, code: Code) -> Code:
    if code[0]:
        return DIRECT, nodes.set_local(depth, index, code[1])

    def use(env: Env, value: Value) -> None:
        for _ in range(depth):
            env = env[0]
        env[index] = value

    return consume(code, use)


def _assign_global(cell: Cell, module: Module, where: Where, code: Code) -> Code:
    def use(env: Env, value: Value) -> None:
        target = cell
        if target.value is UNBOUND:
            imported = module.find(cell.name)
            if imported is None:
                error = unbound_variable(cell.name)
                locate(error, where)
                raise error
            target = imported
        assign(target, value)

    return consume(code, use)


def append_form(form: Value, item: Value) -> Value:
    """A call with one more argument."""
    return scheme_list([*items_of(form, form), item])


@special("and")
def form_and(compiler: Compiler, form: Any, scope: Scope) -> Code:
    codes = [compiler.compile(part, scope) for part in items_of(form.cdr, form)]
    if not codes:
        return constant(True)
    result = codes[-1]
    for code in reversed(codes[:-1]):
        result = conditional(code, result, constant(False))
    return result


@special("or")
def form_or(compiler: Compiler, form: Any, scope: Scope) -> Code:
    codes = [compiler.compile(part, scope) for part in items_of(form.cdr, form)]
    return either(codes) if codes else constant(False)


@special("when")
def form_when(compiler: Compiler, form: Any, scope: Scope) -> Code:
    test, body = _test_and_body(compiler, form, scope)
    return conditional(test, body, UNSPECIFIED)


@special("unless")
def form_unless(compiler: Compiler, form: Any, scope: Scope) -> Code:
    test, body = _test_and_body(compiler, form, scope)
    return conditional(test, UNSPECIFIED, body)


def _test_and_body(compiler: Compiler, form: Any, scope: Scope) -> tuple[Code, Code]:
    codes = [compiler.compile(part, scope) for part in parts_of(form, 2)]
    return codes[0], sequence(codes[1:])


@special("cond")
def form_cond(compiler: Compiler, form: Any, scope: Scope) -> Code:
    clauses = parts_of(form, 1)
    made: list[tuple[Code, Code]] = []
    final = UNSPECIFIED
    for number, clause in enumerate(clauses):
        parts = list(iterate(clause)) if is_list(clause) else []
        if not parts:
            raise syntax_violation("cond", "invalid clause", form, True, clause)
        if compiler.is_form(parts[0], scope, "else"):
            if number != len(clauses) - 1:
                raise syntax_violation("cond", "else must be the last clause", form, True, clause)
            if len(parts) < 2:
                raise syntax_violation("cond", "invalid clause", form, True, clause)
            final = sequence([compiler.compile(part, scope) for part in parts[1:]])
            break
        test = compiler.compile(parts[0], scope)
        if len(parts) == 1:
            slot = scope.frame.slot()
            made.append((sequence([store(slot, test), _slot(slot)]), _slot(slot)))
        elif compiler.is_form(parts[1], scope, "=>"):
            if len(parts) != 3:
                message = "wrong number of receiver expressions"
                raise syntax_violation("cond", message, form, True, clause)
            slot = scope.frame.slot()
            then = call_with_slot(compiler, parts[2], slot, scope)
            made.append((sequence([store(slot, test), _slot(slot)]), then))
        else:
            then = sequence([compiler.compile(part, scope) for part in parts[1:]])
            made.append((test, then))
    return _clauses(made, final)


def call_with_slot(compiler: Compiler, procedure: Value, slot: int, scope: Scope) -> Code:
    """Call what the form ``procedure`` gives with the value in a place of the environment."""
    name = temporary("value")
    inner = Scope(scope.frame, scope)
    inner.names[name] = Variable(scope.frame, slot)
    return compiler.compile(scheme_list([procedure, name]), inner)


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
def form_case(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = parts_of(form, 2)
    slot = scope.frame.slot()
    key = store(slot, compiler.compile(parts[0], scope))
    table: dict[Any, int] = {}
    bodies: list[Code] = []
    otherwise = UNSPECIFIED
    for number, clause in enumerate(parts[1:]):
        items = list(iterate(clause)) if is_list(clause) else []
        if len(items) < 2:
            raise syntax_violation("case", "invalid clause", form, True, clause)
        if len(items) == 3 and compiler.is_form(items[1], scope, "=>"):
            body = call_with_slot(compiler, items[2], slot, scope)
        else:
            body = sequence([compiler.compile(item, scope) for item in items[1:]])
        if compiler.is_form(items[0], scope, "else"):
            if number != len(parts) - 2:
                raise syntax_violation("case", "else must be the last clause", form, True, clause)
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
        key = (kind, value if value == value else "nan")
        hash(key)
    except TypeError:  # a list, say: eqv? to nothing but itself
        return id(value)
    return key


def _select(slot: int, table: dict[Any, int], bodies: list[Code], otherwise: Code) -> Code:
    def choose(env: Env) -> int:
        return table.get(case_key(env[slot]), -1)

    codes = [*bodies, otherwise]
    if all(code[0] for code in codes):
        direct = [code[1] for code in codes]
        return DIRECT, lambda env: direct[choose(env)](env)
    general = [general_of(code) for code in codes]

    def node(env: Env, machine: Machine) -> Any:
        return general[choose(env)](env, machine)

    return GENERAL, node


QUOTE = FORMS["quote"]
IF = FORMS["if"]
BEGIN = FORMS["begin"]
LAMBDA = FORMS["lambda"]
DEFINE = FORMS["define"]
UNLESS = FORMS["unless"]
COND = FORMS["cond"]
