"""The default environment of the language: which submodule defines which name.

``lookup`` imports a submodule the first time one of its names is asked for; the index
is a generated file (``python -m services.scheme.library.reindex``), held to the
submodules by a test.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from services.scheme.library._index import INDEX

if TYPE_CHECKING:
    from services.scheme.primitives import Library


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

_ROOM = "services.scheme.library."

# The submodules of the default environment; a name is taken from the first that has it.
SUBMODULES: Final = (
    "lists", "numbers", "equality", "strings", "symbols", "mapping", "output", "alists",
    "division", "mathematics", "numerals", "characters", "charsets", "srfi13", "sorting", "srfi1",
    "vectors", "hashtables",
)  # fmt: skip

# Modules that configurations import, beyond those of the language's core.
_ALIASES = (
    "srfi srfi-1", "srfi srfi-2", "srfi srfi-6", "srfi srfi-8", "srfi srfi-9",
    "srfi srfi-9 gnu", "srfi srfi-11", "srfi srfi-13", "srfi srfi-14", "srfi srfi-16",
    "srfi srfi-17", "srfi srfi-18", "srfi srfi-23", "srfi srfi-26", "srfi srfi-28",
    "srfi srfi-31", "srfi srfi-34", "srfi srfi-35", "srfi srfi-37", "srfi srfi-39",
    "srfi srfi-42", "srfi srfi-43", "srfi srfi-60", "srfi srfi-69", "srfi srfi-71",
    "srfi srfi-87", "srfi srfi-88", "srfi srfi-98", "srfi srfi-111", "ice-9 match",
    "ice-9 format", "ice-9 ftw", "ice-9 popen", "ice-9 regex", "ice-9 receive",
    "ice-9 textual-ports", "ice-9 binary-ports", "ice-9 pretty-print", "ice-9 optargs",
    "ice-9 control", "ice-9 exceptions", "ice-9 string-fun", "ice-9 vlist", "ice-9 hash-table",
    "ice-9 getopt-long", "ice-9 and-let-star", "ice-9 curried-definitions", "ice-9 documentation",
    "ice-9 i18n", "ice-9 iconv", "ice-9 list", "ice-9 posix", "ice-9 ports", "ice-9 rw",
    "ice-9 safe", "ice-9 session", "ice-9 syncase", "ice-9 time", "ice-9 atomic", "ice-9 arrays",
    "rnrs", "rnrs base", "rnrs lists", "rnrs control", "rnrs sorting", "rnrs unicode",
    "rnrs bytevectors", "rnrs io ports", "rnrs io simple", "rnrs conditions", "rnrs exceptions",
    "rnrs hashtables", "rnrs files", "rnrs programs", "rnrs enums", "rnrs records syntactic",
    "rnrs arithmetic bitwise", "rnrs arithmetic fixnums", "scheme base", "scheme char",
    "scheme cxr", "scheme file", "scheme write", "scheme read", "scheme time",
    "scheme process-context", "scheme inexact", "scheme lazy", "scheme case-lambda", "guile",
    "system base compile", "system foreign", "system repl common", "system vm trace",
    "oop goops",
)  # fmt: skip

modules: dict[tuple[str, ...], str] = dict.fromkeys(
    (tuple(name.split()) for name in _ALIASES), _ROOM + "aliases"
)


def lookup(name: str) -> Any:
    """The value of ``name`` in the default environment, or ``MISSING``."""
    submodule = INDEX.get(name)
    if submodule is None:
        # Constants of the kernel (SIGTERM, O_RDONLY, …) are those that it has.
        if not name.isupper():
            return MISSING
        submodule = "constants"
    library: Library = import_module(_ROOM + submodule).LIBRARY
    return library.bindings.get(name, MISSING)
