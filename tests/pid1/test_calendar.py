"""When calendar events happen: against the GNU Shepherd's vectors and an exhaustive search."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pid1.calendar import CalendarError, CalendarEvent, cron_event, next_occurrence

DATA = Path(__file__).parent.parent / "data" / "calendar"
DAY_NAMES = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"
LORD_HOWE = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"  # half an hour of summer time


@contextmanager
def zone(name: str) -> Iterator[None]:
    """Make ``name`` the local time zone for a while."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def parse_event(text: str) -> CalendarEvent:
    """Read the keyword arguments of a ``calendar-event`` form."""
    fields: dict[str, tuple[int, ...]] = {}
    for name, values in re.findall(r"#:([a-z-]+) '\(([^)]*)\)", text):
        fields[name.replace("-", "_")] = tuple(
            DAY_NAMES.index(word) if word in DAY_NAMES else int(word) for word in values.split()
        )
    return CalendarEvent(**fields)


def rows(name: str) -> list[list[str]]:
    lines = (DATA / name).read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("# ")]


VECTORS = rows("calendar-vectors.tsv")


RANDOM = [(row[0], row[1], row[3]) for row in rows("calendar-random.tsv")]
EVENTS = [(row[1], row[2], row[3], row[5], row[7]) for row in VECTORS if row[0] == "event"]
CRON = [(row[2], row[3], row[4], row[5:]) for row in VECTORS if row[0] == "cron"]

# Where the GNU Shepherd loses a value, or refuses what we understand.
CRON_DIFFERENCES = {
    "5-55/10 * * * *": CalendarEvent(minutes=(5, 15, 25, 35, 45, 55)),
    "0 0 * * 7": CalendarEvent(minutes=(0,), hours=(0,), days_of_week=(0,)),
    "0 0 * jan *": CalendarEvent(minutes=(0,), hours=(0,), months=(1,)),
}


def test_the_vectors_are_all_read() -> None:
    assert (len(RANDOM), len(EVENTS), len(CRON)) == (200, 588, 67)


@pytest.mark.parametrize("spec, now, expected", RANDOM)
def test_random_events_come_when_an_exhaustive_search_finds_them(
    spec: str, now: str, expected: str
) -> None:
    with zone("UTC0"):
        assert next_occurrence(parse_event(spec), float(now)) == float(expected)


@pytest.mark.parametrize("tz, spec, now, local, wait", EVENTS)
def test_events_come_when_the_gnu_shepherd_fires_them(
    tz: str, spec: str, now: str, local: str, wait: str
) -> None:
    with zone(tz):
        found = next_occurrence(parse_event(spec), float(now))
        assert found is not None
        year = int(local[:4])
        if local[4:10] == "-02-29" and year % 4:
            # The GNU Shepherd fires on the 1 March of a common year.
            leap = year - year % 4 + 4
            assert time.strftime("%FT%T", time.localtime(found)) == f"{leap}-02-29T00:00:00"
        else:
            assert found == float(now) + float(wait)


@pytest.mark.parametrize("text, now, found, expected", CRON)
def test_cron_strings_mean_what_they_mean_to_the_gnu_shepherd(
    text: str, now: str, found: str, expected: list[str]
) -> None:
    if text in CRON_DIFFERENCES and now == "-":
        assert cron_event(text) == CRON_DIFFERENCES[text]
    elif found == "ERROR":
        with pytest.raises(CalendarError) as error:
            cron_event(text)
        assert [str(error.value)] == expected
    elif now == "-":
        event = cron_event(text)
        fields = re.findall(r"([a-z-]+) \(([^)]*)\)", found)
        assert len(fields) == 5
        for name, values in fields:
            assert getattr(event, name.replace("-", "_")) == tuple(map(int, values.split()))
    else:
        with zone("UTC0"):
            assert next_occurrence(cron_event(text), float(now)) == float(found)


# Five days around each change of the clock, to the minute: what the clock on the wall shows.
CHANGES = {
    BERLIN: (1711846800, 1729990800),
    NEW_YORK: (1710054000, 1730613600),
    LORD_HOWE: (1728142200, 1712415600),
    "UTC0": (1709164800,),
}


@cache
def wall_clock(tz: str, change: int) -> list[tuple[int, datetime]]:
    """Return the readings of each minute around ``change``, by asking for each one."""
    with zone(tz):
        return [
            (instant, datetime(*time.localtime(instant)[:5]))
            for instant in range(change - 172800, change + 259200, 60)
        ]


def exhaustive_search(
    event: CalendarEvent, after: int, readings: list[tuple[int, datetime]]
) -> int | None:
    """Return the next occurrence among ``readings``, minute by minute; None: later."""
    shown = next(wall for instant, wall in readings if instant >= after - after % 60)
    wall, last = shown + timedelta(minutes=1), readings[-1][1]
    while not (
        wall.minute in event.minutes
        and wall.hour in event.hours
        and wall.isoweekday() % 7 in event.days_of_week
        and wall.day in event.days_of_month
        and wall.month in event.months
    ):
        wall += timedelta(minutes=1)
        if wall > last:
            return None
    for instant, reading in readings:
        if reading == wall and instant > after:
            return instant
    # The reading was left out: count on from the last one before it.
    earlier = [pair for pair in readings if pair[1] < wall]
    instant, reading = max(earlier, key=lambda pair: pair[1])
    return instant + round((wall - reading).total_seconds())


def some_of(low: int, high: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.one_of(
        st.just(tuple(range(low, high + 1))),
        st.lists(st.integers(low, high), min_size=1, max_size=3).map(tuple),
    )


@given(
    change=st.sampled_from([(tz, change) for tz in CHANGES for change in CHANGES[tz]]),
    offset=st.integers(-4 * 3600, 26 * 3600),
    minutes=some_of(0, 59),
    hours=st.one_of(some_of(0, 3), some_of(0, 23)),
    week=some_of(0, 6),
    month=some_of(1, 31),
)
@settings(max_examples=300, deadline=None)
@example((BERLIN, 1711846800), -1, (30,), (2,), tuple(range(7)), tuple(range(1, 32)))
@example((LORD_HOWE, 1728142200), -1, (10, 40), (2,), tuple(range(7)), tuple(range(1, 32)))
def test_around_changes_of_the_clock_as_an_exhaustive_search_finds(
    change: tuple[str, int],
    offset: int,
    minutes: tuple[int, ...],
    hours: tuple[int, ...],
    week: tuple[int, ...],
    month: tuple[int, ...],
) -> None:
    tz, instant = change
    event = CalendarEvent(minutes=minutes, hours=hours, days_of_week=week, days_of_month=month)
    readings = wall_clock(tz, instant)
    expected = exhaustive_search(event, instant + offset, readings)
    with zone(tz):
        found = next_occurrence(event, instant + offset)
    if expected is None:
        assert found is None or found > readings[-1][0]
    else:
        assert found == expected


@given(
    start=st.dates(date(1971, 1, 1), date(2200, 1, 1)),
    week=some_of(0, 6),
    month=st.one_of(some_of(1, 31), some_of(27, 31)),
    months=st.one_of(some_of(1, 12), st.just((2,))),
)
@settings(max_examples=200, deadline=None)
@example(date(2072, 3, 1), (3,), (29,), (2,))
def test_dates_as_a_search_day_by_day_finds(
    start: date, week: tuple[int, ...], month: tuple[int, ...], months: tuple[int, ...]
) -> None:
    event = CalendarEvent(
        minutes=(0,), hours=(0,), days_of_week=week, days_of_month=month, months=months
    )
    matching = (
        day
        for day in (start + timedelta(days=1 + n) for n in range(366 * 41))
        if day.month in months and day.day in month and day.isoweekday() % 7 in week
    )
    expected = next(matching, None)
    epoch = date(1970, 1, 1)
    with zone("UTC0"):
        found = next_occurrence(event, (start - epoch).days * 86400.0)
    assert found == (expected and (expected - epoch).days * 86400.0)


def test_the_search_is_never_long() -> None:
    """The worst case is a 29 February on one day of the week, over the year 2100."""
    event = CalendarEvent((0,), (0,), (0,), (29,), (0,), (2,))
    with zone(BERLIN):
        start = time.process_time()
        for _ in range(100):
            assert next_occurrence(event, 3_234_567_890.0) is not None
        assert (time.process_time() - start) / 100 < 0.002


def test_a_fraction_of_a_second_before_is_before() -> None:
    with zone("UTC0"):
        assert next_occurrence(CalendarEvent(), 59.999) == 60.0
        assert next_occurrence(CalendarEvent(), 60.0) == 120.0
        assert next_occurrence(CalendarEvent(), -0.5) == 0.0


@pytest.mark.parametrize(
    "event",
    [
        CalendarEvent(days_of_month=(30,), months=(2,)),
        CalendarEvent(days_of_month=(31,), months=(2, 4, 6, 9, 11)),
        CalendarEvent(minutes=()),
        CalendarEvent(days_of_week=()),
        CalendarEvent(months=()),
    ],
)
def test_what_can_never_happen_has_no_next_occurrence(event: CalendarEvent) -> None:
    assert next_occurrence(event, 0.0) is None


@pytest.mark.parametrize(
    "text, same",
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0 0 * Feb-apr MON,wed", "0 0 * 2-4 1,3"),
        ("0 0 * * fri-7", "0 0 * * 0,5,6"),
        ("0 0 * * sat-sun", "0 0 * * 0,6"),
        ("0 0 * jan-dec/6 */2", "0 0 * 1,7 0,2,4,6"),
        ("5/10 * * * *", "5 * * * *"),
    ],
)
def test_cron_names_and_nicknames(text: str, same: str) -> None:
    assert cron_event(text) == cron_event(same)


@pytest.mark.parametrize(
    "text, message",
    [
        ("0 0 1-40 * *", '"0 0 1-40 * *": invalid days-of-month cron field'),
        ("0 0 0 * *", '"0 0 0 * *": invalid days-of-month cron field'),
        ("0 5-3 * * *", '"0 5-3 * * *": invalid hours cron field'),
        ("*/0 * * * *", '"*/0 * * * *": invalid minutes cron field'),
        ("1,,2 * * * *", '"1,,2 * * * *": invalid minutes cron field'),
        ("0 0 * mon *", '"0 0 * mon *": invalid months cron field'),
        ("0 0 * * 8", '"0 0 * * 8": invalid days-of-week cron field'),
        ("-1 * * * *", '"-1 * * * *": invalid minutes cron field'),
        ("@reboot", '"@reboot": wrong number of cron date fields'),
        ("", '"": wrong number of cron date fields'),
    ],
)
def test_cron_errors_name_the_field(text: str, message: str) -> None:
    with pytest.raises(CalendarError) as error:
        cron_event(text)
    assert str(error.value) == message


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(CalendarError) as error:
        CalendarEvent(minutes=(3, 60))
    assert str(error.value) == "calendar-event: minutes: 60: value out of range (0-59)"
    with pytest.raises(CalendarError, match="days-of-month: 0: value out of range"):
        CalendarEvent(days_of_month=(0,))


def test_events_are_values() -> None:
    event = CalendarEvent(minutes=(30, 0, 30))
    assert event.minutes == (0, 30)
    assert event == CalendarEvent(minutes=(0, 30))
    assert hash(event) == hash(CalendarEvent(minutes=(0, 30)))
    with pytest.raises(AttributeError):
        event.minutes = (1,)
