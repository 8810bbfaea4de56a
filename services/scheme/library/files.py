"""File ports: opening, closing, descriptors and what is done to them."""

from __future__ import annotations

import os
from typing import Any

from services.scheme import ports
from services.scheme.errors import out_of_range, system_error
from services.scheme.library.apply import applicable
from services.scheme.library.checks import (
    argument_out_of_range,
    exact_integer,
    expecting,
    plain_string,
)
from services.scheme.library.waiting import flushed
from services.scheme.parameters import CallWith, value_of
from services.scheme.ports import Port
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import Pair, Symbol, Value

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
        number = _small(exact_integer(fdes), fdes)
        kind = plain_string(mode)
        try:
            return Port("file", "r" in kind or "+" in kind, any(c in kind for c in "wa+"), number)
        except OSError as error:
            raise system_error(name, error) from None

    LIBRARY.primitive(name, 1 if default else 2, 1 if default else 2)(fn)


def _small(number: int, value: Value) -> int:
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
        os.close(_small(exact_integer(value), value))
    except OSError:
        return False
    return True


@LIBRARY.primitive("close-fdes", 1)
def close_fdes(value: Value) -> None:
    try:
        os.close(_small(exact_integer(value), value))
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


def descriptor(value: Value, who: str, position: int = 1) -> int:
    """The descriptor of a file port, or the number itself."""
    if type(value) is int:
        return _small(value, value)
    if isinstance(value, Port) and value.fd is not None:
        return value.fd
    raise expecting(who, position, "open file port", value)


@LIBRARY.primitive("fileno", 1)
def fileno(port: Value) -> int:
    if not isinstance(port, Port):
        raise expecting("fileno", 1, "open file port", port)
    return descriptor(port, "fileno")


LIBRARY.alias("port->fdes", "fileno")


@LIBRARY.primitive("isatty?", 1)
def isatty(port: Value) -> bool:
    return isinstance(port, Port) and port.fd is not None and os.isatty(port.fd)


@LIBRARY.primitive("ttyname", 1)
def ttyname(port: Value) -> str:
    try:
        return os.ttyname(descriptor(port, "ttyname"))
    except OSError as error:
        raise system_error("ttyname", error) from None


@LIBRARY.primitive("seek", 2, 3)
def seek(port: Value, offset: Value, whence: Value = os.SEEK_SET) -> int:
    distance, origin = exact_integer(offset), exact_integer(whence)
    if isinstance(port, Port) and port.fd is None:
        base = {0: 0, 1: port.start, 2: len(port.data)}.get(origin)
        if base is None or not 0 <= base + distance <= len(port.data):
            raise argument_out_of_range("seek", 2, offset)
        port.start = base + distance
        return port.start
    number = descriptor(port, "seek")
    try:
        if isinstance(port, Port):
            port.flush()
            if origin == os.SEEK_CUR:
                distance -= len(port.data) - port.start
        position = os.lseek(number, distance, origin)
    except OSError as error:
        raise system_error("seek", error) from None
    except OverflowError:
        raise argument_out_of_range("seek", 2, offset) from None
    if isinstance(port, Port):
        port.data, port.start, port.ended = b"", 0, False
    return position


@LIBRARY.primitive("ftell", 1)
def ftell(port: Value) -> int:
    if isinstance(port, Port) and port.fd is None:
        return port.start if port.input else len(port.pending)
    try:
        position = os.lseek(descriptor(port, "ftell"), 0, os.SEEK_CUR)
    except OSError as error:
        raise system_error("ftell", error) from None
    if isinstance(port, Port):
        position += len(port.pending) - (len(port.data) - port.start)
    return position


@LIBRARY.primitive("pipe", 0, 1)
def pipe(flags: Value = 0) -> Pair:
    try:
        read, write = os.pipe2(exact_integer(flags) | os.O_CLOEXEC)
    except OSError as error:
        raise system_error("pipe", error) from None
    except OverflowError:
        raise out_of_range("pipe", flags) from None
    return Pair(
        Port(Symbol("read pipe"), True, False, read), Port(Symbol("write pipe"), False, True, write)
    )


def _duplicate(port: Value, who: str) -> int:
    try:
        if isinstance(port, Port) and port.output:
            port.flush()
        return os.dup(descriptor(port, who))  # not inherited
    except OSError as error:
        raise system_error(who, error) from None


@LIBRARY.primitive("dup->fdes", 1, 2)
def dup_to_fdes(port: Value, target: Value = None) -> int:
    if target is None:
        return _duplicate(port, "dup->fdes")
    dup2(port, target)
    return exact_integer(target)


@LIBRARY.primitive("dup2", 2)
def dup2(old: Value, new: Value) -> None:
    try:
        os.dup2(descriptor(old, "dup2"), _small(exact_integer(new), new), inheritable=False)
    except OSError as error:
        raise system_error("dup2", error) from None


@LIBRARY.primitive("dup", 1, 2)
def dup(port: Value, target: Value = None) -> Value:
    if not isinstance(port, Port):
        return _duplicate(port, "dup")
    return Port(port.name, port.input, port.output, _duplicate(port, "dup"))


LIBRARY.alias("dup->port", "dup")
LIBRARY.primitive("dup->inport", 1)(
    lambda port: Port("file", True, False, _duplicate(port, "dup->inport"))
)
LIBRARY.primitive("dup->outport", 1)(
    lambda port: Port("file", False, True, _duplicate(port, "dup->outport"))
)


@LIBRARY.primitive("duplicate-port", 2)
def duplicate_port(port: Value, modes: Value) -> Port:
    kind = plain_string(modes)
    return Port("file", "r" in kind or "+" in kind, any(c in kind for c in "wa+"),
                _duplicate(port, "duplicate-port"))  # fmt: skip


@LIBRARY.primitive("redirect-port", 2)
def redirect_port(old: Value, new: Value) -> None:
    """Make the descriptor of ``new`` refer to the file of ``old``."""
    for position, port in enumerate((old, new), 1):
        if not isinstance(port, Port) or port.fd is None:
            raise expecting("redirect-port", position, "open file port", port)
    try:
        old.flush()
        new.flush()
        if old.fd != new.fd:
            os.dup2(old.fd, new.fd, inheritable=new.fd <= 2)
        new.data, new.start, new.ended, new.regular = b"", 0, False, old.regular
    except OSError as error:
        raise system_error("redirect-port", error) from None


@LIBRARY.primitive("fcntl", 2, 3)
def fcntl_(port: Value, command: Value, argument: Value = 0) -> int:
    import fcntl

    number, operation = descriptor(port, "fcntl"), exact_integer(command)
    try:
        return fcntl.fcntl(number, operation, exact_integer(argument))
    except OSError as error:
        raise system_error("fcntl", error) from None
    except (OverflowError, ValueError):
        raise out_of_range("fcntl", argument) from None


@LIBRARY.primitive("fsync", 1)
def fsync(port: Value) -> None:
    try:
        if isinstance(port, Port):
            port.flush()
        os.fsync(descriptor(port, "fsync"))
    except OSError as error:
        raise system_error("fsync", error) from None


@LIBRARY.primitive("truncate-file", 1, 2)
def truncate_file(target: Value, length: Value = None) -> None:
    if length is None:
        size = ftell(target)
    else:
        size = exact_integer(length)
    where: Any = target if type(target) is str else descriptor(target, "truncate-file")
    try:
        if isinstance(target, Port):
            target.flush()
        os.truncate(where, size)
    except OSError as error:
        raise system_error("truncate-file", error) from None
    except (OverflowError, ValueError):
        raise argument_out_of_range("truncate-file", 2, length) from None


@LIBRARY.primitive("tmpfile", 0)
def tmpfile() -> Port:
    import tempfile

    try:
        fd, path = tempfile.mkstemp()
        os.unlink(path)
    except OSError as error:
        raise system_error("tmpfile", error) from None
    return Port("file", True, True, fd)


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
