"""Compare a session with its recording and describe every difference readably."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from .differences import expected
from .normalise import normalise
from .runner import Pair, Session


def differences(name: str, recorded: Session, actual: Session, pair: Pair) -> dict[str, str]:
    """For each part of session `name` that is not as recorded: what it is, and how it differs."""
    parts = {part for part in ("daemon", "client") if getattr(pair, part) == "drover"}
    found = {}
    for capture, field, before in texts(recorded):
        after = _lookup(actual, capture, field)
        if after is None:
            found[f"{name}-{capture} {field}"] = "nothing was captured"
            continue
        wanted = expected(normalise(before, name), f"{name}-{capture}", field, parts)
        got = normalise(after, name)
        if wanted != got:
            found[f"{name}-{capture} {field}"] = _diff(wanted, got)
    return found


def texts(session: Session) -> Iterator[tuple[str, str, str]]:
    """All parts of a session: the capture's name, the field's name, the text."""
    for name, capture in session.captures.items():
        for field, text in capture.fields().items():
            yield name, field, text
    for name, text in session.terminals.items():
        yield name, "terminal", text


def _lookup(session: Session, capture: str, field: str) -> str | None:
    if field == "terminal":
        return session.terminals.get(capture)
    found = session.captures.get(capture)
    return found.fields()[field] if found else None


def _diff(wanted: str, got: str) -> str:
    """The lines that differ; a datum is split so that each list in it has a line."""
    before, after = (re.sub(r" (?=\()", "\n", text).splitlines() for text in (wanted, got))
    lines = list(difflib.unified_diff(before, after, "recorded", "here", lineterm="", n=1))
    return "\n".join(lines[2:]) or f"-{wanted!r}\n+{got!r}"
