"""Association lists: look-up, functional and in-place update."""

from __future__ import annotations

from collections.abc import Callable

from services.scheme.errors import wrong_type_expecting
from services.scheme.library import checks
from services.scheme.library.apply import call
from services.scheme.library.checks import expecting, items
from services.scheme.library.equality import equal, identical, same
from services.scheme.primitives import Library, Steps
from services.scheme.types import NIL, Pair, Value, scheme_list

LIBRARY = Library()


def _entry(
    key: Value, alist: Value, matches: Callable[[Value, Value], bool], who: str | None
) -> Pair | None:
    """The entry for ``key``; malformed lists are errors if ``who`` is given."""
    rest, count = alist, 0
    while type(rest) is Pair:
        entry = rest.car
        if type(entry) is Pair:
            if matches(entry.car, key):
                return entry
        elif who is not None:
            raise expecting(who, 2, "association list", alist)
        rest = rest.cdr
        count += 1
        if count % 65536 == 0:
            checks.refuse_cycle(alist, who or "assoc", 2)
    if rest is not NIL and who is not None:
        raise expecting(who, 2, "association list", alist)
    return None


def _family(prefix: str, matches: Callable[[Value, Value], bool]) -> None:
    def find(key: Value, alist: Value) -> Value:
        return _entry(key, alist, matches, prefix) or False

    def sloppy(key: Value, alist: Value) -> Value:
        return _entry(key, alist, matches, None) or False

    def ref(alist: Value, key: Value) -> Value:
        entry = _entry(key, alist, matches, None)
        return False if entry is None else entry.cdr

    def assign(alist: Value, key: Value, value: Value) -> Value:
        entry = _entry(key, alist, matches, None)
        if entry is None:
            return Pair(Pair(key, value), alist)
        entry.cdr = value
        return alist

    def remove(alist: Value, key: Value) -> Value:
        entry = _entry(key, alist, matches, None)
        if entry is None:
            return alist
        kept = [e for e in items(alist, f"{prefix}-remove!", 1) if e is not entry]
        return scheme_list(kept)

    if prefix != "assoc":  # assoc takes a predicate: below
        LIBRARY.primitive(prefix, 2)(find)
    LIBRARY.primitive(f"sloppy-{prefix}", 2)(sloppy)
    LIBRARY.primitive(f"{prefix}-ref", 2)(ref)
    LIBRARY.primitive(f"{prefix}-set!", 3)(assign)
    LIBRARY.primitive(f"{prefix}-remove!", 2)(remove)


_family("assq", identical)
_family("assv", same)
_family("assoc", equal)


@LIBRARY.procedure("assoc", 2, 3)
def assoc(key: Value, alist: Value, matches: Value = None) -> Steps:
    if matches is None:
        return _entry(key, alist, equal, "assoc") or False
    for entry in items(alist, "assoc", 2):
        if type(entry) is not Pair:
            raise expecting("assoc", 2, "association list", alist)
        if (yield from call(matches, key, entry.car)) is not False:
            return entry
    return False


@LIBRARY.primitive("acons", 3)
def acons(key: Value, value: Value, alist: Value) -> Pair:
    return Pair(Pair(key, value), alist)


LIBRARY.alias("alist-cons", "acons")


@LIBRARY.primitive("alist-copy", 1)
def alist_copy(alist: Value) -> Value:
    return scheme_list(
        [
            Pair(entry.car, entry.cdr) if type(entry) is Pair else entry
            for entry in items(alist, "alist-copy", 1)
        ]
    )


@LIBRARY.procedure("alist-delete", 2, 3)
def alist_delete(key: Value, alist: Value, matches: Value = None) -> Steps:
    kept = []
    for entry in items(alist, "alist-delete", 2):
        if type(entry) is not Pair:
            raise wrong_type_expecting("car", "pair", entry)
        if matches is None:
            gone = equal(key, entry.car)
        else:
            gone = (yield from call(matches, key, entry.car)) is not False
        if not gone:
            kept.append(entry)
    return scheme_list(kept)


LIBRARY.alias("alist-delete!", "alist-delete")
