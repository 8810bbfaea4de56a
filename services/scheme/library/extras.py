"""Records as procedures, hooks, user-defined hash tables and other rarely used names."""

from __future__ import annotations

import math
from typing import Any

from services.scheme.errors import SchemeError, misc_error, system_error, wrong_type
from services.scheme.library.apply import applicable, call
from services.scheme.library.checks import exact_integer, expecting, items, procedure, string
from services.scheme.library.hashtables import KeyedTable, table
from services.scheme.primitives import Call, Library, Primitive, Steps
from services.scheme.records import expect_record_type
from services.scheme.types import (
    NIL,
    HashTable,
    Keyword,
    Pair,
    Procedure,
    Record,
    RecordType,
    Symbol,
    Value,
    scheme_list,
)

LIBRARY = Library()


@LIBRARY.procedure("and=>", 2)
def and_then(value: Value, proc: Value) -> Steps:
    return False if value is False else (yield from call(proc, value))


LIBRARY.primitive("inf", 0)(lambda: math.inf)
LIBRARY.primitive("nan", 0)(lambda: math.nan)
LIBRARY.primitive("nil?", 1)(lambda value: value is NIL or value is False)
LIBRARY.primitive("thunk?", 1)(
    lambda value: isinstance(value, Procedure) and getattr(value, "low", 0) == 0
)
LIBRARY.primitive("procedure-properties", 1)(
    lambda value: (procedure(value, "procedure-properties", 1), NIL)[1]
)
LIBRARY.primitive("provide", 1)(lambda feature: None)


@LIBRARY.primitive("procedure-documentation", 1)
def procedure_documentation(proc: Value) -> Any:
    template = getattr(procedure(proc, "procedure-documentation", 1), "template", None)
    text = getattr(template, "documentation", None)
    return text if type(text) is str else False


@LIBRARY.primitive("string-hash-ci", 1, 2)
def string_hash_ci(value: Value, bound: Value = 1 << 59) -> int:
    limit = exact_integer(bound)
    if limit <= 0:
        raise wrong_type("string-hash-ci", 2, bound)
    return hash(string(value, "string-hash-ci", 1).lower()) % limit


@LIBRARY.primitive("flock", 2)
def flock(port: Value, operation: Value) -> None:
    """Lock a file; a lock that is held elsewhere is an error (EAGAIN), never a wait."""
    import fcntl

    from services.scheme.library.descriptors import descriptor

    bits = exact_integer(operation)
    if not 0 <= bits < 1 << 16:
        raise wrong_type("flock", 2, operation)
    try:
        fcntl.flock(descriptor(port, "flock"), bits | fcntl.LOCK_NB)
    except OSError as error:
        raise system_error("flock", error) from None


# SRFI 27, 98 and 111


@LIBRARY.primitive("random-integer", 1)
def random_integer(limit: Value) -> int:
    from random import randrange

    number = exact_integer(limit)
    if number <= 0:
        raise wrong_type("random-integer", 1, limit)
    return randrange(number)


@LIBRARY.primitive("random-real", 0)
def random_real() -> float:
    from random import random

    return random()


@LIBRARY.primitive("get-environment-variable", 1)
def get_environment_variable(name: Value) -> Any:
    import os

    return os.environ.get(string(name, "get-environment-variable", 1), False)


@LIBRARY.primitive("get-environment-variables", 0)
def get_environment_variables() -> Value:
    import os

    return scheme_list([Pair(name, value) for name, value in os.environ.items()])


class Box:
    """A cell that holds one value."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __str__(self) -> str:
        return f"#<box {id(self):x}>"


def _box(value: Value, who: str) -> Box:
    if type(value) is not Box:
        raise expecting(who, 1, "box", value)
    return value


LIBRARY.primitive("box", 1)(Box)
LIBRARY.primitive("box?", 1)(lambda value: type(value) is Box)
LIBRARY.primitive("unbox", 1)(lambda box: _box(box, "unbox").value)


@LIBRARY.primitive("set-box!", 2)
def set_box(box: Value, value: Value) -> None:
    _box(box, "set-box!").value = value


# Records


def _field(kind: RecordType, name: Value) -> int:
    if type(name) is not Symbol or name.name not in kind.fields:
        raise misc_error(None, "~A ~S", Symbol("no-such-field"), name)
    return kind.fields.index(name.name)


def _unwanted(who: str, kind: RecordType, value: Value) -> SchemeError:
    wanted = scheme_list((Symbol(kind.name), value))
    return SchemeError(
        "wrong-type-arg", (who, "Wrong type argument (want `~S'): ~S", wanted, False)
    )


def _is_a(value: Value, kind: RecordType) -> bool:
    return type(value) is Record and value.type.is_a(kind)


@LIBRARY.primitive("make-record-type", 2, None)
def make_record_type(name: Value, fields: Value, *options: Value) -> RecordType:
    """Fields are symbols, or lists that start with one; ``#:parent`` and a printer are taken."""
    text = name.name if type(name) is Symbol else string(name, "make-record-type", 1)
    names = []
    for field in items(fields, "make-record-type", 2):
        symbol = items(field, "make-record-type", 2)[1] if type(field) is Pair else field
        if type(symbol) is not Symbol:
            raise misc_error(None, "bad field declaration ~S", field)
        names.append(symbol.name)
    parent, printer = None, None
    rest = list(options)
    if rest and type(rest[0]) is not Keyword:
        printer = rest.pop(0)
    for key, value in zip(rest[::2], rest[1::2], strict=False):
        if key is Keyword("parent") and value is not False:
            parent = expect_record_type(value)
    inherited = parent.fields if parent is not None else ()
    kind = RecordType(text, (*inherited, *names), parent)
    kind.printer = printer if isinstance(printer, Procedure) else None
    return kind


LIBRARY.primitive("record-type?", 1)(lambda value: type(value) is RecordType)


@LIBRARY.primitive("record-constructor", 1, 2)
def record_constructor(kind: Value, fields: Value = None) -> Primitive:
    record_type = expect_record_type(kind)
    count = len(record_type.fields)
    if fields is None:
        places = list(range(count))
    else:
        names = items(fields, "record-constructor", 2)
        places = [_field(record_type, name) for name in names]

    def construct(*args: Value) -> Record:
        values: list[Value] = [False] * count
        for place, value in zip(places, args, strict=True):
            values[place] = value
        return Record(record_type, values)

    return Primitive(f"make-{record_type.name.strip('<>')}", construct, len(places), len(places))


@LIBRARY.primitive("record-predicate", 1)
def record_predicate(kind: Value) -> Primitive:
    record_type = expect_record_type(kind)
    name = f"{record_type.name.strip('<>')}?"
    return Primitive(name, lambda value: _is_a(value, record_type), 1, 1)


@LIBRARY.primitive("record-accessor", 2)
def record_accessor(kind: Value, field: Value) -> Primitive:
    record_type = expect_record_type(kind)
    place = _field(record_type, field)
    name = f"{record_type.name.strip('<>')}-{field.name}"

    def get(value: Value) -> Value:
        if not _is_a(value, record_type):
            raise _unwanted("record-accessor", record_type, value)
        return value.values[place]

    return Primitive(name, get, 1, 1)


@LIBRARY.primitive("record-modifier", 2)
def record_modifier(kind: Value, field: Value) -> Primitive:
    record_type = expect_record_type(kind)
    place = _field(record_type, field)
    name = f"set-{record_type.name.strip('<>')}-{field.name}!"

    def assign(value: Value, new: Value) -> None:
        if not _is_a(value, record_type):
            raise _unwanted("record-modifier", record_type, value)
        value.values[place] = new

    return Primitive(name, assign, 2, 2)


# Hooks


class Hook:
    """Procedures of ``arity`` arguments, run in order."""

    __slots__ = ("arity", "procedures")

    def __init__(self, arity: int) -> None:
        self.arity = arity
        self.procedures: list[Value] = []

    def __str__(self) -> str:
        return f"#<hook {self.arity} {id(self):x}>"


def _hook(value: Value, who: str) -> Hook:
    if type(value) is not Hook:
        raise expecting(who, 1, "hook", value)
    return value


LIBRARY.primitive("make-hook", 0, 1)(lambda arity=0: Hook(exact_integer(arity)))
LIBRARY.primitive("hook?", 1)(lambda value: type(value) is Hook)
LIBRARY.primitive("hook-empty?", 1)(lambda hook: not _hook(hook, "hook-empty?").procedures)
LIBRARY.primitive("hook->list", 1)(lambda hook: scheme_list(_hook(hook, "hook->list").procedures))


@LIBRARY.primitive("add-hook!", 2, 3)
def add_hook(hook: Value, proc: Value, at_end: Value = False) -> None:
    procedures = _hook(hook, "add-hook!").procedures
    procedures[:] = [other for other in procedures if other is not proc]
    procedures.insert(0 if at_end is False else len(procedures), applicable(proc))


@LIBRARY.primitive("remove-hook!", 2)
def remove_hook(hook: Value, proc: Value) -> None:
    procedures = _hook(hook, "remove-hook!").procedures
    procedures[:] = [other for other in procedures if other is not proc]


@LIBRARY.primitive("reset-hook!", 1)
def reset_hook(hook: Value) -> None:
    _hook(hook, "reset-hook!").procedures.clear()


@LIBRARY.procedure("run-hook", 1, None)
def run_hook(hook: Value, *args: Value) -> Steps:
    target = _hook(hook, "run-hook")
    if len(args) != target.arity:
        raise misc_error("run-hook", "Hook ~S requires ~A arguments", hook, target.arity)
    for proc in list(target.procedures):
        yield Call(proc, args)


# Hash tables with a hash and an association procedure of the user's.


def _bucket(hasher: Value, finder: Value, value: HashTable, key: Value) -> Steps:
    """The entry for ``key`` as a pair of the table's association list, or #f."""
    entries = scheme_list([Pair(*entry) for entry in value.entries.values()])
    return (yield from call(finder, key, entries))


@LIBRARY.procedure("hashx-ref", 4, 5)
def hashx_ref(
    hasher: Value, finder: Value, value: Value, key: Value, default: Value = False
) -> Steps:
    entry = yield from _bucket(hasher, finder, table(value, "hashx-ref", 3), key)
    return entry.cdr if type(entry) is Pair else default


@LIBRARY.procedure("hashx-set!", 5)
def hashx_set(hasher: Value, finder: Value, value: Value, key: Value, new: Value) -> Steps:
    entry = yield from _bucket(hasher, finder, table(value, "hashx-set!", 3), key)
    known = entry.car if type(entry) is Pair else key
    wrapped = KeyedTable().key(known)
    value.entries[wrapped] = (known, new)
    return new


@LIBRARY.procedure("hashx-remove!", 4)
def hashx_remove(hasher: Value, finder: Value, value: Value, key: Value) -> Steps:
    entry = yield from _bucket(hasher, finder, table(value, "hashx-remove!", 3), key)
    if type(entry) is not Pair:
        return False
    value.entries.pop(KeyedTable().key(entry.car), None)
    return entry
