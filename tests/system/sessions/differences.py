"""Rewrite what was recorded into what drover does, where that differs on purpose."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from .accepted import DIFFERENCES
from .difference import Difference


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
