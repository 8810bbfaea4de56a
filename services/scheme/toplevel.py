"""Evaluating top-level forms: of a datum, of a file, of a string.

``begin`` at top level is taken apart, so that each form is compiled after the one before
it was run and sees what it imported or defined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scheme.compiler import Compiler
from services.scheme.dynamics import Bindings
from services.scheme.errors import misc_error, system_error
from services.scheme.machine import JUMP, Machine
from services.scheme.modules import Module, user_module
from services.scheme.parameters import CallWith, Parameter, set_value, value_of
from services.scheme.prepared import reader_of
from services.scheme.primitives import Call, Primitive, Steps
from services.scheme.printer import is_circular
from services.scheme.procedures import Operation
from services.scheme.source import Source, decode
from services.scheme.syntax import SpecialForm
from services.scheme.types import EOF, NIL, Pair, Value

if TYPE_CHECKING:
    from services.scheme.reader import Reader

_MAX_FILE = 1 << 26  # bytes


# The module that ``current-module`` and ``primitive-eval`` mean.
CURRENT = Parameter(None, None, "current-module")


def current_module() -> Module:
    """The module in force; outside of any evaluation, one made for that purpose."""
    module: Module | None = value_of(CURRENT)
    if module is None:
        module = user_module()
        set_value(CURRENT, module)
    return module


def run_form(machine: Machine, compiler: Compiler, datum: Value) -> Any:
    """Evaluate a top-level form in tail position: a value or JUMP."""
    if type(datum) is Pair and type(datum.cdr) is Pair:
        head = compiler.meaning(datum.car, None) if _is_name(datum.car) else datum.car
        if type(head) is SpecialForm and head.name == "begin":
            return _run_forms(None, (compiler, datum.cdr), machine)
    node, size = compiler.toplevel(datum)
    machine.node = node
    machine.env = [None] * size
    return JUMP


def _is_name(datum: Value) -> bool:
    from services.scheme.syntax import is_identifier

    return is_identifier(datum)


def _run_forms(value: Value, state: Any, machine: Machine) -> Any:
    compiler, forms = state
    if type(forms.cdr) is Pair:
        machine.stack += (_run_forms, (compiler, forms.cdr))
    elif forms.cdr is not NIL:
        from services.scheme.syntax import bad_form

        raise bad_form(forms)
    return run_form(machine, compiler, forms.car)


def _evaluate(machine: Machine, datum: Value, module: Module) -> Any:
    if is_circular(datum):  # the compiler would go round
        raise misc_error("eval", "code that contains itself: ~S", datum)
    machine.extend(Bindings(machine.dynamic, {CURRENT: [module]}))
    return run_form(machine, Compiler(module, datum), datum)


def _evaluate_read(
    machine: Machine,
    datum: Value,
    source: Source,
    marks: dict[int, int],
    start: int,
    lazy: bool = False,
) -> Any:
    compiler = Compiler(current_module(), datum, source, marks, lazy)
    compiler.here = start
    return run_form(machine, compiler, datum)


def _evaluate_in(machine: Machine, datum: Value, module: Module, reader: Reader) -> Any:
    machine.extend(Bindings(machine.dynamic, {CURRENT: [module]}))
    return _evaluate_read(machine, datum, reader.source, reader.marks, reader.start)


EVALUATE = Operation("eval", _evaluate, 2, 2)
EVALUATE_IN = Operation("eval", _evaluate_in, 3, 3)
_EVALUATE_READ = Operation("eval", _evaluate_read, 5, 5)


def read_file(path: str) -> str:
    """The text of a file.  Raises the ``system-error`` that loading it raises."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return decode(file.read(_MAX_FILE))
    except OSError as error:
        raise system_error("open-fdes", error) from None


def load_into(path: str, module: Module) -> Steps:
    """Evaluate the forms of a file in ``module``."""
    return (yield from load_text(read_file(path), path, module))


def load_text(text: str, name: str | None, module: Module) -> Steps:
    """Evaluate every form of ``text``, reading each after the one before it was run."""
    return (yield CallWith({CURRENT: module}, _FORMS, (text, name)))


def _forms(text: str, name: str | None) -> Steps:
    reader = reader_of(text, name)
    value: Value = None
    datum = reader.read()
    while datum is not EOF:
        place = (reader.source, reader.marks, reader.start)
        value = yield Call(_EVALUATE_READ, (datum, *place, reader.lazy))
        datum = reader.read()
    return value


_FORMS = Primitive("load", _forms, 2, 2, generator=True)
LOAD = Primitive("load", load_into, 2, 2, generator=True)
