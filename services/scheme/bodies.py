"""Bodies: internal definitions, which all see each other, mixed with expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.codes import sequence, store
from services.scheme.lambdas import compile_lambda, fixed_count
from services.scheme.procedures import Closure, Template
from services.scheme.syntax import (
    SIMPLE,
    Code,
    Macro,
    Scope,
    SpecialForm,
    Variable,
    bad_form,
    is_identifier,
    items_of,
    symbol_of,
    syntax_violation,
)
from services.scheme.types import Pair, Value

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler


class Definition:
    """``(define name value)`` taken apart; a procedure has ``formals`` and ``body``."""

    __slots__ = ("body", "formals", "name", "star", "value", "whole")

    def __init__(self, name: Any, whole: Value) -> None:
        self.name = name
        self.whole = whole
        self.value: Value = None
        self.formals: Value = None
        self.body: Value = None
        self.star = False


def parse_definition(whole: Pair, star: bool = False) -> Definition:
    """Take ``define`` apart, curried definitions too.  Raises a syntax error."""
    rest = whole.cdr
    if type(rest) is not Pair:
        raise bad_form(whole)
    target, body = rest.car, rest.cdr
    if is_identifier(target):
        items = items_of(body, whole)
        definition = Definition(target, whole)
        if len(items) > 1:
            raise bad_form(whole)
        definition.value = items[0] if items else None
        return definition
    if type(target) is not Pair or type(body) is not Pair:
        raise bad_form(whole)
    while type(target.car) is Pair:  # (define ((f a) b) …)
        from services.scheme.forms import LAMBDA

        body = Pair(Pair(LAMBDA, Pair(target.cdr, body)), _nil())
        target = target.car
    if not is_identifier(target.car):
        raise bad_form(whole)
    definition = Definition(target.car, whole)
    definition.formals, definition.body, definition.star = target.cdr, body, star
    return definition


def _nil() -> Value:
    from services.scheme.types import NIL

    return NIL


def as_lambda(compiler: Compiler, definition: Definition, scope: Scope) -> None:
    """Recognise ``(define name (lambda …))``."""
    value = definition.value
    if definition.body is not None or type(value) is not Pair:
        return
    if compiler.is_form(value.car, scope, "lambda"):
        star = False
    elif compiler.is_form(value.car, scope, "lambda*"):
        star = True
    else:
        return
    if not isinstance(compiler.meaning(value.car, scope) if is_identifier(value.car)
                      else value.car, SpecialForm):  # fmt: skip
        return
    if type(value.cdr) is not Pair or type(value.cdr.cdr) is not Pair:
        return
    definition.formals, definition.body = value.cdr.car, value.cdr.cdr
    definition.star = star
    definition.whole = value


def compile_definition(
    compiler: Compiler, definition: Definition, scope: Scope, template: Template | None = None
) -> Code:
    """The code of the value."""
    if definition.body is not None:
        made = compile_lambda(
            compiler,
            symbol_of(definition.name).name,
            definition.formals,
            definition.body,
            scope,
            definition.whole,
            definition.star,
            template,
        )
        return SIMPLE, lambda env: Closure(made, env)
    return compile_named(compiler, definition.name, definition.value, scope)


def compile_named(compiler: Compiler, name: Any, value: Value, scope: Scope) -> Code:
    """Compile an expression whose value, if a procedure, is called ``name``."""
    if type(value) is Pair:
        definition = Definition(name, value)
        definition.value = value
        as_lambda(compiler, definition, scope)
        if definition.body is not None:
            mark = compiler.marks.get(id(value))
            if mark is not None:
                compiler.here = mark
            return compile_definition(compiler, definition, scope)
    return compiler.compile(value, scope)


def bind_procedures(
    compiler: Compiler, pairs: list[tuple[Variable, Definition]], scope: Scope
) -> list[Template | None]:
    """Note which variables are known to hold procedures of a fixed number of arguments."""
    templates: list[Template | None] = []
    for variable, definition in pairs:
        as_lambda(compiler, definition, scope)
        template = None
        if definition.body is not None:
            count = fixed_count(definition.formals)
            if count >= 0:
                template = Template(symbol_of(definition.name).name, compiler.where())
                template.count = count
                variable.template = template
        templates.append(template)
    return templates


def compile_body(compiler: Compiler, forms: Value, scope: Scope, whole: Value) -> Code:
    """The code of a body."""
    items = items_of(forms, whole)
    if not items:
        raise bad_form(whole)
    inner = Scope(scope.frame, scope)
    # Definitions, and expressions in between (None, expression).
    parts: list[tuple[Variable | None, Any]] = []
    todo = items[::-1]
    while todo:
        item = todo.pop()
        while type(item) is Pair and (is_identifier(item.car) or type(item.car) is SpecialForm
                                      or type(item.car) is Macro):  # fmt: skip
            head = item.car
            meaning = compiler.meaning(head, inner) if is_identifier(head) else head
            mark = compiler.marks.get(id(item))
            if mark is not None:
                compiler.here = mark
            if type(meaning) is Macro:
                item = compiler.expand(meaning, item, inner)
                continue
            if type(meaning) is SpecialForm:
                name = meaning.name
                if name == "begin":
                    todo.extend(reversed(items_of(item.cdr, item)))
                    item = None
                elif name == "define" or name == "define*":
                    definition = parse_definition(item, name == "define*")
                    if definition.name in inner.names:
                        message = "invalid or duplicate identifier in definition"
                        raise syntax_violation(None, message, whole)
                    parts.append((inner.add(definition.name), definition))
                    item = None
                elif name == "define-values":
                    from services.scheme.binding import body_values

                    parts.append((None, body_values(item, inner)))
                    item = None
                elif name == "define-syntax":
                    from services.scheme.macros import bind_syntax

                    bind_syntax(compiler, item, inner)
                    item = None
            break
        else:
            parts.append((None, item))
            continue
        if item is not None:
            parts.append((None, item))
    if not parts or parts[-1][0] is not None:
        raise syntax_violation(None, "body should end with an expression", whole)
    if not inner.names:
        return sequence([compiler.compile(item, inner) for _, item in parts])
    definitions = [(variable, part) for variable, part in parts if variable is not None]
    templates = iter(bind_procedures(compiler, definitions, inner))
    codes = []
    for variable, part in parts:
        if variable is None:
            codes.append(compiler.compile(part, inner))
        else:
            code = compile_definition(compiler, part, inner, next(templates))
            codes.append(store(variable.index, code))
    return sequence(codes)
