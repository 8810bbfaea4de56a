"""``(shepherd support)``: conveniences that configurations use."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import Any

from pid1.addresses import Address
from pid1.log import LINE_FORMAT, say, write_output
from services.api import directories
from services.scheme import Macro, evaluate, load, user_module
from services.scheme.errors import SchemeError, system_error, wrong_type
from services.scheme.forms import BEGIN, LAMBDA
from services.scheme.modules import core
from services.scheme.parameters import Parameter
from services.scheme.ports import Port
from services.scheme.primitives import Await, Call, Library, Primitive, Steps
from services.scheme.printer import display
from services.scheme.types import (
    NIL,
    Pair,
    Procedure,
    Record,
    RecordType,
    Symbol,
    Value,
    is_list,
    iterate,
    scheme_list,
)

LIBRARY = Library()

SYSTEM_SOCKET = "/run/shepherd/socket"

for _name, _value in {
    "%user-log-dir": directories.logs(),
    "%user-config-dir": directories.configuration(),
    "%user-runtime-dir": directories.runtime(),
    "user-homedir": directories.home(),
    "default-socket-dir": directories.sockets(),
    "default-socket-file": f"{directories.sockets()}/socket",
    "%system-socket-file": SYSTEM_SOCKET,
    "default-logfile-date-format": LINE_FORMAT,
    "%gettext-domain": "shepherd",
    "current-socket-file": Parameter(False, None, "current-socket-file"),
    "program-name": Parameter("shepherd", None, "program-name"),
}.items():
    LIBRARY.bind(_name, _value)


def _core(name: str) -> Value:
    cell = core.find(name)
    assert cell is not None, name
    return cell.value


for _name in ("assert", "let-loop", "make-hook", "hook?", "add-hook!", "run-hook"):
    LIBRARY.bind(_name, _core(_name))


# Messages


@LIBRARY.primitive("l10n", 1, 3)
def l10n(singular: Value, plural: Value = None, count: Value = None) -> Value:
    """Messages are in English."""
    return singular if plural is None or count == 1 else plural


def _formatted(template: Value, arguments: tuple[Value, ...]) -> Steps:
    return (yield Call(_core("format"), (False, template, *arguments)))


@LIBRARY.procedure("local-output", 1, None)
def local_output(template: Value, *arguments: Value) -> Steps:
    text = yield from _formatted(template, arguments)
    write_output(f"{text}\n")


@LIBRARY.procedure("report-error", 1, None)
def report_error(template: Value, *arguments: Value) -> Steps:
    text = yield from _formatted(template, arguments)
    sys.stderr.write(f"shepherd: error: {text}\n")


@LIBRARY.procedure("report-hint", 1, None)
def report_hint(template: Value, *arguments: Value) -> Steps:
    text = yield from _formatted(template, arguments)
    sys.stderr.write(f"shepherd: hint: {text}\n")


@LIBRARY.procedure("display-line", 1, 2)
def display_line(message: Value, port: Value = None) -> Steps:
    text = f"{display(message)}\n"
    if isinstance(port, Port):
        yield Call(_core("display"), (text, port))
    else:
        yield Call(_core("display"), (text,))


# Errors


def _thunk(body: Value) -> Value:
    return Pair(LAMBDA, Pair(NIL, body))


def _ignore(*_arguments: Value) -> bool:
    return False


def _catch_system_error(form: Value) -> Value:
    """``(catch-system-error EXP …)`` is ``#f`` if a system call fails."""
    quote = core.find("quote")
    assert quote is not None
    key = scheme_list((quote.value, Symbol("system-error")))
    handler = Primitive("ignore", _ignore, 0, None)
    return scheme_list((_core("catch"), key, _thunk(form.cdr), handler))


LIBRARY.bind("catch-system-error", Macro("catch-system-error", _catch_system_error))
LIBRARY.bind(
    "with-system-error-handling",
    Macro("with-system-error-handling", lambda form: Pair(BEGIN, form.cdr)),
)


def _check_argument_types(form: Value) -> Value:
    """``(check-argument-types (PREDICATE ARGUMENT) …)`` raises for the first that fails."""
    calls = []
    for clause in iterate(form.cdr):
        predicate, argument = iterate(clause)
        calls.append(scheme_list((_CHECK, predicate, argument)))
    return Pair(BEGIN, scheme_list(calls or [False]))


def _check(predicate: Value, argument: Value) -> Steps:
    if (yield Call(predicate, (argument,))) is False:
        raise wrong_type("check-argument-types", 1, argument)


_CHECK = Primitive("check-argument", _check, 2, 2, generator=True)
LIBRARY.bind("check-argument-types", Macro("check-argument-types", _check_argument_types))


@LIBRARY.primitive("list-predicate", 1)
def list_predicate(predicate: Value) -> Procedure:
    def matches(value: Value) -> Steps:
        if not is_list(value):
            return False
        for item in iterate(value):
            if (yield Call(predicate, (item,))) is False:
                return False
        return True

    return Primitive("matches?", matches, 1, 1, generator=True)


@LIBRARY.primitive("list-of-symbols?", 1)
def is_list_of_symbols(value: Value) -> bool:
    return is_list(value) and all(isinstance(item, Symbol) for item in iterate(value))


@LIBRARY.primitive("exception-with-kind-and-args?", 1)
def is_exception_with_kind_and_args(value: Value) -> bool:
    from services.scheme.conditions import KIND_AND_ARGS, component

    return component(value, KIND_AND_ARGS) is not None


# Files


def _path(who: str, value: Value) -> str:
    if not isinstance(value, str):
        raise wrong_type(who, 1, value)
    return value


@LIBRARY.primitive("mkdir-p", 1, 2)
def mkdir_p(directory: Value, mode: Value = None) -> None:
    path = _path("mkdir-p", directory)
    if os.path.isdir(path):
        return
    try:
        os.makedirs(os.path.dirname(path.rstrip("/")) or ".", exist_ok=True)
        os.mkdir(path, 0o777 if mode is None else mode)
    except OSError as error:
        raise system_error("mkdir", error) from error


@LIBRARY.procedure("with-atomic-file-output", 2)
def with_atomic_file_output(file: Value, procedure: Value) -> Steps:
    """The file is replaced at once when ``procedure`` has written it, or not at all."""
    path = _path("with-atomic-file-output", file)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path}.", dir=os.path.dirname(path) or ".")
    port = Port(temporary, output=True, fd=descriptor)
    try:
        result = yield Call(procedure, (port,))
        yield Call(_core("close-port"), (port,))
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return result


def _with_directory_excursion(form: Value) -> Value:
    """``(with-directory-excursion DIR EXP …)`` evaluates in another working directory."""
    directory, body = form.cdr.car, form.cdr.cdr
    return scheme_list((_EXCURSION, directory, _thunk(body)))


def _excursion(directory: Value, thunk: Value) -> Steps:
    where = [os.getcwd(), _path("chdir", directory)]

    def swap() -> None:
        here, there = os.getcwd(), where.pop()
        where.append(here)
        os.chdir(there)

    guard = Primitive("chdir", swap, 0, 0)
    return (yield Call(_core("dynamic-wind"), (guard, thunk, guard)))


_EXCURSION = Primitive("with-directory-excursion", _excursion, 2, 2, generator=True)
LIBRARY.bind(
    "with-directory-excursion", Macro("with-directory-excursion", _with_directory_excursion)
)


@LIBRARY.primitive("verify-dir", 1, None)
def verify_dir(directory: Value, *rest: Value) -> None:
    path = _path("verify-dir", directory)
    if path == directories.sockets():
        mkdir_p(path, 0o700)
    if rest[1:2] == (False,):
        return
    try:
        status = os.stat(path)
    except OSError as error:
        raise system_error("stat", error) from error
    if status.st_uid != os.getuid() or status.st_mode & 0o777 != 0o700:
        raise SchemeError(
            "misc-error",
            (False, "~a: socket directory has insecure permissions", scheme_list((path,)), False),
        )


def _log_file(name: str, directory: str) -> None:
    @LIBRARY.primitive(name, 0)
    def log_file() -> str:
        mkdir_p(directory, 0o700)
        return f"{directory}/shepherd.log"


_log_file("user-default-log-file", directories.logs())
_log_file("system-default-log-file", "/var/log")


@LIBRARY.primitive("default-config-file", 0)
def default_config_file() -> str:
    if os.getuid() == 0:
        return "/etc/shepherd.scm"
    return f"{directories.configuration()}/init.scm"


# Ports


def _blocking(name: str, blocking: bool) -> None:
    @LIBRARY.primitive(name, 1)
    def set_blocking(port: Value) -> Value:
        if not isinstance(port, Port) or port.fd is None:
            raise wrong_type(name, 1, port)
        os.set_blocking(port.fd, blocking)
        return port


_blocking("blocking-port", True)
_blocking("non-blocking-port", False)


@LIBRARY.primitive("buffering", 2, None)
def buffering(port: Value, *_arguments: Value) -> Value:
    """Ports buffer as they see fit."""
    return port


@LIBRARY.primitive("socket-address->string", 1)
def socket_address_to_string(address: Value) -> str:
    try:
        if type(address) is list:
            return str(Address.from_vector(address))
    except ValueError:
        pass
    raise wrong_type("socket-address->string", 1, address)


# Code of users


def _run(result: Any) -> Steps:
    if hasattr(result, "__await__"):
        result = yield Await(result)
    return result


@LIBRARY.procedure("load-in-user-module", 1)
def load_in_user_module(file: Value) -> Steps:
    return (yield from _run(load(_path("load-in-user-module", file), user_module())))


LIBRARY.alias("primitive-load*", "load-in-user-module")


@LIBRARY.procedure("eval-in-user-module", 1)
def eval_in_user_module(form: Value) -> Steps:
    return (yield from _run(evaluate(form, user_module())))


# Ring buffers

_RING = RecordType("<ring-buffer>", ("limit", "items"))


@LIBRARY.primitive("ring-buffer", 1)
def ring_buffer(size: Value) -> Record:
    return Record(_RING, [size, NIL])


def _ring(who: str, value: Value) -> Record:
    if not isinstance(value, Record) or value.type is not _RING:
        raise wrong_type(who, 1, value)
    return value


@LIBRARY.primitive("ring-buffer?", 1)
def is_ring_buffer(value: Value) -> bool:
    return isinstance(value, Record) and value.type is _RING


@LIBRARY.primitive("ring-buffer-limit", 1)
def ring_buffer_limit(value: Value) -> Value:
    return _ring("ring-buffer-limit", value).values[0]


@LIBRARY.primitive("ring-buffer-insert", 2)
def ring_buffer_insert(item: Value, value: Value) -> Record:
    limit, items = _ring("ring-buffer-insert", value).values
    return Record(_RING, [limit, scheme_list([item, *iterate(items)][:limit])])


@LIBRARY.primitive("ring-buffer->list", 1)
def ring_buffer_to_list(value: Value) -> Value:
    return _ring("ring-buffer->list", value).values[1]


@LIBRARY.primitive("at-most", 2)
def at_most(limit: Value, items: Value) -> Value:
    """The first items of a list, and the rest."""
    from services.scheme.types import Values

    found = list(iterate(items))
    return Values((scheme_list(found[:limit]), scheme_list(found[limit:])))


# Programs


@LIBRARY.primitive("initialize-cli", 0)
def initialize_cli() -> None:
    """Nothing to do: the daemon is running."""


@LIBRARY.primitive("display-version", 0, 1)
def display_version(_program: Value = None) -> None:
    from pid1.usage import version_text

    say(version_text("shepherd").split("\n")[0])
