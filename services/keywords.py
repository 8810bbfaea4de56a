"""Keyword arguments of procedures written in Python, with Guile's errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pid1.log import say
from services.scheme.errors import SchemeError, keyword_error
from services.scheme.types import Keyword, Symbol, Value, is_list, iterate, scheme_list


def split(arguments: Sequence[Value], allowed: frozenset[str] | set[str]) -> dict[str, Value]:
    """Return keyword arguments by name; raises SchemeError for anything else.

    ``arguments`` is what follows the positional ones.
    """
    found: dict[str, Value] = {}
    position = 0
    while position < len(arguments):
        key = arguments[position]
        if not isinstance(key, Keyword):
            raise keyword_error("Invalid keyword", key)
        if key.name not in allowed:
            raise keyword_error("Unrecognized keyword", key)
        if position + 1 >= len(arguments):
            raise keyword_error("Keyword argument has no value", key)
        # The last of several wins, as with lambda*.
        found[key.name] = arguments[position + 1]
        position += 2
    return found


def wrong_type(who: str, argument: str, value: Value) -> SchemeError:
    """The error of a failed check of a procedure's argument."""
    return SchemeError(
        "wrong-type-arg",
        (
            Symbol(who),
            "Wrong type for argument '~a': ~S",
            scheme_list((Symbol(argument), value)),
            scheme_list((value,)),
        ),
    )


def mismatch(who: str, argument: str, value: Value, predicate: str) -> SchemeError:
    """Say that an argument fails ``predicate``, and return the error to raise."""
    from services.scheme.printer import write

    say(
        f"In call to '{who}', value {write(value)} of argument '{argument}' has the wrong type "
        f"(it should match '{predicate}')."
    )
    return wrong_type(who, argument, value)


def strings(who: str, argument: str, value: Value) -> list[str]:
    """Return a Scheme list of strings as a list; raises SchemeError for anything else."""
    items = list_of(str, value)
    if items is None:
        raise mismatch(who, argument, value, "list-of-strings?")
    return items


def list_of(kind: type, value: Value) -> list[Any] | None:
    """The elements of a Scheme list if all are of ``kind``, else None."""
    items = list(iterate(value)) if is_list(value) else None
    return items if items is None or all(isinstance(item, kind) for item in items) else None


def optional_string(who: str, argument: str, value: Value) -> str | None:
    """Return a string, or None for ``#f``."""
    if value is False:
        return None
    if not isinstance(value, str):
        raise mismatch(who, argument, value, "string?")
    return value


def number(who: str, argument: str, value: Value) -> float:
    """Return a real number as a float."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise mismatch(who, argument, value, "real?")
    return float(value)
