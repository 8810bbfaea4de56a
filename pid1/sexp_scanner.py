"""The character-by-character reader behind ``pid1.sexp_reader``, for notations it does not split.

It knows all external representations that may cross the control socket: odd symbols, characters,
comments, quotes and brackets, too.  ``#.`` and unprintable objects (``#<...>``) are refused.
"""

from __future__ import annotations

from pid1.sexp import Keyword, Raw, Symbol, Vector
from pid1.sexp_reader import IncompleteError, ReadError, join_tail, parse_atom, unescape

_BLANKS = " \t\n\r\f"
_DELIMITERS = frozenset(_BLANKS + '()[]";')
_CLOSERS = {"(": ")", "[": "]"}
_QUOTES = {"'": "quote", "`": "quasiquote", ",": "unquote", ",@": "unquote-splicing"}
_DOT, _SKIP = object(), object()


class _Level:
    """An unfinished list, vector, quotation or datum comment."""

    __slots__ = ("closer", "items", "kind")

    def __init__(self, kind: str, closer: str, items: list[object]) -> None:
        self.kind = kind
        self.closer = closer
        self.items = items


def scan(text: str) -> object:
    """Return the first datum of ``text``; raises ReadError, IncompleteError if it is cut off."""
    stack: list[_Level] = []
    position = 0
    while True:
        position = _skip_blanks(text, position)
        if position >= len(text):
            raise IncompleteError("unexpected end of data")
        char = text[position]
        if char in "([":
            stack.append(_Level("list", _CLOSERS[char], []))
            position += 1
            continue
        if char in ")]":
            if not stack or stack[-1].closer != char:
                raise ReadError(f"unexpected {char}")
            value = _finish(stack.pop())
            position += 1
        elif char in "'`,":
            mark = ",@" if text.startswith(",@", position) else char
            stack.append(_Level("prefix", "", [Symbol(_QUOTES[mark])]))
            position += len(mark)
            continue
        elif text.startswith("#;", position):
            stack.append(_Level("comment", "", []))
            position += 2
            continue
        elif text.startswith("#(", position):
            stack.append(_Level("vector", ")", []))
            position += 2
            continue
        else:
            value, position = _scan_atom(text, position)
        while stack and stack[-1].kind in ("prefix", "comment"):
            level = stack.pop()
            if value is _DOT:
                raise ReadError("misplaced dot")
            value = _SKIP if level.kind == "comment" else [*level.items, value]
            if value is _SKIP:
                break
        if value is _SKIP:
            continue
        if not stack:
            if value is _DOT:
                raise ReadError("misplaced dot")
            return value
        stack[-1].items.append(value)


def _skip_blanks(text: str, position: int) -> int:
    end = len(text)
    while position < end:
        if text[position] in _BLANKS:
            position += 1
        elif text[position] == ";":
            newline = text.find("\n", position)
            position = end if newline < 0 else newline + 1
        elif text.startswith("#|", position):
            after = skip_block_comment(text, position + 2)
            if after is None:
                raise IncompleteError("unterminated comment")
            position = after
        else:
            break
    return position


def skip_block_comment(text: str, position: int) -> int | None:
    """What follows a comment, with others inside it, that has begun; None if it does not end."""
    depth = 1
    close = opening = -1
    while depth:
        # What was found ahead of the position stays true: text of any depth is searched once.
        if close < position:
            close = text.find("|#", position)
            if close < 0:
                return None
        if opening < position:
            opening = text.find("#|", position)
            opening = len(text) if opening < 0 else opening
        if opening < close:
            depth += 1
            position = opening + 2
        else:
            depth -= 1
            position = close + 2
    return position


def _finish(level: _Level) -> object:
    items = level.items
    if _DOT in items:
        if level.kind != "list" or len(items) < 3 or items.index(_DOT) != len(items) - 2:
            raise ReadError("misplaced dot")
        return join_tail(items[:-2], items[-1])
    return Vector(items) if level.kind == "vector" else items


def _scan_atom(text: str, position: int) -> tuple[object, int]:
    char = text[position]
    if char == '"':
        end = position + 1
        while True:
            end = text.find('"', end)
            if end < 0:
                raise IncompleteError("unterminated string")
            # A quote after an odd number of backslashes is part of the string.
            before = end
            while text[before - 1] == "\\":
                before -= 1
            if (end - before) % 2 == 0:
                content = text[position + 1 : end]
                return (unescape(content) if "\\" in content else content), end + 1
            end += 1
    if text.startswith("#\\", position):
        return _scan_character(text, position)
    if text.startswith("#{", position):
        return _scan_odd_symbol(text, position)
    end = _token_end(text, position)
    token = text[position:end]
    if token == ".":
        return _DOT, end
    if token.startswith("#:"):
        if text.startswith("#:#{", position):
            symbol, end = _scan_odd_symbol(text, position + 2)
            return Keyword(symbol.name), end
        if token != "#:":
            return Keyword(token[2:]), end
    return parse_atom(token), end


def _token_end(text: str, position: int) -> int:
    end = position
    while end < len(text) and text[end] not in _DELIMITERS:
        end += 1
    return end


def _scan_character(text: str, position: int) -> tuple[Raw, int]:
    if position + 2 >= len(text):
        raise IncompleteError("unexpected end of data")
    # The character itself may be a delimiter: "#\(".
    end = _token_end(text, position + 3)
    return Raw(text[position:end]), end


def _scan_odd_symbol(text: str, position: int) -> tuple[Symbol, int]:
    end = text.find("}#", position + 2)
    if end < 0:
        raise IncompleteError("unterminated symbol")
    name = text[position + 2 : end]
    if "\\" in name:
        pieces = name.split("\\")
        out = [pieces[0]]
        for piece in pieces[1:]:
            digits, semicolon, rest = piece[1:].partition(";")
            if piece[:1] != "x" or not semicolon or not digits.isalnum():
                raise ReadError(f"bad escape in symbol: \\{piece[:9]}")
            try:
                out.append(chr(int(digits, 16)) + rest)
            except (ValueError, OverflowError):
                raise ReadError(f"bad escape in symbol: \\{piece[:9]}") from None
        name = "".join(out)
    return Symbol(name), end + 2
