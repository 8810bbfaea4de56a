"""SRFI 19: times and dates.  Its ``current-time`` hides Guile's, so it is not global."""

from __future__ import annotations

import time as clock
from typing import Any

from services.scheme.errors import SchemeError, misc_error
from services.scheme.library.calendar_days import civil, days_from_civil
from services.scheme.library.checks import exact_integer, expecting, string, wrong_type_anonymous
from services.scheme.library.date_text import date_text, parse_date
from services.scheme.library.rational import fraction
from services.scheme.primitives import Library
from services.scheme.types import Record, RecordType, Symbol, Value

LIBRARY = Library()

TIME = RecordType("time", ("type", "nanosecond", "second"))
DATE = RecordType(
    "date",
    ("nanosecond", "second", "minute", "hour", "day", "month", "year", "zone-offset"),
)

_NANO = 1_000_000_000
_TYPES = ("time-utc", "time-tai", "time-monotonic", "time-duration", "time-process", "time-thread")
for _name in _TYPES:
    LIBRARY.bind(_name, Symbol(_name))


def _error(who: str, kind: str, value: Value) -> SchemeError:
    error = misc_error(None, "TIME-ERROR type ~A: ~S", Symbol(kind), value)
    error.arguments = (Symbol(who), *error.arguments[1:])
    return error


def make_time(kind: str, total: int) -> Record:
    """A time of so many nanoseconds."""
    return Record(TIME, [Symbol(kind), total % _NANO, total // _NANO])


def _total(value: Value, who: str) -> int:
    if type(value) is not Record or value.type is not TIME:
        raise expecting(who, 1, "time", value)
    return exact_integer(value.values[2]) * _NANO + exact_integer(value.values[1])


@LIBRARY.primitive("make-time", 3)
def make_time_(kind: Value, nanosecond: Value, second: Value) -> Record:
    if getattr(kind, "name", None) not in _TYPES:
        raise _error("make-time", "unsupported-clock-type", kind)
    return make_time(kind.name, exact_integer(second) * _NANO + exact_integer(nanosecond))


def _predicates() -> None:
    for kind in (TIME, DATE):
        LIBRARY.primitive(f"{kind.name}?", 1)(
            lambda value, wanted=kind: type(value) is Record and value.type is wanted
        )
        for index, field in enumerate(kind.fields):
            _accessor(kind, index, field)


def _accessor(kind: RecordType, index: int, field: str) -> None:
    name = f"{kind.name}-{field}"

    def get(value: Value) -> Value:
        if type(value) is not Record or value.type is not kind:
            raise expecting(name, 1, kind.name, value)
        return value.values[index]

    def assign(value: Value, new: Value) -> None:
        get(value)
        value.values[index] = new

    LIBRARY.primitive(name, 1)(get)
    if kind is TIME:
        LIBRARY.primitive(f"set-{name}!", 2)(assign)


_predicates()


@LIBRARY.primitive("copy-time", 1)
def copy_time(value: Value) -> Record:
    _total(value, "copy-time")
    return Record(TIME, list(value.values))


_LEAP = 37  # TAI - UTC since 2017


@LIBRARY.primitive("current-time", 0, 1)
def current_time(kind: Value = None) -> Record:
    name = "time-utc" if kind is None else getattr(kind, "name", "")
    if name not in _TYPES:
        raise _error("current-time", "invalid-clock-type", kind)
    if name in ("time-process", "time-thread"):
        return make_time(name, clock.process_time_ns())
    shift = _LEAP * _NANO if name in ("time-tai", "time-monotonic") else 0
    return make_time(name, clock.time_ns() + shift)


LIBRARY.primitive("time-resolution", 0, 1)(lambda kind=None: 1)


def _compares(sign: str, test: Any) -> None:
    who = f"time{sign}?"

    def fn(a: Value, b: Value) -> bool:
        both = [type(v) is Record and v.type is TIME for v in (a, b)]
        if not all(both) or a.values[0] is not b.values[0]:
            from services.scheme.types import Pair

            raise _error(who, "incompatible-time-types", Pair(a, b))
        return bool(test(_total(a, who), _total(b, who)))

    LIBRARY.primitive(who, 2)(fn)


_compares("=", lambda a, b: a == b)
_compares("<", lambda a, b: a < b)
_compares(">", lambda a, b: a > b)
_compares("<=", lambda a, b: a <= b)
_compares(">=", lambda a, b: a >= b)


def _arithmetic(name: str, result: str | None, sign: int) -> None:
    def fn(a: Value, b: Value) -> Record:
        total = _total(a, name) + sign * _total(b, name)
        return make_time(result or a.values[0].name, total)

    LIBRARY.primitive(name, 2)(fn)
    LIBRARY.primitive(f"{name}!", 2)(fn)


_arithmetic("time-difference", "time-duration", -1)
_arithmetic("add-duration", None, 1)
_arithmetic("subtract-duration", None, -1)


def _converts(source: str, target: str) -> None:
    if source == target:
        return
    atomic = ("tai", "monotonic")
    shift = (_LEAP if target in atomic else 0) - (_LEAP if source in atomic else 0)
    name = f"time-{source}->time-{target}"
    for end in ("", "!"):
        LIBRARY.primitive(name + end, 1)(
            lambda value: make_time(f"time-{target}", _total(value, name) + shift * _NANO)
        )


for _source in ("utc", "tai", "monotonic"):
    for _target in ("utc", "tai", "monotonic"):
        _converts(_source, _target)


# Dates


@LIBRARY.primitive("make-date", 8)
def make_date(*fields: Value) -> Record:
    return Record(DATE, list(fields))


def _fields(value: Value, who: str) -> list[int]:
    if type(value) is not Record or value.type is not DATE:
        raise expecting(who, 1, "date", value)
    for field in value.values:
        if type(field) is not int or abs(field) > 1 << 40:
            raise wrong_type_anonymous("exact integer", field)
    return value.values


def date_total(value: Value, who: str) -> int:
    """Nanoseconds since the epoch, UTC."""
    nano, second, minute, hour, day, month, year, offset = _fields(value, who)
    days = days_from_civil(year, month, 1) + day - 1
    return (((days * 24 + hour) * 60 + minute) * 60 + second - offset) * _NANO + nano


def _local_offset(moment: int) -> int:
    try:
        return int(clock.localtime(moment).tm_gmtoff or 0)
    except (OverflowError, ValueError, OSError):
        return 0


def date_at(total: int, offset: int) -> Record:
    """The date of a moment in nanoseconds, at an offset from UTC in seconds."""
    seconds, nano = divmod(total, _NANO)
    days, rest = divmod(seconds + offset, 86400)
    year, month, day = civil(days)
    fields = [nano, rest % 60, rest // 60 % 60, rest // 3600, day, month, year, offset]
    return Record(DATE, fields)


@LIBRARY.primitive("current-date", 0, 1)
def current_date(offset: Value = None) -> Record:
    now = clock.time_ns()
    shift = _local_offset(now // _NANO) if offset is None else exact_integer(offset)
    return date_at(now, shift)


def _time_to_date(kind: str, shift: int) -> None:
    name, back = f"time-{kind}->date", f"date->time-{kind}"

    def to_date(value: Value, offset: Value = None) -> Record:
        total = _total(value, name) - shift * _NANO
        if abs(total) > 1 << 100:
            raise _error(name, "value-out-of-range", value)
        zone = _local_offset(total // _NANO) if offset is None else exact_integer(offset)
        return date_at(total, zone)

    LIBRARY.primitive(name, 1, 2)(to_date)
    LIBRARY.primitive(back, 1)(
        lambda value: make_time(f"time-{kind}", date_total(value, back) + shift * _NANO)
    )


_time_to_date("utc", 0)
_time_to_date("tai", _LEAP)
_time_to_date("monotonic", _LEAP)


@LIBRARY.primitive("date-week-day", 1)
def date_week_day(value: Value) -> int:
    fields = _fields(value, "date-week-day")
    return (days_from_civil(fields[6], fields[5], 1) + fields[4] - 1 + 4) % 7


@LIBRARY.primitive("date-year-day", 1)
def date_year_day(value: Value) -> int:
    _, _, _, _, day, month, year, _ = _fields(value, "date-year-day")
    return days_from_civil(year, month, 1) + day - days_from_civil(year, 1, 1)


@LIBRARY.primitive("date-week-number", 2)
def date_week_number(value: Value, first: Value) -> int:
    start = exact_integer(first)
    _, _, _, _, _, _, year, _ = _fields(value, "date-week-number")
    new_year = (days_from_civil(year, 1, 1) + 4) % 7
    return int((date_year_day(value) - 1 - (start - new_year) % 7) // 7)


_JULIAN = 2440587  # and a half: Julian day of the epoch


@LIBRARY.primitive("date->julian-day", 1)
def date_to_julian_day(value: Value) -> Any:
    from services.scheme.library.numbers import simplest

    days = fraction(date_total(value, "date->julian-day"), _NANO * 86400)
    return simplest(days + _JULIAN + fraction(1, 2))


@LIBRARY.primitive("date->modified-julian-day", 1)
def date_to_modified_julian_day(value: Value) -> Any:
    from services.scheme.library.numbers import simplest

    days = fraction(date_total(value, "date->modified-julian-day"), _NANO * 86400)
    return simplest(days + 40587)


@LIBRARY.primitive("date->string", 1, 2)
def date_to_string(value: Value, template: Value = "~c") -> str:
    fields = _fields(value, "date->string")
    text = string(template, "date->string", 2)
    if any(abs(field) > 1 << 31 for field in fields) or not 1 <= fields[5] <= 12:
        raise _error("date->string", "bad-date", value)
    result = date_text(fields, date_total(value, "date->string"), text)
    if result is None:
        raise _error("date-printer", "bad-date-format-string", template)
    return result


@LIBRARY.primitive("string->date", 2)
def string_to_date(text: Value, template: Value) -> Record:
    given, form = string(text, "string->date", 1), string(template, "string->date", 2)
    fields = parse_date(given, form)
    if fields is None:
        raise _error("string->date", "bad-date-format-string", template)
    if fields[7] is None:
        days = days_from_civil(fields[6], fields[5], fields[4])
        fields[7] = _local_offset(days * 86400 + fields[3] * 3600)
    return Record(DATE, fields)
