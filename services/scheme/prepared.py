"""Texts that were read before: their data, in a form that is made into data again in half the time.

Whoever puts texts here vouches for them: their forms compile.  So procedures in them are compiled
when they are called first.  A text counts, and not a name: one that has been changed is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.source import Source
from services.scheme.types import EOF, NIL, Char, Keyword, Pair, Symbol, Value

if TYPE_CHECKING:
    from services.scheme.reader import Reader

# Offset, whether procedures may be compiled later, the datum.  In a datum, a number stands for the
# symbol of that place, a tuple for a list: its items, their offsets (see ``Reader.marks``) and what
# ends it; a list has a kind and a value.  All else stands for itself.
Form: TypeAlias = "tuple[int, bool, Any]"
# The names of symbols, and the forms.
Text: TypeAlias = "tuple[tuple[str, ...], tuple[Form, ...]]"

texts: dict[str, Text] = {}
"""By the text itself."""

# A form that has these has a say in how others around them are compiled.
_AT_ONCE = frozenset(("set!", "define-syntax", "let-syntax", "letrec-syntax", "define-macro"))
_INTEGER, _KEYWORD, _CHARACTER, _VECTOR = "i", "k", "c", "v"


class PreparedReader:
    """Reads like ``Reader``, from what has been prepared; ``lazy`` is about the last datum."""

    def __init__(self, text: str, name: str | None, prepared: Text) -> None:
        self.source = Source(text, name)
        self.start = 0
        self.marks: dict[int, int] = {}
        self.lazy = False
        names, forms = prepared
        self._symbols = [Symbol(name) for name in names]
        self._forms = iter(forms)

    def read(self) -> Value:
        """The next datum, or EOF."""
        form = next(self._forms, None)
        if form is None:
            return EOF
        self.start, self.lazy, datum = form
        self.marks = {}
        return self._make(datum)

    def _make(self, datum: Any) -> Value:
        kind = type(datum)
        if kind is int:
            return self._symbols[datum]
        if kind is tuple:
            items, offsets, end = datum
            result = NIL if end is None else self._make(end)
            symbols, marks, make = self._symbols, self.marks, self._make
            for at in range(len(items) - 1, -1, -1):
                item = items[at]
                if type(item) is int:
                    item = symbols[item]
                elif type(item) is not str:
                    item = make(item)
                result = Pair(item, result)
                offset = offsets[at]
                if offset >= 0:
                    marks[id(result)] = offset
            return result
        if kind is list:
            kind, value = datum
            if kind == _INTEGER:
                return value
            if kind == _KEYWORD:
                return Keyword(value)
            if kind == _CHARACTER:
                return Char(value)
            return [self._make(item) for item in value]
        return datum


def prepare(text: str) -> Text:
    """Read a text.  Raises SchemeError if it cannot be read, TypeError for what is not kept."""
    from services.scheme.reader import Reader

    reader = Reader(text)
    names: dict[str, int] = {}
    forms: list[Form] = []
    while (datum := reader.read()) is not EOF:
        lazy = _AT_ONCE.isdisjoint(_names_in(datum))
        forms.append((reader.start, lazy, _kept(datum, reader.marks, names)))
    return tuple(names), tuple(forms)


def _names_in(datum: Value) -> set[str]:
    names, todo = set(), [datum]
    while todo:
        one = todo.pop()
        if type(one) is Symbol:
            names.add(one.name)
        elif type(one) is Pair:
            todo += (one.car, one.cdr)
        elif type(one) is list:
            todo += one
    return names


def _kept(datum: Value, marks: dict[int, int], names: dict[str, int]) -> Any:
    kind = type(datum)
    if kind is Symbol:
        return names.setdefault(datum.name, len(names))
    if kind is Pair or datum is NIL:
        items: list[Any] = []
        offsets: list[int] = []
        while type(datum) is Pair:
            items.append(_kept(datum.car, marks, names))
            offsets.append(marks.get(id(datum), -1))
            datum = datum.cdr
        end = None if datum is NIL else _kept(datum, marks, names)
        return tuple(items), tuple(offsets), end
    if kind is int:
        return [_INTEGER, datum]
    if kind is Keyword:
        return [_KEYWORD, datum.name]
    if kind is Char:
        return [_CHARACTER, datum.text]
    if kind is list:
        return [_VECTOR, [_kept(item, marks, names) for item in datum]]
    if kind in (str, bool, float):
        return datum
    raise TypeError(f"{kind.__name__} is not kept")


def use(prepared: dict[str, Text]) -> None:
    """Take these texts as read, until ``forget``."""
    texts.update(prepared)


def forget() -> None:
    """Keep nothing."""
    texts.clear()


def reader_of(text: str, name: str | None) -> Reader | PreparedReader:
    """What reads a text: from what was prepared of it, or from its letters."""
    known = texts.get(text)
    if known is not None:
        return PreparedReader(text, name, known)
    from services.scheme.reader import Reader

    return Reader(text, name)
