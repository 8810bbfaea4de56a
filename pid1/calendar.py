"""Calendar events: sets of dates and times of day, and when the next one comes.

Used by timers in the daemon and by ``herd status``, which shows upcoming alarms; it
therefore imports nothing but ``time``.  It knows the local time zone and cron's notation,
and nothing of timers, services or Scheme.
"""

from __future__ import annotations

from time import localtime

_DAY = 86400
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH_NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

# A valid combination of month, day and day of week comes back within 40 years: the longest
# wait is for a 29 February on a given day of the week across a century that is no leap year
# (28 years in the Julian cycle, 40 over 2100).  One year more, as the search may begin after
# this year's date.
_HORIZON_YEARS = 41

_FIELDS = (
    ("seconds", 0, 59),
    ("minutes", 0, 59),
    ("hours", 0, 23),
    ("days-of-month", 1, 31),
    ("days-of-week", 0, 6),
    ("months", 1, 12),
)

_CRON_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CalendarError(ValueError):
    """A calendar event that cannot be: a value out of its range, or a cron string amiss."""


class CalendarEvent:
    """The times that satisfy every field at once; immutable.

    Each field is a sorted tuple of integers.  ``days_of_week`` counts from 0, Sunday, and
    ``days_of_month`` and ``months`` from 1.  A day must satisfy day of month *and* day of
    week, unlike in cron (SHEPHERD.md 7.1).
    """

    __slots__ = ("days_of_month", "days_of_week", "hours", "minutes", "months", "seconds")

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days_of_month: tuple[int, ...]
    days_of_week: tuple[int, ...]
    months: tuple[int, ...]

    def __init__(
        self,
        seconds: tuple[int, ...] = (0,),
        minutes: tuple[int, ...] = tuple(range(60)),
        hours: tuple[int, ...] = tuple(range(24)),
        days_of_month: tuple[int, ...] = tuple(range(1, 32)),
        days_of_week: tuple[int, ...] = tuple(range(7)),
        months: tuple[int, ...] = tuple(range(1, 13)),
    ) -> None:
        """Sort the fields and check them.

        Raises CalendarError, with the Shepherd's words, if a value is out of range.
        """
        values = (seconds, minutes, hours, days_of_month, days_of_week, months)
        for (name, low, high), field in zip(_FIELDS, values, strict=True):
            for value in field:
                if not low <= value <= high:
                    raise CalendarError(
                        f"calendar-event: {name}: {value}: value out of range ({low}-{high})"
                    )
            object.__setattr__(self, name.replace("-", "_"), tuple(sorted(set(field))))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a calendar event is immutable: {name}")

    def _key(self) -> tuple[tuple[int, ...], ...]:
        return (
            self.seconds,
            self.minutes,
            self.hours,
            self.days_of_month,
            self.days_of_week,
            self.months,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CalendarEvent) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        """Return how Guile prints such a record, its fields in their historical order."""
        names = ("seconds", "minutes", "hours", "days-of-month", "months", "days-of-week")
        texts = [" ".join(map(str, getattr(self, name.replace("-", "_")))) for name in names]
        inside = " ".join(f"{name}: ({text})" for name, text in zip(names, texts, strict=True))
        return f"#<<calendar-event> {inside}>"

    def __repr__(self) -> str:
        fields = zip(_FIELDS, self._key(), strict=True)
        inside = ", ".join(f"{name.replace('-', '_')}={value}" for (name, _, _), value in fields)
        return f"CalendarEvent({inside})"


def next_occurrence(event: CalendarEvent, after: float) -> float | None:
    """Return the first time after ``after`` at which ``event`` happens, or None for never.

    Both are seconds since the epoch; the event is taken in the local time zone.  What counts
    is what a clock on the wall shows: the answer is when it next shows a matching reading
    that is later than the one it shows at ``after``.  So when the clock is put back, readings
    that it shows twice count once; and a reading left out when the clock is put forward
    happens that much later (02:30 at 03:30 summer time), as measured in
    calendar-vectors.tsv.
    """
    if not _can_happen(event):
        return None
    now = localtime(after)
    date = (now.tm_year, now.tm_mon, now.tm_mday)
    time_of_day = _next_time_of_day(event, (now.tm_hour, now.tm_min, now.tm_sec))
    if time_of_day is None or not _matches_date(event, *date):
        date = _next_date(event, *date)
        time_of_day = (event.hours[0], event.minutes[0], event.seconds[0])
    return _instant(date, time_of_day, after)


def _can_happen(event: CalendarEvent) -> bool:
    """Whether there is a time of day and a day at all (30 February is none)."""
    if not (event.seconds and event.minutes and event.hours and event.days_of_week):
        return False
    longest = max((_MONTH_LENGTHS[month - 1] for month in event.months), default=0)
    return bool(event.days_of_month) and event.days_of_month[0] <= longest


def _next_time_of_day(
    event: CalendarEvent, after: tuple[int, int, int]
) -> tuple[int, int, int] | None:
    """Return the first matching (hour, minute, second) of a day after ``after``, if any."""
    hour, minute, second = after
    if hour in event.hours:
        if minute in event.minutes:
            for value in event.seconds:
                if value > second:
                    return hour, minute, value
        for value in event.minutes:
            if value > minute:
                return hour, value, event.seconds[0]
    for value in event.hours:
        if value > hour:
            return value, event.minutes[0], event.seconds[0]
    return None


def _matches_date(event: CalendarEvent, year: int, month: int, day: int) -> bool:
    return (
        month in event.months
        and day in event.days_of_month
        and (_days(year, month, day) + 4) % 7 in event.days_of_week
    )


def _next_date(event: CalendarEvent, year: int, month: int, day: int) -> tuple[int, int, int]:
    """Return the first matching (year, month, day) after the given one; it must exist."""
    for candidate_year in range(year, year + _HORIZON_YEARS):
        for candidate_month in event.months:
            if (candidate_year, candidate_month) < (year, month):
                continue
            here = (candidate_year, candidate_month) == (year, month)
            first = _days(candidate_year, candidate_month, 1)
            length = _month_length(candidate_year, candidate_month)
            for candidate in event.days_of_month:
                if candidate > length:
                    break
                if here and candidate <= day:
                    continue
                # The epoch was a Thursday.
                if (first + candidate - 1 + 4) % 7 in event.days_of_week:
                    return candidate_year, candidate_month, candidate
    raise AssertionError("a date that exists comes back within 40 years")


def _month_length(year: int, month: int) -> int:
    if month == 2 and (year % 4 or (year % 100 == 0 and year % 400)):
        return 28
    return _MONTH_LENGTHS[month - 1]


def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a Gregorian date."""
    # Years are counted from 1 March, so that the odd day of leap years comes last.
    if month < 3:
        year -= 1
        month += 12
    return (
        365 * year
        + year // 4
        - year // 100
        + year // 400
        + (153 * month - 457) // 5
        + day
        - (719469)
    )


def _instant(date: tuple[int, int, int], time_of_day: tuple[int, int, int], after: float) -> float:
    """Return when the clock on the wall shows a reading: its first time after ``after``."""
    hour, minute, second = time_of_day
    reading = _days(*date) * _DAY + hour * 3600 + minute * 60 + second
    # Offsets from UTC lie within a day, so these are in force before and after the reading.
    before = localtime(reading - _DAY).tm_gmtoff
    behind = localtime(reading + _DAY).tm_gmtoff
    for instant in sorted({reading - before, reading - behind}):
        if instant > after and instant + localtime(instant).tm_gmtoff == reading:
            return float(instant)
    # The clock was put forward over this reading.
    return float(reading - before)


def cron_event(text: str) -> CalendarEvent:
    """Return the event that a cron string names, such as ``30 4 1,15 * mon-fri``.

    Five fields, minute, hour, day of month, month and day of week, each a comma-separated
    list of ``*``, ``*/N``, ``A``, ``A-B`` and ``A-B/N``; months and days of the week also by
    their English three-letter names, Sunday also as 7; or one of ``@hourly``, ``@daily``,
    ``@midnight``, ``@weekly``, ``@monthly``, ``@yearly`` and ``@annually``.

    Raises CalendarError, with the Shepherd's words, for anything else.
    """
    fields = _CRON_NICKNAMES.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise CalendarError(f'"{text}": wrong number of cron date fields')

    def parse(index: int, name: str, low: int, high: int, names: list[str]) -> tuple[int, ...]:
        try:
            values: set[int] = set()
            for part in fields[index].split(","):
                values.update(_cron_range(part, low, high, names))
        except ValueError:
            raise CalendarError(f'"{text}": invalid {name} cron field') from None
        return tuple(values)

    week = parse(4, "days-of-week", 0, 7, _DAY_NAMES)
    return CalendarEvent(
        minutes=parse(0, "minutes", 0, 59, []),
        hours=parse(1, "hours", 0, 23, []),
        days_of_month=parse(2, "days-of-month", 1, 31, []),
        months=parse(3, "months", 1, 12, _MONTH_NAMES),
        days_of_week=tuple(day % 7 for day in week),
    )


def _cron_range(part: str, low: int, high: int, names: list[str]) -> range:
    """Return the values of one element of a cron field; raises ValueError."""
    span, slash, step_text = part.partition("/")
    step = _number(step_text) if slash else 1
    if span == "*":
        # Sunday has two numbers; a star means each day once.
        first, last = low, 6 if names is _DAY_NAMES else high
    else:
        first_text, dash, last_text = span.partition("-")
        first = _value(first_text, low, names)
        last = _value(last_text, low, names) if dash else first
        if names is _DAY_NAMES and last == 0 < first:
            last = 7  # sat-sun
    if not (low <= first <= last <= high and step > 0):
        raise ValueError(part)
    return range(first, last + 1, step)


def _value(text: str, low: int, names: list[str]) -> int:
    name = text.lower()
    return names.index(name) + low if name in names else _number(text)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
