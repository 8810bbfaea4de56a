"""``(ice-9 ftw)``: walks over directory trees."""

from __future__ import annotations

import os
from typing import Any

from services.scheme.library.apply import call
from services.scheme.library.checks import plain_string
from services.scheme.library.sorting import sorted_items
from services.scheme.library.status import status_vector
from services.scheme.primitives import Library, Primitive, Steps
from services.scheme.types import Symbol, Value, scheme_list

LIBRARY = Library()


@LIBRARY.procedure("scandir", 1, 3)
def scandir(name: Value, select: Value = None, less: Value = None) -> Steps:
    """The entries of a directory with ``.`` and ``..``, sorted; #f if it cannot be read."""
    try:
        names: list[Value] = [".", "..", *os.listdir(plain_string(name))]
    except OSError:
        return False
    kept = []
    for entry in names:
        if select is None or (yield from call(select, entry)) is not False:
            kept.append(entry)
    if less is None or (type(less) is Primitive and less.name == "string-locale<?"):
        return scheme_list(sorted(kept))
    return scheme_list((yield from sorted_items(kept, less)))


LIBRARY.primitive("string-locale<?", 2, 3)(
    lambda a, b, locale=None: plain_string(a) < plain_string(b)
)


def _status(path: str, follow: bool = False) -> Any:
    """A status vector, or the number of the error."""
    try:
        return status_vector(os.stat(path) if follow else os.lstat(path))
    except OSError as error:
        return error.errno or 0


@LIBRARY.procedure("file-system-fold", 8, 9)
def file_system_fold(
    enter: Value, leaf: Value, down: Value, up: Value, skip: Value, error: Value, seed: Value,
    name: Value, stat: Value = None,
) -> Steps:  # fmt: skip
    """Visit a tree, depth first; directories met twice (through links) are not re-entered."""
    path = plain_string(name)
    follow = type(stat) is Primitive and stat.name == "stat"
    seen: set[tuple[Value, Value]] = set()
    # Each step is a path to visit, or one to leave.
    pending: list[tuple[str, Any]] = [(path, None)]
    while pending:
        here, leaving = pending.pop()
        if leaving is not None:
            seed = yield from call(up, here, leaving, seed)
            continue
        status = _status(here, follow)
        if type(status) is int:
            seed = yield from call(error, here, False, status, seed)
        elif status[13] is not Symbol("directory"):
            seed = yield from call(leaf, here, status, seed)
        elif (status[0], status[1]) in seen or (
            yield from call(enter, here, status, seed)
        ) is False:
            seed = yield from call(skip, here, status, seed)
        else:
            seen.add((status[0], status[1]))
            try:
                names = sorted(os.listdir(here))
            except OSError as failure:
                seed = yield from call(error, here, status, failure.errno or 0, seed)
                continue
            seed = yield from call(down, here, status, seed)
            pending.append((here, status))
            base = here if here.endswith("/") else here + "/"
            pending.extend([(base + entry, None) for entry in reversed(names)])
    return seed


@LIBRARY.procedure("file-system-tree", 1, 3)
def file_system_tree(name: Value, enter: Value = None, stat: Value = None) -> Steps:
    """``(NAME STAT CHILD ...)``; #f if there is no such file."""
    path = plain_string(name)
    follow = type(stat) is Primitive and stat.name == "stat"
    root: list[Value] = []
    pending: list[tuple[str, str, list[Value]]] = [(path, os.path.basename(path) or path, root)]
    nodes: list[tuple[list[Value], str, Value, list[Value]]] = []
    while pending:
        here, label, siblings = pending.pop()
        status = _status(here, follow)
        if type(status) is int:
            continue
        children: list[Value] = []
        nodes.append((siblings, label, status, children))
        if status[13] is Symbol("directory") and (
            enter is None or (yield from call(enter, here, status)) is not False
        ):
            try:
                names = sorted(os.listdir(here))
            except OSError:
                names = []
            pending.extend([(f"{here}/{entry}", entry, children) for entry in reversed(names)])
    # Children are complete before their parents when walked backwards.
    for siblings, label, status, children in reversed(nodes):
        siblings.insert(0, scheme_list([label, status, *children]))
    return root[0] if root else False


def _walk(name: str, deep: bool) -> None:
    def fn(top: Value, proc: Value, *options: Value) -> Steps:
        path = plain_string(top)
        pending = [(path, 0)]
        while pending:
            here, level = pending.pop()
            status = _status(here)
            names: list[str] = []
            if type(status) is int:
                flag = "invalid-stat"
            elif status[13] is Symbol("directory"):
                flag = "directory"
                try:
                    names = sorted(os.listdir(here))
                except OSError:
                    flag = "directory-not-readable"
            elif deep and status[13] is Symbol("symlink"):
                flag = "symlink" if os.path.exists(here) else "stale-symlink"
            else:
                flag = "regular"
            vector = False if type(status) is int else status
            base = here.rfind("/") + 1
            extra = (base, level) if deep else ()
            result = yield from call(proc, here, vector, Symbol(flag), *extra)
            if result is not True:
                return result
            pending.extend([(f"{here.rstrip('/')}/{n}", level + 1) for n in reversed(names)])
        return True

    LIBRARY.procedure(name, 2, None)(fn)


_walk("ftw", False)
_walk("nftw", True)
