"""File ports: opening, closing, descriptors and what is done to them."""

from __future__ import annotations

import os
from typing import Any

from services.scheme import ports
from services.scheme.errors import out_of_range, system_error
from services.scheme.library.apply import applicable
from services.scheme.library.checks import (
    exact_integer,
    expecting,
    plain_string,
)
from services.scheme.library.waiting import flushed
from services.scheme.parameters import CallWith, value_of
from services.scheme.ports import Port
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import Symbol, Value

LIBRARY = Library()

_MODES = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "r+": os.O_RDWR,
    "w+": os.O_RDWR | os.O_CREAT | os.O_TRUNC,
    "a+": os.O_RDWR | os.O_CREAT | os.O_APPEND,
}


def open_port(name: Value, mode: str, who: str = "open-file") -> Port:
    """Open a file by a mode as of fopen (``b``, ``0``, ``l``, ``e`` and ``n`` are taken)."""
    path = plain_string(name)
    kind = "".join(c for c in mode if c in "rwa+")
    if kind not in _MODES or any(c not in "rwa+b0len" for c in mode):
        raise out_of_range("open-file", mode)
    flags = _MODES[kind] | os.O_CLOEXEC
    if "n" in mode:
        flags |= os.O_NONBLOCK
    try:
        # A FIFO without a peer must not stop the daemon: it is opened without waiting.
        fd = os.open(path, flags | _without_waiting(path), 0o666)
        return Port(name, "r" in kind or "+" in kind, kind != "r", fd)
    except OSError as error:
        raise system_error(who, error, name) from None


def _without_waiting(path: str) -> int:
    import stat

    try:
        mode = os.stat(path).st_mode
    except OSError:
        return 0
    return os.O_NONBLOCK if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else 0


@LIBRARY.primitive("open-file", 2, None)
def open_file(name: Value, mode: Value, *options: Value) -> Port:
    return open_port(name, plain_string(mode))


@LIBRARY.primitive("open-input-file", 1, None)
def open_input_file(name: Value, *options: Value) -> Port:
    return open_port(name, "r")


@LIBRARY.primitive("open-output-file", 1, None)
def open_output_file(name: Value, *options: Value) -> Port:
    return open_port(name, "w")


LIBRARY.primitive("open-io-file", 1)(lambda name: open_port(name, "r+"))
LIBRARY.alias("open-file-input-port", "open-input-file")
LIBRARY.alias("open-file-output-port", "open-output-file")


def _open(path: Value, flags: Value, mode: Value, who: str) -> int:
    name, bits = plain_string(path), exact_integer(flags)
    permissions = 0o666 if mode is None else exact_integer(mode)
    try:
        return os.open(name, bits | os.O_CLOEXEC | _without_waiting(name), permissions)
    except OSError as error:
        raise system_error(who, error) from None
    except OverflowError:
        raise out_of_range(who, flags) from None


@LIBRARY.primitive("open-fdes", 2, 3)
def open_fdes(path: Value, flags: Value, mode: Value = None) -> int:
    return _open(path, flags, mode, "open-fdes")


@LIBRARY.primitive("open", 2, 3)
def open_(path: Value, flags: Value, mode: Value = None) -> Port:
    fd = _open(path, flags, mode, "open-fdes")
    access = flags & os.O_ACCMODE
    return Port(path, access != os.O_WRONLY, access != os.O_RDONLY, fd)


def _fdes_port(name: str, default: str | None) -> None:
    def fn(fdes: Value, mode: Value = default) -> Port:
        number = small(exact_integer(fdes), fdes)
        kind = plain_string(mode)
        try:
            return Port("file", "r" in kind or "+" in kind, any(c in kind for c in "wa+"), number)
        except OSError as error:
            raise system_error("scm_fdes_to_port", error) from None

    LIBRARY.primitive(name, 1 if default else 2, 1 if default else 2)(fn)


def small(number: int, value: Value) -> int:
    """A number that fits a C int."""
    if not -(1 << 31) <= number < 1 << 31:
        raise out_of_range(None, value)
    return number


_fdes_port("fdopen", None)
_fdes_port("fdes->inport", "r")
_fdes_port("fdes->outport", "w")


def _calls_with(name: str, mode: str) -> None:
    def fn(path: Value, proc: Value, *options: Value) -> Steps:
        port = open_port(path, mode)
        # As Guile: an error leaves the port to the collector, a return closes it.
        result = yield Call(applicable(proc), (port,))
        yield from closed(port, "close-port")
        return result

    LIBRARY.procedure(name, 2, None)(fn)


_calls_with("call-with-input-file", "r")
_calls_with("call-with-output-file", "w")


def _runs_with(name: str, mode: str, parameter: Any) -> None:
    def fn(path: Value, thunk: Value, *options: Value) -> Steps:
        port = open_port(path, mode)
        result = yield CallWith({parameter: port}, applicable(thunk))
        yield from closed(port, "close-port")
        return result

    LIBRARY.procedure(name, 2, None)(fn)


_runs_with("with-input-from-file", "r", ports.current_input)
_runs_with("with-output-to-file", "w", ports.current_output)
_runs_with("with-error-to-file", "w", ports.current_error)


@LIBRARY.procedure("call-with-port", 2)
def call_with_port(port: Value, proc: Value) -> Steps:
    argument(port, "call-with-port", 1)
    result = yield Call(applicable(proc), (port,))
    yield from closed(port, "close-port")
    return result


def argument(value: Value, who: str, position: int) -> Port:
    if not isinstance(value, Port):
        raise expecting(who, position, "port", value)
    return value


def closed(port: Port, who: str) -> Steps:
    """Close ``port`` once everything pending is written; True if it was open."""
    if port.closed:
        return False
    try:
        yield from flushed(port)
        port.close()
    except OSError as error:
        raise system_error(who, error) from None
    return True


def _closes(name: str) -> None:
    def fn(port: Value) -> Steps:
        return (yield from closed(argument(port, name, 1), name))

    LIBRARY.procedure(name, 1)(fn)


for _name in ("close-port", "close-input-port", "close-output-port"):
    _closes(_name)


@LIBRARY.procedure("close", 1)
def close(value: Value) -> Steps:
    if isinstance(value, Port):
        return (yield from closed(value, "close"))
    try:
        os.close(small(exact_integer(value), value))
    except OSError:
        return False
    return True


@LIBRARY.primitive("close-fdes", 1)
def close_fdes(value: Value) -> None:
    try:
        os.close(small(exact_integer(value), value))
    except OSError as error:
        raise system_error("close-fdes", error) from None


@LIBRARY.procedure("force-output", 0, 1)
def force_output(port: Value = None) -> Steps:
    if port is None:
        port = value_of(ports.current_output)
    if not isinstance(port, Port) or not port.output:
        raise expecting("force-output", 1, "open output port", port)
    try:
        yield from flushed(port)
    except OSError as error:
        raise system_error("force-output", error) from None


LIBRARY.alias("flush-output-port", "force-output")
LIBRARY.primitive("flush-all-ports", 0)(lambda: None)

LIBRARY.primitive("port?", 1)(lambda value: isinstance(value, Port))
LIBRARY.primitive("input-port?", 1)(lambda value: isinstance(value, Port) and value.input)
LIBRARY.primitive("output-port?", 1)(lambda value: isinstance(value, Port) and value.output)
LIBRARY.primitive("textual-port?", 1)(lambda value: isinstance(value, Port))
LIBRARY.primitive("binary-port?", 1)(lambda value: isinstance(value, Port))
LIBRARY.primitive("file-port?", 1)(lambda value: isinstance(value, Port) and value.fd is not None)
LIBRARY.primitive("port-closed?", 1)(lambda port: argument(port, "port-closed?", 1).closed)
LIBRARY.primitive("port-line", 1)(lambda port: argument(port, "port-line", 1).line)
LIBRARY.primitive("port-column", 1)(
    lambda port: 0 if argument(port, "port-column", 1).at_line_start else 1
)
LIBRARY.primitive("port-filename", 1)(lambda port: argument(port, "port-filename", 1).name or False)
LIBRARY.primitive("port-encoding", 1)(lambda port: argument(port, "port-encoding", 1) and "UTF-8")
LIBRARY.primitive("port-conversion-strategy", 1)(lambda port: Symbol("substitute"))
LIBRARY.primitive("set-port-encoding!", 2)(lambda port, name: None)
LIBRARY.primitive("set-port-conversion-strategy!", 2)(lambda port, name: None)
LIBRARY.primitive("set-port-line!", 2)(lambda port, line: None)
LIBRARY.primitive("set-port-column!", 2)(lambda port, column: None)
LIBRARY.primitive("port-revealed", 1)(lambda port: 0)
LIBRARY.primitive("set-port-revealed!", 2)(lambda port, count: None)


@LIBRARY.primitive("set-port-filename!", 2)
def set_port_filename(port: Value, name: Value) -> None:
    argument(port, "set-port-filename!", 1).name = name


@LIBRARY.primitive("port-mode", 1)
def port_mode(port: Value) -> str:
    target = argument(port, "port-mode", 1)
    if target.input and target.output:
        return "r+"
    return "r" if target.input else "w"


@LIBRARY.primitive("setvbuf", 2, 3)
def setvbuf(port: Value, mode: Value, size: Value = None) -> None:
    argument(port, "setvbuf", 1)
    if mode not in (Symbol("none"), Symbol("line"), Symbol("block")):
        raise out_of_range("setvbuf", mode)


def _made_temporary(name: str) -> None:
    def fn(template: Value, mode: Value = "w+") -> Port:
        path = plain_string(template)
        from services.scheme.library.filesystem import unused_name

        plain_string(mode)
        last: OSError | None = None
        for candidate in unused_name(path, "mkstemp"):
            try:
                fd = os.open(candidate, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                return Port(candidate, True, True, fd)
            except FileExistsError as error:
                last = error
            except OSError as error:
                raise system_error("mkstemp", error) from None
        raise system_error("mkstemp", last or OSError(17, "File exists"))

    LIBRARY.primitive(name, 1, 2)(fn)


_made_temporary("mkstemp")
_made_temporary("mkstemp!")
