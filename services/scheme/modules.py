"""Modules: names bound to cells, and the modules whose bindings they use.

A cell is what compiled code holds on to, so a definition made later is seen by code
compiled earlier.  Bindings of libraries written in Python become cells when they are
first looked up, and a module of the host is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import environ
from os.path import dirname, exists, join
from typing import Any

from services.scheme.errors import SchemeError, misc_error
from services.scheme.types import Symbol, Value, scheme_list


class _Unbound:
    __slots__ = ()

    def __repr__(self) -> str:
        return "#<unbound>"


UNBOUND: Any = _Unbound()
MISSING: Any = _Unbound()


class Cell:
    """A variable.  ``known``: bound by a library and never assigned, so that compiled code
    may rely on its value; ``assigned`` is called when that ends."""

    __slots__ = ("known", "name", "value")

    def __init__(self, name: str, value: Value = UNBOUND, known: bool = False) -> None:
        self.name = name
        self.value = value
        self.known = known


class Interface:
    """A view of a module: some of its names, perhaps renamed."""

    __slots__ = ("module", "translate")

    def __init__(self, module: Module, translate: Callable[[str], str | None]) -> None:
        self.module = module
        self.translate = translate  # the name here to the name there, None if hidden

    def find(self, name: str) -> Cell | None:
        there = self.translate(name)
        return None if there is None else self.module.exported(there)


class Module:
    """A module; ``supply`` gives the values of a library's names when they are asked for.

    ``name`` is None for one made with ``make-fresh-user-module`` or ``user_module``.
    """

    __slots__ = ("__weakref__", "cells", "filename", "name", "public", "supply", "uses")

    def __init__(
        self,
        name: tuple[str, ...] | None = None,
        supply: Callable[[str], Value] | None = None,
    ) -> None:
        self.name = name
        self.cells: dict[str, Cell] = {}
        self.uses: list[Module | Interface] = []
        self.supply = supply
        self.public: set[str] | None = None  # None: every binding
        self.filename: str | None = None

    def own(self, name: str) -> Cell | None:
        """The cell of a binding made in this module."""
        cell = self.cells.get(name)
        if cell is None and self.supply is not None:
            value = self.supply(name)
            if value is not MISSING:
                cell = self.cells[name] = Cell(name, value, True)
        return cell

    def exported(self, name: str) -> Cell | None:
        """The cell that a user of this module sees under ``name``."""
        if self.public is not None and name not in self.public:
            return None
        cell = self.own(name)
        if cell is None and self.public is not None:  # re-exported
            cell = self.find(name)
        return None if cell is None or cell.value is UNBOUND else cell

    def find(self, name: str) -> Cell | None:
        """The cell that ``name`` means in this module, or None if it is unbound."""
        cell = self.own(name)
        if cell is not None and cell.value is not UNBOUND:
            return cell
        default: Cell | None = None
        for use in reversed(self.uses):
            found = use.find(name) if type(use) is Interface else use.exported(name)  # type: ignore[union-attr]
            if found is None:
                continue
            # A library that has every default name must not hide what another one changed.
            usual = core.own(name) if use is not core else None
            if usual is None or found.value is not usual.value:
                return found
            default = default or found
        return default

    def cell(self, name: str) -> Cell:
        """The cell for ``name``; a new unbound one if nothing binds it."""
        found = self.find(name)
        if found is None:
            found = self.cells.get(name)
            if found is None:
                found = self.cells[name] = Cell(name)
        return found

    def define(self, name: str, value: Value) -> Cell:
        """Bind ``name`` here; a binding that was imported is hidden from now on."""
        cell = self.own(name)
        if cell is None:
            hidden = self.find(name)
            cell = self.cells[name] = Cell(name, value)
            if hidden is not None and hidden.known:
                forget(hidden)
        else:
            assign(cell, value)
        return cell

    def names(self) -> list[str]:
        """What is bound here so far, and what the library has."""
        bound = {name for name, cell in self.cells.items() if cell.value is not UNBOUND}
        return sorted(bound | set(getattr(self.supply, "names", ())))

    def use(self, other: Module | Interface) -> None:
        """Import every exported binding of ``other``."""
        if other not in self.uses:
            self.uses.append(other)


def assign(cell: Cell, value: Value) -> None:
    """Change a variable's value."""
    cell.value = value
    if cell.known:
        cell.known = False
        forget(cell)


# Set by the compiler: makes code that relied on the value of a cell be compiled again.
forget: Callable[[Cell], None] = lambda cell: None  # noqa: E731


core = Module(("guile",))
"""The default environment.  The evaluator gives it its special forms and control
procedures; everything else comes from ``services.scheme.library.lookup``."""

# Scheme module name -> Python module with an attribute LIBRARY, imported on first use.
host_modules: dict[tuple[str, ...], str] = {}
# What every fresh user module uses.
default_imports: list[tuple[str, ...]] = []

# Where modules written in Scheme are looked for: ``a/b.scm`` for ``(a b)``.
load_path: list[str] = [
    folder for folder in environ.get("GUILE_LOAD_PATH", "").split(":") if folder
]

# Modules of Guile and Guix that are written in Scheme here; they go before others of the name.
_SITE = join(dirname(__file__), "site")

_loaded: dict[tuple[str, ...], Module] = {("guile",): core}

# Modules whose bindings are all in the default environment here; importing one changes
# nothing, unless it has a ``raise`` that is not the system call.
_ABSORBED = (
    "guile guile-user ice-9:boot-9 ice-9:syncase ice-9:receive "
    "ice-9:match ice-9:i18n ice-9:curried-definitions "
    "ice-9:and-let-star srfi:srfi-0 srfi:srfi-2 srfi:srfi-6 srfi:srfi-8 srfi:srfi-9 "
    "srfi:srfi-9:gnu srfi:srfi-11 srfi:srfi-16 srfi:srfi-23 srfi:srfi-26 srfi:srfi-28 "
    "srfi:srfi-30 srfi:srfi-35 srfi:srfi-39 srfi:srfi-45 srfi:srfi-46 "
    "srfi:srfi-61 srfi:srfi-62 srfi:srfi-87 rnrs:control rnrs:conditions "
    "rnrs:records:syntactic system:syntax ice-9:copy-tree ice-9:eval-string ice-9:r5rs "
    "scheme:r5rs scheme:complex scheme:load scheme:repl scheme:eval rnrs:eval rnrs:mutable-pairs "
    "rnrs:mutable-strings rnrs:r5rs"
)
_RAISING = "ice-9:exceptions srfi:srfi-34 rnrs rnrs:base rnrs:exceptions scheme:base"


class _Bindings:
    """The values of a library written in Python."""

    __slots__ = ("bindings",)

    def __init__(self, bindings: dict[str, Value]) -> None:
        self.bindings = bindings

    def __call__(self, name: str) -> Value:
        return self.bindings.get(name, MISSING)

    @property
    def names(self) -> Iterable[str]:
        return self.bindings


def _from_core(name: str) -> Value:
    cell = core.own(name)
    return MISSING if cell is None else cell.value


def _raising(name: str) -> Value:
    if name == "raise":
        cell = core.own("raise-exception")
        return MISSING if cell is None else cell.value
    return _from_core(name)


def resolve_module(name: tuple[str, ...]) -> Module | None:
    """The module called ``name``, loaded if need be; None if there is none."""
    module = _loaded.get(name)
    if module is not None:
        return module
    from services.scheme import library

    path = host_modules.get(name)
    written = _file_in(_SITE, name) if path is None else None
    if written is not None:
        return _load_module(name, written)
    path = path or library.modules.get(name)
    key = ":".join(name)
    if key in _RAISING.split():
        module = Module(name, _raising)
    elif key in _ABSORBED.split() or (path is not None and path.endswith(".aliases")):
        module = Module(name, _from_core)
    elif path is not None:
        from importlib import import_module

        module = Module(name, _Bindings(import_module(path).LIBRARY.bindings))
    else:
        return _from_load_path(name)
    _loaded[name] = module
    return module


def _file_in(folder: str, name: tuple[str, ...]) -> str | None:
    """The file of module ``name`` below ``folder``, if there is one."""
    if any(part in (".", "..") or "/" in part for part in name):
        return None
    path = join(folder, *name) + ".scm"
    return path if exists(path) else None


def _from_load_path(name: tuple[str, ...]) -> Module | None:
    from services.scheme.types import iterate

    variable = core.own("%load-path")
    folders = iterate(variable.value) if variable is not None else ()
    for folder in [*load_path, *(folder for folder in folders if type(folder) is str)]:
        path = _file_in(folder, name)
        if path is not None:
            return _load_module(name, path)
    return None


def _load_module(name: tuple[str, ...], path: str) -> Module:
    """A module written in Scheme."""
    from services.scheme.evaluation import run_now
    from services.scheme.toplevel import LOAD

    module = _loaded[name] = Module(name)
    module.public = set()
    module.filename = path
    _equip(module)
    try:
        run_now(LOAD, (path, module), _LOAD_SECONDS)
    except BaseException:
        del _loaded[name]
        raise
    return module


_LOAD_SECONDS = 2.0  # loading a module happens while compiling and cannot be suspended


def import_into(module: Module, other: Module | Interface) -> None:
    """Import; what is in the default environment anyway hides nothing."""
    if type(other) is Module:
        if other.supply is _from_core or other is core:
            return
        if other.supply is _raising:
            module.use(Interface(other, lambda name: name if name == "raise" else None))
            return
    module.use(other)


def add_module(name: tuple[str, ...]) -> Module:
    """The module called ``name``, made if it does not exist (``define-module``)."""
    module = resolve_module(name)
    if module is None:
        module = _loaded[name] = Module(name)
        module.public = set()
        _equip(module)
    return module


# Modules of Guile that there is no sense in, or no way, to have here.
_GUILES = (
    "system:foreign system:foreign-object system:vm system:repl:repl system:repl:common "
    "system:repl:debug system:repl:server system:repl:coop-server system:repl:command system:base "
    "language web oop statprof sxml texinfo ice-9:sandbox ice-9:peg ice-9:local-eval "
    "ice-9:readline ice-9:top-repl ice-9:custom-ports ice-9:soft-ports ice-9:suspendable-ports "
    "ice-9:command-line ice-9:history ice-9:poe ice-9:psyntax rnrs:syntax-case"
)


class UnknownModule(SchemeError):
    """``no code for module NAME``; ``hint`` says more, for the log."""

    def __init__(self, name: tuple[str, ...]) -> None:
        error = misc_error(None, "no code for module ~S", module_name_datum(name))
        super().__init__(error.key, error.arguments)
        self.nearest = nearest_modules(name)

    def hint(self) -> str:
        """What is known that resembles the name; empty if nothing does."""
        name = module_name(self.arguments[2].car)
        for length in range(1, len(name) + 1):
            if ":".join(name[:length]) in _GUILES.split():
                return "this module of Guile is not available in drover"
        names = [f"({' '.join(one)})" for one in self.nearest]
        return f"did you mean {' or '.join(names)}?" if names else ""


def nearest_modules(name: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Known modules whose names resemble ``name``."""
    from difflib import get_close_matches
    from os import walk

    from services.scheme import library

    absorbed = [tuple(key.split(":")) for key in f"{_ABSORBED} {_RAISING}".split()]
    written = [
        (*folder[len(_SITE) + 1 :].split("/"), file.removesuffix(".scm"))
        for folder, _, files in walk(_SITE)
        for file in files
        if file.endswith(".scm")
    ]
    known = [*host_modules, *library.modules, *absorbed, *written, *_loaded]
    texts = {" ".join(entry): entry for entry in known}
    return [texts[text] for text in get_close_matches(" ".join(name), texts, 3, 0.6)]


def interface(name: tuple[str, ...]) -> Module:
    """The module to import for ``name``.  Raises UnknownModule."""
    module = resolve_module(name)
    if module is None:
        raise UnknownModule(name)
    return module


def module_name(datum: Value) -> tuple[str, ...]:
    """``(a b)`` as a tuple of strings.  Raises SchemeError."""
    from services.scheme.types import is_list, iterate

    if is_list(datum):
        parts = list(iterate(datum))
        if parts and all(type(part) in (Symbol, int) for part in parts):
            return tuple(part.name if type(part) is Symbol else str(part) for part in parts)
    raise misc_error(None, "invalid module name: ~S", datum)


def module_name_datum(name: tuple[str, ...]) -> Value:
    """The list of symbols that names a module."""
    return scheme_list([Symbol(part) for part in name])


def user_module() -> Module:
    """A fresh module for a file or an expression."""
    module = Module()
    _equip(module)
    return module


def _equip(module: Module) -> None:
    module.uses.append(core)
    for name in default_imports:
        module.use(interface(name))
