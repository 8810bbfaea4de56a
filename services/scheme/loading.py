"""Forms about modules and files: ``use-modules``, ``@``, ``define-module``, ``load``."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

from services.scheme import nodes
from services.scheme.bodies import parse_definition
from services.scheme.codes import conditional
from services.scheme.errors import misc_error, unbound_variable
from services.scheme.forms import BEGIN, DEFINE, UNSPECIFIED, at_toplevel, special
from services.scheme.modules import (
    UNBOUND,
    Interface,
    Module,
    add_module,
    import_into,
    interface,
    load_path,
    module_name,
    resolve_module,
)
from services.scheme.parameters import set_value
from services.scheme.primitives import Primitive, Steps
from services.scheme.procedures import Env
from services.scheme.syntax import (
    DIRECT,
    SIMPLE,
    Code,
    Macro,
    Scope,
    SpecialForm,
    bad_form,
    is_identifier,
    items_of,
    parts_of,
    strip,
    symbol_of,
    syntax_violation,
)
from services.scheme.toplevel import CURRENT, load_into, read_file
from services.scheme.types import EOF, Keyword, Pair, Symbol, Value, is_list, iterate, scheme_list

if TYPE_CHECKING:
    from services.scheme.compiler import Compiler

TABLE: dict[str, Value] = {}


# Importing


def specified(spec: Value, module: Module | None = None) -> Module | Interface:
    """What ``(a b)`` or ``((a b) #:select … #:hide … #:prefix … #:renamer …)`` means.

    Raises UnknownModule.
    """
    if not (type(spec) is Pair and type(spec.car) is Pair):
        return interface(module_name(spec))
    base = interface(module_name(spec.car))
    options: dict[str, Value] = {}
    rest = spec.cdr
    while type(rest) is Pair and type(rest.car) is Keyword and type(rest.cdr) is Pair:
        options[rest.car.name] = rest.cdr.car
        rest = rest.cdr.cdr
    return restricted(base, options, module)


def restricted(base: Module, options: dict[str, Value], module: Module | None) -> Interface:
    """A view of ``base``."""
    chosen: dict[str, str] | None = None
    if "select" in options:
        chosen = {}
        for item in iterate(options["select"]):
            if type(item) is Pair and type(item.cdr) is Symbol:
                chosen[item.cdr.name] = item.car.name
            elif type(item) is Symbol:
                chosen[item.name] = item.name
        for theirs in chosen.values():
            if base.exported(theirs) is None:
                raise misc_error(
                    None, "no binding `~A' in module ~A", Symbol(theirs), _name_of(base)
                )
    hidden = {item.name for item in iterate(options.get("hide")) if type(item) is Symbol}
    prefix = options["prefix"].name if type(options.get("prefix")) is Symbol else ""
    renamed: dict[str, str] | None = None
    if "renamer" in options:
        renamed = _renamed(base, options["renamer"], module)

    def translate(name: str) -> str | None:
        if renamed is not None:
            name = renamed.get(name, "")
        if prefix:
            if not name.startswith(prefix):
                return None
            name = name[len(prefix) :]
        if chosen is not None:
            return chosen.get(name)
        return None if name in hidden or not name else name

    return Interface(base, translate)


def _name_of(module: Module) -> Value:
    from services.scheme.modules import module_name_datum

    return module_name_datum(module.name or ())


def _renamed(base: Module, renamer: Value, module: Module | None) -> dict[str, str]:
    """The names after ``#:renamer``, an expression or a procedure."""
    from services.scheme.evaluation import run_now
    from services.scheme.modules import user_module
    from services.scheme.toplevel import EVALUATE
    from services.scheme.types import Procedure

    if not isinstance(renamer, Procedure):
        renamer = run_now(EVALUATE, (renamer, module or user_module()))
    result: dict[str, str] = {}
    for name in base.names():
        new = run_now(renamer, (Symbol(name),))
        if type(new) is Symbol:
            result[new.name] = name
    return result


@special("use-modules", TABLE)
def use_modules(compiler: Compiler, form: Any, scope: Scope) -> Code:
    for spec in items_of(form.cdr, form):
        if type(spec) is not Pair:
            raise bad_form(form)
        import_into(compiler.module, specified(strip(spec), compiler.module))
    return UNSPECIFIED


TABLE["use-syntax"] = TABLE["use-modules"]


def _at(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form, True)
    if len(parts) != 2 or not is_identifier(parts[1]):
        raise bad_form(form, True)
    module = interface(module_name(strip(parts[0])))
    name = symbol_of(parts[1]).name
    inside = is_identifier(form.car) and symbol_of(form.car).name == "@@"
    cell = module.find(name) if inside else module.exported(name)
    if cell is None:
        error = unbound_variable(name)
        error.arguments = ("module-lookup", *error.arguments[1:])
        raise error
    return DIRECT, nodes.global_reference(cell, module, compiler.where())


TABLE["@"] = SpecialForm("@", _at)
TABLE["@@"] = SpecialForm("@@", _at)


@special("define-module", TABLE)
def define_module(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = parts_of(form, 1)
    module = add_module(module_name(strip(parts[0])))
    rest = parts[1:]
    while rest:
        option = rest.pop(0)
        if type(option) is not Keyword:
            raise bad_form(form, True)
        if option.name in ("pure", "no-backtrace") or not rest:
            continue
        value = strip(rest.pop(0))
        if option.name in ("use-module", "use-syntax"):
            import_into(module, specified(value, module))
        elif option.name == "autoload" and rest:
            names = strip(rest.pop(0))
            found = resolve_module(module_name(value))
            if found is not None:
                module.use(restricted(found, {"select": names}, module))
        elif option.name in ("export", "re-export", "export-syntax", "re-export-syntax",
                             "replace", "re-export-and-replace"):  # fmt: skip
            _export(module, value)

    def enter(env: Any) -> None:
        set_value(CURRENT, module)

    return DIRECT, enter


def _export(module: Module, names: Value) -> None:
    if module.public is None:
        return
    for item in iterate(names):
        name = item.cdr if type(item) is Pair else item
        if type(name) is Symbol:
            module.public.add(name.name)


def _export_form(compiler: Compiler, form: Any, scope: Scope) -> Code:
    _export(compiler.module, strip(form.cdr))
    return UNSPECIFIED


for _name in ("export", "re-export", "export-syntax", "re-export-syntax", "export!"):
    TABLE[_name] = SpecialForm(_name, _export_form)


@special("define-public", TABLE)
def define_public(compiler: Compiler, form: Any, scope: Scope) -> Code:
    name = symbol_of(parse_definition(form).name)
    if at_toplevel(compiler, scope):
        _export(compiler.module, scheme_list([name]))
    return compiler.compile(Pair(DEFINE, form.cdr), scope)


@special("define-once", TABLE)
def define_once(compiler: Compiler, form: Any, scope: Scope) -> Code:
    """A definition that keeps the value of a variable that has one."""
    module, name = compiler.module, symbol_of(parse_definition(form).name).name
    definition = compiler.compile(Pair(DEFINE, form.cdr), scope)

    def is_defined(env: Env) -> bool:
        cell = module.own(name)
        return cell is not None and cell.value is not UNBOUND

    return conditional((DIRECT, is_defined), UNSPECIFIED, definition)


TABLE["define-private"] = Macro("define-private", lambda form: Pair(DEFINE, form.cdr))


@special("eval-when", TABLE)
def eval_when(compiler: Compiler, form: Any, scope: Scope) -> Code:
    parts = items_of(form.cdr, form, True)
    return compiler.compile(scheme_list([BEGIN, *parts[1:]]), scope)


@special("cond-expand", TABLE)
def cond_expand(compiler: Compiler, form: Any, scope: Scope) -> Code:
    for clause in items_of(form.cdr, form, True):
        parts = items_of(clause, form, True)
        if parts and _feature(strip(parts[0])):
            return compiler.compile(scheme_list([BEGIN, *parts[1:]]), scope)
    raise syntax_violation("cond-expand", "unfulfilled cond-expand", form)


_FEATURES = (
    "else guile guile-2 guile-2.2 guile-3 guile-3.0 r5rs r6rs r7rs exact-closed ratios "
    "full-unicode srfi-0 srfi-1 srfi-2 srfi-6 srfi-8 srfi-9 srfi-11 srfi-13 srfi-14 srfi-16 "
    "srfi-23 srfi-26 srfi-30 srfi-34 srfi-35 srfi-39 srfi-45 srfi-46 srfi-62 srfi-87 "
    "string-ports posix"
)


def _feature(requirement: Value) -> bool:
    if type(requirement) is Symbol:
        return requirement.name in _FEATURES.split()
    if not is_list(requirement) or type(requirement) is not Pair:
        return False
    head, *rest = iterate(requirement)
    name = head.name if type(head) is Symbol else ""
    if name == "and":
        return all(_feature(item) for item in rest)
    if name == "or":
        return any(_feature(item) for item in rest)
    if name == "not":
        return len(rest) == 1 and not _feature(rest[0])
    if name == "library":
        return len(rest) == 1 and resolve_module(module_name(rest[0])) is not None
    return False


# Files


def _beside(compiler: Compiler) -> str:
    """The folder of the file being compiled, with a slash, or nothing."""
    name = compiler.filename
    folder = os.path.dirname(name) if name else ""
    return folder + "/" if folder and not folder.endswith("/") else folder


def loader(compiler: Compiler) -> Primitive:
    """``load`` as it is in one file: names are relative to that file, and definitions go
    to its module."""
    folder, module = _beside(compiler), compiler.module

    def load(path: Value, *_: Value) -> Steps:
        if type(path) is not str:
            raise misc_error("load", "not a file name: ~S", path)
        return (yield from load_into(os.path.join(folder, path), module))

    return Primitive("load", load, 1, 2, generator=True)


def _load(compiler: Compiler, form: Any, scope: Scope) -> Code:
    return compiler.compile(Pair(loader(compiler), form.cdr), scope)


TABLE["load"] = SpecialForm("load", _load, lambda compiler, scope: loader(compiler))


@special("include", TABLE)
def include(compiler: Compiler, form: Any, scope: Scope) -> Code:
    from services.scheme.reader import Reader

    forms: list[Value] = []
    for name in items_of(form.cdr, form, True):
        if type(name) is not str:
            raise bad_form(form, True)
        path = os.path.join(_beside(compiler), name)
        reader = Reader(read_file(path), path)
        while (datum := reader.read()) is not EOF:
            forms.append(datum)
    return compiler.compile(scheme_list([BEGIN, *forms]), scope)


@special("current-filename", TABLE)
def current_filename(compiler: Compiler, form: Any, scope: Scope) -> Code:
    name = compiler.filename
    path = os.path.abspath(name) if name else False
    return SIMPLE, lambda env: path


@special("current-source-location", TABLE)
def current_source_location(compiler: Compiler, form: Any, scope: Scope) -> Code:
    where = compiler.where()
    if where is None:
        return SIMPLE, lambda env: False
    file, line, column = where[0].location(where[1])
    alist = scheme_list(
        [
            Pair(Symbol("filename"), file),
            Pair(Symbol("line"), line - 1),
            Pair(Symbol("column"), column - 1),
        ]
    )
    return SIMPLE, lambda env: alist


def _add_to_load_path(folder: Value) -> None:
    if type(folder) is str:
        load_path.insert(0, folder)


TABLE["add-to-load-path"] = Primitive("add-to-load-path", _add_to_load_path, 1, 1)
