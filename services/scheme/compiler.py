"""From a datum to code: what each form means and which nodes it becomes.

While compiling, a primitive bound by a library is taken as known, and local variables
are taken as never assigned; when the form turns out to break that, it is compiled once
more without the assumption.  Procedures compiled earlier that relied on a primitive are
compiled anew when their next call comes after its redefinition.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from services.scheme import modules, nodes
from services.scheme.calls import Apply, ApplyKnown, ApplyPrimitive, call, call_known, staged
from services.scheme.codes import general_of
from services.scheme.errors import SchemeError, stack_overflow
from services.scheme.machine import JUMP, Machine
from services.scheme.modules import Cell, Module
from services.scheme.primitives import Primitive
from services.scheme.procedures import Env, Template, Where
from services.scheme.source import Source
from services.scheme.syntax import (
    DIRECT,
    GENERAL,
    SIMPLE,
    Alias,
    Code,
    Frame,
    Macro,
    Names,
    Scope,
    SpecialForm,
    Variable,
    bad_form,
    count_pairs,
    distance,
    place,
    strip,
    symbol_of,
    syntax_violation,
)
from services.scheme.types import NIL, Pair, Symbol, Value

# Primitives whose result may be multiple values: their callers must look at it.
_MULTIPLE = frozenset(
    (
        "values", "floor/", "truncate/", "euclidean/", "round/", "ceiling/", "centered/", "span",
        "exact-integer-sqrt", "break", "partition", "split-at", "car+cdr", "unzip2", "unzip3",
        "div-and-mod", "span!", "break!", "partition!", "split-at!", "mod0-and-div0",
    )
)  # fmt: skip
_MAX_EXPANSIONS = 50_000  # of one top-level form
_USUAL_WORK = 20_000  # expressions that are compiled without asking how much was written
_MOST_WORK = 20  # expressions for each pair that was written
# Forms at top level whose parts are at top level too, or that are definitions.
_TRANSPARENT = frozenset(
    (
        "begin", "define", "define*", "define-values", "define-syntax", "define-public", "include",
        "define-macro", "defmacro", "eval-when", "cond-expand", "define-module", "use-modules",
    )
)  # fmt: skip
_NESTING = 80  # levels of nesting that may use Python's stack before the machine's is used

_DEEP = 20_000  # Python calls allowed for a form that nests very deep


@contextmanager
def _deep_recursion() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_DEEP)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


_templates: WeakSet[Template] = WeakSet()


class Restart(Exception):
    """The form must be compiled again, with less taken for granted."""


class Compiler(Names):
    """Compiles the forms of one top-level datum."""

    def __init__(
        self,
        module: Module,
        datum: Value = None,
        source: Source | None = None,
        marks: dict[int, int] | None = None,
        lazy: bool = False,
    ) -> None:
        self.module = module
        self.lazy = lazy  # procedures are compiled when they are called first
        self.datum = datum  # kept alive: the marks are by identity
        self.source = source
        self.marks = marks if source is not None and marks is not None else {}
        self.here: int | None = None
        self.immutable = True  # no local variable is assigned
        self.relied: set[Cell] = set()  # primitives taken as known by the whole datum
        self.uses = self.relied  # and by the innermost procedure
        self.depth = 0
        self.top = True  # definitions are allowed here and make variables of the module
        self.expansions = 0
        self.work = 0  # expressions compiled so far
        self.most = _USUAL_WORK

    @property
    def filename(self) -> str | None:
        """The file being compiled."""
        return self.source.name if self.source is not None else None

    def where(self) -> Where:
        """The place of the form being compiled."""
        if self.source is None or self.here is None:
            return None
        return self.source, self.here

    def rely(self, cell: Cell) -> None:
        """Note that the code depends on the value of ``cell``."""
        self.uses.add(cell)
        self.relied.add(cell)

    # Expressions

    def toplevel(self, datum: Value) -> tuple[Any, int]:
        """The node of a top-level form and the size of its environment.

        Raises SchemeError with key ``syntax-error``.
        """
        start = self.here
        for _ in range(1000):
            frame = Frame(None)
            scope = Scope(frame, None)
            self.relied = self.uses = set()
            self.depth, self.top, self.here = 0, True, start
            try:
                code = self.compile(datum, scope)
            except Restart:
                continue
            except RecursionError:
                if sys.getrecursionlimit() >= _DEEP:
                    raise stack_overflow() from None
                with _deep_recursion():
                    return self.toplevel(datum)
            except SchemeError as error:
                if error.location is None and self.source is not None and self.here is not None:
                    error.location = self.source.location(self.here)
                place(error)
                raise
            return general_of(code), frame.size
        raise syntax_violation(None, "the form cannot be compiled", datum)

    def compile(self, datum: Value, scope: Scope) -> Code:
        """The code of an expression."""
        while True:
            kind = type(datum)
            if kind is Symbol or kind is Alias:
                return self.reference(datum, scope)
            if kind is not Pair:
                if datum is NIL:
                    raise syntax_violation(None, "unexpected syntax", datum)
                # A vector out of a macro may hold aliases.
                return SIMPLE, nodes.constant(strip(datum) if kind is list else datum)
            outer = self.here
            self.here = self.marks.get(id(datum), outer)
            head = datum.car
            kind = type(head)
            meaning = self.resolve(head, scope) if kind is Symbol or kind is Alias else head
            if type(meaning) is Cell and type(meaning.value) in (SpecialForm, Macro):
                meaning = meaning.value
            if type(meaning) is Macro:
                datum = self.expand(meaning, datum, scope)
                continue
            self.depth += 1
            self.work += 1
            if self.work > self.most:
                self._check_work(datum)
            if type(meaning) is SpecialForm:
                top = self.top
                self.top = top and meaning.name in _TRANSPARENT
                code = meaning.compile(self, datum, scope)
                self.top = top
            else:
                top, self.top = self.top, False
                code = self.call(datum, meaning, scope)
                self.top = top
            if self.depth % _NESTING == 0:
                code = GENERAL, nodes.bounce(general_of(code))
            self.depth -= 1
            self.here = outer
            return code

    def _check_work(self, datum: Value) -> None:
        """Refuse a form that macros, or shared parts, make much larger than it was written."""
        most = _USUAL_WORK + _MOST_WORK * count_pairs(self.datum)
        if self.work > most:
            raise syntax_violation(None, "expression is too large", datum)
        self.most = most

    def expand(self, macro: Macro, datum: Value, scope: Scope) -> Value:
        """One step of expansion."""
        self.expansions += 1
        if self.expansions > _MAX_EXPANSIONS:
            raise syntax_violation(None, "macro expansion does not end", datum)
        if macro.in_scope:
            return macro.expand(datum, self, scope)
        return macro.expand(datum)

    def reference(self, name: Any, scope: Scope) -> Code:
        """A variable."""
        found = self.resolve(name, scope)
        if type(found) is Variable:
            level = SIMPLE if self.immutable else DIRECT
            return level, nodes.local(distance(scope, found), found.index)
        if type(found) is Cell:
            value = found.value
            if type(value) is SpecialForm or type(value) is Macro:
                found = value
            else:
                level = SIMPLE if found.known else DIRECT
                if found.known:
                    self.rely(found)
                return level, nodes.global_reference(found, self.module, self.where())
        if type(found) is SpecialForm and found.reference is not None:
            return SIMPLE, nodes.constant(found.reference(self, scope))
        if symbol_of(name).name in ("else", "=>", "...", "_"):
            word = symbol_of(name).name
            raise syntax_violation(word, f"bad use of '{word}' syntactic keyword", name)
        raise bad_form(name)

    def call(self, datum: Pair, meaning: Any, scope: Scope) -> Code:
        """A procedure call."""
        mark = self.here
        parts: list[Code] = []
        rest = datum.cdr
        marks = self.marks
        while type(rest) is Pair:
            item = rest.car
            if type(item) is Pair:
                parts.append(self.compile(item, scope))
            else:
                self.here = marks.get(id(rest), mark)
                parts.append(self.compile(item, scope))
            rest = rest.cdr
        if rest is not NIL:
            raise bad_form(datum)
        self.here = mark
        where = self.where()
        count = len(parts)
        direct = all(part[0] for part in parts)
        if type(meaning) is Variable:
            template = meaning.template
            if template is not None and template.count == count and self.immutable:
                depth = distance(scope, meaning)
                if direct:
                    args = [part[1] for part in parts]
                    return GENERAL, call_known(depth, template, args, where)
                up = SIMPLE, nodes.environment(depth)
                return GENERAL, staged([up, *parts], ApplyKnown(template, where))
        primitive = None
        if type(meaning) is Cell and meaning.known and type(meaning.value) is Primitive:
            primitive = meaning.value
        elif type(meaning) is Primitive:
            primitive = meaning
        if (
            primitive is not None
            and not primitive.generator
            and primitive.low <= count
            and (primitive.high is None or count <= primitive.high)
            and primitive.name not in _MULTIPLE
        ):
            if type(meaning) is Cell:
                self.rely(meaning)
            if not direct:
                return GENERAL, staged(parts, ApplyPrimitive(primitive, where))
            return DIRECT, nodes.primitive_call(primitive, datum, [p[1] for p in parts], where)
        operator = self.compile(datum.car, scope)
        if direct and operator[0]:
            return GENERAL, call(operator[1], [part[1] for part in parts], where)
        return GENERAL, staged([operator, *parts], Apply(where))

    def body(self, forms: Value, scope: Scope, whole: Value) -> Code:
        """A body: definitions, which see each other, and expressions."""
        from services.scheme.bodies import compile_body

        return compile_body(self, forms, scope, whole)

    def mutable(self) -> None:
        """The form assigns a local variable: none may be read at another time than it says."""
        if self.immutable:
            self.immutable = False
            raise Restart

    def unknown(self, cell: Cell) -> None:
        """The form assigns ``cell``: nobody may take its value as known any more."""
        if cell.known:
            cell.known = False
            modules.forget(cell)
            if cell in self.relied:
                raise Restart

    # Procedures

    def procedure(
        self,
        name: str | None,
        scope: Scope,
        build: Callable[[Compiler, Template, Scope], Callable[[], Code]],
        template: Template | None = None,
    ) -> Template:
        """The template of a procedure.

        ``build`` adds the arguments to the new scope and fills the template in, and gives what
        compiles the body.
        """
        if template is None:
            template = Template(name, self.where())
        made = template
        here = self.here

        def lay_out() -> tuple[Frame, Callable[[], Code]]:
            frame = Frame(scope.frame)
            return frame, build(self, made, Scope(frame, scope))

        def pad(frame: Frame) -> None:
            taken = made.count if made.count >= 0 else made.required + made.optional
            made.pad = (None,) * (frame.size - 1 - taken)

        def remake() -> None:
            outer, self.uses = self.uses, set()
            outer_depth, self.depth, self.here = self.depth, 0, here
            top, self.top = self.top, False
            try:
                frame, body = lay_out()
                code = body()
                made.uses = self.uses
            finally:
                self.uses, self.depth, self.top = outer, outer_depth, top
            pad(frame)
            made.body = general_of(code)

        def remake_later() -> None:
            # What compiling the form took before does not count.
            self.expansions = self.work = 0
            remake()

        made.remake = remake_later
        if self.lazy:
            pad(lay_out()[0])
            _invalidate(made)
        else:
            remake()
        _templates.add(made)
        return made


def _forget(cell: Cell) -> None:
    for template in list(_templates):
        if cell in template.uses:
            _invalidate(template)


def _invalidate(template: Template) -> None:
    def again(env: Env, machine: Machine) -> Any:
        assert template.remake is not None
        had = len(template.pad)
        template.remake()
        env.extend(template.pad[had:])
        machine.node, machine.env = template.body, env
        return JUMP

    template.body = again


modules.forget = _forget
