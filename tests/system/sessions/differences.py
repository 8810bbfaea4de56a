"""Where drover's results differ from the recordings on purpose.

Each entry belongs to a row of `docs/compatibility.md`, which gives the reason.  An entry rewrites
the recorded text; the rewritten text must then equal drover's to the letter, so an entry that no
longer happens fails just as a difference without an entry does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Difference:
    """In `field` of `capture`, what `pattern` matches reads `drover` when drover's `part` runs.

    `part` is "daemon" or "client"; `field` is one of a capture's, or "terminal".  A `capture` or
    `field` with an asterisk stands for all that match and in which the pattern is found.
    """

    row: str
    capture: str
    field: str
    pattern: str
    drover: str
    part: str = "daemon"


DIFFERENCES: list[Difference] = []


def concerns(entry: Difference, capture: str, field: str) -> bool:
    """Whether `entry` is about `field` of `capture`."""
    return fnmatchcase(capture, entry.capture) and fnmatchcase(field, entry.field)


def expected(text: str, capture: str, field: str, parts: set[str]) -> str:
    """The recorded, normalised `text` as it should be when drover provides `parts`.

    Raises LookupError when an entry does not apply to the recording at all.
    """
    for entry in DIFFERENCES:
        if entry.part in parts and concerns(entry, capture, field):
            text, count = re.subn(entry.pattern, entry.drover, text, flags=re.M)
            if count == 0 and "*" not in entry.capture + entry.field:
                raise LookupError(f"{entry.row}: {entry.pattern!r} is not in {field} of {capture}")
    return text
