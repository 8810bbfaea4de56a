"""Small procedures about procedures, the collector, versions and options."""

from __future__ import annotations

import sys
from typing import Any

from services.scheme.library.apply import applicable, call
from services.scheme.library.checks import expecting
from services.scheme.library.output import output, put
from services.scheme.library.text import written
from services.scheme.primitives import Call, Library, Primitive, Steps, TailCall
from services.scheme.types import NIL, Pair, Procedure, Symbol, Value, Values, scheme_list

LIBRARY = Library()

LIBRARY.primitive("identity", 1)(lambda value: value)
LIBRARY.primitive("procedure?", 1)(lambda value: isinstance(value, Procedure))
LIBRARY.primitive("unspecified?", 1)(lambda value: value is None)


@LIBRARY.primitive("const", 1, None)
def const(*values: Value) -> Primitive:
    value = values[0] if len(values) == 1 else Values(values)
    return Primitive("const", lambda *args: value, 0, None)


@LIBRARY.primitive("noop", 0, None)
def noop(*values: Value) -> Any:
    return values[0] if values else False


@LIBRARY.primitive("negate", 1)
def negate(proc: Value) -> Primitive:
    def negated(*args: Value) -> Steps:
        return (yield from call(proc, *args)) is False

    return Primitive("negate", negated, 0, None, generator=True)


@LIBRARY.primitive("compose", 1, None)
def compose(*procs: Value) -> Value:
    for proc in procs:
        applicable(proc)
    if len(procs) == 1:
        return procs[0]

    def composed(*args: Value) -> Steps:
        for proc in procs[:0:-1]:
            result = yield Call(proc, args)
            args = result.items if type(result) is Values else (result,)
        return TailCall(procs[0], args)

    return Primitive("compose", composed, 0, None, generator=True)


@LIBRARY.primitive("procedure-name", 1)
def procedure_name(proc: Value) -> Any:
    if not isinstance(proc, Procedure):
        raise expecting("procedure-name", 1, "procedure", proc)
    # A lambda expression's name stands with what all its values have in common.
    name = getattr(getattr(proc, "template", proc), "name", None)
    return Symbol(name) if isinstance(name, str) and name else False


LIBRARY.primitive("gc", 0)(lambda: None)
LIBRARY.primitive("gc-disable", 0)(lambda: 0)
LIBRARY.primitive("gc-enable", 0)(lambda: 0)


@LIBRARY.primitive("gc-stats", 0)
def gc_stats() -> Value:
    """The heap size and the number of collections, as far as Python can tell."""
    import gc
    import resource

    pages = _resident_pages() * resource.getpagesize()
    entries = {
        "gc-time-taken": 0, "heap-size": pages, "heap-free-size": 0,
        "heap-total-allocated": pages, "heap-allocated-since-gc": 0, "protected-objects": 0,
        "gc-times": sum(generation["collections"] for generation in gc.get_stats()),
    }  # fmt: skip
    return scheme_list([Pair(Symbol(name), value) for name, value in entries.items()])


def _resident_pages() -> int:
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


# Version of the Guile whose behaviour this follows: configurations test it.
LIBRARY.primitive("version", 0)(lambda: "3.0.11")
LIBRARY.primitive("effective-version", 0)(lambda: "3.0")
LIBRARY.primitive("major-version", 0)(lambda: "3")
LIBRARY.primitive("minor-version", 0)(lambda: "0")
LIBRARY.primitive("micro-version", 0)(lambda: "11")


@LIBRARY.primitive("version-matches?", 2, None)
def version_matches(*parts: Value) -> bool:
    return list(parts) == [3, 0, 11][: len(parts)]


def _host_type() -> str:
    import os
    import sys

    # The Hurd's machine is called "i686-AT386".
    processor = os.uname().machine.partition("-")[0].lower()
    kernel = getattr(sys.implementation, "_multiarch", "").split("-")[1:] or ["unknown"]
    return "-".join([processor, "pc" if len(kernel) > 1 else "unknown", *kernel])


LIBRARY.bind("%host-type", _host_type())
LIBRARY.bind("%load-path", NIL)
LIBRARY.bind("%load-compiled-path", NIL)
LIBRARY.bind("%load-extensions", scheme_list((".scm", "")))
LIBRARY.bind("*features*", scheme_list([Symbol(name) for name in ("posix", "regex", "socket")]))
LIBRARY.bind("*null-device*", "/dev/null")
LIBRARY.primitive("provided?", 1)(
    lambda name: name in (Symbol("posix"), Symbol("regex"), Symbol("socket"))
)
LIBRARY.primitive("system-file-name-convention", 0)(lambda: Symbol("posix"))


@LIBRARY.primitive("program-arguments", 0)
def program_arguments() -> Value:
    return scheme_list(list(sys.argv))


LIBRARY.alias("command-line", "program-arguments")


@LIBRARY.primitive("pretty-print", 1, None)
def pretty_print(value: Value, port: Value = None, *options: Value) -> None:
    target = output(port if port is None or not _is_keyword(port) else None, "pretty-print", 2)
    put(target, written(value) + "\n", "pretty-print")


def _is_keyword(value: Value) -> bool:
    return type(value).__name__ == "Keyword"


@LIBRARY.primitive("object-address", 1)
def object_address(value: Value) -> int:
    return id(value)
