"""Procedures about modules and evaluation: ``eval``, ``current-module``, ``module-ref`` …"""

from __future__ import annotations

from typing import Any

from services.scheme.dynamics import Bindings
from services.scheme.errors import misc_error, wrong_type
from services.scheme.machine import Machine
from services.scheme.modules import (
    UNBOUND,
    Cell,
    Interface,
    Module,
    add_module,
    assign,
    core,
    interface,
    module_name,
    module_name_datum,
    resolve_module,
)
from services.scheme.parameters import set_value
from services.scheme.primitives import Library, Steps
from services.scheme.procedures import operation
from services.scheme.syntax import Macro, SpecialForm
from services.scheme.toplevel import (
    CURRENT,
    EVALUATE,
    current_module,
    load_into,
    load_text,
)
from services.scheme.types import Keyword, Symbol, Value, scheme_list

LIBRARY = Library()
TABLE = LIBRARY.bindings


def _module(value: Value, who: str, position: int = 1) -> Module:
    if type(value) is Interface:
        return value.module
    if type(value) is not Module:
        raise wrong_type(who, position, value)
    return value


def _found(module: Value, name: Value, who: str) -> Cell | None:
    """What ``name`` means in a module, or in a view of one."""
    wanted = _symbol(name, who, 2)
    return module.find(wanted) if type(module) is Interface else _module(module, who).find(wanted)


def _symbol(value: Value, who: str, position: int) -> str:
    if type(value) is not Symbol:
        raise wrong_type(who, position, value)
    return value.name


# Evaluation


@operation(TABLE, "eval", 2, formals="(exp module-or-state)")
def eval_(machine: Machine, datum: Value, module: Value) -> Any:
    return EVALUATE.fn(machine, datum, _module(module, "eval", 2))


@operation(TABLE, "primitive-eval", 1, formals="(exp)")
def primitive_eval(machine: Machine, datum: Value) -> Any:
    return EVALUATE.fn(machine, datum, current_module())


@LIBRARY.procedure("eval-string", 1, 2)
def eval_string(text: Value, module: Value = None) -> Steps:
    if type(text) is not str:
        raise wrong_type("eval-string", 1, text)
    where = current_module() if module is None else _module(module, "eval-string", 2)
    return (yield from load_text(text, None, where))


@LIBRARY.procedure("primitive-load", 1)
def primitive_load(path: Value) -> Steps:
    if type(path) is not str:
        raise wrong_type("primitive-load", 1, path)
    return (yield from load_into(path, current_module()))


@LIBRARY.primitive("macroexpand", 1)
def macroexpand(datum: Value) -> Value:
    return datum


# The current module


LIBRARY.primitive("current-module")(lambda: current_module())
LIBRARY.alias("interaction-environment", "current-module")


@LIBRARY.primitive("set-current-module", 1)
def set_current_module(module: Value) -> Value:
    previous = current_module()
    set_value(CURRENT, _module(module, "set-current-module"))
    return previous


@operation(TABLE, "save-module-excursion", 1, formals="(thunk)")
def save_module_excursion(machine: Machine, thunk: Value) -> Any:
    machine.extend(Bindings(machine.dynamic, {CURRENT: [current_module()]}))
    return machine.apply(thunk, ())


# Modules as values


@LIBRARY.primitive("make-fresh-user-module", 0)
def make_fresh_user_module() -> Module:
    module = Module()
    module.uses.append(core)
    return module


@LIBRARY.primitive("make-module", 0, None)
def make_module(*_: Value) -> Module:
    return Module()


@LIBRARY.primitive("beautify-user-module!", 1)
def beautify_user_module(module: Value) -> None:
    target = _module(module, "beautify-user-module!")
    if core not in target.uses:
        target.uses.insert(0, core)


@LIBRARY.primitive("resolve-module", 1, None)
def resolve_module_(name: Value, *options: Value) -> Value:
    wanted = module_name(name)
    found = resolve_module(wanted)
    if found is not None:
        return found
    if False in options:  # autoload and ensure given as false
        return False
    return add_module(wanted)


@LIBRARY.primitive("resolve-interface", 1, None)
def resolve_interface(name: Value, *options: Value) -> Value:
    base = interface(module_name(name))
    chosen = {
        options[i].name: options[i + 1]
        for i in range(0, len(options) - 1, 2)
        if type(options[i]) is Keyword
    }
    if not chosen:
        return base
    from services.scheme.loading import restricted

    return restricted(base, chosen, None)


@LIBRARY.primitive("module-public-interface", 1)
def module_public_interface(module: Value) -> Value:
    return _module(module, "module-public-interface")


@LIBRARY.primitive("module-use!", 2)
def module_use(module: Value, other: Value) -> None:
    if type(other) is not Interface:
        _module(other, "module-use!", 2)
    _module(module, "module-use!").use(other)


@LIBRARY.primitive("module-uses", 1)
def module_uses(module: Value) -> Value:
    return scheme_list(_module(module, "module-uses").uses)


@LIBRARY.primitive("module-name", 1)
def module_name_(module: Value) -> Value:
    name = _module(module, "module-name").name
    return module_name_datum(name) if name is not None else False


@LIBRARY.primitive("module-filename", 1)
def module_filename(module: Value) -> Value:
    return _module(module, "module-filename").filename or False


@LIBRARY.primitive("module?", 1)
def is_module(value: Value) -> bool:
    return type(value) in (Module, Interface)


@LIBRARY.primitive("module-define!", 3)
def module_define(module: Value, name: Value, value: Value) -> None:
    _module(module, "module-define!").define(_symbol(name, "module-define!", 2), value)


@LIBRARY.primitive("module-set!", 3)
def module_set(module: Value, name: Value, value: Value) -> None:
    cell = _found(module, name, "module-set!")
    if cell is None:
        raise misc_error(None, "No variable named ~S ~S ~S", name, Symbol("in"), module)
    assign(cell, value)


_ABSENT = object()


@LIBRARY.primitive("module-ref", 2, 3)
def module_ref(module: Value, name: Value, default: Value = _ABSENT) -> Value:
    cell = _found(module, name, "module-ref")
    if cell is not None and type(cell.value) not in (Macro, SpecialForm):
        return cell.value
    if default is _ABSENT:
        raise misc_error(None, "No variable named ~S ~S ~S", name, Symbol("in"), module)
    return default


@LIBRARY.primitive("module-variable", 2)
def module_variable(module: Value, name: Value) -> Value:
    cell = _found(module, name, "module-variable")
    return False if cell is None else cell


@LIBRARY.primitive("module-defined?", 2)
def module_defined(module: Value, name: Value) -> bool:
    return _found(module, name, "module-defined?") is not None


LIBRARY.alias("module-bound?", "module-defined?")


@LIBRARY.primitive("defined?", 1, 2)
def defined(name: Value, module: Value = None) -> bool:
    where = current_module() if module is None else _module(module, "defined?", 2)
    return where.find(_symbol(name, "defined?", 1)) is not None


@LIBRARY.primitive("module-export!", 2)
def module_export(module: Value, names: Value) -> None:
    from services.scheme.loading import _export

    _export(_module(module, "module-export!"), names)


LIBRARY.alias("module-re-export!", "module-export!")

# Variables as values


def _cell(value: Value, who: str) -> Cell:
    if type(value) is not Cell:
        raise wrong_type(who, 1, value)
    return value


@LIBRARY.primitive("variable-ref", 1)
def variable_ref(variable: Value) -> Value:
    value = _cell(variable, "variable-ref").value
    if value is UNBOUND:
        raise misc_error("variable-ref", "Unbound variable: ~S", variable)
    return value


@LIBRARY.primitive("variable-set!", 2)
def variable_set(variable: Value, value: Value) -> None:
    assign(_cell(variable, "variable-set!"), value)


@LIBRARY.primitive("variable-bound?", 1)
def variable_bound(variable: Value) -> bool:
    return _cell(variable, "variable-bound?").value is not UNBOUND


LIBRARY.primitive("variable?", 1)(lambda value: type(value) is Cell)
LIBRARY.primitive("make-variable", 1)(lambda value: Cell("", value))
