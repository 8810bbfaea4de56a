"""Sorting and merging with Scheme predicates.

A merge sort written as a generator, because the predicate may suspend; stable, so
``sort`` and ``stable-sort`` are one procedure.
"""

from __future__ import annotations

from services.scheme.errors import wrong_type
from services.scheme.library.apply import applicable, call, direct
from services.scheme.library.checks import items
from services.scheme.primitives import Library, Steps
from services.scheme.types import NIL, Pair, Value, scheme_list

LIBRARY = Library()


def _merged(left: list[Value], right: list[Value], less: Value) -> Steps:
    fn = direct(less, 2)
    result = []
    i = j = 0
    while i < len(left) and j < len(right):
        if fn is not None:
            swap = fn(right[j], left[i])
        else:
            swap = yield from call(less, right[j], left[i])
        if swap is not False:
            result.append(right[j])
            j += 1
        else:
            result.append(left[i])
            i += 1
    return result + left[i:] + right[j:]


def sorted_items(elements: list[Value], less: Value) -> Steps:
    """A sorted copy of ``elements``."""
    applicable(less)
    runs = [[element] for element in elements]
    while len(runs) > 1:
        merged = []
        for index in range(0, len(runs) - 1, 2):
            merged.append((yield from _merged(runs[index], runs[index + 1], less)))
        if len(runs) % 2:
            merged.append(runs[-1])
        runs = merged
    return runs[0] if runs else []


def _sequence(value: Value, who: str) -> list[Value]:
    if type(value) is list:
        return value
    return items(value, who, 1)


def _sorts(name: str) -> None:
    def fn(value: Value, less: Value) -> Steps:
        result = yield from sorted_items(_sequence(value, name), less)
        return result if type(value) is list else scheme_list(result)

    LIBRARY.procedure(name, 2)(fn)


for _name in ("sort", "stable-sort", "sort-list"):
    _sorts(_name)


def _sorts_in_place(name: str) -> None:
    def fn(value: Value, less: Value) -> Steps:
        result = yield from sorted_items(_sequence(value, name), less)
        if type(value) is list:
            value[:] = result
            return value
        rest = value
        for element in result:
            rest.car = element
            rest = rest.cdr
        return value

    LIBRARY.procedure(name, 2)(fn)


for _name in ("sort!", "stable-sort!", "sort-list!"):
    _sorts_in_place(_name)


@LIBRARY.procedure("sorted?", 2)
def is_sorted(value: Value, less: Value) -> Steps:
    elements = _sequence(value, "sorted?")
    for index in range(1, len(elements)):
        if (yield from call(less, elements[index], elements[index - 1])) is not False:
            return False
    return True


@LIBRARY.procedure("merge", 3)
def merge(left: Value, right: Value, less: Value) -> Steps:
    both = items(left, "merge", 1), items(right, "merge", 2)
    return scheme_list((yield from _merged(*both, applicable(less))))


LIBRARY.alias("merge!", "merge")

# R6RS: the predicate comes first.


@LIBRARY.procedure("list-sort", 2)
def list_sort(less: Value, value: Value) -> Steps:
    if value is not NIL and type(value) is not Pair:
        raise wrong_type("list-sort", 2, value)
    return scheme_list((yield from sorted_items(items(value, "list-sort", 2), less)))
