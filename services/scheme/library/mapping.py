"""``map``, ``for-each``, folds, filters and searches: lists and procedures on them.

Each may suspend wherever it calls.  Lists of different lengths are walked to the end
of the shortest, as SRFI 1 has it.
"""

from __future__ import annotations

from typing import Any

from services.scheme.errors import SchemeError
from services.scheme.library.apply import applicable, call, direct, each
from services.scheme.library.checks import items, procedure
from services.scheme.library.equality import equal
from services.scheme.library.lists import append
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import NIL, Pair, Procedure, Value, Values, scheme_list

LIBRARY = Library()


def _elements(value: Value, who: str) -> list[Value]:
    """The elements of a list given to map or for-each, which have their own wording."""
    try:
        return items(value, who, 2)
    except SchemeError:
        raise SchemeError(
            "wrong-type-arg", (who, "Not a list: ~S", scheme_list((value,)), False)
        ) from None


def _procedure(value: Value, who: str) -> None:
    """As SRFI 1's procedures written in Scheme complain."""
    if not isinstance(value, Procedure):
        raise SchemeError(
            "wrong-type-arg", (who, "Wrong type argument: ~S", scheme_list((value,)), NIL)
        )


def rows(lists: tuple[Value, ...], who: str) -> list[tuple[Value, ...]]:
    """The argument lists for a procedure mapped over ``lists``."""
    columns = [_elements(value, who) for value in lists]
    return list(zip(*columns, strict=False))


def each_row(proc: Value, lists: tuple[Value, ...], who: str) -> Steps:
    """Apply ``proc`` along ``lists``; return the Python list of results."""
    applicable(proc)
    if len(lists) == 1:
        return (yield from each(proc, _elements(lists[0], who)))
    results = []
    fn = direct(proc, len(lists))
    for row in rows(lists, who):
        results.append(fn(*row) if fn is not None else (yield Call(proc, row)))
    return results


@LIBRARY.procedure("map", 2, None)
def map_(proc: Value, *lists: Value) -> Steps:
    return scheme_list((yield from each_row(proc, lists, "map")))


LIBRARY.alias("map-in-order", "map")


@LIBRARY.procedure("for-each", 2, None)
def for_each(proc: Value, *lists: Value) -> Steps:
    yield from each_row(proc, lists, "for-each")


@LIBRARY.procedure("append-map", 2, None)
def append_map(proc: Value, *lists: Value) -> Steps:
    return append(*(yield from each_row(proc, lists, "append-map")))


LIBRARY.alias("append-map!", "append-map")


@LIBRARY.procedure("filter-map", 2, None)
def filter_map(proc: Value, *lists: Value) -> Steps:
    _procedure(proc, "filter-map")
    results = yield from each_row(proc, lists, "filter-map")
    return scheme_list([result for result in results if result is not False])


def _choosing(name: str, keep: bool) -> None:
    def fn(pred: Value, value: Value) -> Steps:
        procedure(pred, name, 1)
        elements = items(value, name, 2)
        results = yield from each(pred, elements)
        return scheme_list(
            [e for e, r in zip(elements, results, strict=True) if (r is not False) is keep]
        )

    LIBRARY.procedure(name, 2)(fn)
    LIBRARY.procedure(f"{name}!", 2)(fn)


_choosing("filter", True)
_choosing("remove", False)


@LIBRARY.procedure("partition", 2)
def partition(pred: Value, value: Value) -> Steps:
    procedure(pred, "partition", 1)
    elements = items(value, "partition", 2)
    results = yield from each(pred, elements)
    pairs = list(zip(elements, results, strict=True))
    return Values(
        (
            scheme_list([e for e, r in pairs if r is not False]),
            scheme_list([e for e, r in pairs if r is False]),
        )
    )


LIBRARY.alias("partition!", "partition")


@LIBRARY.procedure("fold", 3, None)
def fold(proc: Value, seed: Value, *lists: Value) -> Steps:
    _procedure(proc, "fold")
    for row in rows(lists, "fold"):
        seed = yield from call(proc, *row, seed)
    return seed


@LIBRARY.procedure("fold-right", 3, None)
def fold_right(proc: Value, seed: Value, *lists: Value) -> Steps:
    _procedure(proc, "fold-right")
    for row in reversed(rows(lists, "fold-right")):
        seed = yield from call(proc, *row, seed)
    return seed


@LIBRARY.procedure("fold-left", 3, None)
def fold_left(proc: Value, seed: Value, *lists: Value) -> Steps:
    _procedure(proc, "fold-left")
    for row in rows(lists, "fold-left"):
        seed = yield from call(proc, seed, *row)
    return seed


def _reducing(name: str, step: int) -> None:
    def fn(proc: Value, default: Value, value: Value) -> Steps:
        _procedure(proc, name)
        elements = items(value, name, 3)[::step]
        if not elements:
            return default
        result = elements[0]
        for element in elements[1:]:
            result = yield from call(proc, element, result)
        return result

    LIBRARY.procedure(name, 3)(fn)


_reducing("reduce", 1)
_reducing("reduce-right", -1)
LIBRARY.alias("reduce-left", "reduce")


@LIBRARY.procedure("find", 2)
def find(pred: Value, value: Value) -> Steps:
    _procedure(pred, "find")
    for element in items(value, "find", 2):
        if (yield from call(pred, element)) is not False:
            return element
    return False


@LIBRARY.procedure("find-tail", 2)
def find_tail(pred: Value, value: Value) -> Steps:
    _procedure(pred, "find-tail")
    items(value, "find-tail", 2)
    while value is not NIL:
        if (yield from call(pred, value.car)) is not False:
            return value
        value = value.cdr
    return False


@LIBRARY.procedure("any", 2, None)
def any_(pred: Value, *lists: Value) -> Steps:
    _procedure(pred, "any")
    for row in rows(lists, "any"):
        result = yield from call(pred, *row)
        if result is not False:
            return result
    return False


@LIBRARY.procedure("every", 2, None)
def every(pred: Value, *lists: Value) -> Steps:
    _procedure(pred, "every")
    result: Any = True
    for row in rows(lists, "every"):
        result = yield from call(pred, *row)
        if result is False:
            return False
    return result


# (guile) has them under these names too.
LIBRARY.alias("and-map", "every")
LIBRARY.alias("or-map", "any")
LIBRARY.alias("for-all", "every")
LIBRARY.alias("exists", "any")


@LIBRARY.procedure("count", 2, None)
def count(pred: Value, *lists: Value) -> Steps:
    results = yield from each_row(pred, lists, "count")
    return sum(1 for result in results if result is not False)


@LIBRARY.procedure("list-index", 2, None)
def list_index(pred: Value, *lists: Value) -> Steps:
    _procedure(pred, "list-index")
    for index, row in enumerate(rows(lists, "list-index")):
        if (yield from call(pred, *row)) is not False:
            return index
    return False


@LIBRARY.procedure("member", 2, 3)
def member(item: Value, value: Value, matches: Value = None) -> Steps:
    items(value, "member", 2)
    while type(value) is Pair:
        if matches is None:
            found = equal(item, value.car)
        else:
            found = (yield from call(matches, item, value.car)) is not False
        if found:
            return value
        value = value.cdr
    return False


@LIBRARY.procedure("delete", 2, 3)
def delete(item: Value, value: Value, matches: Value = None) -> Steps:
    kept = []
    for element in items(value, "list-copy", 1):
        if matches is None:
            gone = equal(item, element)
        else:
            gone = (yield from call(matches, item, element)) is not False
        if not gone:
            kept.append(element)
    return scheme_list(kept)


LIBRARY.alias("delete!", "delete")
