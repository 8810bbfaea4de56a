"""Patterns of ``match``: they become tests that fill in the pattern's variables.

A pattern is compiled to code that tells whether the value in a place of the environment
fits, and stores its parts in the places of its variables on the way.  A repeated pattern
(``p ...``) whose test needs no machine runs as a Python loop, another one as a procedure
that is called for each element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.codes import conditional, general_of, sequence, store
from services.scheme.errors import SchemeError
from services.scheme.forms import call_with_slot, constant
from services.scheme.procedures import Env
from services.scheme.syntax import (
    DIRECT,
    GENERAL,
    Code,
    Scope,
    Variable,
    bad_form,
    is_identifier,
    items_of,
    names_in,
    strip,
    symbol_of,
    syntax_violation,
)
from services.scheme.types import (
    NIL,
    Pair,
    Record,
    RecordType,
    Symbol,
    Value,
    is_circular_list,
    scheme_list,
)

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler
    from services.scheme.machine import Machine

_TRUE = constant(True)
_FALSE = constant(False)
_ELLIPSES = {"...": 0, "___": 0, "..1": 1}  # name -> least number of elements


def _equal(left: Value, right: Value) -> bool:
    from services.scheme.library import lookup

    return bool(lookup("equal?").fn(left, right))


def _check(slot: int, test: Any) -> Code:
    """A test of the value in a place."""
    return DIRECT, lambda env: test(env[slot])


def _all(tests: list[Code]) -> Code:
    result = _TRUE
    for index, test in enumerate(reversed(tests)):
        result = test if index == 0 else conditional(test, result, _FALSE)
    return result


class Patterns:
    """The patterns of one clause; ``bound`` holds the names bound so far."""

    def __init__(self, compiler: Compiler, scope: Scope, whole: Value) -> None:
        self.compiler = compiler
        self.scope = scope  # of the clause; its variables are added here
        self.whole = whole
        self.bound: dict[Any, Variable] = {}

    def test(self, pattern: Value, slot: int) -> Code:
        """Whether the value in ``slot`` fits ``pattern``."""
        if is_identifier(pattern):
            return self._name(pattern, slot)
        if type(pattern) is list:
            return self._vector(pattern, slot)
        if type(pattern) is not Pair:
            if pattern is NIL:
                return _check(slot, lambda value: value is NIL)
            return _check(slot, lambda value: _equal(value, pattern))
        if is_identifier(pattern.car):
            handler = _KEYWORDS.get(symbol_of(pattern.car).name)
            if handler is not None:
                return handler(self, pattern, slot)  # type: ignore[no-any-return]
        return self._pair(pattern, slot)

    def _variable(self, name: Any) -> Variable:
        variable = self.scope.names.get(name)
        if type(variable) is not Variable:
            variable = self.scope.add(name)
        self.bound[name] = variable
        return variable

    def _name(self, name: Any, slot: int) -> Code:
        text = symbol_of(name).name
        if text == "_":
            return _TRUE
        if text in _ELLIPSES:
            raise syntax_violation("match", "misplaced ellipsis", self.whole)
        before = self.bound.get(name)
        if before is not None:  # the same name again: the same value
            index = before.index
            return DIRECT, lambda env: _equal(env[slot], env[index])
        index = self._variable(name).index

        def bind(env: Env) -> bool:
            env[index] = env[slot]
            return True

        return DIRECT, bind

    def _pair(self, pattern: Any, slot: int) -> Code:
        rest = pattern.cdr
        if type(rest) is Pair and is_identifier(rest.car):
            least = _ELLIPSES.get(symbol_of(rest.car).name)
            if least is not None:
                return self._many(pattern.car, rest.cdr, least, slot)
        frame = self.scope.frame
        head, tail = frame.slot(), frame.slot()

        def split(env: Env) -> bool:
            value = env[slot]
            if type(value) is not Pair:
                return False
            env[head], env[tail] = value.car, value.cdr
            return True

        return _all([(DIRECT, split), self.test(pattern.car, head), self.test(rest, tail)])

    def _vector(self, pattern: list[Value], slot: int) -> Code:
        items = self.scope.frame.slot()

        def unpack(env: Env) -> bool:
            value = env[slot]
            if type(value) is not list:
                return False
            env[items] = scheme_list(value)
            return True

        return _all([(DIRECT, unpack), self.test(scheme_list(pattern), items)])

    def _many(self, repeated: Value, after: Value, least: int, slot: int) -> Code:
        """``(repeated ... . after)``."""
        needed = 0
        rest = after
        while type(rest) is Pair:
            needed += 1
            rest = rest.cdr
        frame = self.scope.frame
        items, remaining = frame.slot(), frame.slot()

        def split(env: Env) -> bool:
            value = env[slot]
            found: list[Value] = []
            seen = 0
            while type(value) is Pair:
                found.append(value.car)
                value = value.cdr
                seen += 1
                if seen % 65536 == 0 and is_circular_list(value):
                    return False
            count = len(found) - needed
            if count < least or (rest is NIL and value is not NIL):
                return False
            env[items] = found[:count]
            env[remaining] = scheme_list(found[count:], value)
            return True

        return _all([(DIRECT, split), self._each(repeated, items), self.test(after, remaining)])

    def _each(self, repeated: Value, items: int) -> Code:
        """Match every element of the Python list in ``items``; variables get lists."""
        if is_identifier(repeated) and repeated not in self.bound:
            if symbol_of(repeated).name == "_":
                return _TRUE
            index = self._variable(repeated).index

            def bind(env: Env) -> bool:
                env[index] = scheme_list(env[items])
                return True

            return DIRECT, bind
        frame = self.scope.frame
        names = names_in(repeated)
        element = frame.slot()
        inner = Patterns(self.compiler, Scope(frame, self.scope), self.whole)
        test = inner.test(repeated, element)
        sources = [inner.bound[name].index for name in names if name in inner.bound]
        targets = [self._variable(name).index for name in names if name in inner.bound]
        if test[0]:
            direct = test[1]

            def loop(env: Env) -> bool:
                columns: list[list[Value]] = [[] for _ in sources]
                for item in env[items]:
                    env[element] = item
                    if direct(env) is False:
                        return False
                    for column, source in zip(columns, sources, strict=True):
                        column.append(env[source])
                for target, column in zip(targets, columns, strict=True):
                    env[target] = scheme_list(column)
                return True

            return DIRECT, loop
        node = general_of(test)

        def next_element(value: Value, state: Any, machine: Machine) -> Any:
            env, position, columns = state
            if position >= 0:
                if value is False:
                    return False
                columns = tuple(
                    (*column, env[source]) for column, source in zip(columns, sources, strict=True)
                )
            position += 1
            if position == len(env[items]):
                for target, column in zip(targets, columns, strict=True):
                    env[target] = scheme_list(column)
                return True
            env[element] = env[items][position]
            machine.stack += (next_element, (env, position, columns))
            return node(env, machine)

        def begin(env: Env, machine: Machine) -> Any:
            return next_element(None, (env, -1, tuple(() for _ in sources)), machine)

        return GENERAL, begin

    # Patterns that begin with a keyword

    def _quote(self, pattern: Any, slot: int) -> Code:
        (datum,) = self._arguments(pattern, 1, 1)
        datum = strip(datum)
        if type(datum) is Symbol or datum is NIL:
            return _check(slot, lambda value: value is datum)
        return _check(slot, lambda value: _equal(value, datum))

    def _quasiquote(self, pattern: Any, slot: int) -> Code:
        (datum,) = self._arguments(pattern, 1, 1)
        return self.test(_unquasi(datum, self.whole), slot)

    def _and(self, pattern: Any, slot: int) -> Code:
        return _all([self.test(part, slot) for part in self._arguments(pattern, 0)])

    def _or(self, pattern: Any, slot: int) -> Code:
        before = dict(self.bound)
        after = dict(self.bound)
        result = _FALSE
        tests = []
        for part in self._arguments(pattern, 0):
            self.bound = dict(before)
            tests.append(self.test(part, slot))
            after.update(self.bound)
        self.bound = after
        for test in reversed(tests):
            result = conditional(test, _TRUE, result)
        return result

    def _not(self, pattern: Any, slot: int) -> Code:
        (part,) = self._arguments(pattern, 1, 1)
        before = dict(self.bound)
        test = self.test(part, slot)
        self.bound = before
        return conditional(test, _FALSE, _TRUE)

    def _predicate(self, pattern: Any, slot: int) -> Code:
        predicate, *parts = self._arguments(pattern, 1)
        called = self._call(predicate, slot)
        return _all(
            [conditional(called, _TRUE, _FALSE), *[self.test(part, slot) for part in parts]]
        )

    def _field(self, pattern: Any, slot: int) -> Code:
        procedure, part = self._arguments(pattern, 2, 2)
        result = self.scope.frame.slot()
        fetched = sequence([store(result, self._call(procedure, slot)), _TRUE])
        return _all([fetched, self.test(part, result)])

    def _call(self, procedure: Value, slot: int) -> Code:
        return call_with_slot(self.compiler, procedure, slot, self.scope)

    def _record(self, pattern: Any, slot: int) -> Code:
        kind, *parts = self._arguments(pattern, 1)
        frame = self.scope.frame
        expected = frame.slot()
        slots = [frame.slot() for _ in parts]

        def fits(env: Env) -> bool:
            value, wanted = env[slot], env[expected]
            if type(wanted) is not RecordType:
                raise SchemeError(
                    "misc-error", (False, "no such record type: ~S", scheme_list([kind]), False)
                )
            if type(value) is not Record or value.type is not wanted:
                return False
            if len(slots) > len(value.values):
                return False
            for place, field in zip(slots, value.values, strict=False):
                env[place] = field
            return True

        fetched = store(expected, self.compiler.compile(kind, self.scope))
        tests = [self.test(part, place) for part, place in zip(parts, slots, strict=True)]
        return _all([sequence([fetched, (DIRECT, fits)]), *tests])

    def _arguments(self, pattern: Any, least: int, most: int | None = None) -> list[Value]:
        items = items_of(pattern.cdr, self.whole, True)
        if len(items) < least or (most is not None and len(items) > most):
            raise bad_form(self.whole, True)
        return items


_KEYWORDS: dict[str, Any] = {
    "quote": Patterns._quote, "quasiquote": Patterns._quasiquote, "and": Patterns._and,
    "or": Patterns._or, "not": Patterns._not, "?": Patterns._predicate,
    "=": Patterns._field, "$": Patterns._record, "struct": Patterns._record,
}  # fmt: skip


def _unquasi(datum: Value, whole: Value) -> Value:
    """A quasi-pattern as a pattern."""
    if type(datum) is list:
        return [_unquasi(item, whole) for item in datum]
    if is_identifier(datum):
        if symbol_of(datum).name in _ELLIPSES:
            return datum
        return scheme_list([Symbol("quote"), datum])
    if type(datum) is not Pair:
        return datum
    if is_identifier(datum.car) and symbol_of(datum.car).name == "unquote":
        items = items_of(datum.cdr, whole, True)
        if len(items) != 1:
            raise bad_form(whole, True)
        return items[0]
    first = datum.car
    if (
        type(first) is Pair
        and is_identifier(first.car)
        and symbol_of(first.car).name == "unquote-splicing"
    ):
        if datum.cdr is not NIL:
            raise syntax_violation("match", "unquote-splicing must stand last", whole)
        return items_of(first.cdr, whole, True)[0]
    return Pair(_unquasi(first, whole), _unquasi(datum.cdr, whole))
