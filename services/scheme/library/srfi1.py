"""The rest of SRFI 1: constructors, selectors, sets and unfolds."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from services.scheme.errors import wrong_type, wrong_type_expecting
from services.scheme.library import checks
from services.scheme.library.apply import call, direct, each
from services.scheme.library.checks import expecting, items, procedure
from services.scheme.library.equality import equal, equal_key
from services.scheme.library.lists import first_items, last_pair, list_tail
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import NIL, Pair, Value, Values, is_circular_list, is_list, scheme_list

LIBRARY = Library()


def _nth(name: str, index: int) -> None:
    def fn(value: Value) -> Value:
        rest = value
        for _ in range(index):
            if type(rest) is not Pair:
                raise wrong_type(name, 1, value)
            rest = rest.cdr
        if type(rest) is not Pair and name == "first":
            raise wrong_type_expecting("car", "pair", value)
        if type(rest) is not Pair:
            raise wrong_type(name, 1, value)
        return rest.car

    LIBRARY.primitive(name, 1)(fn)


for _index, _name in enumerate(
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
):
    _nth(_name, _index)


@LIBRARY.primitive("xcons", 2)
def xcons(cdr: Value, car: Value) -> Pair:
    return Pair(car, cdr)


@LIBRARY.primitive("car+cdr", 1)
def car_and_cdr(pair: Value) -> Values:
    if type(pair) is not Pair:
        raise wrong_type_expecting("car", "pair", pair)
    return Values((pair.car, pair.cdr))


@LIBRARY.procedure("list-tabulate", 2)
def list_tabulate(count: Value, proc: Value) -> Steps:
    procedure(proc, "list-tabulate", 2)
    return scheme_list((yield from each(proc, list(range(checks.size(count))))))


LIBRARY.alias("make-initialized-list", "list-tabulate")


@LIBRARY.primitive("circular-list", 0, None)
def circular_list(*elements: Value) -> Value:
    result = scheme_list(elements)
    if result is not NIL:
        last_pair(result).cdr = result
    return result


LIBRARY.primitive("circular-list?", 1)(is_circular_list)


@LIBRARY.primitive("dotted-list?", 1)
def is_dotted(value: Value) -> bool:
    return not is_list(value) and not is_circular_list(value)


LIBRARY.primitive("null-list?", 1)(lambda value: value is NIL)


@LIBRARY.primitive("take-right", 2)
def take_right(value: Value, count: Value) -> Value:
    length = len(items(value, "take-right", 1))
    number = checks.exact_integer(count)
    if not 0 <= number <= length:
        raise expecting("list-tail", 1, "pair", NIL)
    return list_tail(value, length - number)


@LIBRARY.primitive("drop-right", 2)
def drop_right(value: Value, count: Value) -> Value:
    elements = items(value, "drop-right", 1)
    number = checks.exact_integer(count)
    if not 0 <= number <= len(elements):
        raise expecting("list-tail", 1, "pair", NIL)
    return scheme_list(elements[: len(elements) - number])


LIBRARY.alias("drop-right!", "drop-right")


@LIBRARY.primitive("split-at", 2)
def split_at(value: Value, count: Value) -> Values:
    head = first_items(value, count, "split-at")
    return Values((scheme_list(head), list_tail(value, count)))


LIBRARY.alias("split-at!", "split-at")


def _prefix(pred: Value, value: Value, who: str, until: bool) -> Steps:
    """Split where ``pred`` first gives ``until``: the elements before, the rest."""
    procedure(pred, who, 1)
    items(value, who, 2)
    head = []
    while value is not NIL:
        result = yield from call(pred, value.car)
        if (result is not False) is until:
            break
        head.append(value.car)
        value = value.cdr
    return scheme_list(head), value


def _splitting(name: str, until: bool, part: Callable[..., Value]) -> None:
    def fn(pred: Value, value: Value) -> Steps:
        return part((yield from _prefix(pred, value, name, until)))

    LIBRARY.procedure(name, 2)(fn)


_splitting("take-while", False, lambda parts: parts[0])
_splitting("take-while!", False, lambda parts: parts[0])
_splitting("drop-while", False, lambda parts: parts[1])
_splitting("span", False, Values)
_splitting("span!", False, Values)
_splitting("break", True, Values)
_splitting("break!", True, Values)


@LIBRARY.primitive("zip", 1, None)
def zip_(*lists: Value) -> Value:
    columns = [items(value, "zip", n) for n, value in enumerate(lists, 1)]
    return scheme_list([scheme_list(row) for row in zip(*columns, strict=False)])


def _unzip(name: str, count: int) -> None:
    def fn(value: Value) -> Value:
        elements = [first_items(element, count, name) for element in items(value, name, 1)]
        columns = tuple(scheme_list([row[n] for row in elements]) for n in range(count))
        return columns[0] if count == 1 else Values(columns)

    LIBRARY.primitive(name, 1)(fn)


for _count in (1, 2, 3, 4, 5):
    _unzip(f"unzip{_count}", _count)


@LIBRARY.procedure("pair-for-each", 2)
def pair_for_each(proc: Value, value: Value) -> Steps:
    items(value, "pair-for-each", 2)
    while value is not NIL:
        rest = value.cdr
        yield from call(proc, value)
        value = rest


@LIBRARY.procedure("pair-fold", 3)
def pair_fold(proc: Value, seed: Value, value: Value) -> Steps:
    items(value, "pair-fold", 3)
    while value is not NIL:
        rest = value.cdr
        seed = yield from call(proc, value, seed)
        value = rest
    return seed


@LIBRARY.procedure("pair-fold-right", 3)
def pair_fold_right(proc: Value, seed: Value, value: Value) -> Steps:
    items(value, "pair-fold-right", 3)
    cells = []
    while value is not NIL:
        cells.append(value)
        value = value.cdr
    for cell in reversed(cells):
        seed = yield from call(proc, cell, seed)
    return seed


@LIBRARY.procedure("unfold", 4, 5)
def unfold(stop: Value, mapper: Value, successor: Value, seed: Value, tail: Value = None) -> Steps:
    elements = []
    while (yield from call(stop, seed)) is False:
        elements.append((yield from call(mapper, seed)))
        seed = yield from call(successor, seed)
    return scheme_list(elements, NIL if tail is None else (yield from call(tail, seed)))


@LIBRARY.procedure("unfold-right", 4, 5)
def unfold_right(
    stop: Value, mapper: Value, successor: Value, seed: Value, tail: Value = NIL
) -> Steps:
    while (yield from call(stop, seed)) is False:
        tail = Pair((yield from call(mapper, seed)), tail)
        seed = yield from call(successor, seed)
    return tail


@LIBRARY.procedure("delete-duplicates", 1, 2)
def delete_duplicates(value: Value, matches: Value = None) -> Steps:
    elements = items(value, "delete-duplicates", 1)
    if matches is None:
        seen: dict[Value, Value] = {}
        for element in elements:
            seen.setdefault(equal_key(element), element)
        return scheme_list(list(seen.values()))
    kept: list[Value] = []
    for element in elements:
        if not (yield from _among(matches, kept, element)):
            kept.append(element)
    return scheme_list(kept)


LIBRARY.alias("delete-duplicates!", "delete-duplicates")


def _among(matches: Value, elements: list[Value], item: Value) -> Steps:
    """Whether one of ``elements`` equals ``item`` by the predicate."""
    fn = equal if matches is None else direct(matches, 2)
    for element in elements:
        result = fn(element, item) if fn is not None else (yield Call(matches, (element, item)))
        if result is not False:
            return True
    return False


@LIBRARY.procedure("lset-adjoin", 2, None)
def lset_adjoin(matches: Value, value: Value, *new: Value) -> Steps:
    procedure(matches, "lset-adjoin", 1)
    elements, result = items(value, "lset-adjoin", 2), value
    for item in new:
        if not (yield from _among(matches, elements, item)):
            elements.append(item)
            result = Pair(item, result)
    return result


@LIBRARY.procedure("lset-union", 1, None)
def lset_union(matches: Value, *lists: Value) -> Steps:
    procedure(matches, "lset-union", 1)
    if not lists:
        return NIL
    result = lists[0]
    elements = items(result, "lset-union", 2)
    for position, value in enumerate(lists[1:], 3):
        for item in items(value, "lset-union", position):
            if not (yield from _among(matches, elements, item)):
                elements.append(item)
                result = Pair(item, result)
    return result


def _lset_chosen(name: str, keep: Callable[[list[bool]], bool]) -> None:
    def fn(matches: Value, first: Value, *others: Value) -> Steps:
        procedure(matches, name, 1)
        rest = [items(value, name, n) for n, value in enumerate(others, 3)]
        kept = []
        for item in items(first, name, 2):
            found = []
            for elements in rest:
                found.append((yield from _among(matches, elements, item)))
            if keep(found):
                kept.append(item)
        return scheme_list(kept)

    LIBRARY.procedure(name, 2, None)(fn)
    LIBRARY.procedure(f"{name}!", 2, None)(fn)


_lset_chosen("lset-intersection", all)
_lset_chosen("lset-difference", lambda found: not any(found))


@LIBRARY.procedure("lset-xor", 1, None)
def lset_xor(matches: Value, *lists: Value) -> Steps:
    procedure(matches, "lset-xor", 1)
    result: list[Value] = []
    for position, value in enumerate(lists, 2):
        new = items(value, "lset-xor", position)
        kept = []
        for item in result:
            if not (yield from _among(matches, new, item)):
                kept.append(item)
        for item in new:
            if not (yield from _among(matches, result, item)):
                kept.insert(0, item)
        result = kept
    return scheme_list(result)


def _lset_compared(name: str, both_ways: bool) -> None:
    def fn(matches: Value, *lists: Value) -> Steps:
        procedure(matches, name, 1)
        sets = [items(value, name, n) for n, value in enumerate(lists, 2)]
        for left, right in itertools.pairwise(sets):
            for small, large in ((left, right), (right, left))[: 2 if both_ways else 1]:
                for item in small:
                    if not (yield from _among(matches, large, item)):
                        return False
        return True

    LIBRARY.procedure(name, 1, None)(fn)


_lset_compared("lset<=", False)
_lset_compared("lset=", True)


@LIBRARY.procedure("list=", 1, None)
def lists_equal(matches: Value, *lists: Value) -> Steps:
    rows = [items(value, "list=", n) for n, value in enumerate(lists, 2)]
    for left, right in itertools.pairwise(rows):
        if len(left) != len(right):
            return False
        for a, b in zip(left, right, strict=True):
            if (yield from call(matches, a, b)) is False:
                return False
    return True
