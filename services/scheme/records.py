"""Record types: ``define-record-type`` of SRFI 9 and its relatives."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import SchemeError, misc_error, not_a_record
from services.scheme.forms import BEGIN, DEFINE, QUOTE
from services.scheme.machine import Machine
from services.scheme.primitives import Primitive
from services.scheme.procedures import Operation
from services.scheme.syntax import Macro, bad_form, is_identifier, items_of, parts_of, symbol_of
from services.scheme.types import Pair, Record, RecordType, Symbol, Value, scheme_list

TABLE: dict[str, Value] = {}


def _wrong_record(name: str, value: Value) -> SchemeError:
    return SchemeError(
        "wrong-type-arg",
        (Symbol(name), "Wrong type argument: ~S", scheme_list((value,)), scheme_list((value,))),
    )


def constructor(kind: RecordType, fields: list[str], name: str) -> Value:
    """A procedure that makes records; fields that are not given are #f."""
    places = [kind.fields.index(field) for field in fields]
    size = len(kind.fields)
    plain = places == list(range(size))

    def make(machine: Machine, *values: Value) -> Record:
        if plain:
            return Record(kind, list(values))
        record: list[Value] = [False] * size
        for index, value in zip(places, values, strict=True):
            record[index] = value
        return Record(kind, record)

    formals = f"({' '.join(fields)})"
    return Operation(f"%{name}-procedure", make, len(fields), len(fields), formals)


def predicate(kind: RecordType, name: str) -> Value:
    def check(machine: Machine, value: Value) -> bool:
        return type(value) is Record and value.type is kind

    return Operation(f"%{name}-procedure", check, 1, 1, "(obj)")


def accessor(kind: RecordType, field: str, name: str) -> Value:
    index = kind.fields.index(field)

    def get(machine: Machine, record: Value) -> Value:
        return _checked(record, kind, name)[index]

    return Operation(f"%{name}-procedure", get, 1, 1, "(s)")


def modifier(kind: RecordType, field: str, name: str) -> Value:
    index = kind.fields.index(field)

    def put(machine: Machine, record: Value, value: Value) -> None:
        _checked(record, kind, name)[index] = value

    return Operation(f"%{name}-procedure", put, 2, 2, "(s v)")


def _checked(record: Value, kind: RecordType, name: str) -> list[Value]:
    """The values of a record, which must be of ``kind``."""
    if type(record) is not Record:
        raise not_a_record(record)
    if record.type is not kind and not record.type.is_a(kind):
        raise _wrong_record(name, record)
    return record.values


def expect_record_type(value: Value) -> RecordType:
    """``value``, or the error of one that is no record type."""
    if type(value) is not RecordType:
        raise misc_error(None, "~A ~S", Symbol("not-a-record-type"), value)
    return value


def _descriptor(record: Value) -> RecordType:
    if type(record) is not Record:
        raise misc_error(None, "~A ~S", Symbol("not-a-record"), record)
    return record.type


def _names(value: Value) -> list[str]:
    return [item.name for item in items_of(value, value)]


_MAKE_TYPE = Primitive(
    "make-record-type",
    lambda name, fields, *_: RecordType(
        name.name if type(name) is Symbol else str(name), tuple(_names(fields))
    ),
    2,
    None,
)
_MAKE_CONSTRUCTOR = Primitive(
    "record-constructor",
    lambda kind, fields, name: constructor(kind, _names(fields), name.name), 3, 3,
)  # fmt: skip
_MAKE_PREDICATE = Primitive("record-predicate", lambda kind, name: predicate(kind, name.name), 2, 2)
_MAKE_ACCESSOR = Primitive(
    "record-accessor", lambda kind, field, name: accessor(kind, field.name, name.name), 3, 3
)
_MAKE_MODIFIER = Primitive(
    "record-modifier", lambda kind, field, name: modifier(kind, field.name, name.name), 3, 3
)


def _define(name: Value, maker: Primitive, *args: Value) -> Value:
    return scheme_list([DEFINE, name, scheme_list([maker, *args])])


def _quoted(value: Value) -> Value:
    return scheme_list([QUOTE, value])


def _define_record_type(form: Any) -> Value:
    type_spec, make_spec, test_name, *field_specs = parts_of(form, 3)
    type_name = type_spec.car if type(type_spec) is Pair else type_spec
    if not is_identifier(type_name):
        raise bad_form(form, True)
    fields: list[tuple[Any, list[Any]]] = []
    for spec in field_specs:
        items = [spec] if is_identifier(spec) else items_of(spec, form, True)
        if not 1 <= len(items) <= 3 or not all(is_identifier(item) for item in items):
            raise bad_form(form, True)
        fields.append((items[0], items[1:]))
    names = [symbol_of(field).name for field, _ in fields]
    symbols = scheme_list([Symbol(name) for name in names])
    forms = [_define(type_name, _MAKE_TYPE, _quoted(symbol_of(type_name)), _quoted(symbols))]
    if make_spec is not False and make_spec is not True:
        if type(make_spec) is Pair:
            make_name, *given = items_of(make_spec, form, True)
        else:
            make_name, given = make_spec, [field for field, _ in fields]
        taken = [symbol_of(item).name if is_identifier(item) else "" for item in given]
        if not is_identifier(make_name) or not set(taken) <= set(names):
            raise bad_form(form, True)
        arguments = scheme_list([Symbol(name) for name in taken])
        forms.append(
            _define(
                make_name, _MAKE_CONSTRUCTOR, type_name, _quoted(arguments),
                _quoted(symbol_of(make_name)),
            )
        )  # fmt: skip
    if is_identifier(test_name):
        forms.append(_define(test_name, _MAKE_PREDICATE, type_name, _quoted(symbol_of(test_name))))
    for field, procedures in fields:
        for maker, name in zip((_MAKE_ACCESSOR, _MAKE_MODIFIER), procedures, strict=False):
            forms.append(
                _define(name, maker, type_name, _quoted(symbol_of(field)), _quoted(symbol_of(name)))
            )
    return scheme_list([BEGIN, *forms])


def _set_printer(kind: Value, printer: Value) -> None:
    expect_record_type(kind).printer = printer


TABLE["define-record-type"] = Macro("define-record-type", _define_record_type)
TABLE["define-immutable-record-type"] = TABLE["define-record-type"]
TABLE["set-record-type-printer!"] = Primitive("set-record-type-printer!", _set_printer, 2, 2)
TABLE["record?"] = Primitive("record?", lambda value: type(value) is Record, 1, 1)
TABLE["record-type-descriptor"] = Primitive("record-type-descriptor", _descriptor, 1, 1)
TABLE["record-type-name"] = Primitive(
    "record-type-name", lambda kind: Symbol(expect_record_type(kind).name), 1, 1
)
TABLE["record-type-fields"] = Primitive(
    "record-type-fields",
    lambda kind: scheme_list([Symbol(name) for name in expect_record_type(kind).fields]),
    1,
    1,
)
