"""String procedures that take a character, a character set or a predicate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.scheme.errors import misc_error, wrong_type_expecting
from services.scheme.library import checks
from services.scheme.library.apply import call, each
from services.scheme.library.charsets import CharSet, chosen, graphic, whitespace
from services.scheme.library.checks import expecting, procedure, span, string
from services.scheme.library.strings import part
from services.scheme.primitives import Library, Steps
from services.scheme.types import Char, Procedure, Value, scheme_list

LIBRARY = Library()


def _search(name: str, backwards: bool, wanted: bool) -> None:
    def fn(text: Value, pred: Value, start: Value = None, end: Value = None) -> Steps:
        piece = part(text, start, end, name)
        low = start or 0
        # Most searches are for one character: let Python find it.
        if wanted and type(pred) is Char:
            index = piece.rfind(pred.text) if backwards else piece.find(pred.text)
            return False if index < 0 else low + index
        found = yield from chosen(pred, piece[::-1] if backwards else piece, name, 2)
        for index, result in enumerate(found):
            if result is wanted:
                return low + (len(piece) - 1 - index if backwards else index)
        return False

    LIBRARY.procedure(name, 2, 4)(fn)


_search("string-index", False, True)
_search("string-index-right", True, True)
_search("string-rindex", True, True)
_search("string-skip", False, False)
_search("string-skip-right", True, False)


@LIBRARY.procedure("string-count", 2, 4)
def string_count(text: Value, pred: Value, start: Value = None, end: Value = None) -> Steps:
    piece = part(text, start, end, "string-count")
    return sum((yield from chosen(pred, piece, "string-count", 2)))


def _trim(name: str, left: bool, right: bool) -> None:
    def fn(text: Value, pred: Value = whitespace, start: Value = None, end: Value = None) -> Steps:
        piece = part(text, start, end, name)
        drop = yield from chosen(pred, piece, name, 2)
        low, high = 0, len(piece)
        while left and low < high and drop[low]:
            low += 1
        while right and high > low and drop[high - 1]:
            high -= 1
        return piece[low:high]

    LIBRARY.procedure(name, 1, 4)(fn)


_trim("string-trim", True, False)
_trim("string-trim-right", False, True)
_trim("string-trim-both", True, True)


def _filtered(name: str, keep: bool) -> None:
    def fn(pred: Value, text: Value, start: Value = None, end: Value = None) -> Steps:
        if type(pred) is str and type(text) is not str:
            pred, text = text, pred  # Guile takes both orders
        piece = part(text, start, end, name, 2)
        results = yield from chosen(pred, piece, name, 1)
        return "".join([c for c, r in zip(piece, results, strict=True) if r is keep])

    LIBRARY.procedure(name, 2, 4)(fn)


_filtered("string-filter", True)
_filtered("string-delete", False)


@LIBRARY.procedure("string-split", 2)
def string_split(text: Value, pred: Value) -> Steps:
    string(text, "string-split", 1)
    if type(pred) is Char:
        return scheme_list(text.split(pred.text))
    cut = yield from chosen(pred, text, "string-split", 2)
    pieces, start = [], 0
    for index, here in enumerate(cut):
        if here:
            pieces.append(text[start:index])
            start = index + 1
    return scheme_list([*pieces, text[start:]])


@LIBRARY.primitive("string-tokenize", 1, 4)
def string_tokenize(
    text: Value, tokens: Value = graphic, start: Value = None, end: Value = None
) -> Value:
    piece = part(text, start, end, "string-tokenize")
    if type(tokens) is not CharSet:
        raise expecting("string-tokenize", 2, "charset", tokens)
    found, current = [], ""
    for c in piece:
        if tokens.contains(c):
            current += c
        elif current:
            found.append(current)
            current = ""
    return scheme_list([*found, current] if current else found)


def _tested(name: str, stop: bool) -> None:
    def fn(pred: Value, text: Value, start: Value = None, end: Value = None) -> Steps:
        if type(pred) is str and type(text) is not str:
            pred, text = text, pred
        piece = part(text, start, end, name, 2)
        if not isinstance(pred, Procedure):
            results = yield from chosen(pred, piece, name, 1)
            return any(results) if stop else all(results)
        result: Any = not stop
        for c in piece:
            result = yield from call(pred, Char(c))
            if (result is not False) is stop:
                return result
        return result

    LIBRARY.procedure(name, 2, 4)(fn)


_tested("string-any", True)
_tested("string-every", False)


@LIBRARY.procedure("string-map", 2, None)
def string_map(proc: Value, text: Value, *rest: Value) -> Steps:
    procedure(proc, "string-map", 1)
    if rest and type(rest[0]) is not int:
        texts = [string(t, "string-map", n) for n, t in enumerate((text, *rest), 2)]
        results = []
        for row in zip(*texts, strict=False):
            results.append((yield from call(proc, *[Char(c) for c in row])))
    else:
        low, high = _bounds(text, rest, "string-map")
        results = yield from each(proc, [Char(c) for c in text[low:high]])
    for result in results:
        if type(result) is not Char:
            raise misc_error("string-map", "procedure ~S returned non-char", proc)
    return "".join([result.text for result in results])


def _bounds(text: Value, rest: tuple[Value, ...], who: str) -> tuple[int, int]:
    string(text, who, 2)
    marks = (*rest, None, None)
    return span(text, marks[0], marks[1], len(text))


@LIBRARY.procedure("string-for-each", 2, None)
def string_for_each(proc: Value, text: Value, *rest: Value) -> Steps:
    procedure(proc, "string-for-each", 1)
    if rest and type(rest[0]) is not int:
        texts = [string(t, "string-for-each", n) for n, t in enumerate((text, *rest), 2)]
        for row in zip(*texts, strict=False):
            yield from call(proc, *[Char(c) for c in row])
    else:
        low, high = _bounds(text, rest, "string-for-each")
        yield from each(proc, [Char(c) for c in text[low:high]])


@LIBRARY.procedure("string-for-each-index", 2, 4)
def string_for_each_index(
    proc: Value, text: Value, start: Value = None, end: Value = None
) -> Steps:
    procedure(proc, "string-for-each-index", 1)
    low, high = _bounds(text, (start, end), "string-for-each-index")
    yield from each(proc, list(range(low, high)))


def _fold(name: str, step: int) -> None:
    def fn(proc: Value, seed: Value, text: Value, start: Value = None, end: Value = None) -> Steps:
        procedure(proc, name, 1)
        for c in part(text, start, end, name, 3)[::step]:
            seed = yield from call(proc, Char(c), seed)
        return seed

    LIBRARY.procedure(name, 3, 5)(fn)


_fold("string-fold", 1)
_fold("string-fold-right", -1)


@LIBRARY.procedure("string-tabulate", 2)
def string_tabulate(proc: Value, count: Value) -> Steps:
    procedure(proc, "string-tabulate", 1)
    results = yield from each(proc, list(range(checks.size(count))))
    for result in results:
        if type(result) is not Char:
            raise wrong_type_expecting("string", "character", result)
    return "".join([result.text for result in results])


def _unfold(name: str, arrange: Callable[[str, str, str], str]) -> None:
    def fn(
        stop: Value, mapper: Value, successor: Value, seed: Value, base: Value = "",
        final: Value = None,
    ) -> Steps:  # fmt: skip
        string(base, name, 5)
        texts: list[str] = []
        while (yield from call(stop, seed)) is False:
            result = yield from call(mapper, seed)
            texts.append(checks.char(result, name, 2))
            seed = yield from call(successor, seed)
        end = "" if final is None else string((yield from call(final, seed)), name, 6)
        return arrange("".join(texts), base, end)

    LIBRARY.procedure(name, 4, 6)(fn)


_unfold("string-unfold", lambda text, base, end: base + text + end)
_unfold("string-unfold-right", lambda text, base, end: end + text[::-1] + base)


# (ice-9 string-fun) and friends that configurations use.


@LIBRARY.primitive("string-replace-substring", 3)
def string_replace_substring(text: Value, old: Value, new: Value) -> str:
    who = "string-replace-substring"
    piece = string(text, who, 1)
    wanted, other = string(old, who, 2), string(new, who, 3)
    return piece.replace(wanted, other) if wanted else piece
