"""Days and dates of the proleptic Gregorian calendar, for any year."""

from __future__ import annotations


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01; ``month`` may be any integer."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    # Years are counted from March, so that the leap day ends one.
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days from 1970-01-01."""
    era, of_era = divmod(days + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    number = month + 3 if month < 10 else month - 9
    return year + era * 400 + (number <= 2), number, day
