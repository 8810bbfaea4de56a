"""Time: clocks, broken-down time as vectors, and its formatting."""

from __future__ import annotations

import time
from typing import Any

from services.scheme.errors import out_of_range, system_error, wrong_type
from services.scheme.library.checks import exact_integer, plain_string, string
from services.scheme.library.status import accessors, element
from services.scheme.primitives import Library
from services.scheme.types import Pair, Value

LIBRARY = Library()

_FIELDS = ("sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst", "gmtoff", "zone")

LIBRARY.primitive("current-time", 0)(lambda: int(time.time()))
LIBRARY.bind("internal-time-units-per-second", 1_000_000_000)
_started = time.monotonic_ns()
LIBRARY.primitive("get-internal-real-time", 0)(lambda: time.monotonic_ns() - _started)
LIBRARY.primitive("get-internal-run-time", 0)(lambda: time.process_time_ns())
LIBRARY.primitive("current-jiffy", 0)(lambda: time.monotonic_ns() - _started)
LIBRARY.primitive("jiffies-per-second", 0)(lambda: 1_000_000_000)
LIBRARY.primitive("current-second", 0)(lambda: time.time())
LIBRARY.primitive("tzset", 0)(lambda: time.tzset())


@LIBRARY.primitive("gettimeofday", 0)
def gettimeofday() -> Pair:
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return Pair(seconds, rest // 1000)


@LIBRARY.primitive("times", 0)
def times() -> list[Value]:
    import os

    used = os.times()
    parts = (used.elapsed, used.user, used.system, used.children_user, used.children_system)
    return [int(part * 1_000_000_000) for part in parts]


accessors(LIBRARY, "tms", ("clock", "utime", "stime", "cutime", "cstime"))
accessors(LIBRARY, "tm", _FIELDS)


def _setter(field: str, index: int) -> None:
    def fn(tm: Value, value: Value) -> None:
        element(tm, index)
        tm[index] = value

    LIBRARY.primitive(f"set-tm:{field}", 2)(fn)


for _index, _field in enumerate(_FIELDS):
    _setter(_field, _index)


def _vector(parts: time.struct_time, zone: str | None = None) -> list[Value]:
    return [
        parts.tm_sec, parts.tm_min, parts.tm_hour, parts.tm_mday, parts.tm_mon - 1,
        parts.tm_year - 1900, (parts.tm_wday + 1) % 7, parts.tm_yday - 1, parts.tm_isdst,
        -(parts.tm_gmtoff or 0), zone or parts.tm_zone,
    ]  # fmt: skip


def _moment(value: Value, who: str) -> int:
    number = exact_integer(value)
    if abs(number) > 1 << 55:
        raise out_of_range(who, value)
    return number


@LIBRARY.primitive("gmtime", 1)
def gmtime(moment: Value) -> list[Value]:
    try:
        return _vector(time.gmtime(_moment(moment, "gmtime")), "GMT")
    except (OverflowError, ValueError, OSError):
        raise out_of_range("gmtime", moment) from None


class _Zone:
    """The time zone named, for the extent of a ``with``; the process's own if None."""

    def __init__(self, zone: str | None) -> None:
        self.zone = zone

    def __enter__(self) -> None:
        import os

        if self.zone is not None:
            self.old = os.environ.get("TZ")
            os.environ["TZ"] = self.zone
            time.tzset()

    def __exit__(self, *error: object) -> None:
        import os

        if self.zone is not None:
            if self.old is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = self.old
            time.tzset()


@LIBRARY.primitive("localtime", 1, 2)
def localtime(moment: Value, zone: Value = None) -> list[Value]:
    number = _moment(moment, "localtime")
    with _Zone(None if zone is None else plain_string(zone)):
        try:
            return _vector(time.localtime(number))
        except (OverflowError, ValueError, OSError):
            raise out_of_range("localtime", moment) from None


def _broken_down(value: Value, who: str, position: int) -> list[int]:
    if not isinstance(value, list) or len(value) < 10:
        raise wrong_type(who, position, value)
    for part in value[:10]:
        if type(part) is not int or abs(part) > 1 << 31:
            raise wrong_type(who, position, value)
    return value[:10]


@LIBRARY.primitive("mktime", 1, 2)
def mktime(tm: Value, zone: Value = None) -> Pair:
    second, minute, hour, day, month, year, _, _, dst, _ = _broken_down(tm, "mktime", 1)
    with _Zone(None if zone is None else plain_string(zone)):
        try:
            moment = int(
                time.mktime((year + 1900, month + 1, day, hour, minute, second, 0, 1, dst))
            )
            return Pair(moment, _vector(time.localtime(moment)))
        except (OverflowError, ValueError, OSError):
            raise system_error("mktime", OSError(22, "Invalid argument")) from None


@LIBRARY.primitive("strftime", 2)
def strftime(template: Value, tm: Value) -> str:
    text = string(template, "strftime", 1)
    second, minute, hour, day, month, year, wday, yday, dst, offset = _broken_down(
        tm, "strftime", 2
    )
    zone = tm[10] if len(tm) > 10 and type(tm[10]) is str else ""
    # struct_time carries the zone; Python's own %z and %Z would use the process's.
    text = _with_zone(text, zone, -offset)
    parts = (
        year + 1900, month % 12 + 1, min(max(day, 1), 31), min(max(hour, 0), 23),
        min(max(minute, 0), 59), min(max(second, 0), 60), (wday - 1) % 7,
        min(max(yday + 1, 1), 366), dst if dst in (-1, 0, 1) else -1,
    )  # fmt: skip
    try:
        if "%s" in text:
            import calendar

            moment = calendar.timegm((year + 1900, month + 1, day, hour, minute, second))
            text = text.replace("%s", str(moment + offset))
        return time.strftime(text, parts)
    except (OverflowError, ValueError, OSError):
        raise out_of_range("strftime", tm) from None


def _with_zone(template: str, zone: str, offset: int) -> str:
    sign = "-" if offset < 0 else "+"
    minutes = abs(offset) // 60
    numeric = f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
    pieces = template.split("%%")
    quoted = zone.replace("%", "%%")
    return "%%".join([piece.replace("%z", numeric).replace("%Z", quoted) for piece in pieces])


@LIBRARY.primitive("strptime", 2)
def strptime(template: Value, text: Value) -> Pair:
    """A broken-down time and the number of characters used."""
    form, given = string(template, "strptime", 1), string(text, "strptime", 2)
    for end in range(len(given), -1, -1):
        # Python wants the whole text to match; Guile takes the longest prefix that does.
        try:
            parts = time.strptime(given[:end], form)
        except (ValueError, KeyError, IndexError, OverflowError):
            if end < len(given) - 200:
                break
            continue
        result: list[Any] = _vector(parts)
        result[8], result[9], result[10] = -1, 0, False
        return Pair(result, end)
    raise system_error("strptime", OSError(22, "Invalid argument"))
