"""The reader: text to data, with the place of every datum.

It is our own and not sexpdata, because that one keeps no positions and has no dotted
pairs, vectors, ``#{...}#``, characters or string escapes (SHEPHERD.md 11.7).  Nesting
costs no Python stack.  Messages are those of Guile 3.0.11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, misc_error
from services.scheme.lexical import (
    HEX_ESCAPES,
    STRING_ESCAPES,
    parse_bytes,
    parse_character,
    parse_number,
)
from services.scheme.source import Source
from services.scheme.types import EOF, NIL, Char, Keyword, Pair, Symbol, Value, scheme_list

# Blanks and line comments, then: 1 a string without escapes, 2 an atom, 3 punctuation,
# 4 what needs a closer look.
_match_token = re.compile(
    r"""(?:[ \t\n\r\f]+|;[^\n]*)*(?:"([^"\\]*)"|([^ \t\n\r\f()\[\]";#'`,]"""
    r"""[^ \t\n\r\f()\[\]";]*)|([()\[\]'`]|,@?)|(.))?""",
    re.DOTALL,
).match
_match_atom = re.compile(r"""[^ \t\n\r\f()\[\]";]*""").match

_QUOTES = {
    "'": Symbol("quote"), "`": Symbol("quasiquote"), ",": Symbol("unquote"),
    ",@": Symbol("unquote-splicing"), "#'": Symbol("syntax"), "#`": Symbol("quasisyntax"),
    "#,": Symbol("unsyntax"), "#,@": Symbol("unsyntax-splicing"),
}  # fmt: skip
_CLOSE = {"(": ")", "[": "]"}
_ABSENT = object()

# What is being collected; a list is collected as a Pair chain, the rest as a Python list.
_TOP, _LIST, _DOT, _DOTTED, _VECTOR, _BYTES, _QUOTE, _COMMENT = range(8)


class Reader:
    """Reads the data of one text one after the other.

    ``marks`` maps ``id(pair)`` to an offset, for the datum read last (keep it alive): for
    the first pair of a list that of its parenthesis, for another that of its element.
    ``start`` and ``position`` are the offsets of what was read and of what follows it.
    """

    lazy = False  # whether procedures in it may be compiled when they are called

    def __init__(self, text: str, name: str | None = None) -> None:
        self.source = Source(text, name)
        self.position = 0
        self.start = 0
        self.marks: dict[int, int] = {}
        self._atoms: dict[str, Value] = {}
        self._fold = False

    def read(self) -> Value:
        """The next datum, or EOF.  Raises SchemeError with key ``read-error``."""
        text = self.source.text
        atoms = self._atoms
        marks = self.marks = {}
        pos = self.position
        # The innermost open datum; the ones around it are on the stack.
        kind: int = _TOP
        start = 0
        head: Any = None
        last: Any = None
        opener = ""
        stack: list[tuple[int, int, Any, Any, str]] = []
        while True:
            token: Any = _match_token(text, pos)
            pos = token.end()
            group = token.lastindex
            if group == 2:
                name = token[2]
                begin = pos - len(name)
                value = atoms.get(name, _ABSENT)
                if value is _ABSENT:
                    if name == ".":
                        if kind == _LIST:
                            kind = _DOT
                            continue
                        self.position = pos
                        raise self._error(pos, 'unexpected "."')
                    value = atoms[name] = self._atom(name)
            elif group == 3:
                name = token[3]
                begin = pos - len(name)
                if name == ")" or name == "]":
                    if kind in (_LIST, _DOTTED):
                        value = NIL if head is None else head
                    elif kind == _VECTOR:
                        value = head
                    elif kind == _BYTES:
                        value = parse_bytes(head)
                    else:
                        self.position = pos
                        raise self._error(pos, f'unexpected "{name}"')
                    if _CLOSE[opener] != name:
                        self.position = pos
                        raise self._error(pos, "mismatched close paren: ~A", Char(name))
                    begin = start
                    kind, start, head, last, opener = stack.pop()
                else:
                    stack.append((kind, start, head, last, opener))
                    start, head, last, opener = begin, None, None, name
                    kind = _LIST if name == "(" or name == "[" else _QUOTE
                    continue
            elif group == 1:
                value = token[1]
                begin = pos - len(value) - 2
            elif group is None:
                self.position = pos
                if kind == _TOP:
                    return EOF
                raise self._unfinished(kind, opener)
            else:
                begin = pos - 1
                self.position = pos
                if token[4] == '"':
                    value = self._string()
                else:
                    value = self._sharp()
                    if value is _ABSENT:  # a comment
                        pos = self.position
                        continue
                    if type(value) is tuple:  # opens something
                        stack.append((kind, start, head, last, opener))
                        kind, head, opener = value
                        start, last = begin, None
                        pos = self.position
                        continue
                pos = self.position
            # A datum is complete: hand it to what is open, which may complete that too.
            while True:
                if kind == _LIST:
                    cell = Pair(value, NIL)
                    if head is None:
                        head = cell
                        marks[id(cell)] = start
                    else:
                        last.cdr = cell
                        marks[id(cell)] = begin
                    last = cell
                elif kind == _TOP:
                    self.position = pos
                    self.start = begin
                    return value
                elif kind in (_VECTOR, _BYTES):
                    head.append(value)
                elif kind == _DOT:
                    if last is None:
                        head = value
                    else:
                        last.cdr = value
                    kind = _DOTTED
                elif kind == _DOTTED:
                    self.position = pos
                    raise self._error(begin + 1, "missing close paren: ~A", Char(text[begin]))
                elif kind == _QUOTE:
                    cell = Pair(value, NIL)
                    value = Pair(_QUOTES[opener], cell)
                    marks[id(cell)] = begin
                    marks[id(value)] = begin = start
                    kind, start, head, last, opener = stack.pop()
                    continue
                else:  # _COMMENT: drop it
                    kind, start, head, last, opener = stack.pop()
                break

    def _atom(self, name: str) -> Value:
        if name[0] in "0123456789+-.":
            number = parse_number(name)
            if number is not None:
                return number
        return Symbol(name.lower() if self._fold else name)

    def _error(self, offset: int, message: str, *irritants: Value) -> SchemeError:
        where = self.source.location(offset)
        place = f"{where.file}:{where.line}:{where.column}"
        return SchemeError(
            "read-error", (False, f"{place}: {message}", scheme_list(irritants), False), where
        )

    def _unfinished(self, kind: int, opener: str) -> SchemeError:
        at = len(self.source.text)
        if kind == _DOTTED:
            return self._error(at, "missing close paren: ~A", EOF)
        if kind == _QUOTE:
            what = "quoted" if opener == "'" else _QUOTES[opener].name.replace("-", " ")
            return self._error(at, f"unexpected end of input while reading {what} expression")
        if kind == _COMMENT:
            return self._error(at, "unexpected end of input while reading #; comment")
        return self._error(
            at, "unexpected end of input while searching for: ~A", Char(_CLOSE[opener])
        )

    def _string(self) -> str:
        """The rest of a string that holds escapes; ``position`` is after the first quote."""
        text, pos, end = self.source.text, self.position, len(self.source.text)
        parts: list[str] = []
        while True:
            quote = text.find('"', pos)
            slash = text.find("\\", pos, quote if quote >= 0 else end)
            if slash < 0:
                if quote < 0:
                    break
                parts.append(text[pos:quote])
                self.position = quote + 1
                return "".join(parts)
            parts.append(text[pos:slash])
            if slash + 1 >= end:
                break
            letter = text[slash + 1]
            pos = slash + 2
            if letter in STRING_ESCAPES:
                parts.append(STRING_ESCAPES[letter])
            elif letter in HEX_ESCAPES:
                code = 0
                for _ in range(HEX_ESCAPES[letter]):
                    digit = "0123456789abcdef".find(text[pos : pos + 1].lower() or "?")
                    pos += 1
                    if digit < 0:
                        if pos > end:
                            raise self._string_end()
                        raise self._bad_escape(pos)
                    code = code * 16 + digit
                if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                    raise self._bad_escape(pos)
                parts.append(chr(code))
            else:
                raise self._bad_escape(pos)
        raise self._string_end()

    def _string_end(self) -> SchemeError:
        self.position = len(self.source.text)
        return self._error(self.position, "unexpected end of input while reading string")

    def _bad_escape(self, pos: int) -> SchemeError:
        self.position = pos
        letter = Char(self.source.text[pos - 1])
        return self._error(pos, "invalid character in escape sequence: ~S", letter)

    def _sharp(self) -> Any:
        """What follows ``#``: a datum, a tuple that opens one, or ``_ABSENT`` for a comment."""
        text, pos = self.source.text, self.position
        if pos >= len(text):
            raise self._error(pos, "unexpected end of input after #")
        letter = text[pos]
        handler = _SHARP.get(letter)
        if handler is not None:
            return handler(self, pos + 1)
        atom: Any = _match_atom(text, pos)
        name = atom[0]
        self.position = max(atom.end(), pos + 1)
        if (letter in "tf" and name.isalpha()) or name in ("t", "f"):
            return letter == "t"
        if name in ("vu8", "u8") and text[atom.end() : atom.end() + 1] == "(":
            self.position = atom.end() + 1
            return _BYTES, [], "("
        if name == "nil":
            return NIL
        if letter in "xXbBoOdDeEiI":
            number = parse_number("#" + name)
            if number is not None:
                return number
            raise self._error(self.position, "unknown # object: ~S", "#" + name)
        self.position = pos + 1
        raise self._error(pos + 1, "Unknown # object: ~S", "#" + letter)

    def _open_vector(self, pos: int) -> Any:
        self.position = pos
        return _VECTOR, [], "("

    def _comment_datum(self, pos: int) -> Any:
        self.position = pos
        return _COMMENT, None, ""

    def _comment_block(self, pos: int) -> Any:
        from pid1.sexp_scanner import skip_block_comment

        end = skip_block_comment(self.source.text, pos)
        if end is None:
            self.position = len(self.source.text)
            raise self._error(self.position, "unterminated `#| ... |#' comment")
        self.position = end
        return _ABSENT

    def _comment_script(self, pos: int) -> Any:
        text = self.source.text
        atom: Any = _match_atom(text, pos)
        if atom[0] in ("r6rs", "r7rs", "fold-case", "no-fold-case", "curly-infix"):
            if atom[0].endswith("fold-case"):
                self._fold = atom[0] == "fold-case"
                self._atoms.clear()
            self.position = atom.end()
            return _ABSENT
        close = text.find("!#", pos)
        if close < 0:
            self.position = len(text)
            raise self._error(self.position, "unterminated `#! ... !#' comment")
        self.position = close + 2
        return _ABSENT

    def _character(self, pos: int) -> Value:
        text = self.source.text
        if pos >= len(text):
            raise self._error(pos, "unexpected end of input after #\\")
        atom: Any = _match_atom(text, pos + 1)
        name = text[pos : atom.end()]
        if text[pos] in ' \t\n\r\f()[]";':
            name = text[pos]
        self.position = pos + len(name)
        char = parse_character(name)
        if char is None:
            raise self._error(self.position, "unknown character name ~a", name)
        return Char(char)

    def _keyword(self, pos: int) -> Value:
        while pos < len(self.source.text) and self.source.text[pos] in " \t\n\r\f":
            pos += 1
        if self.source.text.startswith("#{", pos):
            return Keyword(self._extended_symbol(pos + 2).name)
        atom: Any = _match_atom(self.source.text, pos)
        self.position = atom.end()
        if pos >= len(self.source.text):
            raise self._error(pos, "unexpected end of input while reading keyword")
        name = self._atom(atom[0]) if atom[0] and atom[0][0] not in "#'`," else None
        if not isinstance(name, Symbol):
            what = atom[0] or self.source.text[pos]
            raise self._error(atom.end(), "keyword prefix #: not followed by a symbol: ~a", what)
        return Keyword(name.name)

    def _extended_symbol(self, pos: int) -> Symbol:
        text = self.source.text
        out: list[str] = []
        while pos < len(text):
            char = text[pos]
            if char == "}" and text.startswith("}#", pos):
                self.position = pos + 2
                return Symbol("".join(out))
            if char == "\\" and text.startswith("\\x", pos):
                close = text.find(";", pos)
                code = text[pos + 2 : close] if close >= 0 else ""
                valid = 0 < len(code) <= 6 and all(c in "0123456789abcdefABCDEF" for c in code)
                if not valid or int(code, 16) > 0x10FFFF or 0xD800 <= int(code, 16) < 0xE000:
                    self.position = pos + 2
                    raise self._error(pos + 2, "error while reading symbol")
                out.append(chr(int(code, 16)))
                pos = close + 1
                continue
            out.append(char)
            pos += 1
        self.position = len(text)
        raise self._error(len(text), "end of input while reading symbol")

    def _syntax_quote(self, pos: int) -> Any:
        text = self.source.text
        letter = text[pos - 1]
        if letter == "," and text.startswith("@", pos):
            letter, pos = ",@", pos + 1
        self.position = pos
        return _QUOTE, None, "#" + letter

    def _read_eval(self, pos: int) -> Value:
        self.position = pos
        raise misc_error(None, "#. read expansion found and read-eval? is #f.")


_SHARP: dict[str, Callable[[Reader, int], Any]] = {
    "(": Reader._open_vector,
    ";": Reader._comment_datum,
    "|": Reader._comment_block,
    "!": Reader._comment_script,
    "\\": Reader._character,
    ":": Reader._keyword,
    "{": Reader._extended_symbol,
    "'": Reader._syntax_quote,
    "`": Reader._syntax_quote,
    ",": Reader._syntax_quote,
    ".": Reader._read_eval,
}


def read_one(text: str) -> Value:
    """The first datum of ``text``, or EOF.  Raises SchemeError with key ``read-error``."""
    return Reader(text).read()


def read_all(text: str) -> list[Value]:
    """Every datum of ``text``."""
    reader, data = Reader(text), []
    while (datum := reader.read()) is not EOF:
        data.append(datum)
    return data
