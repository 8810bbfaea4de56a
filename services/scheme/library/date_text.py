"""SRFI 19's ``date->string`` and ``string->date`` templates."""

from __future__ import annotations

from typing import Any

from services.scheme.library.calendar_days import days_from_civil

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

# Directives that stand for others.
_COMPOUND = {
    "c": "~a ~b ~d ~H:~M:~S~z ~Y", "D": "~m/~d/~y", "r": "~I:~M:~S ~p", "T": "~H:~M:~S",
    "x": "~m/~d/~y", "X": "~H:~M:~S", "1": "~Y-~m-~d", "2": "~H:~M:~S~z", "3": "~H:~M:~S",
    "4": "~Y-~m-~dT~H:~M:~S~z", "5": "~Y-~m-~dT~H:~M:~S",
}  # fmt: skip


def _zone(offset: int) -> str:
    if not offset:
        return "Z"
    minutes = abs(offset) // 60
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


def _week(year: int, year_day: int, first: int) -> int:
    """The week of the year, where weeks start on day ``first``; days before it are week 0."""
    new_year = (days_from_civil(year, 1, 1) + 4) % 7
    return (year_day - 1 - (first - new_year) % 7) // 7 + 1


def _iso_week(days: int) -> int:
    """The ISO 8601 week of a day counted from the epoch."""
    from services.scheme.library.calendar_days import civil

    thursday = days - (days + 3) % 7 + 3
    return (thursday - days_from_civil(civil(thursday)[0], 1, 1)) // 7 + 1


def date_text(fields: list[int], total: int, template: str) -> str | None:
    """Fill in a template; None if it has an unknown directive."""
    nano, second, minute, hour, day, month, year, offset = fields
    days = days_from_civil(year, month, 1) + day - 1
    week_day = (days + 4) % 7
    year_day = days - days_from_civil(year, 1, 1) + 1
    hour12 = (hour - 1) % 12 + 1
    plain = {
        "~": "~", "a": _DAYS[week_day][:3], "A": _DAYS[week_day], "b": _MONTHS[month - 1][:3],
        "h": _MONTHS[month - 1][:3], "B": _MONTHS[month - 1], "d": f"{day:02d}", "e": f"{day:2d}",
        "f": f"{second + nano / 1e9}", "H": f"{hour:02d}", "I": f"{hour12:02d}",
        "j": f"{year_day:03d}", "k": f"{hour:2d}", "l": f"{hour12:2d}", "m": f"{month:02d}",
        "M": f"{minute:02d}", "n": "\n", "N": f"{nano:09d}", "p": "PM" if hour >= 12 else "AM",
        "s": str(total // 1_000_000_000), "S": f"{second:02d}", "t": "\t",
        "U": f"{_week(year, year_day, 0):02d}", "V": f"{_iso_week(days):02d}", "w": str(week_day),
        "W": f"{_week(year, year_day, 1):02d}", "y": f"{year % 100:02d}", "Y": str(year),
        "z": _zone(offset), "Z": _zone(offset),
    }  # fmt: skip
    out, index = [], 0
    while index < len(template):
        c = template[index]
        index += 1
        if c != "~":
            out.append(c)
            continue
        letter = template[index : index + 1]
        index += 1
        if letter in ("-", "_"):
            pad, letter = letter, template[index : index + 1]
            index += 1
            if letter not in plain:
                return None
            stripped = plain[letter].lstrip("0") or "0"
            out.append(stripped if pad == "-" else stripped.rjust(len(plain[letter])))
        elif letter in _COMPOUND:
            out.append(date_text(fields, total, _COMPOUND[letter]) or "")
        elif letter in plain:
            out.append(plain[letter])
        else:
            return None
    return "".join(out)


_FIELD = {"S": 1, "M": 2, "H": 3, "k": 3, "d": 4, "e": 4, "m": 5, "Y": 6}


def parse_date(text: str, template: str) -> list[Any] | None:
    """The fields of a date; the zone is None if the template has none; None on mismatch."""
    fields: list[Any] = [0, 0, 0, 0, 1, 1, 1970, None]
    position, index = 0, 0
    while index < len(template):
        c = template[index]
        index += 1
        if c != "~":
            if text[position : position + 1] != c:
                return None
            position += 1
            continue
        letter = template[index : index + 1]
        index += 1
        # A field starts at the first character it can start with.
        start = str.isalpha if letter in "aAbBh" else str.isdigit
        while letter not in "~zy" and position < len(text) and not start(text[position]):
            position += 1
        if letter in _FIELD:
            width = 4 if letter == "Y" else 2
            end = position
            while end < len(text) and end - position < width and text[end].isdecimal():
                end += 1
            if end == position:
                return None
            fields[_FIELD[letter]] = int(text[position:end])
            position = end
        elif letter == "y":
            if not text[position : position + 2].isdecimal():
                return None
            number = int(text[position : position + 2])
            fields[6] = number + (2000 if number < 50 else 1900)
            position += 2
        elif letter in "aAbBh" and letter:
            names = _DAYS if letter in "aA" else _MONTHS
            given = text[position : position + 9].lower()
            size = 9 if letter in "AB" else 3
            found = next(
                (n for n, name in enumerate(names) if given.startswith(name[:size].lower())), None
            )
            if found is None:
                return None
            position += len(names[found]) if letter in "AB" else 3
            if letter in "bBh":
                fields[5] = found + 1
        elif letter == "z":
            end = position + (1 if text[position : position + 1] == "Z" else 5)
            zone = text[position:end]
            if zone == "Z":
                fields[7] = 0
            elif len(zone) == 5 and zone[0] in "+-" and zone[1:].isdecimal():
                seconds = int(zone[1:3]) * 3600 + int(zone[3:]) * 60
                fields[7] = -seconds if zone[0] == "-" else seconds
            else:
                return None
            position = end
        elif letter == "~":
            if text[position : position + 1] != "~":
                return None
            position += 1
        else:
            return None
    valid = 1 <= fields[5] <= 12 and 1 <= fields[4] <= 31 and fields[3] < 24 and fields[2] < 60
    return fields if valid else None
