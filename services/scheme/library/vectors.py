"""Vectors: R7RS, SRFI 43 and Guile's own."""

from __future__ import annotations

from services.scheme.errors import out_of_range, wrong_type
from services.scheme.library import checks
from services.scheme.library.apply import call, each
from services.scheme.library.checks import items, not_in_range, procedure, span
from services.scheme.primitives import Library, Steps
from services.scheme.types import Char, Value, scheme_list

LIBRARY = Library()

LIBRARY.primitive("vector?", 1)(lambda value: isinstance(value, list))


def vector_argument(value: Value, who: str, position: int) -> list[Value]:
    if not isinstance(value, list):
        raise wrong_type(who, position, value)
    return value


@LIBRARY.primitive("vector", 0, None)
def vector(*elements: Value) -> list[Value]:
    return list(elements)


@LIBRARY.primitive("make-vector", 1, 2)
def make_vector(count: Value, fill: Value = None) -> list[Value]:
    if type(count) is int and count < 0:
        raise not_in_range(0, 72057594037927935, count)
    return [fill] * checks.size(count)


@LIBRARY.primitive("vector-length", 1)
def vector_length(value: Value) -> int:
    return len(vector_argument(value, "vector-length", 1))


def _index(elements: list[Value], index: Value) -> int:
    number = checks.exact_integer(index)
    if number < 0:
        raise not_in_range(0, checks.UNSIGNED_LONG, index)
    if number >= len(elements):
        raise out_of_range(None, index)
    return number


@LIBRARY.primitive("vector-ref", 2)
def vector_ref(value: Value, index: Value) -> Value:
    elements = vector_argument(value, "vector-ref", 1)
    return elements[_index(elements, index)]


@LIBRARY.primitive("vector-set!", 3)
def vector_set(value: Value, index: Value, new: Value) -> None:
    elements = vector_argument(value, "vector-set!", 1)
    elements[_index(elements, index)] = new


def _part(value: Value, start: Value, end: Value, who: str) -> list[Value]:
    elements = vector_argument(value, who, 1)
    low, high = span(value, start, end, len(elements))
    return elements[low:high]


@LIBRARY.primitive("vector->list", 1, 3)
def vector_to_list(value: Value, start: Value = None, end: Value = None) -> Value:
    return scheme_list(_part(value, start, end, "vector->list"))


@LIBRARY.primitive("list->vector", 1)
def list_to_vector(value: Value) -> list[Value]:
    return items(value, "vector", 1)


@LIBRARY.primitive("reverse-vector->list", 1, 3)
def reverse_vector_to_list(value: Value, start: Value = None, end: Value = None) -> Value:
    return scheme_list(_part(value, start, end, "reverse-vector->list")[::-1])


@LIBRARY.primitive("vector-copy", 1, 3)
def vector_copy(value: Value, start: Value = None, end: Value = None) -> list[Value]:
    return _part(value, start, end, "vector-copy")


LIBRARY.alias("subvector", "vector-copy")


@LIBRARY.primitive("vector-fill!", 2, 4)
def vector_fill(value: Value, fill: Value, start: Value = None, end: Value = None) -> None:
    elements = vector_argument(value, "vector-fill!", 1)
    low, high = span(value, start, end, len(elements))
    elements[low:high] = [fill] * (high - low)


@LIBRARY.primitive("vector-copy!", 3, 5)
def vector_copy_into(
    target: Value, at: Value, source: Value, start: Value = None, end: Value = None
) -> None:
    elements = vector_argument(target, "vector-copy!", 1)
    origin = vector_argument(source, "vector-copy!", 3)
    low, high = span(source, start, end, len(origin))
    position, _ = span(target, at, None, len(elements))
    if position + high - low > len(elements):
        raise out_of_range("vector-copy!", at)
    elements[position : position + high - low] = origin[low:high]


def _moves(name: str) -> None:
    def fn(source: Value, start: Value, end: Value, target: Value, at: Value) -> None:
        vector_argument(source, name, 1)
        vector_argument(target, name, 4)
        vector_copy_into(target, at, source, start, end)

    LIBRARY.primitive(name, 5)(fn)


_moves("vector-move-left!")
_moves("vector-move-right!")


@LIBRARY.primitive("vector-append", 0, None)
def vector_append(*vectors: Value) -> list[Value]:
    result: list[Value] = []
    for position, value in enumerate(vectors, 1):
        result += vector_argument(value, "vector-append", position)
    return result


@LIBRARY.primitive("vector-reverse!", 1)
def vector_reverse(value: Value) -> None:
    vector_argument(value, "vector-reverse!", 1).reverse()


@LIBRARY.primitive("vector-swap!", 3)
def vector_swap(value: Value, i: Value, j: Value) -> None:
    elements = vector_argument(value, "vector-swap!", 1)
    first, second = _index(elements, i), _index(elements, j)
    elements[first], elements[second] = elements[second], elements[first]


@LIBRARY.primitive("vector-empty?", 1)
def is_empty(value: Value) -> bool:
    return not vector_argument(value, "vector-empty?", 1)


@LIBRARY.primitive("vector->string", 1, 3)
def vector_to_string(value: Value, start: Value = None, end: Value = None) -> str:
    chars = _part(value, start, end, "vector->string")
    return "".join([checks.char(c, "vector->string", 1) for c in chars])


@LIBRARY.primitive("string->vector", 1, 3)
def string_to_vector(value: Value, start: Value = None, end: Value = None) -> list[Value]:
    text = checks.string(value, "string->vector", 1)
    low, high = span(value, start, end, len(text))
    return [Char(c) for c in text[low:high]]


def vector_rows(vectors: tuple[Value, ...], who: str) -> list[tuple[Value, ...]]:
    columns = [vector_argument(value, who, n) for n, value in enumerate(vectors, 2)]
    return list(zip(*columns, strict=False))


def _mapped(proc: Value, vectors: tuple[Value, ...], who: str) -> Steps:
    procedure(proc, who, 1)
    if len(vectors) == 1:
        return (yield from each(proc, list(vector_argument(vectors[0], who, 2))))
    results = []
    for row in vector_rows(vectors, who):
        results.append((yield from call(proc, *row)))
    return results


@LIBRARY.procedure("vector-map", 2, None)
def vector_map(proc: Value, *vectors: Value) -> Steps:
    return (yield from _mapped(proc, vectors, "vector-map"))


@LIBRARY.procedure("vector-for-each", 2, None)
def vector_for_each(proc: Value, *vectors: Value) -> Steps:
    yield from _mapped(proc, vectors, "vector-for-each")


@LIBRARY.procedure("vector-map!", 2, None)
def vector_map_in_place(proc: Value, *vectors: Value) -> Steps:
    results = yield from _mapped(proc, vectors, "vector-map!")
    vectors[0][: len(results)] = results


@LIBRARY.procedure("vector-fold", 3, None)
def vector_fold(proc: Value, seed: Value, *vectors: Value) -> Steps:
    procedure(proc, "vector-fold", 1)
    for row in vector_rows(vectors, "vector-fold"):
        seed = yield from call(proc, seed, *row)
    return seed


@LIBRARY.procedure("vector-fold-right", 3, None)
def vector_fold_right(proc: Value, seed: Value, *vectors: Value) -> Steps:
    procedure(proc, "vector-fold-right", 1)
    for row in reversed(vector_rows(vectors, "vector-fold-right")):
        seed = yield from call(proc, seed, *row)
    return seed


@LIBRARY.procedure("vector-index", 2, None)
def vector_index(pred: Value, *vectors: Value) -> Steps:
    procedure(pred, "vector-index", 1)
    for index, row in enumerate(vector_rows(vectors, "vector-index")):
        if (yield from call(pred, *row)) is not False:
            return index
    return False


def _quantified(name: str, stop: bool) -> None:
    def fn(pred: Value, *vectors: Value) -> Steps:
        procedure(pred, name, 1)
        result: Value = not stop
        for row in vector_rows(vectors, name):
            result = yield from call(pred, *row)
            if (result is not False) is stop:
                return result
        return result

    LIBRARY.procedure(name, 2, None)(fn)


_quantified("vector-any", True)
_quantified("vector-every", False)


@LIBRARY.procedure("vector-count", 2, None)
def vector_count(pred: Value, *vectors: Value) -> Steps:
    results = yield from _mapped(pred, vectors, "vector-count")
    return sum(1 for result in results if result is not False)


@LIBRARY.procedure("vector-unfold", 2)
def vector_unfold(proc: Value, count: Value) -> Steps:
    procedure(proc, "vector-unfold", 1)
    return (yield from each(proc, list(range(checks.size(count)))))


LIBRARY.bind("vector-tabulate", LIBRARY.bindings["vector-unfold"])


@LIBRARY.procedure("vector-binary-search", 3)
def vector_binary_search(value: Value, item: Value, compare: Value) -> Steps:
    elements = vector_argument(value, "vector-binary-search", 1)
    low, high = 0, len(elements)
    while low < high:
        middle = (low + high) // 2
        order = yield from call(compare, elements[middle], item)
        order = checks.real(order, "vector-binary-search", 3)
        if order == 0:
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return False
