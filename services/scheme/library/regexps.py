"""POSIX regular expressions on Python's engine, and ``(ice-9 regex)``.

Patterns are translated: bracket expressions, intervals and the basic syntax differ.
A difference that stays is alternation: POSIX takes the longest alternative, Python the
first that leads to a match.  A match is a vector, as in Guile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from services.scheme.errors import SchemeError
from services.scheme.library.apply import call
from services.scheme.library.checks import exact_integer, expecting, not_in_range, string
from services.scheme.library.output import output, put
from services.scheme.library.posix_patterns import BadPattern, translate
from services.scheme.library.status import element
from services.scheme.primitives import Library, Steps
from services.scheme.types import Pair, Procedure, Value, scheme_list

LIBRARY = Library()

EXTENDED, ICASE, NEWLINE, NOSUB = 1, 2, 4, 8  # <regex.h> of glibc
LIBRARY.bind("regexp/basic", 0)
LIBRARY.bind("regexp/extended", EXTENDED)
LIBRARY.bind("regexp/icase", ICASE)
LIBRARY.bind("regexp/newline", NEWLINE)
LIBRARY.bind("regexp/notbol", 1)
LIBRARY.bind("regexp/noteol", 2)

# Python's engine can take exponential time where the C library's takes none worth mentioning.
# Seconds after which a search is given up: whoever else waits for the loop waits no longer.
_PATIENCE = 0.2
# Characters that a pattern with one repetition goes through in no time.
_SHORT_TEXT = 1000


class Regexp:
    """A compiled pattern; ``simple`` if its searches take quadratic time at most."""

    __slots__ = ("matcher", "simple")

    def __init__(self, matcher: Any, simple: bool) -> None:
        self.matcher = matcher
        self.simple = simple

    def __str__(self) -> str:
        return f"#<regexp {id(self):x}>"

    __repr__ = __str__


@LIBRARY.primitive("make-regexp", 1, None)
def make_regexp(pattern: Value, *flags: Value) -> Regexp:
    import re

    text = string(pattern, "make-regexp", 1)
    bits = 0
    for flag in flags:
        bits |= exact_integer(flag)
    extended = not flags or 0 not in flags
    options = re.IGNORECASE if bits & ICASE else re.NOFLAG
    if bits & NEWLINE:
        options |= re.MULTILINE
    try:
        translated, simple = translate(text, extended, bool(bits & NEWLINE))
        return Regexp(re.compile(translated, options), simple)
    except BadPattern as error:
        message = str(error)
    except (re.error, OverflowError, RecursionError):
        message = "Invalid regular expression"
    raise SchemeError(
        "regular-expression-syntax", ("make-regexp", message, False, scheme_list((pattern,)))
    )


LIBRARY.primitive("regexp?", 1)(lambda value: type(value) is Regexp)


class _TooLongError(Exception):
    pass


def _give_up(_number: int, _frame: Any) -> None:
    raise _TooLongError


@contextlib.contextmanager
def _limited(regexp: Regexp, text: str) -> Iterator[None]:
    """Search ``text`` for no longer than _PATIENCE; raises SchemeError then.

    The engine looks for signals every 4,096 steps (``SRE(match)`` in CPython's sre_lib.h).
    """
    if regexp.simple and len(text) <= _SHORT_TEXT:
        yield
        return
    import signal

    try:
        previous = signal.signal(signal.SIGALRM, _give_up)
        try:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
            yield
        finally:
            # In this order: without a handler the signal would end the process.
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
            finally:
                signal.signal(signal.SIGALRM, previous)
    except _TooLongError:
        message = "Pattern takes too long on this text"
        raise SchemeError(
            "regular-expression-syntax", ("regexp-exec", message, False, False)
        ) from None


def _anchored(regexp: Regexp) -> bool:
    return bool(regexp.matcher.pattern.startswith(("^", r"\A")))


def _vector(text: str, found: Any, offset: int = 0) -> list[Value]:
    """A match; the text that was searched begins at ``offset`` of ``text``."""
    spans = [found.span(number) for number in range(found.re.groups + 1)]
    return [
        text,
        *(
            Pair(*span) if span[0] < 0 else Pair(span[0] + offset, span[1] + offset)
            for span in spans
        ),
    ]


@LIBRARY.primitive("regexp-exec", 2, 4)
def regexp_exec(regexp: Value, text: Value, start: Value = 0, flags: Value = 0) -> Any:
    if type(regexp) is not Regexp:
        raise expecting("regexp-exec", 1, "regexp", regexp)
    subject = string(text, "regexp-exec", 2)
    low = exact_integer(start)
    if not 0 <= low <= len(subject):
        raise not_in_range(0, len(subject), start)
    # As for regexec(3), the text begins there: ^ matches.
    with _limited(regexp, subject):
        found = regexp.matcher.search(subject[low:])
    not_at_start = exact_integer(flags) & 1
    if found is None or (not_at_start and found.start() == 0 and _anchored(regexp)):
        return False
    return _vector(subject, found, low)


@LIBRARY.primitive("string-match", 2, 4)
def string_match(pattern: Value, text: Value, start: Value = 0, flags: Value = 0) -> Any:
    regexp = make_regexp(pattern)
    return regexp_exec(regexp, text, start, flags)


LIBRARY.primitive("regexp-match?", 1)(
    lambda value: isinstance(value, list) and len(value) > 1 and type(value[0]) is str
)


def _span(match: Value, group: Value) -> tuple[str, Value, Value]:
    number = exact_integer(group)
    text = element(match, 0)
    if number < 0:
        raise not_in_range(0, 18446744073709551615, group)
    pair = element(match, number + 1)
    if type(pair) is not Pair or type(text) is not str:
        raise expecting("regexp-match", 1, "match", match)
    return text, pair.car, pair.cdr


@LIBRARY.primitive("match:substring", 1, 2)
def match_substring(match: Value, group: Value = 0) -> Any:
    text, start, end = _span(match, group)
    return False if start < 0 else text[start:end]


LIBRARY.primitive("match:start", 1, 2)(
    lambda match, group=0: (lambda s: False if s < 0 else s)(_span(match, group)[1])
)
LIBRARY.primitive("match:end", 1, 2)(
    lambda match, group=0: (lambda e: False if e < 0 else e)(_span(match, group)[2])
)
LIBRARY.primitive("match:prefix", 1)(lambda m: _span(m, 0)[0][: _span(m, 0)[1]])
LIBRARY.primitive("match:suffix", 1)(lambda m: _span(m, 0)[0][_span(m, 0)[2] :])
LIBRARY.primitive("match:string", 1)(lambda m: _span(m, 0)[0])
LIBRARY.primitive("match:count", 1)(lambda m: (element(m, 0), len(m) - 1)[1])


@LIBRARY.primitive("regexp-quote", 1)
def regexp_quote(text: Value) -> str:
    result = []
    for c in string(text, "regexp-quote", 1):
        if c in "(){}|+?":
            result.append(f"[{c}]")
        elif c in "[\\.*^$]":
            result.append("\\" + c if c != "]" else c)
        else:
            result.append(c)
    return "".join(result)


def _all(pattern: Value, text: Value) -> list[list[Value]]:
    regexp = pattern if type(pattern) is Regexp else make_regexp(pattern)
    subject = string(text, "list-matches", 2)
    matches, position, last = [], 0, -1
    with _limited(regexp, subject):
        while position <= len(subject):
            found = regexp.matcher.search(subject, position)
            if found is None:
                break
            start, end = found.span()
            # An empty match right after another match does not count.
            if start != end or start != last:
                matches.append(_vector(subject, found))
                last = end
            position = end if end > start else end + 1
    return matches


@LIBRARY.primitive("list-matches", 2, 3)
def list_matches(pattern: Value, text: Value, flags: Value = 0) -> Value:
    return scheme_list(_all(pattern, text))


@LIBRARY.procedure("fold-matches", 4, 5)
def fold_matches(pattern: Value, text: Value, seed: Value, proc: Value, flags: Value = 0) -> Steps:
    for match in _all(pattern, text):
        seed = yield from call(proc, match, seed)
    return seed


def _piece(item: Value, match: Value) -> Steps:
    name = getattr(item, "name", None)
    if type(item) is str:
        return item
    if type(item) is int:
        return match_substring(match, item) or ""
    if isinstance(item, Procedure):
        return string((yield from call(item, match)), "regexp-substitute", 2)
    text, start, end = _span(match, 0)
    if name == "pre":
        return text[:start]
    if name == "post":
        return text[end:]
    raise expecting("regexp-substitute", 3, "string, integer, pre or post", item)


def _deliver(port: Value, text: str, who: str) -> Any:
    if port is False:
        return text
    put(output(port, who, 1), text, who)
    return None


@LIBRARY.procedure("regexp-substitute", 2, None)
def regexp_substitute(port: Value, match: Value, *pieces: Value) -> Steps:
    texts = []
    for item in pieces:
        texts.append((yield from _piece(item, match)))
    return _deliver(port, "".join(texts), "regexp-substitute")


@LIBRARY.procedure("regexp-substitute/global", 3, None)
def regexp_substitute_global(port: Value, pattern: Value, text: Value, *pieces: Value) -> Steps:
    """``pre`` is the text since the last match, ``post`` what follows, substituted too."""
    subject = string(text, "regexp-substitute/global", 3)
    matches = _all(pattern, subject)
    recurses = any(getattr(item, "name", None) == "post" for item in pieces)
    if not matches:
        return _deliver(port, subject, "regexp-substitute/global")
    texts, last = [], 0
    for match in matches if recurses else matches[:1]:
        _, start, end = _span(match, 0)
        for item in pieces:
            name = getattr(item, "name", None) if not isinstance(item, Procedure) else None
            if name == "pre":
                texts.append(subject[last:start])
            elif name != "post":
                texts.append((yield from _piece(item, match)))
        last = end
    if recurses:
        texts.append(subject[last:])
    return _deliver(port, "".join(texts), "regexp-substitute/global")
