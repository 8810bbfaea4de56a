"""Strings: the procedures of R5RS and R7RS and what SRFI 13 adds without predicates.

Strings are immutable here: the procedures that would change one in place raise the
error that Guile raises for a string literal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, misc_error, wrong_type, wrong_type_expecting
from services.scheme.library import checks
from services.scheme.library.characters import COMPARISONS
from services.scheme.library.checks import (
    expecting,
    items,
    not_in_range,
    span,
    string,
    wrong_type_anonymous,
)
from services.scheme.primitives import Library
from services.scheme.types import Char, Keyword, Symbol, Value, scheme_list

LIBRARY = Library()

LIBRARY.primitive("string?", 1)(lambda value: type(value) is str)
LIBRARY.primitive("symbol?", 1)(lambda value: type(value) is Symbol)
LIBRARY.primitive("keyword?", 1)(lambda value: type(value) is Keyword)


def part(value: Value, start: Value, end: Value, who: str, position: int = 1) -> str:
    """``value`` from ``start`` to ``end``, all checked."""
    text = string(value, who, position)
    if start is None and end is None:
        return text
    low, high = span(value, start, end, len(text))
    return text[low:high]


def joined(texts: list[Value], who: str = "string-append") -> str:
    for text in texts:
        if type(text) is not str:
            raise wrong_type_expecting(who, "string", text)
    return "".join(texts)


@LIBRARY.primitive("string-append", 0, None)
def string_append(*texts: Value) -> str:
    try:
        return "".join(texts)
    except TypeError:
        return joined(list(texts))


LIBRARY.alias("string-append/shared", "string-append")


@LIBRARY.primitive("string-concatenate", 1)
def string_concatenate(texts: Value) -> str:
    return joined(items(texts, "string-concatenate", 1))


LIBRARY.alias("string-concatenate/shared", "string-concatenate")


@LIBRARY.primitive("string-concatenate-reverse", 1, 3)
def string_concatenate_reverse(texts: Value, final: Value = "", end: Value = None) -> str:
    last = part(final, None, end, "string-concatenate-reverse", 2)
    return joined([*items(texts, "string-concatenate-reverse", 1)[::-1], last])


@LIBRARY.primitive("string-length", 1)
def string_length(value: Value) -> int:
    return len(string(value, "string-length", 1))


@LIBRARY.primitive("string-ref", 2)
def string_ref(value: Value, index: Value) -> Char:
    text = string(value, "string-ref", 1)
    number = checks.exact_integer(index)
    if not 0 <= number < len(text):
        raise not_in_range(0, max(len(text) - 1, 0), index)
    return Char(text[number])


@LIBRARY.primitive("string", 0, None)
def string_of(*chars: Value) -> str:
    return _text_of(list(chars), "string")


def _text_of(chars: list[Value], who: str) -> str:
    for value in chars:
        if type(value) is not Char:
            raise wrong_type_expecting(who, "character", value)
    return "".join([value.text for value in chars])


@LIBRARY.primitive("list->string", 1)
def list_to_string(value: Value) -> str:
    return _text_of(items(value, "string", 1), "string")


@LIBRARY.primitive("reverse-list->string", 1)
def reverse_list_to_string(value: Value) -> str:
    return _text_of(items(value, "reverse-list->string", 1)[::-1], "reverse-list->string")


@LIBRARY.primitive("make-string", 1, 2)
def make_string(count: Value, fill: Value = None) -> str:
    number = checks.byte_size(count)
    if fill is not None and type(fill) is not Char:
        raise wrong_type_anonymous("character", fill)
    return ("\0" if fill is None else fill.text) * number


@LIBRARY.primitive("substring", 2, 3)
def substring(value: Value, start: Value, end: Value = None) -> str:
    return part(value, start, end, "substring")


for _name in ("substring/shared", "substring/copy", "substring/read-only"):
    LIBRARY.alias(_name, "substring")


@LIBRARY.primitive("string-copy", 1, 3)
def string_copy(value: Value, start: Value = None, end: Value = None) -> str:
    return part(value, start, end, "string-copy")


@LIBRARY.primitive("string->list", 1, 3)
def string_to_list(value: Value, start: Value = None, end: Value = None) -> Value:
    return scheme_list([Char(c) for c in part(value, start, end, "string->list")])


@LIBRARY.primitive("string-null?", 1)
def is_empty(value: Value) -> bool:
    return not string(value, "string-null?", 1)


def _compared(
    name: str, who: str, compare: Callable[[str, str], bool], fold: bool, spans: bool
) -> None:
    def test(*args: Value) -> bool:
        texts = [string(value, who, min(n, 2)) for n, value in enumerate(args, 1)]
        if fold:
            texts = [text.lower() for text in texts]
        return all(compare(texts[n], texts[n + 1]) for n in range(len(texts) - 1))

    def ranged(a: Value, b: Value, *bounds: Value) -> bool:
        marks = (*bounds, None, None, None, None)
        left = part(a, marks[0], marks[1], who, 1)
        right = part(b, marks[2], marks[3], who, 2)
        return compare(left.lower(), right.lower()) if fold else compare(left, right)

    if spans:
        LIBRARY.primitive(name, 2, 6)(ranged)
    else:
        LIBRARY.primitive(name, 0, None)(test)


for _sign, _operation in (*COMPARISONS, ("<>", lambda a, b: a != b)):
    for _ci in ("", "-ci"):
        _base = f"string{_ci}{_sign}"
        if _sign != "<>":
            _compared(f"{_base}?", _base, _operation, bool(_ci), False)
        _compared(_base, _base, _operation, bool(_ci), True)


def _affix(name: str, test: Callable[[str, str], Any], fold: bool) -> None:
    def fn(
        a: Value, b: Value, s1: Value = None, e1: Value = None, s2: Value = None, e2: Value = None
    ) -> Any:
        left, right = part(a, s1, e1, name, 1), part(b, s2, e2, name, 2)
        return test(left.lower(), right.lower()) if fold else test(left, right)

    LIBRARY.primitive(name, 2, 6)(fn)


def _common(a: str, b: str) -> int:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return length


_affix("string-prefix?", lambda a, b: b.startswith(a), False)
_affix("string-suffix?", lambda a, b: b.endswith(a), False)
_affix("string-prefix-ci?", lambda a, b: b.startswith(a), True)
_affix("string-suffix-ci?", lambda a, b: b.endswith(a), True)
_affix("string-prefix-length", _common, False)
_affix("string-suffix-length", lambda a, b: _common(a[::-1], b[::-1]), False)
_affix("string-prefix-length-ci", _common, True)
_affix("string-suffix-length-ci", lambda a, b: _common(a[::-1], b[::-1]), True)


def _contains(name: str, fold: bool) -> None:
    def fn(
        a: Value, b: Value, s1: Value = None, e1: Value = None, s2: Value = None, e2: Value = None
    ) -> Any:
        text, wanted = string(a, name, 1), part(b, s2, e2, name, 2)
        low, high = span(a, s1, e1, len(text))
        if fold:
            text, wanted = text.lower(), wanted.lower()
        index = text.find(wanted, low, high)
        return False if index < 0 else index

    LIBRARY.primitive(name, 2, 6)(fn)


_contains("string-contains", False)
_contains("string-contains-ci", True)


def _recased(name: str, fn: Callable[[str], str]) -> None:
    def convert(value: Value, start: Value = None, end: Value = None) -> str:
        return fn(part(value, start, end, name))

    LIBRARY.primitive(name, 1, 3)(convert)


def _titled(text: str) -> str:
    result, inside = [], False
    for c in text:
        result.append(c.lower() if inside else c.upper())
        inside = c.isalpha()
    return "".join(result)


_recased("string-upcase", str.upper)
_recased("string-downcase", str.lower)
_recased("string-foldcase", str.casefold)
_recased("string-titlecase", _titled)
LIBRARY.primitive("string-capitalize", 1)(lambda v: _titled(string(v, "string-capitalize", 1)))


@LIBRARY.primitive("string-reverse", 1, 3)
def string_reverse(value: Value, start: Value = None, end: Value = None) -> str:
    text = string(value, "string-reverse", 1)
    low, high = span(value, start, end, len(text))
    return text[:low] + text[low:high][::-1] + text[high:]


@LIBRARY.primitive("string-replace", 2, 6)
def string_replace(
    a: Value, b: Value, s1: Value = None, e1: Value = None, s2: Value = None, e2: Value = None
) -> str:
    text, new = string(a, "string-replace", 1), part(b, s2, e2, "string-replace", 2)
    low, high = span(a, s1, e1, len(text))
    return text[:low] + new + text[high:]


LIBRARY.primitive("string-take", 2)(lambda s, n: part(s, 0, n, "string-take"))
LIBRARY.primitive("string-drop", 2)(lambda s, n: part(s, n, None, "string-drop"))


@LIBRARY.primitive("string-take-right", 2)
def string_take_right(value: Value, count: Value) -> str:
    text = string(value, "string-take-right", 1)
    _, number = span(value, None, count, len(text))
    return text[len(text) - number :]


@LIBRARY.primitive("string-drop-right", 2)
def string_drop_right(value: Value, count: Value) -> str:
    text = string(value, "string-drop-right", 1)
    _, number = span(value, None, count, len(text))
    return text[: len(text) - number]


def _padded(name: str, right: bool) -> None:
    def pad(
        value: Value, count: Value, fill: Value = None, start: Value = None, end: Value = None
    ) -> str:
        text = part(value, start, end, name)
        number = checks.byte_size(count)
        if fill is not None and type(fill) is not Char:
            raise expecting(name, 3, "character", fill)
        mark = " " if fill is None else fill.text
        if right:
            return text[:number].ljust(number, mark)
        return text[max(len(text) - number, 0) :].rjust(number, mark)

    LIBRARY.primitive(name, 2, 5)(pad)


_padded("string-pad", False)
_padded("string-pad-right", True)


@LIBRARY.primitive("string-join", 1, 3)
def string_join(texts: Value, delimiter: Value = " ", grammar: Value = None) -> str:
    elements = items(texts, "string-join", 1)
    mark = string(delimiter, "string-join", 2)
    kind = "infix" if grammar is None else getattr(grammar, "name", "")
    if kind not in ("infix", "strict-infix", "suffix", "prefix"):
        raise wrong_type("string-join", 3, grammar)
    joined(elements)
    if kind == "strict-infix" and not elements:
        raise misc_error("string-join", "strict-infix grammar requires non-empty list")
    if kind == "suffix":
        return "".join([text + mark for text in elements])
    if kind == "prefix":
        return "".join([mark + text for text in elements])
    return mark.join(elements)


@LIBRARY.primitive("xsubstring", 2, 5)
def xsubstring(
    value: Value, start: Value, end: Value = None, low: Value = None, high: Value = None
) -> str:
    text = part(value, low, high, "xsubstring")
    first = checks.exact_integer(start)
    last = first + len(text) if end is None else checks.exact_integer(end)
    if last < first or last - first > 1 << 26 or (not text and last > first):
        raise not_in_range(first, checks.UNSIGNED_LONG, last)
    return "".join([text[n % len(text)] for n in range(first, last)])


@LIBRARY.primitive("string-hash", 1, 4)
def string_hash(value: Value, bound: Value = None, start: Value = None, end: Value = None) -> int:
    number = hash(part(value, start, end, "string-hash")) & ((1 << 59) - 1)
    if bound is None:
        return number
    limit = checks.exact_integer(bound)
    if limit <= 0:
        raise not_in_range(1, checks.UNSIGNED_LONG, bound)
    return number % limit


def _read_only(name: str, low: int, high: int | None) -> None:
    def fn(value: Value, *rest: Value) -> Value:
        string(value, name, 1)
        raise SchemeError(
            "misc-error",
            (name, "string is read-only: ~S", scheme_list((value,)), False),
        )

    LIBRARY.primitive(name, low, high)(fn)


_read_only("string-set!", 3, 3)
for _name in ("string-fill!", "string-copy!", "string-upcase!", "string-downcase!",
              "string-capitalize!", "string-titlecase!", "string-reverse!",
              "substring-move!", "substring-fill!"):  # fmt: skip
    _read_only(_name, 1, None)


def _normalized(form: str) -> None:
    def fn(value: Value) -> str:
        import unicodedata

        return unicodedata.normalize(form.upper(), string(value, f"string-normalize-{form}", 1))  # type: ignore[arg-type]

    LIBRARY.primitive(f"string-normalize-{form}", 1)(fn)


for _form in ("nfc", "nfd", "nfkc", "nfkd"):
    _normalized(_form)


@LIBRARY.primitive("string-utf8-length", 1)
def string_utf8_length(value: Value) -> int:
    return len(string(value, "string-utf8-length", 1).encode("utf-8", "surrogateescape"))
