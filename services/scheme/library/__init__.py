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
    "vectors", "hashtables", "files", "descriptors", "reading", "bytevectors", "filesystem",
    "status", "users", "environment", "times", "formatting", "simple_formatting", "regexps",
    "sockets", "trees", "miscellany", "extras", "signals",
)  # fmt: skip

# Modules that configurations import, beyond those of the language's core.
_ALIASES = (
    "srfi:srfi-1 srfi:srfi-13 srfi:srfi-14 srfi:srfi-17 srfi:srfi-27 "
    "srfi:srfi-60 srfi:srfi-69 srfi:srfi-88 srfi:srfi-98 "
    "srfi:srfi-111 ice-9:format ice-9:ftw ice-9:regex ice-9:textual-ports "
    "ice-9:binary-ports ice-9:pretty-print ice-9:string-fun ice-9:hash-table "
    "ice-9:and-let-star ice-9:documentation ice-9:list "
    "ice-9:posix ice-9:ports ice-9:safe ice-9:session ice-9:time rnrs "
    "rnrs:sorting rnrs:unicode rnrs:bytevectors rnrs:io:ports rnrs:io:simple rnrs:hashtables "
    "rnrs:files rnrs:programs rnrs:arithmetic:bitwise scheme:char scheme:cxr scheme:file "
    "scheme:write scheme:read scheme:time scheme:process-context scheme:inexact scheme:lazy "
    "scheme:case-lambda"
)

modules: dict[tuple[str, ...], str] = {
    ("srfi", "srfi-19"): _ROOM + "srfi19",
    ("srfi", "srfi-43"): _ROOM + "srfi43",
    ("ice-9", "rdelim"): _ROOM + "rdelim",
}
for _alias in _ALIASES.split():
    modules[tuple(_alias.split(":"))] = _ROOM + "aliases"


def lookup(name: str) -> Any:
    """The value of ``name`` in the default environment, or ``MISSING``."""
    submodule = INDEX.get(name)
    if submodule is None:
        # Constants of the kernel (SIGTERM, O_RDONLY, …) are those that it has.
        if not name.isupper():
            return MISSING
        if name.startswith("SIG") and "_" not in name:  # those that nearly every file has
            import signal

            number = getattr(signal, name, None)
            return MISSING if number is None else int(number)
        submodule = "constants"
    library: Library = import_module(_ROOM + submodule).LIBRARY
    return library.bindings.get(name, MISSING)
