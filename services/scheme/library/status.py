"""``stat`` objects: vectors of 18 elements with accessors, as Guile makes them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, system_error
from services.scheme.library.checks import plain_string
from services.scheme.library.descriptors import descriptor
from services.scheme.primitives import Library
from services.scheme.types import Symbol, Value, scheme_list

LIBRARY = Library()

_FIELDS = (
    "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "atime", "mtime", "ctime",
    "blksize", "blocks", "type", "perms", "atimensec", "mtimensec", "ctimensec",
)  # fmt: skip
_TYPES = (
    (stat.S_ISREG, "regular"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink"),
    (stat.S_ISBLK, "block-special"), (stat.S_ISCHR, "char-special"), (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
)  # fmt: skip


def kind_of(mode: int) -> str:
    """The type of file that a mode tells."""
    return next((name for test, name in _TYPES if test(mode)), "unknown")


def status_vector(status: os.stat_result) -> list[Value]:
    """A stat object."""
    return [
        status.st_dev, status.st_ino, status.st_mode, status.st_nlink, status.st_uid,
        status.st_gid, getattr(status, "st_rdev", 0), status.st_size, int(status.st_atime),
        int(status.st_mtime), int(status.st_ctime), getattr(status, "st_blksize", 4096),
        getattr(status, "st_blocks", 0), Symbol(kind_of(status.st_mode)),
        stat.S_IMODE(status.st_mode), status.st_atime_ns % 1_000_000_000,
        status.st_mtime_ns % 1_000_000_000, status.st_ctime_ns % 1_000_000_000,
    ]  # fmt: skip


def _look(
    who: str, operation: Callable[[Any], os.stat_result], where: Any, target: Value, complain: Value
) -> Any:
    try:
        return status_vector(operation(where))
    except OSError as error:
        if complain is False:
            return False
        raise system_error(who, error, target) from None


@LIBRARY.primitive("stat", 1, 2)
def stat_(target: Value, complain: Value = True) -> Any:
    where = plain_string(target) if type(target) is str else descriptor(target, "stat")
    return _look("stat", os.stat, where, target, complain)


@LIBRARY.primitive("lstat", 1, 2)
def lstat(target: Value, complain: Value = True) -> Any:
    return _look("lstat", os.lstat, plain_string(target), target, complain)


def element(value: Value, index: int) -> Value:
    """An element of a vector that stands for a record, with the errors of vector-ref."""
    if not isinstance(value, list):
        raise SchemeError(
            "wrong-type-arg",
            (
                "vector-ref",
                "Wrong type argument in position 1 (expecting vector): ~S",
                scheme_list((value,)),
                scheme_list((value,)),
            ),
        )
    if index >= len(value):
        raise SchemeError(
            "out-of-range",
            (
                "vector-ref",
                "Argument 2 out of range: ~S",
                scheme_list((index,)),
                scheme_list((index,)),
            ),
        )
    return value[index]


def accessors(library: Library, prefix: str, fields: tuple[str, ...]) -> None:
    """Define ``PREFIX:FIELD`` for each field of a vector."""
    for index, field in enumerate(fields):
        library.primitive(f"{prefix}:{field}", 1)(lambda value, i=index: element(value, i))


accessors(LIBRARY, "stat", _FIELDS)
