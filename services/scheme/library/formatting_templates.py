"""``format`` templates: parsed into literal pieces and directives, nested as brackets nest."""

from __future__ import annotations

import re
from typing import Any

from services.scheme.errors import misc_error

_match_directive = re.compile(
    r"~((?:(?:[-+]?\d+|'.|[vV#])?,)*(?:[-+]?\d+|'.|[vV#])?)([:@]*)(.)", re.DOTALL
).match
_CLOSERS = {"{": "}", "[": "]", "(": ")"}
WIDEST = 1 << 20  # columns a directive may pad to


class Directive:
    """``~`` and what belongs to it."""

    __slots__ = ("at", "close_colon", "colon", "has_default", "letter", "parameters", "parts")

    def __init__(
        self,
        letter: str,
        parameters: tuple[Any, ...],
        colon: bool,
        at: bool,
        # For brackets: the parts between ~; and whether each came after ~:;
        parts: tuple[list[Any], ...] = (),
        has_default: bool = False,
        close_colon: bool = False,
    ) -> None:
        self.letter = letter
        self.parameters = parameters
        self.colon = colon
        self.at = at
        self.parts = parts
        self.has_default = has_default
        self.close_colon = close_colon


class Escape(Exception):
    """``~^`` with no arguments left."""


def format_error(message: str) -> Exception:
    return misc_error(None, "error in format: ~A", message)


def parse(template: str, start: int, closer: str) -> tuple[list[list[Any]], int, bool, bool]:
    """Parts up to ``~closer``; the offset after it; default part?; closed with a colon?"""
    parts: list[list[Any]] = [[]]
    has_default = False
    while True:
        tilde = template.find("~", start)
        if tilde < 0:
            if closer:
                raise format_error(f"missing ~{closer}")
            parts[-1].append(template[start:])
            return parts, len(template), has_default, False
        if tilde > start:
            parts[-1].append(template[start:tilde])
        match = _match_directive(template, tilde)
        if match is None:
            raise format_error("tilde at the end of the template")
        parameters, flags, letter = match.groups()
        letter = letter.lower()
        start = match.end()
        if letter == closer and closer:
            return parts, start, has_default, ":" in flags
        if letter == ";" and closer == "]":
            has_default = ":" in flags
            parts.append([])
        elif letter in _CLOSERS:
            inner, start, default, colon = parse(template, start, _CLOSERS[letter])
            parts[-1].append(
                Directive(letter, _parameters(parameters), ":" in flags, "@" in flags,
                           tuple(inner), default, colon)
            )  # fmt: skip
        elif letter == "\n":
            # A tilde at the end of a line joins it with the next.
            if "@" in flags:
                parts[-1].append("\n")
            if ":" not in flags:
                while start < len(template) and template[start] in " \t":
                    start += 1
        else:
            parts[-1].append(Directive(letter, _parameters(parameters), ":" in flags, "@" in flags))


def _parameters(text: str) -> tuple[Any, ...]:
    if not text:
        return ()
    found: list[Any] = []
    for entry in re.findall(r"(?:[-+]?\d+|'.|[vV#])?(?:,|\Z)", text, re.DOTALL):
        entry = entry[:-1] if entry.endswith(",") and entry != "'," else entry
        if not entry:
            found.append(None)
        elif entry[0] == "'":
            found.append(entry[1:2])
        elif entry in "vV#":
            found.append(entry.lower())
        else:
            found.append(max(-WIDEST, min(WIDEST, int(entry[:9]))))
    if text.endswith(",") is False and found and found[-1] is None and len(found) > 1:
        found.pop()
    return tuple(found)
