"""SRFI 14 character sets, and how string procedures choose characters.

A set is a Python predicate with, for finite sets, its members; unions and the like
combine predicates, so ``(char-set-complement char-set:digit)`` costs nothing.
"""

from __future__ import annotations

import string as ascii_names
import sys
from collections.abc import Callable, Iterable, Iterator

from services.scheme.errors import wrong_type
from services.scheme.library.apply import call, direct
from services.scheme.library.checks import char, exact_integer, expecting, items, string
from services.scheme.primitives import Library, Steps
from services.scheme.types import Char, Procedure, Value, scheme_list

LIBRARY = Library()


class CharSet:
    """A set of characters: ``contains`` decides; ``members`` is known for finite sets."""

    __slots__ = ("contains", "members")

    def __init__(
        self, contains: Callable[[str], bool], members: frozenset[str] | None = None
    ) -> None:
        self.contains = contains
        self.members = members

    def __iter__(self) -> Iterator[str]:
        """The members in order of code point."""
        if self.members is not None:
            return iter(sorted(self.members))
        return (
            chr(n)
            for n in range(sys.maxunicode + 1)
            if not 0xD800 <= n <= 0xDFFF and self.contains(chr(n))
        )

    def __str__(self) -> str:
        if self.members is None:
            return "#<charset>"
        return "#<charset {" + " ".join(f"#\\{text}" for text in self) + "}>"

    __repr__ = __str__


def finite(texts: Iterable[str]) -> CharSet:
    """The set of just these characters."""
    members = frozenset(texts)
    return CharSet(members.__contains__, members)


def char_set(value: Value, who: str, position: int) -> CharSet:
    if type(value) is not CharSet:
        raise expecting(who, position, "char-set", value)
    return value


def chooser(value: Value, who: str, position: int) -> Callable[[str], bool] | None:
    """A test for a character or a character set; None if ``value`` is a procedure."""
    if type(value) is Char:
        return value.text.__eq__
    if type(value) is CharSet:
        return value.contains
    if isinstance(value, Procedure):
        return None
    raise wrong_type(who, position, value)


def chosen(value: Value, text: str, who: str, position: int) -> Steps:
    """For each character of ``text``, whether the character, set or predicate takes it."""
    test = chooser(value, who, position)
    if test is not None:
        return [test(c) for c in text]
    fn = direct(value, 1)
    results = []
    for c in text:
        result = fn(Char(c)) if fn is not None else (yield from call(value, Char(c)))
        results.append(result is not False)
    return results


def _category(*prefixes: str) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        import unicodedata

        return unicodedata.category(text).startswith(prefixes)

    return test


for _name, _test in (
    ("letter", str.isalpha), ("digit", str.isdecimal), ("upper-case", str.isupper),
    ("lower-case", str.islower), ("whitespace", str.isspace),
    ("letter+digit", lambda c: c.isalpha() or c.isdecimal()), ("punctuation", _category("P")),
    ("symbol", _category("S")), ("graphic", _category("L", "M", "N", "P", "S")),
    ("printing", lambda c: c.isprintable() or c.isspace()), ("iso-control", _category("Cc")),
    ("title-case", _category("Lt")), ("full", lambda c: True), ("ascii", str.isascii),
    ("designated", lambda c: not _category("Cn")(c)),
):  # fmt: skip
    LIBRARY.bind(f"char-set:{_name}", CharSet(_test))
LIBRARY.bind("char-set:empty", finite(()))
LIBRARY.bind("char-set:blank", finite(" \t\xa0\u1680\u2000\u2001\u2002\u3000"))
LIBRARY.bind("char-set:hex-digit", finite(ascii_names.hexdigits))

# Names for the library's own use.
graphic: CharSet = LIBRARY.bindings["char-set:graphic"]
whitespace: CharSet = LIBRARY.bindings["char-set:whitespace"]

LIBRARY.primitive("char-set?", 1)(lambda value: type(value) is CharSet)


@LIBRARY.primitive("char-set", 0, None)
def char_set_of(*chars: Value) -> CharSet:
    return finite([char(value, "char-set", n) for n, value in enumerate(chars, 1)])


@LIBRARY.primitive("list->char-set", 1, 2)
def list_to_char_set(value: Value, base: Value = None) -> CharSet:
    texts = [char(c, "list->char-set", 1) for c in items(value, "list->char-set", 1)]
    return finite(texts) if base is None else _union(finite(texts), base)


@LIBRARY.primitive("string->char-set", 1, 2)
def string_to_char_set(value: Value, base: Value = None) -> CharSet:
    result = finite(string(value, "string->char-set", 1))
    return result if base is None else _union(result, base)


@LIBRARY.primitive("->char-set", 1)
def to_char_set(value: Value) -> CharSet:
    if type(value) is str:
        return finite(value)
    if type(value) is Char:
        return finite((value.text,))
    return char_set(value, "->char-set", 1)


@LIBRARY.primitive("ucs-range->char-set", 2, 4)
def range_to_char_set(low: Value, high: Value, error: Value = False, base: Value = None) -> CharSet:
    start, end = exact_integer(low), exact_integer(high)
    result = CharSet(lambda c: start <= ord(c) < end)
    return result if base is None else _union(result, base)


@LIBRARY.primitive("char-set-contains?", 2)
def contains(chars: Value, value: Value) -> bool:
    return char_set(chars, "char-set-contains?", 1).contains(char(value, "char-set-contains?", 2))


def _union(a: Value, b: Value) -> CharSet:
    a, b = char_set(a, "char-set-union", 1), char_set(b, "char-set-union", 2)
    if a.members is not None and b.members is not None:
        return finite(a.members | b.members)
    return CharSet(lambda c: a.contains(c) or b.contains(c))


def _intersection(a: CharSet, b: CharSet) -> CharSet:
    small = a if a.members is not None else b
    if small.members is not None:
        return finite([c for c in small.members if a.contains(c) and b.contains(c)])
    return CharSet(lambda c: a.contains(c) and b.contains(c))


def _complement(a: CharSet) -> CharSet:
    return CharSet(lambda c: not a.contains(c))


def _combined(name: str, start: str, fn: Callable[[CharSet, CharSet], CharSet]) -> None:
    def combine(*sets: Value) -> CharSet:
        checked = [char_set(value, name, n) for n, value in enumerate(sets, 1)]
        result: CharSet = checked.pop(0) if checked else LIBRARY.bindings[f"char-set:{start}"]
        for other in checked:
            result = fn(result, other)
        return result

    LIBRARY.primitive(name, 0, None)(combine)
    LIBRARY.primitive(f"{name}!", 0, None)(combine)


_combined("char-set-union", "empty", _union)
_combined("char-set-intersection", "full", _intersection)
_combined("char-set-difference", "full", lambda a, b: _intersection(a, _complement(b)))
_combined(
    "char-set-xor",
    "empty",
    lambda a, b: _union(_intersection(a, _complement(b)), _intersection(b, _complement(a))),
)


@LIBRARY.primitive("char-set-complement", 1)
def complement(chars: Value) -> CharSet:
    return _complement(char_set(chars, "char-set-complement", 1))


@LIBRARY.primitive("char-set-adjoin", 1, None)
def adjoin(chars: Value, *new: Value) -> CharSet:
    return _union(chars, finite([char(c, "char-set-adjoin", n) for n, c in enumerate(new, 2)]))


@LIBRARY.primitive("char-set-delete", 1, None)
def delete(chars: Value, *old: Value) -> CharSet:
    gone = finite([char(c, "char-set-delete", n) for n, c in enumerate(old, 2)])
    return _intersection(char_set(chars, "char-set-delete", 1), _complement(gone))


LIBRARY.alias("char-set-adjoin!", "char-set-adjoin")
LIBRARY.alias("char-set-delete!", "char-set-delete")
LIBRARY.primitive("char-set-copy", 1)(lambda chars: char_set(chars, "char-set-copy", 1))
LIBRARY.primitive("char-set-size", 1)(
    lambda chars: sum(1 for _ in char_set(chars, "char-set-size", 1))
)
LIBRARY.primitive("char-set->list", 1)(
    lambda chars: scheme_list([Char(c) for c in char_set(chars, "char-set->list", 1)])
)
LIBRARY.primitive("char-set->string", 1)(
    lambda chars: "".join(char_set(chars, "char-set->string", 1))
)


@LIBRARY.primitive("char-set=", 0, None)
def equal_sets(*sets: Value) -> bool:
    checked = [frozenset(char_set(value, "char-set=", n)) for n, value in enumerate(sets, 1)]
    return all(value == checked[0] for value in checked)


@LIBRARY.primitive("char-set<=", 0, None)
def subsets(*sets: Value) -> bool:
    checked = [frozenset(char_set(value, "char-set<=", n)) for n, value in enumerate(sets, 1)]
    return all(checked[n] <= checked[n + 1] for n in range(len(checked) - 1))


@LIBRARY.procedure("char-set-filter", 2, 3)
def filter_(pred: Value, chars: Value, base: Value = None) -> Steps:
    texts = "".join(char_set(chars, "char-set-filter", 2))
    keep = yield from chosen(pred, texts, "char-set-filter", 1)
    result = finite([c for c, k in zip(texts, keep, strict=True) if k])
    return result if base is None else _union(result, base)


@LIBRARY.procedure("char-set-fold", 3)
def fold(proc: Value, seed: Value, chars: Value) -> Steps:
    for text in char_set(chars, "char-set-fold", 3):
        seed = yield from call(proc, Char(text), seed)
    return seed


@LIBRARY.procedure("char-set-for-each", 2)
def for_each(proc: Value, chars: Value) -> Steps:
    for text in char_set(chars, "char-set-for-each", 2):
        yield from call(proc, Char(text))
