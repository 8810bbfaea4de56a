"""Whatever small values a procedure is given, only SchemeError comes out of it."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module
from types import GeneratorType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scheme import ports
from services.scheme.errors import SchemeError
from services.scheme.library import SUBMODULES
from services.scheme.library.charsets import finite
from services.scheme.primitives import Primitive
from services.scheme.types import EOF, NIL, Char, HashTable, Keyword, Symbol, scheme_list
from tests.services.scheme.library.driver import apply

# These change the test process or the system, or wait.
_DANGEROUS = {
    "kill", "chdir", "chroot", "close", "close-fdes", "close-port", "close-input-port",
    "close-output-port", "dup2", "dup->fdes", "fdopen", "fdes->inport", "fdes->outport",
    "setsid", "setpgid", "setuid", "seteuid", "setgid", "setegid", "setgroups", "sethostname",
    "nice", "setpriority", "setrlimit", "environ", "setenv", "unsetenv", "putenv", "umask",
    "redirect-port", "fcntl", "seek", "ftell", "sync", "fsync", "isatty?", "tcsetpgrp",
    "truncate-file", "chmod", "chown", "utime", "ftw", "nftw", "file-system-fold",
    "file-system-tree", "set-current-output-port", "set-current-input-port",
    "set-current-error-port", "read-char", "call-with-port", "port->fdes", "mkdir", "rmdir",
    "delete-file", "rename-file", "link", "symlink", "mknod", "copy-file", "mkdtemp", "mkstemp",
    "mkstemp!", "open-file", "open-output-file", "open-io-file", "open", "open-fdes",
    "open-file-output-port", "call-with-output-file", "with-output-to-file",
    "with-error-to-file", "getaddrinfo", "accept", "dup", "pk", "peek", "warn",
    "char-set-fold", "char-set-for-each", "char-set-filter", "char-set->list",
    "char-set->string", "char-set-size", "char-set=", "char-set<=", "circular-list",
    "unfold", "unfold-right", "string-unfold", "string-unfold-right",
}  # fmt: skip


def _names() -> list[tuple[str, str]]:
    found = []
    for submodule in (*SUBMODULES, "srfi19"):
        for name, value in import_module(
            f"services.scheme.library.{submodule}"
        ).LIBRARY.bindings.items():
            if isinstance(value, Primitive) and name not in _DANGEROUS:
                found.append((submodule, name))
    return found


_NAMES = _names()


def _table() -> HashTable:
    table = HashTable()
    table.entries["a"] = ("a", 1)
    return table


_STRINGS = st.sampled_from(
    ["", "a", "abc", "a b", "~a", "~", "[", "(", "~5,2f", "/nope/x", "é", "%Y"]
)
_LEAVES = st.one_of(
    st.integers(-3, 40), st.sampled_from([-(1 << 70), 1 << 70, Fraction(1, 3)]),
    st.sampled_from([0.0, 1.5, -2.5, float("inf"), float("nan"), 1e300]), st.booleans(),
    _STRINGS,
    st.sampled_from([Symbol("a"), Symbol("pre"), Keyword("k"), Char("a"), NIL, EOF, None]),
)  # fmt: skip
_VALUES = st.one_of(
    _LEAVES,
    st.lists(_LEAVES, max_size=3).map(scheme_list),
    st.lists(_LEAVES, max_size=12),
    st.lists(st.tuples(_LEAVES, _LEAVES), max_size=3).map(
        lambda entries: scheme_list([scheme_list([k], v) for k, v in entries])
    ),
    st.binary(max_size=5).map(bytearray),
    st.builds(_table),
    st.builds(lambda: ports.string_input("abc (d)\ne")),
    st.builds(ports.string_output),
    st.just(finite("ab ")),
    st.sampled_from([
        Primitive("list", lambda *args: scheme_list(args), 0, None),
        Primitive("yes", lambda *args: True, 0, None),
        Primitive("no", lambda *args: False, 0, None),
        Primitive("one", lambda x: x, 1, 1),
    ]),
)  # fmt: skip


@pytest.mark.parametrize("submodule", sorted({submodule for submodule, _ in _NAMES}))
def test_only_scheme_errors(submodule: str) -> None:
    names = [name for where, name in _NAMES if where == submodule]
    library = import_module(f"services.scheme.library.{submodule}").LIBRARY

    @settings(
        max_examples=60, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def run(data: Any) -> None:
        arguments = data.draw(st.lists(_VALUES, min_size=8, max_size=8))
        for name in names:
            procedure = library.bindings[name]
            most = procedure.low + 3 if procedure.high is None else procedure.high
            count = data.draw(st.integers(procedure.low, max(procedure.low, min(most, 8))))
            token = ports.write_output.set(lambda text: None)
            try:
                result = apply(procedure, arguments[:count])
            except SchemeError:
                continue
            finally:
                ports.write_output.reset(token)
            assert not isinstance(result, GeneratorType | bytes | tuple | dict)

    run()
