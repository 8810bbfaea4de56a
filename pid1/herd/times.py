"""Times and durations in words, as ``herd`` prints them (SHEPHERD.md 10.4)."""

from __future__ import annotations

import time

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_prepared = False


def _use_locale() -> None:
    global _prepared
    if not _prepared:
        from _locale import LC_TIME

        _set_locale(LC_TIME)
        _prepared = True


def _set_locale(category: int) -> None:
    import _locale

    try:  # noqa: SIM105 - contextlib costs more than the rest of herd
        _locale.setlocale(category, "")
    except _locale.Error:  # type: ignore[attr-defined]
        pass  # a locale unknown to the system: it stays the C locale


def count(number: int, noun: str) -> str:
    """Return ``1 day``, ``2 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def describe(moment: float, now: float) -> str:
    """Return a time with its distance from now: ``00:40:34 (2 minutes ago)``.

    The date is left out if it is today's.  Seconds are shown up to 2 minutes, minutes up to 2
    hours, hours up to 2 days, rounded half to even.
    """
    _use_locale()
    moment, now = int(moment), int(now)
    then = time.localtime(moment)
    absolute = time.strftime("%X" if then[:3] == time.localtime(now)[:3] else "%c", then)
    elapsed = now - moment
    distance = abs(elapsed)
    # The limits themselves belong to the smaller unit in the future, to the larger in the past.
    reach = distance if elapsed >= 0 else distance - 1
    if reach < 2 * _MINUTE:
        text = count(distance, "second")
    elif reach < 2 * _HOUR:
        text = count(round(distance / _MINUTE), "minute")
    elif reach < 2 * _DAY:
        text = count(round(distance / _HOUR), "hour")
    else:
        text = count(round(distance / _DAY), "day")
    relative = f"{text} ago" if elapsed >= 0 else f"in {text}"
    return f"{absolute} ({relative})"


def timestamp(moment: float) -> str:
    """Return a time as log files have it, ``2026-11-23 00:40:34``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def duration(seconds: int) -> str:
    """Return a span of time in seconds below 3 minutes, minutes below 3 hours, else hours."""
    if seconds < 3 * _MINUTE:
        number, noun = seconds, "second"
    elif seconds < 3 * _HOUR:
        number, noun = seconds // _MINUTE, "minute"
    else:
        number, noun = seconds // _HOUR, "hour"
    if number < 1000:
        return count(number, noun)
    from _locale import LC_NUMERIC

    _set_locale(LC_NUMERIC)  # for its thousands separator
    return f"{number:n} {noun}s"
