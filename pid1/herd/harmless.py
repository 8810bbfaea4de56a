"""Replies on a terminal: what services have printed is in them, and they may run as anybody."""

from __future__ import annotations

import posix

from pid1.sexp import Keyword, Raw, Symbol
from pid1.visible import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pid1.herd.talk import Reply


def disarm(reply: Reply) -> None:
    """Make the control characters visible in all that is printed on a terminal."""
    if posix.isatty(1):
        reply.messages = [visible(message) for message in reply.messages]
        reply.result = _harmless(reply.result)
    if posix.isatty(2):
        reply.error = _harmless(reply.error)


def _harmless(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, tuple):
        # A dotted list is a pair within a pair for each of its elements.
        parts = []
        while isinstance(value, tuple):
            parts.append(_harmless(value[0]))
            value = value[1]
        result = _harmless(value)
        for part in reversed(parts):
            result = (part, result)
        return result
    if isinstance(value, (Symbol, Keyword)):
        return type(value)(visible(value.name))
    if isinstance(value, Raw):
        return Raw(visible(value.text))
    if isinstance(value, list):
        _disarm([value])
    return value


def _disarm(lists: list[list[object]]) -> None:
    """Change lists in place, without recursion: they may be nested deeply."""
    for found in lists:  # grows meanwhile
        for index, part in enumerate(found):
            if isinstance(part, list):
                lists.append(part)
            else:
                found[index] = _harmless(part)
