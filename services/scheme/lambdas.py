"""Argument lists: those of ``lambda`` and those of ``lambda*``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.codes import conditional, sequence, store
from services.scheme.procedures import UNSET, Template
from services.scheme.syntax import (
    DIRECT,
    SIMPLE,
    Code,
    Scope,
    bad_form,
    is_identifier,
    symbol_of,
    syntax_violation,
)
from services.scheme.types import NIL, Keyword, Pair, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.scheme.compiler import Compiler

_OPTIONAL, _KEY, _REST = Keyword("optional"), Keyword("key"), Keyword("rest")
_OTHERS = Keyword("allow-other-keys")


class Formals:
    """An argument list taken apart.

    ``optional`` holds (name, default form or None), ``keys`` (keyword, name, default).
    """

    __slots__ = ("keys", "optional", "others", "required", "rest")

    def __init__(self) -> None:
        self.required: list[Any] = []
        self.optional: list[tuple[Any, Value]] = []
        self.keys: list[tuple[Keyword, Any, Value]] = []
        self.others = False
        self.rest: Any = None


def fixed_count(formals: Value) -> int:
    """The number of arguments if it is fixed, else -1."""
    count = 0
    while type(formals) is Pair:
        if not is_identifier(formals.car):
            return -1
        count += 1
        formals = formals.cdr
    return count if formals is NIL else -1


def _invalid(star: bool, formals: Value, whole: Value) -> Exception:
    who = "lambda*" if star else "lambda"
    return syntax_violation(who, "invalid argument list", formals)


def _duplicate(star: bool, formals: Value) -> Exception:
    who = "lambda*" if star else "lambda"
    return syntax_violation(who, "duplicate identifier in argument list", formals)


def parse(formals: Value, star: bool, whole: Value) -> Formals:
    """Take an argument list apart.  Raises the syntax error of ``whole``."""
    result = Formals()
    section: Value = None
    rest = formals
    while type(rest) is Pair:
        item = rest.car
        if is_identifier(item):
            if section is None:
                result.required.append(item)
            elif section is _OPTIONAL:
                result.optional.append((item, None))
            elif section is _KEY:
                result.keys.append((Keyword(symbol_of(item).name), item, None))
            elif result.rest is None:
                result.rest = item
            else:
                raise _invalid(star, formals, whole)
        elif star and item is _OTHERS and section is _KEY:
            result.others = True
        elif star and section is not _REST and item in (_OPTIONAL, _KEY, _REST):
            section = item
        elif star and type(item) is Pair and section in (_OPTIONAL, _KEY):
            _with_default(item, section, result, star, formals, whole)
        else:
            raise _invalid(star, formals, whole)
        rest = rest.cdr
    if rest is not NIL:
        if not is_identifier(rest) or section is _REST:
            raise _invalid(star, formals, whole)
        result.rest = rest
    elif section is _REST and result.rest is None:
        raise _invalid(star, formals, whole)
    names = [
        *result.required, *(o[0] for o in result.optional), *(k[1] for k in result.keys),
        *([] if result.rest is None else [result.rest]),
    ]  # fmt: skip
    if len(set(names)) != len(names):
        raise _duplicate(star, formals)
    return result


def _with_default(
    item: Pair, section: Value, result: Formals, star: bool, formals: Value, whole: Value
) -> None:
    parts: list[Value] = []
    rest: Value = item
    while type(rest) is Pair:
        parts.append(rest.car)
        rest = rest.cdr
    if rest is not NIL or not is_identifier(parts[0]) or len(parts) > 3:
        raise _invalid(star, formals, whole)
    name = parts[0]
    default = parts[1] if len(parts) > 1 else None
    if section is _OPTIONAL:
        if len(parts) > 2:
            raise _invalid(star, formals, whole)
        result.optional.append((name, default))
        return
    keyword = parts[2] if len(parts) > 2 else Keyword(symbol_of(name).name)
    if type(keyword) is not Keyword:
        raise _invalid(star, formals, whole)
    result.keys.append((keyword, name, default))


def compile_lambda(
    compiler: Compiler,
    name: str | None,
    formals: Value,
    body: Value,
    scope: Scope,
    whole: Value,
    star: bool = False,
    template: Template | None = None,
) -> Template:
    """The template of a lambda expression; ``whole`` is the form for syntax errors."""
    if type(body) is not Pair:
        raise bad_form(whole)
    documentation = None
    if type(body.car) is str and body.cdr is not NIL:
        documentation = body.car
    if fixed_count(formals) >= 0:

        def build(compiler: Compiler, template: Template, scope: Scope) -> Callable[[], Code]:
            rest, count = formals, 0
            while rest is not NIL:
                if rest.car in scope.names:
                    raise _duplicate(star, formals)
                scope.add(rest.car)
                rest = rest.cdr
                count += 1
            template.count = count
            return lambda: compiler.body(body, scope, whole)

    else:
        parsed = parse(formals, star, whole)

        def build(compiler: Compiler, template: Template, scope: Scope) -> Callable[[], Code]:
            return _build(compiler, template, scope, parsed, body, whole)

    made = compiler.procedure(name, scope, build, template)
    made.formals = formals
    made.documentation = documentation
    return made


def _build(
    compiler: Compiler, template: Template, scope: Scope, parsed: Formals, body: Value, whole: Value
) -> Callable[[], Code]:
    for name in parsed.required:
        scope.add(name)
    template.required = len(parsed.required)
    template.optional = len(parsed.optional)
    template.others = parsed.others
    # Every place is laid out first; a default sees the arguments before its own, because the
    # names after it are added later.
    optional = [scope.frame.slot() for _ in parsed.optional]
    rest = scope.frame.slot() if parsed.rest is not None else 0
    keys = [scope.frame.slot() for _ in parsed.keys]
    template.rest = rest
    template.keys = tuple((key[0], slot) for key, slot in zip(parsed.keys, keys, strict=True))

    def compile_all() -> Code:
        codes: list[Code] = []
        for (name, default), slot in zip(parsed.optional, optional, strict=True):
            codes.append(_default(compiler, default, slot, scope))
            _name(scope, name, slot)
        if parsed.rest is not None:
            _name(scope, parsed.rest, rest)
        for (_, name, default), slot in zip(parsed.keys, keys, strict=True):
            codes.append(_default(compiler, default, slot, scope))
            _name(scope, name, slot)
        codes.append(compiler.body(body, scope, whole))
        return sequence(codes)

    return compile_all


def _name(scope: Scope, name: Any, slot: int) -> None:
    from services.scheme.syntax import Variable

    scope.names[name] = Variable(scope.frame, slot)


def _default(compiler: Compiler, default: Value, slot: int, scope: Scope) -> Code:
    if default is None:
        value: Code = (SIMPLE, lambda env: False)
    else:
        value = compiler.compile(default, scope)
    missing: Code = (DIRECT, lambda env: env[slot] is UNSET)
    return conditional(missing, store(slot, value), (DIRECT, lambda env: None))
