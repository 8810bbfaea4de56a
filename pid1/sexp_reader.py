"""Reading wire data: the inverse of ``pid1.sexp.write``, made for replies of half a megabyte.

Everything the daemon's ``write`` normally produces is read here by splitting bytes at the speed of
C.  Rarer notations (odd symbols, characters, comments, quotes) are left to ``pid1.sexp_scanner``,
which is imported, and starts again from the beginning, only when such a token is met.
Neither half recurses, so data may be nested as deeply as memory allows.
"""

from __future__ import annotations

from pid1.sexp import Keyword, Raw, Symbol, Vector


class ReadError(ValueError):
    """The bytes are not readable wire data."""


class IncompleteError(ReadError):
    """The bytes end within a datum; more of them could complete it."""


class Unusual(Exception):
    """A token that only the character scanner understands."""


class _Tail(list[object]):
    """What follows the dot of a dotted pair, with the items before it."""

    __slots__ = ("items",)
    items: list[object]


_CLOSE, _DOT, _HASH = object(), object(), object()
_UNUSUAL_BYTES = b"'`,;|\\{}[]\""
_NUMBER_START = frozenset("0123456789+-.")
_FLOAT_CHARACTERS = frozenset("0123456789+-.eE")
_HASH_CONSTANTS = {"#t": True, "#f": False, "#true": True, "#false": False}
_SPECIAL_FLOATS = {"+inf.0": "inf", "-inf.0": "-inf", "+nan.0": "nan", "-nan.0": "nan"}
_RADIX = {"x": 16, "o": 8, "b": 2, "d": 10}
_STRING_ESCAPES = {
    '"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r", "a": "\a",
    "0": "\0", "f": "\f", "v": "\v", "b": "\b", "(": "(", "|": "|", "\n": "",
}  # fmt: skip
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 6}


def parse_number(token: str) -> object | None:
    """Return the number that ``token`` spells, or None if it is no number.

    Integers, decimals, ``1/2`` (a Fraction), ``#x1f`` and ``+inf.0`` are numbers.
    """
    if token[:1] == "#":
        base = _RADIX.get(token[1:2].lower())
        digits = token[2:]
        if base is None or not digits.lstrip("+-")[:1].isalnum() or "_" in digits:
            return None
        try:
            return int(digits, base)
        except ValueError:
            return None
    if not token or token[0] not in _NUMBER_START:
        return None
    if token.lstrip("+-").isdecimal() and token.isascii():
        try:
            return int(token)
        except ValueError:  # "+-1", or more digits than Python converts
            return Raw(token) if token.count("+") + token.count("-") < 2 else None
    if _FLOAT_CHARACTERS.issuperset(token):
        try:
            return float(token)
        except ValueError:
            return None
    if token in _SPECIAL_FLOATS:
        return float(_SPECIAL_FLOATS[token])
    top, slash, bottom = token.partition("/")
    if slash and top.lstrip("+-").isdecimal() and bottom.isdecimal():
        try:
            if int(bottom):
                from fractions import Fraction

                ratio = Fraction(int(top), int(bottom))
                return ratio.numerator if ratio.denominator == 1 else ratio
        except ValueError:
            pass
    return None


def parse_atom(token: str) -> object:
    """Return the value of a token that is not a string: a constant, number, keyword or symbol."""
    if token[0] == "#":
        if token in _HASH_CONSTANTS:
            return _HASH_CONSTANTS[token]
        if token.startswith("#:") and len(token) > 2:
            return Keyword(token[2:])
        number = parse_number(token)
        if number is not None:
            return number
        raise ReadError(f"unknown # syntax: {token[:40]}")
    if token[0] in _NUMBER_START:
        number = parse_number(token)
        if number is not None:
            return number
    return Symbol(token)


class _Atoms(dict[bytes, object]):
    """Values of the tokens seen so far; in a reply nearly every token comes back."""

    def __missing__(self, token: bytes) -> object:
        if token.translate(None, _UNUSUAL_BYTES) != token:
            raise Unusual
        value = self[token] = parse_atom(token.decode("utf-8", "replace"))
        return value


class _Pieces(dict[bytes, "tuple[list[object] | tuple[object, object], int] | None"]):
    """What follows an opening parenthesis up to the next one, and what it means.

    In a reply about many services most of these pieces, ``enabled? #t) ``, come back for each.  A
    value is the content of the list and the number of closing parentheses after it; with none, the
    list goes on.  It is None for a piece that is more than that.
    """

    __slots__ = ("atoms",)

    def __init__(self) -> None:
        self.atoms = _Atoms({b")": _CLOSE, b".": _DOT, b"#": _HASH})

    def __missing__(self, piece: bytes) -> tuple[list[object] | tuple[object, object], int] | None:
        atoms = self.atoms
        body = piece.replace(b")", b" ) ").split()
        closes = 0
        while body and body[-1] == b")":
            body.pop()
            closes += 1
        entry: tuple[list[object] | tuple[object, object], int] | None = None
        if b")" not in body and b"#" not in body:
            if b"." not in body:
                entry = [atoms[token] for token in body], closes
            elif closes and len(body) == 3 and body[1] == b"." and body.count(b".") == 1:
                entry = (atoms[body[0]], atoms[body[2]]), closes
        self[piece] = entry
        return entry


def unescape(text: str) -> str:
    r"""Return the text that a string literal without its quotes stands for.

    Understands ``\n`` and its kind, ``\x1b`` (always two digits, as in Guile), ``\u200b`` and
    ``\U01f600``.  Raises ReadError for another escape or a number that is no character.
    """
    pieces = text.split("\\")
    out = [pieces[0]]
    index, count = 1, len(pieces)
    while index < count:
        piece = pieces[index]
        index += 1
        if not piece:  # an escaped backslash; what follows it is plain text
            out.append("\\")
            if index < count:
                out.append(pieces[index])
                index += 1
            continue
        head = piece[0]
        if head in _STRING_ESCAPES:
            out.append(_STRING_ESCAPES[head] + piece[1:])
        elif head in _HEX_ESCAPES:
            width = _HEX_ESCAPES[head]
            digits, rest = piece[1 : 1 + width], piece[1 + width :]
            try:
                if len(digits) != width or not digits.isalnum():
                    raise ValueError
                out.append(chr(int(digits, 16)) + rest)
            except (ValueError, OverflowError):
                raise ReadError(f"bad escape in string: \\{piece[:9]}") from None
        else:
            raise ReadError(f"unknown escape in string: \\{head}")
    return "".join(out)


def read(data: bytes) -> object:
    """Return the first datum in ``data``, UTF-8 text; what follows it is ignored.

    Lists are Python lists, dotted pairs 2-tuples (``(1 2 . 3)`` is ``(1, (2, 3))``), vectors
    ``Vector``; parts that are equal may be one object, so nothing may be changed in place.
    Raises IncompleteError if the datum is cut off (or there is none), and another
    ReadError if it is malformed.
    """
    top: list[object] = []
    try:
        _read_usual(data, top)
    except (Unusual, ReadError):
        if not top:
            # The scanner also has the last word on errors: it knows where the first datum ends.
            from pid1.sexp_scanner import scan

            return scan(data.decode("utf-8", "replace"))
    if not top:
        raise IncompleteError("unexpected end of data")
    return top[0]


def _read_usual(data: bytes, top: list[object]) -> None:
    """Append the data found to ``top``; those before an error have been appended, too."""
    parts = data.split(b'"')
    last = len(parts) - 1
    known = _Pieces()
    atoms = known.atoms
    current = top
    stack: list[list[object]] = []
    push, pop = stack.append, stack.pop
    index = 0
    while True:
        opening = vector = False
        for piece in parts[index].split(b"("):
            if opening:
                entry = known[piece]
                if entry is not None and not vector:
                    content, closes = entry
                    if not closes:
                        push(current)
                        current = content.copy()  # type: ignore[union-attr]
                        continue
                    current.append(content)
                    while closes > 1:
                        closes -= 1
                        done: object = _dotted(current) if current.__class__ is _Tail else current
                        if not stack:
                            raise ReadError("unexpected )")
                        current = pop()
                        current.append(done)
                    continue
                push(current)
                current = Vector() if vector else []
                vector = False
            opening = True
            for token in piece.replace(b")", b" ) ").split():
                value = atoms[token]
                if value is _CLOSE:
                    done = _dotted(current) if current.__class__ is _Tail else current
                    if not stack:
                        raise ReadError("unexpected )")
                    current = pop()
                    current.append(done)
                elif value is _DOT:
                    tail = _Tail()
                    tail.items = current
                    current = tail
                elif value is _HASH:
                    if vector or not piece.endswith(b"#"):
                        raise Unusual
                    vector = True
                else:
                    current.append(value)
        if vector:
            raise Unusual
        if index == last:
            break
        index += 1
        if index == last:
            return
        piece = parts[index]
        if b"\\" in piece:
            pieces = [piece]
            # A string goes on after a quote that an odd number of backslashes precedes.
            while (len(piece) - len(piece.rstrip(b"\\"))) & 1:
                index += 1
                if index == last:
                    return
                piece = parts[index]
                pieces.append(piece)
            current.append(unescape(b'"'.join(pieces).decode("utf-8", "replace")))
        else:
            current.append(piece.decode("utf-8", "replace"))
        index += 1


def _dotted(tail: list[object]) -> object:
    assert isinstance(tail, _Tail)
    items = tail.items
    if len(tail) != 1 or not items or items.__class__ is not list:
        raise ReadError("misplaced dot")
    return join_tail(items, tail[0])


def join_tail(items: list[object], last: object) -> object:
    """Return the improper list of ``items`` ending in ``last``; a list if ``last`` is one."""
    if last.__class__ is list:
        return items + last
    for item in reversed(items):
        last = (item, last)
    return last
