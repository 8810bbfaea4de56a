"""``(srfi srfi-43)``: its mapping procedures give the index as well, unlike R7RS's."""

from __future__ import annotations

from services.scheme.library.aliases import everything
from services.scheme.library.apply import call
from services.scheme.library.checks import procedure
from services.scheme.library.vectors import vector_rows
from services.scheme.primitives import Steps
from services.scheme.types import Value

LIBRARY = everything()


def _results(proc: Value, vectors: tuple[Value, ...], who: str) -> Steps:
    procedure(proc, who, 1)
    results = []
    for index, row in enumerate(vector_rows(vectors, who)):
        results.append((yield from call(proc, index, *row)))
    return results


@LIBRARY.procedure("vector-map", 2, None)
def vector_map(proc: Value, *vectors: Value) -> Steps:
    return (yield from _results(proc, vectors, "vector-map"))


@LIBRARY.procedure("vector-map!", 2, None)
def vector_map_in_place(proc: Value, *vectors: Value) -> Steps:
    results = yield from _results(proc, vectors, "vector-map!")
    vectors[0][: len(results)] = results


@LIBRARY.procedure("vector-for-each", 2, None)
def vector_for_each(proc: Value, *vectors: Value) -> Steps:
    yield from _results(proc, vectors, "vector-for-each")


@LIBRARY.procedure("vector-count", 2, None)
def vector_count(pred: Value, *vectors: Value) -> Steps:
    results = yield from _results(pred, vectors, "vector-count")
    return sum(1 for result in results if result is not False)


def _fold(name: str, backwards: bool) -> None:
    def fn(proc: Value, seed: Value, *vectors: Value) -> Steps:
        procedure(proc, name, 1)
        rows = list(enumerate(vector_rows(vectors, name)))
        for index, row in reversed(rows) if backwards else rows:
            seed = yield from call(proc, index, seed, *row)
        return seed

    LIBRARY.procedure(name, 3, None)(fn)


_fold("vector-fold", False)
_fold("vector-fold-right", True)
