"""Wire data as Python values, read with sexpdata.

Its parser is extended here by what it lacks of the protocol: ``#{odd symbols}#``, keywords, and
Guile's string escapes and numbers.
"""

from __future__ import annotations

import re
from typing import Any, Final

import sexpdata

from pid1.sexp import Keyword, Symbol
from pid1.wire import WireError

# In strings Guile reads two digits after \x, whatever follows; in symbols up to a semicolon.
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(\n\s*)|(.))", re.DOTALL
)
_SYMBOL_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]+);")
_ESCAPED_CHARACTERS: Final = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0",
}  # fmt: skip
_NUMBER: Final = re.compile(r"[+-]?(?:\d+|\d+\.\d*|\.\d+)(?:e[+-]?\d+)?\Z", re.ASCII)
_RATIO: Final = re.compile(r"[+-]?\d+/\d+\Z", re.ASCII)
_SPECIAL: Final[dict[str, object]] = {
    "#t": True, "#true": True, "#f": False, "#false": False,
    "+inf.0": float("inf"), "-inf.0": float("-inf"), "+nan.0": float("nan"),
}  # fmt: skip


def _character(digits: str) -> str:
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise WireError("bad character")
    return chr(code)


def _unescape(match: re.Match[str]) -> str:
    digits = match.group(1) or match.group(2) or match.group(3)
    if digits is not None:
        return _character(digits)
    if match.group(4) is not None:
        return ""
    char = match.group(5)
    return _ESCAPED_CHARACTERS.get(char, char)


class _Parser(sexpdata.Parser):  # type: ignore[misc]
    """sexpdata's parser, with Guile's atoms and strings."""

    def __init__(self, text: str) -> None:
        super().__init__(text, nil=None, true=None)

    def parse_str(self, i: int) -> tuple[int, str]:
        end = i + 1
        while self.string[end] != '"':
            end += 2 if self.string[end] == "\\" else 1
        return end + 1, _ESCAPE.sub(_unescape, self.string[i + 1 : end])

    def parse_atom(self, i: int) -> tuple[int, object]:
        if self.string.startswith("#{", i):
            end = self.string.index("}#", i)
            return end + 2, Symbol(
                _SYMBOL_ESCAPE.sub(lambda m: _character(m.group(1)), self.string[i + 2 : end])
            )
        result: tuple[int, object] = super().parse_atom(i)
        return result

    def atom(self, token: str) -> object:
        if token in _SPECIAL:
            return _SPECIAL[token]
        if token.startswith("#:"):
            return Keyword(token[2:])
        if token.startswith("#"):
            raise WireError(f"unsupported syntax: {token}")
        if _NUMBER.match(token):
            return int(token) if token.lstrip("+-").isdigit() else float(token)
        if _RATIO.match(token):
            numerator, denominator = token.split("/")
            if int(denominator):
                from fractions import Fraction

                return Fraction(int(numerator), int(denominator))
        return Symbol(token)


def _plain(value: Any) -> object:
    """Replace sexpdata's bracket objects by lists."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, sexpdata.Delimiters):
        return [_plain(item) for item in value.I]
    if isinstance(value, sexpdata.Quoted):
        return [Symbol("quote"), _plain(value.x)]
    return value


def parse(data: bytes) -> object:
    """Parse one datum; raises WireError for anything that is not wire data."""
    try:
        (value,) = _Parser(data.decode()).parse()
    except WireError:
        raise
    except Exception as error:
        # sexpdata reports bad input with whatever exception its code runs into.
        raise WireError(f"unreadable: {error}") from error
    return _plain(value)
