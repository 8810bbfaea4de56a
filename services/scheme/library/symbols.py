"""Symbols and keywords."""

from __future__ import annotations

from typing import Any

from services.scheme.errors import wrong_type_expecting
from services.scheme.library.checks import (
    expecting,
    items,
    string,
    symbol,
    wrong_type_anonymous,
)
from services.scheme.library.strings import joined, list_to_string
from services.scheme.primitives import Library
from services.scheme.types import Char, Keyword, Symbol, Value

LIBRARY = Library()


@LIBRARY.primitive("symbol->string", 1)
def symbol_to_string(value: Value) -> str:
    return symbol(value, "symbol->string", 1).name


@LIBRARY.primitive("string->symbol", 1)
def string_to_symbol(value: Value) -> Symbol:
    return Symbol(string(value, "string->symbol", 1))


LIBRARY.primitive("string->uninterned-symbol", 1)(string_to_symbol)
LIBRARY.primitive("make-symbol", 1)(string_to_symbol)
LIBRARY.primitive("string-ci->symbol", 1)(
    lambda value: Symbol(string(value, "string-ci->symbol", 1))
)
LIBRARY.primitive("list->symbol", 1)(lambda value: Symbol(list_to_string(value)))
LIBRARY.primitive("symbol-interned?", 1)(lambda v: bool(symbol(v, "symbol-interned?", 1)))


@LIBRARY.primitive("symbol", 0, None)
def symbol_of(*chars: Value) -> Symbol:
    for value in chars:
        if type(value) is not Char:
            raise wrong_type_expecting("string", "character", value)
    return Symbol("".join([value.text for value in chars]))


@LIBRARY.primitive("symbol-append", 0, None)
def symbol_append(*symbols: Value) -> Symbol:
    return Symbol("".join([symbol_to_string(value) for value in symbols]))


@LIBRARY.primitive("symbol<?", 0, None)
def symbols_ascend(*symbols: Value) -> bool:
    names = [symbol(value, "symbol<?", min(n, 2)).name for n, value in enumerate(symbols, 1)]
    return all(names[n] < names[n + 1] for n in range(len(names) - 1))


_counter = 0


@LIBRARY.primitive("gensym", 0, 1)
def gensym(prefix: Value = " g") -> Symbol:
    global _counter
    text = joined([prefix])
    _counter += 1
    return Symbol(f"{text}{_counter}")


@LIBRARY.primitive("symbol->keyword", 1)
def symbol_to_keyword(value: Value) -> Keyword:
    if type(value) is not Symbol:
        raise wrong_type_anonymous("symbol", value)
    return Keyword(value.name)


@LIBRARY.primitive("keyword->symbol", 1)
def keyword_to_symbol(value: Value) -> Symbol:
    if type(value) is not Keyword:
        raise expecting("keyword->symbol", 1, "keyword", value)
    return Symbol(value.name)


LIBRARY.primitive("string->keyword", 1)(lambda v: Keyword(string(v, "string->keyword", 1)))
LIBRARY.primitive("keyword->string", 1)(lambda v: keyword_to_symbol(v).name)
LIBRARY.primitive("symbol-hash", 1)(
    lambda v: hash(symbol(v, "symbol-hash", 1).name) & ((1 << 59) - 1)
)


@LIBRARY.primitive("kw-arg-ref", 2)
def keyword_argument(arguments: Value, keyword: Value) -> Any:
    elements = items(arguments, "kw-arg-ref", 1)
    for index, element in enumerate(elements[:-1]):
        if element is keyword:
            return elements[index + 1]
    return False


def _booleans() -> None:
    LIBRARY.primitive("boolean?", 1)(lambda value: type(value) is bool)
    LIBRARY.primitive("not", 1)(lambda value: value is False)
    LIBRARY.primitive("->bool", 1)(lambda value: value is not False)

    def equal(name: str, kind: type) -> None:
        def test(*args: Value) -> bool:
            for position, value in enumerate(args, 1):
                if type(value) is not kind:
                    raise expecting(name, min(position, 2), kind.__name__.lower(), value)
            return all(value is args[0] for value in args)

        LIBRARY.primitive(name, 1, None)(test)

    equal("boolean=?", bool)
    equal("symbol=?", Symbol)


_booleans()
