"""Wire data as Guile prints it: ``written`` like its ``write``, ``displayed`` like ``display``."""

from __future__ import annotations

from pid1.sexp import Keyword, Raw, Symbol, Vector, write_number, write_string, write_symbol

_CHARACTER_NAMES = {
    "space": " ", "newline": "\n", "tab": "\t", "nul": "\0", "null": "\0", "return": "\r",
    "linefeed": "\n", "alarm": "\a", "backspace": "\b", "delete": "\x7f", "escape": "\x1b",
}  # fmt: skip


def written(value: object) -> str:
    """Return ``value`` in the notation in which it can be read again."""
    return _print(value, quoted=True)


def displayed(value: object) -> str:
    """Return ``value`` for people: strings and characters, also within lists, are themselves."""
    return _print(value, quoted=False)


def _print(value: object, quoted: bool) -> str:
    # The stack holds values still to print, and text, marked as Raw, that goes between them.
    out: list[str] = []
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, _Text):
            out.append(item.text)
        elif isinstance(item, list):
            out.append("#(" if isinstance(item, Vector) else "(")
            stack.append(_CLOSE)
            for element in reversed(item):
                stack += [element, _SPACE]
            if item:
                stack.pop()
        elif isinstance(item, tuple):
            out.append("(")
            stack.append(_CLOSE)
            elements: list[object] = []
            while isinstance(item, tuple):
                elements += [item[0], _SPACE]
                item = item[1]
            stack += [item, _DOT, *reversed(elements)]
        else:
            out.append(_atom(item, quoted))
    return "".join(out)


def _atom(item: object, quoted: bool) -> str:
    if isinstance(item, str):
        return write_string(item) if quoted else item
    if isinstance(item, Symbol):
        return write_symbol(item.name)
    if item is True:
        return "#t"
    if item is False:
        return "#f"
    if isinstance(item, Keyword):
        return f"#:{item.name}"
    if isinstance(item, Raw):
        return item.text if quoted else _character(item.text)
    if isinstance(item, int) and item.bit_length() > 14_000:  # more than Python converts at once
        return hex(item).replace("0x", "#x")
    return write_number(item)


def _character(text: str) -> str:
    if not text.startswith("#\\"):
        return text
    name = text[2:]
    if len(name) == 1:
        return name
    return _CHARACTER_NAMES.get(name, name)


class _Text:
    """Punctuation between values."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


_CLOSE, _SPACE, _DOT = _Text(")"), _Text(" "), _Text(". ")
