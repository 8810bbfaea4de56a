"""Pairs and lists: everything that needs no procedure argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, wrong_type, wrong_type_expecting
from services.scheme.library import checks
from services.scheme.library.checks import argument_out_of_range, expecting, items
from services.scheme.library.equality import equal, identical, same
from services.scheme.library.numbers import add, is_number, multiply
from services.scheme.primitives import Library
from services.scheme.types import NIL, Pair, Value, is_list, scheme_list

LIBRARY = Library()


@LIBRARY.primitive("cons", 2)
def cons(car: Value, cdr: Value) -> Pair:
    return Pair(car, cdr)


@LIBRARY.primitive("car", 1)
def car(pair: Value) -> Value:
    if type(pair) is not Pair:
        raise wrong_type_expecting("car", "pair", pair)
    return pair.car


@LIBRARY.primitive("cdr", 1)
def cdr(pair: Value) -> Value:
    if type(pair) is not Pair:
        raise wrong_type_expecting("cdr", "pair", pair)
    return pair.cdr


def _composed(path: str) -> None:
    name = f"c{path}r"
    steps = path[::-1]

    def fn(value: Value) -> Value:
        for step in steps:
            if type(value) is not Pair:
                raise wrong_type_expecting(name, "pair", value)
            value = value.car if step == "a" else value.cdr
        return value

    LIBRARY.primitive(name, 1)(fn)


def _paths(length: int) -> list[str]:
    return [""] if length == 0 else [s + p for s in "ad" for p in _paths(length - 1)]


for _length in (2, 3, 4):
    for _path in _paths(_length):
        _composed(_path)


@LIBRARY.primitive("set-car!", 2)
def set_car(pair: Value, value: Value) -> None:
    if type(pair) is not Pair:
        raise expecting("set-car!", 1, "mutable pair", pair)
    pair.car = value


@LIBRARY.primitive("set-cdr!", 2)
def set_cdr(pair: Value, value: Value) -> None:
    if type(pair) is not Pair:
        raise expecting("set-cdr!", 1, "mutable pair", pair)
    pair.cdr = value


LIBRARY.primitive("pair?", 1)(lambda value: type(value) is Pair)
LIBRARY.primitive("null?", 1)(lambda value: value is NIL)
LIBRARY.primitive("list?", 1)(is_list)
LIBRARY.primitive("proper-list?", 1)(is_list)
LIBRARY.primitive("not-pair?", 1)(lambda value: type(value) is not Pair)


@LIBRARY.primitive("list", 0, None)
def list_(*elements: Value) -> Value:
    result: Value = NIL
    for element in reversed(elements):
        result = Pair(element, result)
    return result


@LIBRARY.primitive("cons*", 1, None)
def cons_star(*elements: Value) -> Value:
    return scheme_list(elements[:-1], elements[-1])


@LIBRARY.primitive("make-list", 1, 2)
def make_list(count: Value, fill: Value = NIL) -> Value:
    if type(count) is int and count < 0:
        raise checks.not_in_range(0, 4294967295, count)
    return scheme_list([fill] * checks.size(count))


@LIBRARY.primitive("length", 1)
def length(value: Value) -> int:
    count, rest = 0, value
    while type(rest) is Pair:
        count += 1
        rest = rest.cdr
        if count % 65536 == 0:
            checks.refuse_cycle(value, "length", 1)
    if rest is not NIL:
        raise wrong_type("length", 1, value)
    return count


@LIBRARY.primitive("length+", 1)
def length_plus(value: Value) -> Any:
    return length(value) if is_list(value) else False


@LIBRARY.primitive("append", 0, None)
def append(*lists: Value) -> Value:
    if not lists:
        return NIL
    result = lists[-1]
    for position in range(len(lists) - 2, -1, -1):
        result = scheme_list(_appendable(lists[position], position + 1), result)
    return result


def _appendable(value: Value, position: int) -> list[Value]:
    elements, rest = [], value
    while type(rest) is Pair:
        elements.append(rest.car)
        rest = rest.cdr
        if len(elements) % 65536 == 0:
            checks.refuse_cycle(value, "append", position)
    if rest is not NIL:
        raise expecting("append", position, "empty list", rest)
    return elements


@LIBRARY.primitive("append!", 0, None)
def append_in_place(*lists: Value) -> Value:
    result = NIL
    for value in reversed(lists):
        if value is NIL:
            continue
        if result is not NIL:
            if type(value) is not Pair:
                raise wrong_type("append!", 1, value)
            last_pair(value).cdr = result
        result = value
    return result


@LIBRARY.primitive("reverse", 1)
def reverse(value: Value) -> Value:
    result: Value = NIL
    rest, count = value, 0
    while type(rest) is Pair:
        result = Pair(rest.car, result)
        rest = rest.cdr
        count += 1
        if count % 65536 == 0:
            checks.refuse_cycle(value, "reverse", 1)
    if rest is not NIL:
        raise wrong_type("reverse", 1, value)
    return result


@LIBRARY.primitive("reverse!", 1, 2)
def reverse_in_place(value: Value, tail: Value = NIL) -> Value:
    items(value, "reverse!", 1)
    while value is not NIL:
        value.cdr, tail, value = tail, value, value.cdr
    return tail


@LIBRARY.primitive("append-reverse", 2)
def append_reverse(head: Value, tail: Value) -> Value:
    return scheme_list(items(head, "append-reverse", 1)[::-1], tail)


LIBRARY.alias("append-reverse!", "append-reverse")


@LIBRARY.primitive("concatenate", 1)
def concatenate(lists: Value) -> Value:
    return append(*items(lists, "concatenate", 1))


LIBRARY.alias("concatenate!", "concatenate")


def _index(value: Value) -> int:
    number = checks.exact_integer(value)
    if not 0 <= number <= checks.UNSIGNED_LONG:
        raise checks.not_in_range(0, checks.UNSIGNED_LONG, value)
    # Nor does a list that goes in circles have more.
    return checks.size(number)


def _cell(value: Value, index: Value, who: str) -> Pair:
    count = _index(index)
    rest = value
    while type(rest) is Pair:
        if count == 0:
            return rest
        count -= 1
        rest = rest.cdr
    if rest is NIL:
        raise argument_out_of_range(who, 2, index)
    raise wrong_type(who, 1, value)


@LIBRARY.primitive("list-ref", 2)
def list_ref(value: Value, index: Value) -> Value:
    return _cell(value, index, "list-ref").car


@LIBRARY.primitive("list-set!", 3)
def list_set(value: Value, index: Value, new: Value) -> Value:
    _cell(value, index, "list-set!").car = new
    return new


@LIBRARY.primitive("list-cdr-set!", 3)
def list_cdr_set(value: Value, index: Value, new: Value) -> Value:
    _cell(value, index, "list-cdr-set!").cdr = new
    return new


@LIBRARY.primitive("list-tail", 2)
def list_tail(value: Value, count: Value) -> Value:
    rest = value
    for _ in range(_index(count)):
        if type(rest) is not Pair:
            raise expecting("list-tail", 1, "pair", rest)
        rest = rest.cdr
    return rest


LIBRARY.alias("list-cdr-ref", "list-tail")
LIBRARY.primitive("drop", 2)(list_tail)


def first_items(value: Value, count: Value, who: str) -> list[Value]:
    """The first ``count`` elements; raises if there are fewer."""
    elements, rest = [], value
    for _ in range(_index(count)):
        if type(rest) is not Pair:
            raise expecting(who, 1, "pair", rest)
        elements.append(rest.car)
        rest = rest.cdr
    return elements


@LIBRARY.primitive("list-head", 2)
def list_head(value: Value, count: Value) -> Value:
    return scheme_list(first_items(value, count, "list-head"))


LIBRARY.primitive("take", 2)(list_head)
LIBRARY.primitive("take!", 2)(list_head)


@LIBRARY.primitive("list-copy", 1)
def list_copy(value: Value) -> Value:
    return scheme_list(items(value, "list-copy", 1))


@LIBRARY.primitive("last-pair", 1)
def last_pair(value: Value) -> Value:
    if type(value) is not Pair:
        return value
    count = 0
    rest = value
    while type(rest.cdr) is Pair:
        rest = rest.cdr
        count += 1
        if count % 65536 == 0:
            checks.refuse_cycle(value, "last-pair", 1)
    return rest


@LIBRARY.primitive("last", 1)
def last(value: Value) -> Value:
    if type(value) is not Pair:
        raise wrong_type_expecting("car", "pair", value)
    return last_pair(value).car


@LIBRARY.primitive("iota", 1, 3)
def iota(count: Value, start: Value = 0, step: Value = 1) -> Value:
    if type(count) is not int or count < 0:
        raise SchemeError("wrong-type-arg", (count,))
    checks.size(count)
    if type(start) is int and type(step) is int:
        return scheme_list([start + step * n for n in range(count)])
    if not is_number(start) or not is_number(step):
        raise wrong_type("+", 1, start if not is_number(start) else step)
    return scheme_list([add(start, multiply(step, n)) for n in range(count)])


def _searched(name: str, matches: Callable[[Value, Value], bool]) -> None:
    def fn(item: Value, value: Value) -> Value:
        rest, count = value, 0
        while type(rest) is Pair:
            if matches(item, rest.car):
                return rest
            rest = rest.cdr
            count += 1
            if count % 65536 == 0:
                checks.refuse_cycle(value, name, 2)
        if rest is not NIL:
            raise expecting(name, 2, "list", value)
        return False

    LIBRARY.primitive(name, 2)(fn)


_searched("memq", identical)
_searched("memv", same)


def _deleted(names: tuple[str, ...], matches: Callable[[Value, Value], bool], once: bool) -> None:
    def fn(item: Value, value: Value) -> Value:
        kept, done = [], False
        for element in items(value, "list-copy", 1):
            if (done and once) or not matches(item, element):
                kept.append(element)
            else:
                done = True
        return scheme_list(kept)

    for name in names:
        LIBRARY.primitive(name, 2)(fn)


_deleted(("delq", "delq!"), identical, False)
_deleted(("delv", "delv!"), same, False)
_deleted(("delq1!",), identical, True)
_deleted(("delv1!",), same, True)
_deleted(("delete1!",), equal, True)
