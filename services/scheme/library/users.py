"""Users and groups: the password and group databases and the process's identity."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from services.scheme.errors import misc_error, system_error
from services.scheme.library.checks import exact_integer, plain_string
from services.scheme.library.filesystem import attempt, system_call
from services.scheme.library.status import accessors
from services.scheme.primitives import Library
from services.scheme.types import Value, scheme_list

LIBRARY = Library()


def _no_group() -> Exception:
    # Measured: an errno of 0, which strerror calls Success.
    from services.scheme.errors import SchemeError

    return SchemeError(
        "system-error", ("getgr", "~A", scheme_list((os.strerror(0),)), scheme_list((0,)))
    )


def user(key: Value) -> list[Value]:
    """The entry of a user by name or number."""
    import pwd

    try:
        entry = pwd.getpwuid(key) if type(key) is int else pwd.getpwnam(plain_string(key))
    except (KeyError, OverflowError):
        raise misc_error("getpw", "entry not found") from None
    return list(entry)


def group(key: Value) -> list[Value]:
    """The entry of a group by name or number."""
    import grp

    try:
        entry = grp.getgrgid(key) if type(key) is int else grp.getgrnam(plain_string(key))
    except (KeyError, OverflowError):
        raise _no_group() from None
    return [entry.gr_name, entry.gr_passwd, entry.gr_gid, scheme_list(entry.gr_mem)]


class _Walk:
    """The position of getpwent and its like."""

    def __init__(self, load: Callable[[], list[list[Value]]]) -> None:
        self.load = load
        self.rest: list[list[Value]] | None = None

    def next(self) -> Any:
        if self.rest is None:
            self.rest = self.load()
        return self.rest.pop(0) if self.rest else False

    def rewind(self, *unused: Value) -> None:
        self.rest = None


def _users() -> list[list[Value]]:
    import pwd

    return [list(entry) for entry in pwd.getpwall()]


def _groups() -> list[list[Value]]:
    import grp

    return [[e.gr_name, e.gr_passwd, e.gr_gid, scheme_list(e.gr_mem)] for e in grp.getgrall()]


def _database(
    letters: str, find: Callable[[Value], list[Value]], by: tuple[str, str], walk: _Walk
) -> None:
    LIBRARY.primitive(f"get{letters}", 0, 1)(
        lambda key=None: walk.next() if key is None else find(key)
    )
    for name in by:
        LIBRARY.primitive(name, 1)(find)
    LIBRARY.primitive(f"get{letters}ent", 0)(walk.next)
    for name in (f"set{letters}ent", f"end{letters}ent", f"set{letters}"):
        LIBRARY.primitive(name, 0, 1)(walk.rewind)


_database("pw", user, ("getpwnam", "getpwuid"), _Walk(_users))
_database("gr", group, ("getgrnam", "getgrgid"), _Walk(_groups))
accessors(LIBRARY, "passwd", ("name", "passwd", "uid", "gid", "gecos", "dir", "shell"))
accessors(LIBRARY, "group", ("name", "passwd", "gid", "mem"))

for _name in ("getuid", "geteuid", "getgid", "getegid", "getpid", "getppid", "getpgrp"):
    LIBRARY.primitive(_name, 0)(getattr(os, _name))
LIBRARY.primitive("getgroups", 0)(lambda: list(os.getgroups()))


@LIBRARY.primitive("getlogin", 0)
def getlogin() -> Any:
    try:
        return os.getlogin()
    except OSError:
        return False


for _name, _operation, _count in (
    ("setuid", os.setuid, 1),
    ("seteuid", os.seteuid, 1),
    ("setgid", os.setgid, 1),
    ("setegid", os.setegid, 1),
    ("setpgid", os.setpgid, 2),
):
    system_call(LIBRARY, _name, _operation, _count, exact_integer)


@LIBRARY.primitive("setgroups", 1)
def setgroups(groups: Value) -> None:
    from services.scheme.library.vectors import vector_argument

    numbers = [exact_integer(n) for n in vector_argument(groups, "setgroups", 1)]
    attempt("setgroups", os.setgroups, numbers)


@LIBRARY.primitive("setsid", 0)
def setsid() -> int:
    try:
        os.setsid()
    except OSError as error:
        raise system_error("setsid", error) from None
    return os.getpid()


@LIBRARY.primitive("getsid", 1)
def getsid(pid: Value) -> int:
    try:
        return os.getsid(exact_integer(pid))
    except (OSError, OverflowError):
        return -1
