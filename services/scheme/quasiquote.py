"""``quasiquote``: an expression that makes a datum with some parts evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.forms import QUOTE, special
from services.scheme.primitives import Primitive
from services.scheme.syntax import (
    Code,
    Scope,
    bad_form,
    items_of,
)
from services.scheme.types import NIL, Pair, Value, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler


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
def form_quasiquote(compiler: Compiler, form: Any, scope: Scope) -> Code:
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


def _quasi_item(compiler: Compiler, item: Value, rest: Value, depth: int, scope: Scope) -> Value:
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
