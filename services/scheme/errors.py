"""Scheme errors as Python exceptions, and constructors for the usual ones.

An error is a key and arguments, as Guile throws them (SCHEME.md section 6).
Library code raises ``SchemeError`` through the constructors below, so that the
shapes match the real ones.  What Python itself raises in a primitive is translated by
``as_scheme_error``: an ``OSError`` becomes a ``system-error`` with the primitive's name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from services.scheme.types import NIL, Symbol, Value, scheme_list

if TYPE_CHECKING:
    from services.scheme.procedures import Where


class Location:
    """Where a datum stands: file name, line and column, both counted from 1."""

    __slots__ = ("column", "file", "line")

    def __init__(self, file: str, line: int, column: int) -> None:
        self.file = file
        self.line = line
        self.column = column

    def __iter__(self) -> Iterator[Any]:
        return iter((self.file, self.line, self.column))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


# How the host's own exceptions look to Scheme code: the first that gives an error counts.
host_errors: list[Callable[[Exception], SchemeError | None]] = []


class SchemeError(Exception):
    """An exception raised by or into Scheme code.

    ``key`` is a symbol's name, ``arguments`` the Scheme values thrown with it.
    A raised object that is not a key-and-arguments error has key ``%exception``
    and itself as the only argument.  ``location`` is set where it is known.  ``payload``
    is the exception object that was raised, if there was one; ``continuable`` tells that a
    handler may return to where it was raised.
    """

    payload: Value = None
    continuable = False

    def __init__(
        self, key: str, arguments: tuple[Value, ...], location: Location | None = None
    ) -> None:
        super().__init__(key, arguments)
        self.key = key
        self.arguments = arguments
        self.location = location


def misc_error(who: str | None, message: str, *irritants: Value) -> SchemeError:
    """An error as ``(error …)`` makes it: ``message`` is a format string for ``irritants``."""
    return SchemeError(
        "misc-error", (who if who else False, message, scheme_list(irritants), False)
    )


def wrong_type(who: str, position: int, value: Value) -> SchemeError:
    """``In procedure WHO: Wrong type argument in position N: VALUE``."""
    return SchemeError(
        "wrong-type-arg",
        (
            who,
            "Wrong type argument in position ~A: ~S",
            scheme_list((position, value)),
            scheme_list((value,)),
        ),
    )


def wrong_type_expecting(who: str | None, expected: str, value: Value) -> SchemeError:
    """``In procedure WHO: Wrong type (expecting EXPECTED): VALUE``, as compiled code says it."""
    return SchemeError(
        "wrong-type-arg",
        (
            who if who else False,
            "Wrong type (expecting ~A): ~S",
            scheme_list((expected, value)),
            scheme_list((value,)),
        ),
    )


def not_a_record(value: Value) -> SchemeError:
    """What a record's accessor says of a value that is no record at all."""
    return SchemeError(
        "wrong-type-arg",
        (
            "struct-vtable",
            "Wrong type argument in position 1 (expecting struct): ~S",
            scheme_list((value,)),
            scheme_list((value,)),
        ),
    )


def out_of_range(who: str | None, value: Value) -> SchemeError:
    """``Value out of range: VALUE``."""
    return SchemeError(
        "out-of-range",
        (
            who if who else False,
            "Value out of range: ~S",
            scheme_list((value,)),
            scheme_list((value,)),
        ),
    )


def unbound_variable(name: str) -> SchemeError:
    """``Unbound variable: NAME``."""
    return SchemeError(
        "unbound-variable",
        (False, "Unbound variable: ~S", scheme_list((Symbol(name),)), False),
    )


def system_error(who: str, error: OSError, subject: Value = None) -> SchemeError:
    """``In procedure WHO: REASON`` with the errno; ``subject`` (a file name) is added if given."""
    number = error.errno or 0
    reason = os.strerror(number) if number else str(error)
    if subject is None:
        message, irritants = "~A", scheme_list((reason,))
    else:
        message, irritants = "~A: ~S", scheme_list((reason, subject))
    return SchemeError("system-error", (who, message, irritants, scheme_list((number,))))


def syntax_error(who: str | None, message: str, form: Value) -> SchemeError:
    """A malformed special form."""
    return SchemeError(
        "syntax-error",
        (Symbol(who) if who else False, message, False, form, False),
    )


def wrong_number_of_arguments(procedure: Value) -> SchemeError:
    """``Wrong number of arguments to #<procedure …>``."""
    return SchemeError(
        "wrong-number-of-args",
        (False, "Wrong number of arguments to ~A", scheme_list((procedure,)), False),
    )


def keyword_error(message: str, argument: Value) -> SchemeError:
    """``Unrecognized keyword: #:x`` and its relatives."""
    return SchemeError("keyword-argument-error", (False, message, NIL, scheme_list((argument,))))


# The host's own exceptions


def locate(error: SchemeError, where: Where) -> None:
    """Note where an error was raised, unless that is known already."""
    if error.location is None and where is not None:
        error.location = where[0].location(where[1])


def stack_overflow(who: str | None = None) -> SchemeError:
    """The error of a recursion that has no end."""
    return SchemeError("stack-overflow", (who or False, "Stack overflow", False, False))


def as_scheme_error(error: Exception, who: str | None = None, where: Where = None) -> SchemeError:
    """What a Python exception is in Scheme; ``who`` is the primitive that raised it."""
    if isinstance(error, SchemeError):
        locate(error, where)
        return error
    for translate in host_errors:
        translated = translate(error)
        if translated is not None:
            translated.__cause__ = error
            locate(translated, where)
            return translated
    if isinstance(error, OSError):
        result = system_error(who or "system", error)
    elif isinstance(error, RecursionError):
        result = stack_overflow(who)
    elif isinstance(error, MemoryError):
        result = SchemeError("out-of-memory", (who or False, "Out of memory", False, False))
    else:
        text = f"{type(error).__name__}: {error}"
        result = SchemeError("misc-error", (who or False, "~A", scheme_list((text,)), False))
    result.__cause__ = error
    locate(result, where)
    return result
