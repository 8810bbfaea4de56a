"""The static index agrees with the submodules, and looking a name up loads only its own."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

from services.scheme import library
from services.scheme.library import MISSING, lookup, modules
from services.scheme.library._index import INDEX
from services.scheme.library.reindex import index
from tests.services.scheme.library.driver import outcome

_ROOT = Path(library.__file__).parents[3]


def test_index_is_what_the_submodules_define() -> None:
    assert index() == INDEX  # else: python -m services.scheme.library.reindex


def test_lookup_finds_names_constants_and_says_what_is_missing() -> None:
    assert lookup("car").name == "car"
    assert lookup("SIGTERM") == 15
    assert lookup("INADDR_LOOPBACK") == 0x7F000001
    for name in ("string-pad-left", "write-line", "no-such-name", "NO_SUCH_CONSTANT"):
        assert lookup(name) is MISSING


def test_blocking_procedures_are_left_to_the_host() -> None:
    for name in ("sleep", "usleep", "system", "system*", "spawn", "waitpid", "primitive-fork"):
        assert lookup(name) is MISSING


def test_every_module_can_be_imported() -> None:
    for path in set(modules.values()):
        assert import_module(path).LIBRARY.bindings.get("no-such-name", None) is None
    bindings = import_module(modules["ice-9", "rdelim"]).LIBRARY.bindings
    assert bindings.get("write-line").name == "write-line"
    assert bindings.get("read-line") is lookup("read-line")


def test_looking_up_car_does_not_load_the_rest() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(_ROOT)!r})\n"
        "from services.scheme.library import lookup\n"
        "lookup('car'), lookup('+')\n"
        "print([m for m in ('socket', 'asyncio', 'resource') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_srfi_43_gives_indices_and_the_default_does_not() -> None:
    assert outcome("(vector-map list #(7 8))") == "#((7) (8))"
    assert outcome("(vector-map list #(7 8))", ("srfi", "srfi-43")) == "#((0 7) (1 8))"
