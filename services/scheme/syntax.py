"""What a name can mean to the compiler besides a variable: special forms and macros.

Hygiene comes from aliases.  A macro's expansion holds, for each symbol of its template,
an ``Alias`` that remembers where the macro was defined; an alias that nothing binds means
what its symbol means there.  Forms made by Python code may also hold special forms and
procedures themselves instead of their names, and fresh aliases as temporary names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from services.scheme.errors import SchemeError
from services.scheme.modules import UNBOUND, Cell
from services.scheme.procedures import Template
from services.scheme.types import NIL, Pair, Symbol, Value, is_circular_list, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler
    from services.scheme.modules import Module

# (level, node).  GENERAL: a node that takes the machine; DIRECT: one that does not; SIMPLE: a
# direct one without effect, whose value does not depend on when it is evaluated.
Code: TypeAlias = "tuple[int, Any]"
GENERAL, DIRECT, SIMPLE = 0, 1, 2


class SpecialForm:
    """A form that the compiler knows; ``compile(compiler, form, scope)`` gives its code.

    ``reference(compiler, scope)`` gives the value of the name where it stands alone.
    """

    __slots__ = ("compile", "name", "reference")

    def __init__(
        self,
        name: str,
        compile: Callable[[Compiler, Any, Scope], Code],
        reference: Callable[[Compiler, Scope], Value] | None = None,
    ) -> None:
        self.name = name
        self.compile = compile
        self.reference = reference


class Macro:
    """A macro: ``expand(form)`` gives the form to compile in its place.

    This is how a module of the host supplies syntax: ``LIBRARY.bind(name, Macro(name, f))``.
    The expansion may hold procedures, special forms (``services.scheme.forms``) and other
    values directly.  A macro that wants to know where it is used sets ``in_scope`` and is
    called with ``(form, compiler, scope)``.
    """

    __slots__ = ("expand", "in_scope", "name")

    def __init__(self, name: str, expand: Callable[..., Value], in_scope: bool = False) -> None:
        self.name = name
        self.expand = expand
        self.in_scope = in_scope


class Alias:
    """A symbol that means what ``name`` means in ``scope`` of ``module``."""

    __slots__ = ("module", "name", "scope")

    def __init__(self, name: Symbol | Alias, scope: Scope | None, module: Module | None) -> None:
        self.name = name
        self.scope = scope
        self.module = module

    def __repr__(self) -> str:
        return f"Alias({symbol_of(self).name!r})"


Identifier: TypeAlias = "Symbol | Alias"


class Variable:
    """A local variable: ``index`` in the environments of ``frame``.

    ``template`` is set while the variable is known to hold a closure of that code.
    """

    __slots__ = ("frame", "index", "template")

    def __init__(self, frame: Frame, index: int) -> None:
        self.frame = frame
        self.index = index
        self.template: Template | None = None


class Frame:
    """The layout of the environments of one procedure; index 0 is the enclosing one."""

    __slots__ = ("parent", "size")

    def __init__(self, parent: Frame | None) -> None:
        self.parent = parent
        self.size = 1

    def slot(self) -> int:
        """A new place."""
        self.size += 1
        return self.size - 1


class Scope:
    """The names that a form sees, innermost first."""

    __slots__ = ("frame", "names", "parent")

    def __init__(self, frame: Frame, parent: Scope | None) -> None:
        self.frame = frame
        self.parent = parent
        self.names: dict[Any, Variable | Macro | SpecialForm] = {}

    def add(self, name: Identifier) -> Variable:
        """A new variable called ``name``."""
        variable = self.names[name] = Variable(self.frame, self.frame.slot())
        return variable


class Names:
    """What identifiers mean in a module, and inside the scopes of its procedures."""

    module: Module

    def resolve(self, name: Any, scope: Scope | None) -> Variable | Macro | SpecialForm | Cell:
        """What an identifier means."""
        module = self.module
        while True:
            inner = scope
            while inner is not None:
                found = inner.names.get(name)
                if found is not None:
                    return found
                inner = inner.parent
            if type(name) is not Alias:
                return module.cell(name.name)
            scope = name.scope
            module = name.module or module
            name = name.name

    def meaning(self, name: Any, scope: Scope | None) -> Any:
        """What an identifier means, with syntax taken out of its cell."""
        found = self.resolve(name, scope)
        if type(found) is Cell and type(found.value) in (SpecialForm, Macro):
            return found.value
        return found

    def same(self, name: Any, scope: Scope | None, other: Any, elsewhere: Scope | None) -> bool:
        """Whether two identifiers mean the same binding."""
        if symbol_of(name) is symbol_of(other) and scope is elsewhere and name is other:
            return True
        a, b = self.resolve(name, scope), self.resolve(other, elsewhere)
        if a is b:
            return True
        if type(a) is Cell and type(b) is Cell and a.name == b.name:
            # Syntax that was imported through two views has two cells.
            return a.value is b.value and (
                a.value is UNBOUND or type(a.value) in (SpecialForm, Macro)
            )
        return False

    def is_form(self, name: Any, scope: Scope | None, keyword: str) -> bool:
        """Whether ``name`` means the special form or auxiliary syntax called ``keyword``."""
        if type(name) is SpecialForm or type(name) is Macro:
            return name.name == keyword
        if type(name) is not Symbol and type(name) is not Alias:
            return False
        if symbol_of(name).name != keyword:
            return False
        found = self.resolve(name, scope)
        return type(found) is Cell or (type(found) is SpecialForm and found.name == keyword)


def distance(scope: Scope, variable: Variable) -> int:
    """How many environments up a variable stands."""
    depth = 0
    frame: Frame | None = scope.frame
    while frame is not variable.frame:
        if frame is None:
            raise SchemeError(
                "syntax-error", (False, "identifier out of context", False, False, False)
            )
        frame = frame.parent
        depth += 1
    return depth


def is_identifier(datum: Value) -> bool:
    """Whether ``datum`` can be a name in a program."""
    return type(datum) is Symbol or type(datum) is Alias


def symbol_of(name: Identifier) -> Symbol:
    """The symbol that was written in the program."""
    while type(name) is Alias:
        name = name.name
    return name  # type: ignore[return-value]


def temporary(name: str = "t") -> Alias:
    """A name that nothing else can mean."""
    return Alias(Symbol(name), None, None)


def strip(datum: Value) -> Value:
    """``datum`` with aliases replaced by their symbols; shares what holds none.

    Nesting costs no Python stack: sharing is found first, then copies are made.
    """
    if type(datum) is not Pair and type(datum) is not list:
        return _plain(datum)
    if not _holds_alias(datum):
        return datum
    root: list[Value] = [None]
    # Parts that are shared stay so: written out, there may be any number of them.
    copies: dict[int, Value] = {}
    # (where the copy goes, what is to be copied)
    todo: list[tuple[Callable[[Value], None], Value]] = [(_set_item(root, 0), datum)]
    while todo:
        put, item = todo.pop()
        if id(item) in copies:
            put(copies[id(item)])
        elif type(item) is Pair:
            copy = copies[id(item)] = Pair(item.car, item.cdr)
            put(copy)
            todo.append((_set_car(copy), item.car))
            todo.append((_set_cdr(copy), item.cdr))
        elif type(item) is list:
            vector = copies[id(item)] = list(item)
            put(vector)
            todo.extend((_set_item(vector, i), part) for i, part in enumerate(item))
        else:
            put(_plain(item))
    return root[0]


def count_pairs(datum: Value, most: int | None = None) -> int:
    """How many different pairs ``datum`` has; one more than ``most``, if there are so many."""
    seen: set[int] = set()
    todo = [datum]
    while todo and (most is None or len(seen) <= most):
        item = todo.pop()
        if type(item) is Pair and id(item) not in seen:
            seen.add(id(item))
            todo += (item.car, item.cdr)
    return len(seen)


def _plain(datum: Value) -> Value:
    if type(datum) is Alias:
        return symbol_of(datum)
    if type(datum) is SpecialForm or type(datum) is Macro:
        return Symbol(datum.name)
    return datum


def _holds_alias(datum: Value) -> bool:
    todo = [datum]
    seen: set[int] = set()
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind is Pair:
            if id(item) in seen:
                continue
            seen.add(id(item))
            todo.append(item.cdr)
            todo.append(item.car)
        elif kind is list:
            if id(item) not in seen:
                seen.add(id(item))
                todo.extend(item)
        elif kind is Alias or kind is SpecialForm or kind is Macro:
            return True
    return False


def _set_car(pair: Pair) -> Callable[[Value], None]:
    return lambda value: setattr(pair, "car", value)


def _set_cdr(pair: Pair) -> Callable[[Value], None]:
    return lambda value: setattr(pair, "cdr", value)


def _set_item(items: list[Value], index: int) -> Callable[[Value], None]:
    def put(value: Value) -> None:
        items[index] = value

    return put


def form(*items: Value, tail: Value = NIL) -> Any:
    """A list of ``items``; lets Python code write forms."""
    return scheme_list(items, tail)


def bad_form(datum: Value, placed: bool = False) -> SchemeError:
    """``source expression failed to match any pattern``."""
    return syntax_violation(None, "source expression failed to match any pattern", datum, placed)


def syntax_violation(
    who: str | None, message: str, datum: Value, placed: bool = True, subform: Value = False
) -> SchemeError:
    """A malformed form.

    The compiler notes where it stands; where Guile does too it is told in the arguments
    (``placed``).
    """
    return SchemeError(
        "syntax-error",
        (Symbol(who) if who else False, message, placed, strip(datum), strip(subform)),
    )


def place(error: SchemeError) -> None:
    """Fill in the place among the arguments of a syntax error: an association list or #f."""
    args = error.arguments
    if error.key != "syntax-error" or len(args) != 5 or args[2] is not True:
        return
    where: Value = False
    if error.location is not None:
        file, line, column = error.location
        entries = [Pair(Symbol("line"), line - 1), Pair(Symbol("column"), column - 1)]
        if file != "#<unknown port>":
            entries.insert(0, Pair(Symbol("filename"), file))
        where = scheme_list(entries)
    error.arguments = (*args[:2], where, *args[3:])


def items_of(datum: Value, whole: Value, placed: bool = False) -> list[Value]:
    """The elements of a proper list.  Raises the syntax error of ``whole`` otherwise."""
    items: list[Value] = []
    rest = datum
    while type(rest) is Pair:
        items.append(rest.car)
        rest = rest.cdr
        if len(items) % 65536 == 0 and is_circular_list(rest):
            break
    if rest is not NIL:
        raise bad_form(whole, placed)
    return items


def parts_of(form: Any, least: int, most: int | None = None) -> list[Value]:
    """What follows the keyword of ``form``, ``least`` to ``most``; else raises its syntax error."""
    parts = items_of(form.cdr, form, True)
    if len(parts) < least or (most is not None and len(parts) > most):
        raise bad_form(form, True)
    return parts


def names_in(datum: Value) -> list[Any]:
    """The identifiers in ``datum``, however deep, each once, in the order of their appearance."""
    names: dict[Any, None] = {}
    todo = [datum]
    while todo:
        item = todo.pop()
        if is_identifier(item):
            names[item] = None
        elif type(item) is Pair:
            todo += (item.cdr, item.car)
        elif type(item) is list:
            todo += reversed(item)
    return list(names)


def identifiers(datums: Iterable[Value], whole: Value) -> list[Any]:
    """``datums``, all of which must be identifiers."""
    result = list(datums)
    if not all(is_identifier(name) for name in result):
        raise bad_form(whole)
    return result
