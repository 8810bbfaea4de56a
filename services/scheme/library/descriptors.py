"""Descriptors of ports: numbers, positions, duplicates, pipes and locks."""

from __future__ import annotations

import os
from typing import Any

from services.scheme.errors import out_of_range, system_error
from services.scheme.library.checks import (
    argument_out_of_range,
    exact_integer,
    expecting,
    plain_string,
)
from services.scheme.library.files import small
from services.scheme.ports import Port
from services.scheme.primitives import Library
from services.scheme.types import Pair, Symbol, Value

LIBRARY = Library()


def descriptor(value: Value, who: str, position: int = 1) -> int:
    """The descriptor of a file port, or the number itself.

    For a negative number, the largest one, which the kernel never gives either: it is to say what
    is wrong.  Python refuses such numbers by itself in some calls, and takes -1 for a missing name
    in others.
    """
    if type(value) is int:
        number = small(value, value)
        return number if number >= 0 else (1 << 31) - 1
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
def ttyname(port: Value) -> str | bool:
    if not isinstance(port, Port):
        raise expecting("ttyname", 1, "open port", port)
    if port.fd is None:
        return False
    try:
        return os.ttyname(port.fd)
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
        number = port if isinstance(port, Port) else exact_integer(port)
        position = os.lseek(descriptor(number, "seek"), 0, os.SEEK_CUR)
    except OSError as error:
        raise system_error("seek", error) from None
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


def _duplicate(port: Value) -> int:
    try:
        if isinstance(port, Port) and port.output:
            port.flush()
        return os.dup(descriptor(port, "dup->fdes"))  # not inherited
    except OSError as error:
        raise system_error("dup->fdes", error) from None


@LIBRARY.primitive("dup->fdes", 1, 2)
def dup_to_fdes(port: Value, target: Value = None) -> int:
    if target is None:
        return _duplicate(port)
    dup2(port, target)
    return exact_integer(target)


@LIBRARY.primitive("dup2", 2)
def dup2(old: Value, new: Value) -> None:
    try:
        os.dup2(descriptor(old, "dup2"), small(exact_integer(new), new), inheritable=False)
    except OSError as error:
        raise system_error("dup2", error) from None


@LIBRARY.primitive("dup", 1, 2)
def dup(port: Value, target: Value = None) -> Value:
    if not isinstance(port, Port):
        return _duplicate(port)
    return Port(port.name, port.input, port.output, _duplicate(port))


LIBRARY.alias("dup->port", "dup")
LIBRARY.primitive("dup->inport", 1)(lambda port: Port("file", True, False, _duplicate(port)))
LIBRARY.primitive("dup->outport", 1)(lambda port: Port("file", False, True, _duplicate(port)))


@LIBRARY.primitive("duplicate-port", 2)
def duplicate_port(port: Value, modes: Value) -> Port:
    kind = plain_string(modes)
    return Port("file", "r" in kind or "+" in kind, any(c in kind for c in "wa+"),
                _duplicate(port))  # fmt: skip


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
