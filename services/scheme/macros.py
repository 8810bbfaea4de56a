"""Macros that users define: ``syntax-rules`` and ``define-macro``.

The expansion of a template replaces each symbol that is no pattern variable by an alias,
see ``syntax``; that makes the macros hygienic in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.forms import LAMBDA, UNSPECIFIED, at_toplevel
from services.scheme.modules import Module
from services.scheme.syntax import (
    Alias,
    Code,
    Macro,
    Scope,
    SpecialForm,
    bad_form,
    count_pairs,
    is_identifier,
    items_of,
    names_in,
    strip,
    symbol_of,
    syntax_violation,
)
from services.scheme.types import NIL, Pair, Symbol, Value, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler

_ELLIPSIS = Symbol("...")
_UNDERSCORE = Symbol("_")
_MAX_EXPANSION = 200_000  # pairs that one expansion may make
_USUAL_EXPANSION = 20  # a larger one counts as several

TABLE: dict[str, Value] = {}


class _Rules:
    """A ``syntax-rules`` transformer, closed over the place of its definition."""

    def __init__(
        self,
        clauses: list[tuple[Value, Value]],
        literals: list[Any],
        ellipsis: Any,
        scope: Scope | None,
        module: Module,
    ) -> None:
        self.clauses = clauses
        self.literals = literals
        self.ellipsis = ellipsis
        self.scope = scope
        self.module = module
        self.variables = [_variables(pattern, self) for pattern, _ in clauses]

    def expand(self, form: Value, compiler: Compiler, scope: Scope) -> Value:
        for (pattern, template), depths in zip(self.clauses, self.variables, strict=True):
            found: dict[Any, Value] = {}
            # The keyword itself is not matched.
            if self._match(pattern.cdr, form.cdr, found, compiler, scope):
                instance = _Instance(self, depths)
                expansion = instance.make(template, found)
                # Expansions that grow have an end as well as many small ones.
                compiler.expansions += instance.made // _USUAL_EXPANSION
                return expansion
        raise bad_form(form, True)

    def _is_literal(self, name: Any) -> bool:
        return any(name is literal for literal in self.literals)

    def _match(
        self, pattern: Value, form: Value, found: dict[Any, Value], compiler: Compiler, scope: Scope
    ) -> bool:
        while True:
            kind = type(pattern)
            if kind is Symbol or kind is Alias:
                if self._is_literal(pattern):
                    return is_identifier(form) and compiler.same(
                        form, scope, Alias(pattern, self.scope, self.module), None
                    )
                if symbol_of(pattern) is not _UNDERSCORE:
                    found[pattern] = form
                return True
            if kind is Pair:
                rest = pattern.cdr
                if type(rest) is Pair and rest.car is self.ellipsis:
                    return self._match_many(pattern.car, rest.cdr, form, found, compiler, scope)
                if type(form) is not Pair:
                    return False
                if not self._match(pattern.car, form.car, found, compiler, scope):
                    return False
                pattern, form = rest, form.cdr
                continue
            if pattern is NIL:
                return form is NIL
            if kind is list:
                if type(form) is not list:
                    return False
                pattern, form = scheme_list(pattern), scheme_list(form)
                continue
            return type(form) is kind and bool(form == pattern)

    def _match_many(
        self,
        repeated: Value,
        after: Value,
        form: Value,
        found: dict[Any, Value],
        compiler: Compiler,
        scope: Scope,
    ) -> bool:
        needed = 0
        rest = after
        while type(rest) is Pair:
            needed += 1
            rest = rest.cdr
        items: list[Value] = []
        while type(form) is Pair:
            items.append(form.car)
            form = form.cdr
        count = len(items) - needed
        if count < 0:
            return False
        matches: list[dict[Any, Value]] = []
        for item in items[:count]:
            inner: dict[Any, Value] = {}
            if not self._match(repeated, item, inner, compiler, scope):
                return False
            matches.append(inner)
        for name in _variables(repeated, self):
            found[name] = [match[name] for match in matches]
        return self._match(after, scheme_list(items[count:], form), found, compiler, scope)


def _variables(pattern: Value, rules: _Rules) -> dict[Any, int]:
    """The pattern variables and how many ellipses each stands under."""
    depths: dict[Any, int] = {}
    todo = [(pattern, 0)]
    while todo:
        item, depth = todo.pop()
        if is_identifier(item):
            if item is not rules.ellipsis and not rules._is_literal(item):
                depths[item] = depth
        elif type(item) is Pair:
            repeated = type(item.cdr) is Pair and item.cdr.car is rules.ellipsis
            todo.append((item.cdr, depth))
            todo.append((item.car, depth + repeated))
        elif type(item) is list:
            todo.append((scheme_list(item), depth))
    return depths


class _Instance:
    """One expansion: its aliases, fresh each time."""

    def __init__(self, rules: _Rules, depths: dict[Any, int]) -> None:
        self.rules = rules
        self.depths = depths
        self.aliases: dict[Any, Alias] = {}
        self.made = 0

    def make(self, template: Value, found: dict[Any, Value]) -> Value:
        if is_identifier(template):
            if template in found:
                return found[template]
            alias = self.aliases.get(template)
            if alias is None:
                alias = Alias(template, self.rules.scope, self.rules.module)
                self.aliases[template] = alias
            return alias
        if type(template) is list:
            items = self.make(scheme_list(template), found)
            return items_of(items, template)
        if type(template) is not Pair:
            return template
        self._count(1, template)
        if template.car is self.rules.ellipsis and type(template.cdr) is Pair:
            return self._literally(template.cdr.car, found)
        rest = template.cdr
        depth = 0
        while type(rest) is Pair and rest.car is self.rules.ellipsis:
            depth += 1
            rest = rest.cdr
        if not depth:
            return Pair(self.make(template.car, found), self.make(rest, found))
        return scheme_list(self._repeat(template.car, found, depth), self.make(rest, found))

    def _count(self, pairs: int, template: Value) -> None:
        self.made += pairs
        if self.made > _MAX_EXPANSION:
            raise syntax_violation(None, "macro expansion is too large", template)

    def _literally(self, template: Value, found: dict[Any, Value]) -> Value:
        """``(... template)``: an ellipsis in it is an ordinary symbol."""
        rules = self.rules
        plain = _Rules([], rules.literals, object(), rules.scope, rules.module)
        instance = _Instance(plain, self.depths)
        instance.aliases = self.aliases
        return instance.make(template, found)

    def _repeat(self, template: Value, found: dict[Any, Value], depth: int) -> list[Value]:
        names = [
            name
            for name in names_in(template)
            if name in found and self.depths.get(name, 0) > 0 and type(found[name]) is list
        ]
        if not names:
            raise syntax_violation("syntax-rules", "extra ellipsis", template)
        count = max(len(found[name]) for name in names)
        self._count(count, template)
        results: list[Value] = []
        inner_depths = {**self.depths, **{name: self.depths[name] - 1 for name in names}}
        outer_depths, self.depths = self.depths, inner_depths
        try:
            for index in range(count):
                inner = dict(found)
                for name in names:
                    if index < len(found[name]):
                        inner[name] = found[name][index]
                    else:
                        raise syntax_violation(
                            "syntax-rules", "incompatible ellipsis match counts", template
                        )
                if depth > 1:
                    results.extend(self._repeat(template, inner, depth - 1))
                else:
                    results.append(self.make(template, inner))
        finally:
            self.depths = outer_depths
        return results


def transformer(compiler: Compiler, datum: Value, scope: Scope, name: Any) -> Any:
    """What a transformer expression gives: a macro, or the syntax that a name stands for."""
    label = symbol_of(name).name
    if is_identifier(datum):
        meaning = compiler.meaning(datum, scope)
        if type(meaning) in (Macro, SpecialForm):
            return meaning
        raise syntax_violation("define-syntax", "not a syntax transformer", datum)
    if type(datum) is Pair and compiler.is_form(datum.car, scope, "syntax-rules"):
        return Macro(label, _rules(compiler, datum, scope).expand, True)
    if type(datum) is Pair and is_identifier(datum.car):
        meaning = compiler.meaning(datum.car, scope)
        if type(meaning) is Macro:
            return transformer(compiler, compiler.expand(meaning, datum, scope), scope, name)
    raise syntax_violation("define-syntax", "only syntax-rules macros are supported", datum)


def _rules(compiler: Compiler, datum: Any, scope: Scope) -> _Rules:
    parts = items_of(datum.cdr, datum, True)
    ellipsis: Any = None
    if parts and is_identifier(parts[0]):
        ellipsis = parts.pop(0)
    if not parts:
        raise bad_form(datum, True)
    literals = items_of(parts.pop(0), datum, True)
    if parts and type(parts[0]) is str:
        parts.pop(0)  # a documentation string
    clauses = []
    for clause in parts:
        items = items_of(clause, datum, True)
        if len(items) == 3 and type(items[1]) is str:
            del items[1]
        if len(items) != 2 or type(items[0]) is not Pair:
            raise bad_form(datum, True)
        clauses.append((items[0], items[1]))
    if ellipsis is None:
        # Inside the template of another macro the ellipsis is an alias of the symbol.
        ellipsis = _find_ellipsis(clauses)
    where: Scope | None = scope if scope.parent is not None or scope.names else None
    return _Rules(clauses, literals, ellipsis, where, compiler.module)


def _find_ellipsis(clauses: list[tuple[Value, Value]]) -> Any:
    for pattern, template in clauses:
        for name in names_in(Pair(pattern, template)):
            if symbol_of(name) is _ELLIPSIS:
                return name
    return _ELLIPSIS


def bind_syntax(compiler: Compiler, form: Any, scope: Scope) -> None:
    """``define-syntax`` in a body."""
    parts = items_of(form.cdr, form)
    if len(parts) != 2 or not is_identifier(parts[0]):
        raise bad_form(form)
    scope.names[parts[0]] = transformer(compiler, parts[1], scope, parts[0])


def _define_syntax(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form)
    if len(parts) != 2 or not is_identifier(parts[0]):
        raise bad_form(form)
    if not at_toplevel(compiler, scope):
        raise syntax_violation(
            None, "definition in expression context, where definitions are not allowed,", form
        )
    macro = transformer(compiler, parts[1], scope, parts[0])
    compiler.module.define(symbol_of(parts[0]).name, macro)
    return UNSPECIFIED


def _let_syntax(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _local_syntax(compiler, form, scope, False)


def _letrec_syntax(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return _local_syntax(compiler, form, scope, True)


def _local_syntax(compiler: Compiler, form: Any, scope: Scope, recursive: bool) -> Code:
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair:
        raise syntax_violation(None, "bad local syntax definition", form)
    inner = Scope(scope.frame, scope)
    for item in items_of(rest.car, form, True):
        parts = items_of(item, form, True)
        if len(parts) != 2 or not is_identifier(parts[0]):
            raise syntax_violation(None, "bad local syntax definition", form)
        made = transformer(compiler, parts[1], inner if recursive else scope, parts[0])
        inner.names[parts[0]] = made
    return compiler.body(rest.cdr, inner, form)


def _misplaced(compiler: Compiler, form: Any, scope: Scope) -> Code:
    raise bad_form(form, True)


DEFINE_SYNTAX = SpecialForm("define-syntax", _define_syntax)
SYNTAX_RULES = SpecialForm("syntax-rules", _misplaced)


def _define_syntax_rule(form: Any) -> Value:
    parts = items_of(form.cdr, form, True)
    if len(parts) == 3 and type(parts[1]) is str:
        del parts[1]
    if len(parts) != 2 or type(parts[0]) is not Pair or not is_identifier(parts[0].car):
        raise bad_form(form, True)
    pattern = Pair(_UNDERSCORE, parts[0].cdr)
    rules = scheme_list([SYNTAX_RULES, NIL, scheme_list([pattern, parts[1]])])
    return scheme_list([DEFINE_SYNTAX, parts[0].car, rules])


def _define_macro(compiler: Compiler, form: Any, scope: Scope) -> Code:
    """``(define-macro (name . args) body …)`` and ``(defmacro name args body …)``."""
    rest = form.cdr
    if type(rest) is not Pair or type(rest.cdr) is not Pair or not at_toplevel(compiler, scope):
        raise bad_form(form, True)
    if type(rest.car) is Pair:
        name, procedure = rest.car.car, Pair(LAMBDA, Pair(rest.car.cdr, rest.cdr))
    elif symbol_of(form.car).name == "defmacro" if is_identifier(form.car) else False:
        name, procedure = rest.car, Pair(LAMBDA, rest.cdr)
    else:
        name, procedure = rest.car, rest.cdr.car
    if not is_identifier(name):
        raise bad_form(form, True)
    from services.scheme.evaluation import run_now
    from services.scheme.toplevel import EVALUATE

    expander = run_now(EVALUATE, (procedure, compiler.module))

    def expand(use: Value) -> Value:
        expansion = run_now(expander, tuple(items_of(strip(use).cdr, use, True)))
        if count_pairs(expansion, _MAX_EXPANSION) > _MAX_EXPANSION:
            raise syntax_violation(None, "macro expansion is too large", use)
        return expansion

    compiler.module.define(symbol_of(name).name, Macro(symbol_of(name).name, expand))
    return UNSPECIFIED


TABLE.update(
    {
        "define-syntax": DEFINE_SYNTAX,
        "syntax-rules": SYNTAX_RULES,
        "let-syntax": SpecialForm("let-syntax", _let_syntax),
        "letrec-syntax": SpecialForm("letrec-syntax", _letrec_syntax),
        "define-syntax-rule": Macro("define-syntax-rule", _define_syntax_rule),
        "define-macro": SpecialForm("define-macro", _define_macro),
        "defmacro": SpecialForm("defmacro", _define_macro),
    }
)
