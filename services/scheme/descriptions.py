"""How objects without a notation are printed: ``#<procedure car (_)>`` and the like."""

from __future__ import annotations

from services.scheme.primitives import Primitive
from services.scheme.types import NIL, Keyword, Pair, Symbol, Value


def describe(value: Value) -> str:
    """The text of a procedure, module, promise … or of an object of the host."""
    from services.scheme.modules import Module
    from services.scheme.parameters import Parameter
    from services.scheme.procedures import CaseLambda, Closure, Operation
    from services.scheme.syntax import Alias, Macro, SpecialForm, symbol_of

    kind = type(value)
    if kind is Primitive:
        return f"#<procedure {value.name} {_anonymous(value.low, value.high)}>"
    if kind is Operation:
        formals = value.formals or _anonymous(value.low, value.high)
        return f"#<procedure {value.name} {formals}>"
    if kind is Closure:
        return _closure(value)
    if kind is CaseLambda:
        formals = " | ".join(formals_text(clause.template.formals) for clause in value.clauses)
        return f"#<procedure {value.name or format(id(value), 'x')} {formals}>"
    if kind is Parameter:
        return f"#<<parameter> {id(value):x} proc: #<procedure {id(value):x} () | (x)>>"
    if kind is Module:
        if value.name is None:
            return f"#<module (#{{ g{id(value) % 1000}}}#) {id(value):x}>"
        return f"#<module ({' '.join(value.name)}) {id(value):x}>"
    if kind is Macro or kind is SpecialForm:
        return f"#<syntax-transformer {value.name}>"
    if kind is Alias:
        return f"#<syntax {symbol_of(value).name}>"
    if any("__str__" in base.__dict__ or "__repr__" in base.__dict__ for base in kind.__mro__[:-1]):
        return str(value)
    return f"#<{kind.__name__.lower()} {id(value):x}>"


def _closure(value: Value) -> str:
    template = value.template
    formals = formals_text(template.formals)
    if template.name is not None:
        return f"#<procedure {template.name} {formals}>"
    text = f"#<procedure {id(value):x}"
    if template.where is not None:
        location = template.where[0].location(template.where[1])
        file = location.file if location.file != "#<unknown port>" else "<unknown port>"
        text += f" at {file}:{location.line}:{location.column - 1}"
    return f"{text} {formals}>"


def formals_text(formals: Value) -> str:
    """An argument list without the defaults of its optional arguments."""
    from services.scheme.printer import write
    from services.scheme.syntax import strip

    formals = strip(formals)
    if type(formals) is not Pair:
        return write(formals)
    parts: list[str] = []
    while type(formals) is Pair:
        item = formals.car
        if type(item) is Pair:
            item = item.car
        parts.append(write(item) if type(item) in (Symbol, Keyword) else "_")
        formals = formals.cdr
    if formals is not NIL:
        parts += [".", write(formals)]
    return f"({' '.join(parts)})"


def _anonymous(low: int, high: int | None) -> str:
    """The argument list of a procedure whose arguments have no names."""
    if low == 0 and high is None:
        return "_"
    parts = ["_"] * low
    if high is not None and high > low:
        parts += ["#:optional", *["_"] * (high - low)]
    if high is None:
        parts += [".", "_"]
    return f"({' '.join(parts)})"
