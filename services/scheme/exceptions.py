"""Procedures about exception objects and conditions: Guile 3, SRFI 35 and R6RS names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme import conditions as c
from services.scheme.errors import SchemeError, misc_error, wrong_type, wrong_type_expecting
from services.scheme.forms import BEGIN, DEFINE, QUOTE
from services.scheme.primitives import Primitive
from services.scheme.syntax import Macro, bad_form, is_identifier, items_of, parts_of, symbol_of
from services.scheme.types import (
    NIL,
    Pair,
    Record,
    RecordType,
    Symbol,
    Value,
    is_list,
    iterate,
    scheme_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE: dict[str, Value] = {
    "&exception": c.EXCEPTION, "&condition": c.EXCEPTION, "&message": c.MESSAGE,
    "&warning": c.WARNING, "&serious": c.SERIOUS, "&error": c.ERROR, "&violation": c.VIOLATION,
    "&assertion": c.ASSERTION, "&assertion-failure": c.ASSERTION, "&irritants": c.IRRITANTS,
    "&who": c.ORIGIN, "&origin": c.ORIGIN, "&non-continuable": c.NON_CONTINUABLE,
    "&lexical": c.LEXICAL, "&syntax": c.SYNTAX, "&undefined": c.UNDEFINED,
    "&undefined-variable": c.UNDEFINED, "&external-error": c.EXTERNAL,
    "&quit-exception": c.QUIT, "&programming-error": c.PROGRAMMING,
    "&implementation-restriction": c.IMPLEMENTATION, "&i/o": c.IO, "&i/o-error": c.IO,
    "&exception-with-kind-and-args": c.KIND_AND_ARGS,
}  # fmt: skip


def _add(name: str, fn: Callable[..., Any], low: int, high: int | None = -1) -> None:
    TABLE[name] = Primitive(name, fn, low, low if high == -1 else high)


def _has(kind: RecordType) -> Callable[[Value], bool]:
    return lambda value: c.component(value, kind) is not None


def _field(kind: RecordType, index: int = -1) -> Callable[[Value], Value]:
    def get(value: Value) -> Value:
        part = c.component(value, kind)
        if part is None:
            raise c.wrong_kind(value, kind)
        return part.values[index]

    return get


def _make(kind: RecordType) -> Callable[..., Value]:
    return lambda *values: Record(kind, list(values))


for _kind, _names in (
    (c.MESSAGE, "exception-with-message make-exception-with-message message-condition"),
    (c.IRRITANTS, "exception-with-irritants make-exception-with-irritants irritants-condition"),
    (c.ORIGIN, "exception-with-origin make-exception-with-origin who-condition"),
    (c.ERROR, "error make-error"),
    (c.WARNING, "warning make-warning"),
    (c.VIOLATION, "violation make-violation"),
    (c.SERIOUS, "serious-condition make-serious-condition"),
    (c.ASSERTION, "assertion-failure make-assertion-failure assertion-violation"),
    (c.EXTERNAL, "external-error make-external-error"),
    (c.QUIT, "quit-exception make-quit-exception"),
    (c.PROGRAMMING, "programming-error make-programming-error"),
    (c.UNDEFINED, "undefined-variable-error make-undefined-variable-error"),
    (c.NON_CONTINUABLE, "non-continuable-violation make-non-continuable-violation"),
    (c.IO, "i/o-error make-i/o-error"),
    (c.KIND_AND_ARGS, "exception-with-kind-and-args make-exception-with-kind-and-args"),
):
    for _name in _names.split():
        if _name.startswith("make-"):
            _add(_name, _make(_kind), len(_kind.fields))
        else:
            _add(f"{_name}?", _has(_kind), 1)
_add("make-message-condition", _make(c.MESSAGE), 1)
_add("make-irritants-condition", _make(c.IRRITANTS), 1)
_add("make-who-condition", _make(c.ORIGIN), 1)

for _name, _kind, _index in (
    ("exception-message", c.MESSAGE, 0),
    ("condition-message", c.MESSAGE, 0),
    ("exception-irritants", c.IRRITANTS, 0),
    ("condition-irritants", c.IRRITANTS, 0),
    ("exception-origin", c.ORIGIN, 0),
    ("condition-who", c.ORIGIN, 0),
    ("quit-exception-code", c.QUIT, 0),
):
    _add(_name, _field(_kind, _index), 1)


def _key(value: Value) -> Value:
    return Symbol(c.as_error(value).key)


def _arguments(value: Value) -> Value:
    return scheme_list(c.as_error(value).arguments)


_add("exception-kind", _key, 1)
_add("exception-args", _arguments, 1)
_add("exception?", c.is_exception, 1)
_add("condition?", c.is_exception, 1)
_add("error-object?", c.is_exception, 1)


def _plain_message(value: Value) -> Value:
    """R7RS: the message given to ``error``, not the format made for it."""
    part = c.component(value, c.MESSAGE)
    irritants = c.component(value, c.IRRITANTS)
    if part is None:
        return ""
    if c.component(value, c.KIND_AND_ARGS) is not None and irritants is not None:
        rest = irritants.values[0]
        if type(rest) is Pair and type(rest.car) is str:
            return rest.car
    return part.values[0]


def _plain_irritants(value: Value) -> Value:
    part = c.component(value, c.IRRITANTS)
    if part is None:
        return NIL
    rest = part.values[0]
    if c.component(value, c.KIND_AND_ARGS) is not None and type(rest) is Pair:
        return rest.cdr
    return rest


_add("error-object-message", _plain_message, 1)
_add("error-object-irritants", _plain_irritants, 1)


def _simple(value: Value) -> Value:
    return scheme_list(c.components(value))


_add("simple-exceptions", _simple, 1)
_add("simple-conditions", _simple, 1)


def _combine(*values: Value) -> Value:
    parts: list[Record] = []
    for index, value in enumerate(values, 1):
        if not c.is_exception(value):
            raise wrong_type("make-exception", index, value)
        parts += c.components(value)
    return c.compound(parts)


_add("make-exception", _combine, 0, None)
_add("make-compound-condition", _combine, 0, None)


# Types


def _type(value: Value, who: str, position: int = 1) -> RecordType:
    if type(value) is not RecordType or not value.is_a(c.EXCEPTION):
        raise wrong_type(who, position, value)
    return value


def _field_names(value: Value) -> list[str]:
    if not is_list(value):
        raise wrong_type("make-exception-type", 3, value)
    return [item.name if type(item) is Symbol else str(item) for item in iterate(value)]


def _make_type(name: Value, parent: Value, fields: Value) -> Value:
    base = _type(parent, "make-exception-type", 2)
    text = name.name if type(name) is Symbol else str(name)
    return RecordType(text, (*base.fields, *_field_names(fields)), base)


_add("make-exception-type", _make_type, 3)
_add("make-condition-type", _make_type, 3)
_add("exception-type?", lambda v: type(v) is RecordType and v.is_a(c.EXCEPTION), 1)
_add("condition-type?", lambda v: type(v) is RecordType and v.is_a(c.EXCEPTION), 1)
_add("condition-has-type?", lambda v, kind: c.component(v, kind) is not None, 2)


def _predicate(kind: Value) -> Value:
    return Primitive("exception-predicate", _has(_type(kind, "exception-predicate")), 1, 1)


_add("exception-predicate", _predicate, 1)
_add("condition-predicate", _predicate, 1)


def _exception_accessor(kind: Value, getter: Value) -> Value:
    """``getter`` reads the simple exception."""
    wanted = _type(kind, "exception-accessor")

    def steps(value: Value) -> Any:
        from services.scheme.primitives import TailCall

        part = c.component(value, wanted)
        if part is None:
            raise c.wrong_kind(value, wanted)
        return TailCall(getter, (part,))
        yield

    return Primitive("exception-accessor", steps, 1, 1, True)


_add("exception-accessor", _exception_accessor, 2)


def _reference(value: Value, name: Value) -> Value:
    for part in c.components(value):
        if type(name) is Symbol and name.name in part.type.fields:
            return part.values[part.type.fields.index(name.name)]
    raise misc_error(None, "invalid field name ~S", name)


_add("condition-ref", _reference, 2)


def _extract(value: Value, kind: Value) -> Value:
    return c.component(value, _type(kind, "extract-condition", 2)) or False


_add("extract-condition", _extract, 2)


def _make_condition(kind: Value, *rest: Value) -> Value:
    """``(make-condition type 'field value …)``."""
    wanted = _type(kind, "make-condition")
    given = {rest[i].name: rest[i + 1] for i in range(0, len(rest) - 1, 2)
             if type(rest[i]) is Symbol}  # fmt: skip
    missing = [name for name in wanted.fields if name not in given]
    if missing:
        raise misc_error(None, "field not specified ~S", Symbol(missing[0]))
    return Record(wanted, [given[name] for name in wanted.fields])


_add("make-condition", _make_condition, 1, None)


def _condition(form: Any) -> Value:
    """``(condition (type (field value) …) …)``."""
    parts: list[Value] = [TABLE["make-exception"]]
    for clause in items_of(form.cdr, form, True):
        items = items_of(clause, form, True)
        if not items:
            raise bad_form(form, True)
        made: list[Value] = [TABLE["make-condition"], items[0]]
        for field in items[1:]:
            pair = items_of(field, form, True)
            if len(pair) != 2 or not is_identifier(pair[0]):
                raise bad_form(form, True)
            made += [scheme_list([QUOTE, pair[0]]), pair[1]]
        parts.append(scheme_list(made))
    return scheme_list(parts)


TABLE["condition"] = Macro("condition", _condition)


def _define_condition_type(form: Any) -> Value:
    """``(define-condition-type type supertype predicate (field accessor) …)``."""
    items = items_of(form.cdr, form, True)
    if len(items) < 3 or not all(is_identifier(item) for item in items[:3]):
        raise bad_form(form, True)
    name, parent, predicate, *fields = items
    pairs = [items_of(field, form, True) for field in fields]
    if not all(len(pair) == 2 and is_identifier(pair[0]) for pair in pairs):
        raise bad_form(form, True)
    field_list = scheme_list([scheme_list([QUOTE, scheme_list([pair[0] for pair in pairs])])])
    forms = [
        scheme_list([DEFINE, name, scheme_list(
            [TABLE["make-condition-type"], scheme_list([QUOTE, symbol_of(name)]), parent,
             field_list.car])]),
        scheme_list([DEFINE, predicate,
                     scheme_list([TABLE["condition-predicate"], name])]),
    ]  # fmt: skip
    for field, access in pairs:
        getter = scheme_list([_FIELD_ACCESSOR, name, scheme_list([QUOTE, symbol_of(field)])])
        forms.append(scheme_list([DEFINE, access, getter]))
    return scheme_list([BEGIN, *forms])


def _define_exception_type(form: Any) -> Value:
    """``(define-exception-type type supertype constructor predicate (field accessor) …)``."""
    items = parts_of(form, 4)
    name, _, make = items[:3]
    rest = _define_condition_type(Pair(form.car, scheme_list([*items[:2], *items[3:]])))
    maker = scheme_list([DEFINE, make, scheme_list([_CONSTRUCTOR, name])])
    return scheme_list([BEGIN, rest, maker])


def _constructor(kind: Value) -> Value:
    count = len(_type(kind, "record-constructor").fields)
    return Primitive("make-exception", _make(kind), count, count)


_CONSTRUCTOR = Primitive("record-constructor", _constructor, 1, 1)
TABLE["define-exception-type"] = Macro("define-exception-type", _define_exception_type)


def _field_accessor(kind: Value, field: Value) -> Value:
    index = kind.fields.index(field.name)
    return Primitive(field.name, _field(kind, index), 1, 1)


_FIELD_ACCESSOR = Primitive("condition-accessor", _field_accessor, 2, 2)
TABLE["define-condition-type"] = Macro("define-condition-type", _define_condition_type)


# Raising a signal: what ``raise`` is by default


def _raise(signal: Value) -> None:
    import os

    if type(signal) is not int:
        error = wrong_type_expecting("", "exact integer", signal)
        error.arguments = (False, *error.arguments[1:])
        raise error
    try:
        os.kill(os.getpid(), signal)
    except OSError as problem:
        from services.scheme.errors import system_error

        raise system_error("raise", problem) from None


_add("raise", _raise, 1)


# Showing


def message_of(error: SchemeError) -> str:
    """The text that Guile's ``print-exception`` gives for an error, without a place."""
    from pid1.herd.errors import format_text
    from services.scheme.printer import display, write

    args = error.arguments
    if len(args) >= 3 and type(args[1]) is str and (args[2] is NIL or is_list(args[2])):
        text = format_text(args[1], list(iterate(args[2])), display, write)
        who = args[0]
        return text if who is False else f"In procedure {display(who)}: {text}"
    if error.key == "syntax-error" and len(args) >= 4:
        who = f"{display(args[0])}: " if args[0] is not False else ""
        place = "unknown location"
        if error.location is not None:
            place = str(error.location)
        subform = ""
        if len(args) > 4 and args[4] is not False:
            subform = f"subform {write(args[4])} of "
        return f"Syntax error:\n{place}: {who}{display(args[1])} in {subform}form {write(args[3])}"
    return f"Throw to key `{error.key}' with args `{write(scheme_list(args))}'."


def _print_exception(port: Value, frame: Value, key: Value, args: Value) -> None:
    error = SchemeError(key.name if type(key) is Symbol else "?", tuple(iterate(args)))
    port.write(message_of(error) + "\n")


_add("print-exception", _print_exception, 4)
