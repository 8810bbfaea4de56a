"""POSIX regular expressions rewritten in Python's syntax.

Extended and basic syntax differ in which characters are special bare and which after a
backslash; both are read into the same pieces here.
"""

from __future__ import annotations

_CLASSES = {
    "alpha": "^\\W\\d_", "digit": "0-9", "alnum": "^\\W_", "upper": "A-Z", "lower": "a-z",
    "space": "\\s", "blank": " \\t", "punct": "!-/:-@\\[-`{-~", "print": " -~",
    "graph": "!-~", "cntrl": "\\x00-\\x1f\\x7f", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
# Negated classes cannot stand inside brackets with others: their positive form.
_POSITIVE = {"alpha": "A-Za-z\u00c0-\u024f", "alnum": "0-9A-Za-z\u00c0-\u024f"}
_ESCAPES = {"w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S", "b": r"\b", "B": r"\B",
            "<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}  # fmt: skip


class BadPattern(Exception):
    """A pattern that POSIX refuses; the text is the C library's message."""


class _Translator:
    def __init__(self, pattern: str, extended: bool, newline: bool) -> None:
        self.pattern = pattern
        self.extended = extended
        self.newline = newline
        self.position = 0
        self.out: list[str] = []
        self.count = 0
        self.closed: set[int] = set()
        self.open_numbers: list[int] = []
        self.repetitions = 0
        # Whether something is repeated whose text can vary by more than a character's.
        self.nested = False

    def token(self) -> str:
        """The next character, or an operator: one character after an operator mark."""
        c = self.pattern[self.position]
        self.position += 1
        if c == "\\":
            if self.position >= len(self.pattern):
                raise BadPattern("Trailing backslash")
            c = self.pattern[self.position]
            self.position += 1
            special = c in "(){}|+?"
            if special and not self.extended:
                return "op" + c
            return "\\" + c
        if c in "(){}|+?" and not self.extended:
            return c
        return "op" + c if c in "(){}|+?*.^$[" else c

    def run(self) -> str:
        atom = False  # whether something can be repeated here
        while self.position < len(self.pattern):
            token = self.token()
            if token == "op(":
                self.count += 1
                self.open_numbers.append(self.count)
                self.out.append("(")
                atom = False
            elif token == "op)":
                if not self.open_numbers:
                    if not self.extended:
                        raise BadPattern("Unmatched ) or \\)")
                    self.out.append("\\)")
                    atom = True
                    continue
                self.closed.add(self.open_numbers.pop())
                self.out.append(")")
                atom = True
            elif token == "op|":
                self.out.append("|")
                atom = False
            elif token in ("op*", "op+", "op?", "op{"):
                atom = self.repetition(token, atom)
            elif token == "op[":
                self.out.append(self.bracket())
                atom = True
            else:
                atom = self.plain(token)
        if self.open_numbers:
            raise BadPattern("Unmatched ( or \\(")
        return "".join(self.out)

    def plain(self, token: str) -> bool:
        """A character, an anchor or an escape; whether it can be repeated."""
        if token == "op.":
            self.out.append("[^\\n]" if self.newline else "(?s:.)")
        elif token == "op^":
            if not self.extended and self.out and self.out[-1] not in ("(", "|"):
                self.out.append("\\^")
                return True
            self.out.append("^")
            return False
        elif token == "op$":
            at_end = self.position >= len(self.pattern)
            if not self.extended and not at_end and self.pattern[self.position] != "\\":
                self.out.append("\\$")
                return True
            self.out.append("$" if self.newline else r"\Z")
            return False
        elif token == "op}":
            self.out.append("\\}")
        elif len(token) == 2 and token[0] == "\\":
            letter = token[1]
            if letter.isdigit() and letter != "0":
                if int(letter) not in self.closed:
                    raise BadPattern("Invalid back reference")
                self.out.append(f"(?:\\{letter})")
                self.nested = True
            else:
                self.out.append(_ESCAPES.get(letter, _escaped(letter)))
        else:
            self.out.append(_escaped(token))
        return True

    def repetition(self, token: str, atom: bool) -> bool:
        if not atom:
            if token == "op*" and (not self.extended or (self.out and self.out[-1] == "(")):
                self.out.append("\\*")
                return True
            if token == "op{" and self.extended:
                raise BadPattern("Invalid preceding regular expression")
            if not self.out or self.out[-1] in ("(", "|", "^"):
                raise BadPattern("Invalid preceding regular expression")
        mark = self.interval() if token == "op{" else token[2]
        if self.out[-1] == ")" and mark != "?":
            self.nested = True
        if self.out[-1] and self.out[-1][-1] in "*+?}" and self.out[-1].startswith("\0"):
            # Repeating a repetition: put the first in a group.
            self.nested = True
            self.out[-2:] = [f"(?:{self.out[-2]}{self.out[-1][1:]})", "\0" + mark]
        else:
            self.out.append("\0" + mark)
        self.repetitions += 1
        return True

    def interval(self) -> str:
        start = self.position
        closer = "}" if self.extended else "\\}"
        end = self.pattern.find(closer, start)
        if end < 0:
            raise BadPattern("Unmatched \\{")
        low, comma, high = self.pattern[start:end].partition(",")
        if (low and not low.isdigit()) or (high and not high.isdigit()) or not (low or comma):
            raise BadPattern("Invalid content of \\{\\}")
        first, last = int(low or 0), int(high) if high else None
        if first > 32767 or (last is not None and (last < first or last > 32767)):
            raise BadPattern("Invalid content of \\{\\}")
        self.position = end + len(closer)
        if not comma:
            return f"{{{first}}}"
        return f"{{{first},{'' if last is None else last}}}"

    def bracket(self) -> str:
        text, position = self.pattern, self.position
        negated = text[position : position + 1] == "^"
        position += negated
        parts: list[str] = []
        only: str | None = None
        first = True
        if position >= len(text):
            raise BadPattern("Invalid regular expression")
        while True:
            if position >= len(text):
                raise BadPattern("Unmatched [, [^, [:, [., or [=")
            c = text[position]
            if c == "]" and not first:
                break
            first = False
            if text.startswith("[:", position):
                end = text.find(":]", position)
                if end < 0:
                    raise BadPattern("Unmatched [, [^, [:, [., or [=")
                name = text[position + 2 : end]
                if name not in _CLASSES:
                    raise BadPattern("Invalid character class name")
                only = name if not parts and text[end + 2 : end + 3] == "]" else None
                parts.append(_POSITIVE.get(name, _CLASSES[name]))
                position = end + 2
                continue
            low, position = self._bracket_char(position)
            high = low
            if text.startswith("-", position) and not text.startswith("-]", position):
                high, position = self._bracket_char(position + 1)
                if high < low:
                    raise BadPattern("Invalid range end")
            parts.append(
                _in_bracket(low) if low == high else f"{_in_bracket(low)}-{_in_bracket(high)}"
            )
        self.position = position + 1
        if only in _POSITIVE:
            inner = _CLASSES[only][1:]
            return f"[{inner}]" if negated else f"[^{inner}]"
        if negated and self.newline:
            parts.append("\\n")
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _bracket_char(self, position: int) -> tuple[str, int]:
        text = self.pattern
        for mark in ("[.", "[="):
            if text.startswith(mark, position):
                end = text.find(mark[1] + "]", position + 2)
                if end == position + 3:
                    return text[position + 2], end + 2
                raise BadPattern("Invalid collation character")
        if position >= len(text):
            raise BadPattern("Unmatched [, [^, [:, [., or [=")
        return text[position], position + 1


def _escaped(c: str) -> str:
    return c if c.isalnum() or c == "_" or ord(c) > 127 else "\\" + c


def _in_bracket(c: str) -> str:
    return "\\" + c if c in "\\]^-[&~|" else c


def translate(pattern: str, extended: bool, newline: bool) -> tuple[str, bool]:
    """The Python pattern, and whether it can repeat no more than one thing, in one way."""
    translator = _Translator(pattern, extended, newline)
    translated = translator.run()
    return translated.replace("\0", ""), not translator.nested and translator.repetitions < 2
