"""Exception objects: what handlers see, and how errors become them and come back.

An error with a key and arguments is, as an object, a compound of simple conditions (for
``error``: ``&error``, ``&origin``, ``&message``, ``&irritants``) and of the key and the
arguments themselves, as in Guile 3.
"""

from __future__ import annotations

from services.scheme.errors import SchemeError, misc_error
from services.scheme.types import NIL, Pair, Record, RecordType, Symbol, Value, scheme_list

EXCEPTION = RecordType("&exception", ())


def _kind(name: str, parent: RecordType, *fields: str) -> RecordType:
    return RecordType(name, (*parent.fields, *fields), parent)


COMPOUND = RecordType("&compound-exception", ("components",), EXCEPTION)
MESSAGE = _kind("&message", EXCEPTION, "message")
WARNING = _kind("&warning", EXCEPTION)
SERIOUS = _kind("&serious", EXCEPTION)
ERROR = _kind("&error", SERIOUS)
VIOLATION = _kind("&violation", SERIOUS)
ASSERTION = _kind("&assertion-failure", VIOLATION)
NON_CONTINUABLE = _kind("&non-continuable", VIOLATION)
IMPLEMENTATION = _kind("&implementation-restriction", VIOLATION)
LEXICAL = _kind("&lexical", VIOLATION)
SYNTAX = _kind("&syntax", VIOLATION, "form", "subform")
UNDEFINED = _kind("&undefined-variable", VIOLATION)
IRRITANTS = _kind("&irritants", EXCEPTION, "irritants")
ORIGIN = _kind("&origin", EXCEPTION, "origin")
EXTERNAL = _kind("&external-error", ERROR)
QUIT = _kind("&quit-exception", EXCEPTION, "code")
PROGRAMMING = _kind("&programming-error", ERROR)
IO = _kind("&i/o-error", EXTERNAL)
KIND_AND_ARGS = _kind("&exception-with-kind-and-args", EXCEPTION, "kind", "args")

_STANDARD = {
    "misc-error": ERROR, "wrong-type-arg": ASSERTION, "out-of-range": ASSERTION,
    "wrong-number-of-args": ASSERTION, "unbound-variable": UNDEFINED, "system-error": EXTERNAL,
    "numerical-overflow": ASSERTION, "keyword-argument-error": PROGRAMMING,
    "syntax-error": SYNTAX, "read-error": LEXICAL, "stack-overflow": IMPLEMENTATION,
    "out-of-memory": IMPLEMENTATION, "regular-expression-syntax": ERROR,
}  # fmt: skip


def wrong_kind(value: Value, kind: RecordType) -> SchemeError:
    """The error of an accessor whose argument has no part of ``kind``."""
    return misc_error(None, "object is not an exception of the right type ~S ~S", value, kind)


def is_exception(value: Value) -> bool:
    """Whether ``value`` is an exception object (any object can be raised)."""
    return type(value) is Record and value.type.is_a(EXCEPTION)


def components(value: Value) -> list[Record]:
    """The simple exceptions that an exception object is made of."""
    if not is_exception(value):
        return []
    if value.type is not COMPOUND:
        return [value]
    parts: list[Record] = []
    rest = value.values[0]
    while type(rest) is Pair:
        parts.append(rest.car)
        rest = rest.cdr
    return parts


def component(value: Value, kind: RecordType) -> Record | None:
    """The first component of that type."""
    for part in components(value):
        if part.type.is_a(kind):
            return part
    return None


def compound(parts: list[Record]) -> Record:
    """One exception of several; of a single one, that one."""
    if len(parts) == 1:
        return parts[0]
    return Record(COMPOUND, [scheme_list(parts)])


def exception_object(error: SchemeError) -> Value:
    """The object that a handler of ``with-exception-handler`` gets."""
    if error.key == "%exception" and len(error.arguments) == 1:
        return error.arguments[0]
    if error.payload is None:
        error.payload = _make(error)
    return error.payload


def _make(error: SchemeError) -> Record:
    args = error.arguments
    kind = _STANDARD.get(error.key, ERROR)
    parts: list[Record] = []
    if error.key == "quit":
        parts.append(Record(QUIT, [args[0] if args else 0]))
    elif kind is SYNTAX:
        form = args[3] if len(args) > 3 else False
        parts.append(Record(SYNTAX, [form, args[4] if len(args) > 4 else False]))
    else:
        parts.append(Record(kind, []))
    if len(args) >= 3 and isinstance(args[1], str) and (args[2] is NIL or type(args[2]) is Pair):
        parts.append(Record(ORIGIN, [args[0]]))
        parts.append(Record(MESSAGE, [args[1]]))
        parts.append(Record(IRRITANTS, [args[2]]))
    else:
        if kind is SYNTAX and len(args) > 1:
            parts.append(Record(ORIGIN, [args[0]]))
            parts.append(Record(MESSAGE, [args[1]]))
        parts.append(Record(IRRITANTS, [scheme_list(args)]))
    parts.append(Record(KIND_AND_ARGS, [Symbol(error.key), scheme_list(args)]))
    return Record(COMPOUND, [scheme_list(parts)])


def as_error(value: Value, continuable: bool = False) -> SchemeError:
    """The error of raising ``value``: by its key and arguments if it has them."""
    part = component(value, KIND_AND_ARGS)
    if part is not None and type(part.values[0]) is Symbol:
        args: list[Value] = []
        rest = part.values[1]
        while type(rest) is Pair:
            args.append(rest.car)
            rest = rest.cdr
        error = SchemeError(part.values[0].name, tuple(args))
    elif (part := component(value, QUIT)) is not None:
        error = SchemeError("quit", (part.values[0],))
    else:
        error = SchemeError("%exception", (value,))
    error.payload = value
    error.continuable = continuable
    return error


def non_continuable() -> SchemeError:
    """A handler returned though the error was not raised as continuable."""
    return as_error(Record(NON_CONTINUABLE, []))
