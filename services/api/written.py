"""Modules for configurations that are written in Scheme: ``services/definitions/*.scm``."""

from __future__ import annotations

from collections.abc import Callable
from os.path import dirname, join

from services.scheme.evaluation import run_now
from services.scheme.modules import MISSING, UNBOUND, Module, core
from services.scheme.primitives import Library
from services.scheme.toplevel import LOAD
from services.scheme.types import Value

_DIRECTORY = join(dirname(dirname(__file__)), "definitions")
# Seconds; evaluating the longest takes a hundredth of that.
_LIMIT = 10.0


def add_definitions(library: Library, name: str, *uses: Library) -> Module:
    """Evaluate ``NAME.scm`` and bind what it defines, but for names that begin with "_".

    The file sees the default environment, what ``library`` has already, and ``uses``.
    """
    module = Module(("shepherd", name))
    module.uses.append(core)
    for used in uses:
        module.uses.append(Module(None, _supplier(used)))
    for given, value in library.bindings.items():
        module.define(given, value)
    run_now(LOAD, (join(_DIRECTORY, f"{name}.scm"), module), _LIMIT)
    for given, cell in module.cells.items():
        if cell.value is not UNBOUND and not given.startswith("_"):
            library.bindings[given] = cell.value
    return module


def _supplier(library: Library) -> Callable[[str], Value]:
    return lambda name: library.bindings.get(name, MISSING)


def unavailable(library: Library, reason: str, *names: str) -> None:
    """Bind procedures that cannot exist here: calling one is an error that says so."""
    from services.scheme.errors import misc_error

    def bind(name: str) -> None:
        @library.primitive(name, 0, None)
        def refuse(*_arguments: Value) -> Value:
            raise misc_error(name, f"not available in drover: {reason}")

    for name in names:
        bind(name)
