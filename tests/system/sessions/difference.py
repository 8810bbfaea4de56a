"""One place where drover's result differs from a recording on purpose, and ways to write it down.

Each entry belongs to a row of `docs/compatibility.md`, which gives the reason.  An entry rewrites
the recorded text; the rewritten text must then equal drover's to the letter, so an entry that no
longer happens fails just as a difference without an entry does.
"""

from __future__ import annotations

from dataclasses import dataclass


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


# One message, as a Scheme string.
STRING = r'"(?:[^"\\]|\\.)*"'


def newest_lines(row: str, capture: str, text: str, before: str = "") -> Difference:
    """The daemon's newest lines, oldest first, as they stand in a reply."""
    lines = text.strip("\n").replace("\\", r"\\").split("\n")
    return Difference(
        row,
        capture,
        "reply",
        r'\(recent-messages \((?:(?!recent-messages).)*\)\) (?=\(log-files \("/tmp/log"\)\))',
        "(recent-messages ("
        + " ".join([*(f'(EPOCH . "{line}")' for line in reversed(lines)), *filter(None, [before])])
        + ")) ",
    )


def whole(row: str, capture: str, **fields: str) -> list[Difference]:
    """Fields of a capture that have nothing in common with the recording."""
    return [Difference(row, capture, field, r"(?s)\A.*\Z", text) for field, text in fields.items()]
