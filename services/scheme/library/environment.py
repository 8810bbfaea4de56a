"""The process and the system around it: variables, limits, names, signals, waiting status."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from services.scheme.errors import misc_error, system_error
from services.scheme.library.checks import (
    c_int,
    exact_integer,
    expecting,
    items,
    not_in_range,
    plain_string,
)
from services.scheme.library.descriptors import descriptor
from services.scheme.library.filesystem import attempt
from services.scheme.library.status import accessors
from services.scheme.library.strings import joined
from services.scheme.primitives import Library
from services.scheme.types import Pair, Symbol, Value, Values, scheme_list

LIBRARY = Library()


@LIBRARY.primitive("getenv", 0, 1)
def getenv(name: Value = None) -> Any:
    return os.environ.get(plain_string(name), False)


def _set_variable(name: str, value: str) -> None:
    if not name or "=" in name or "\0" in value:
        raise system_error("putenv", OSError(22, "Invalid argument"))
    os.environ[name] = value


@LIBRARY.primitive("setenv", 2)
def setenv(name: Value, value: Value) -> None:
    if value is False:
        os.environ.pop(plain_string(name), None)
    else:
        plain_string(joined([name]))
        _set_variable(name, joined([value]))


@LIBRARY.primitive("unsetenv", 1)
def unsetenv(name: Value) -> None:
    os.environ.pop(plain_string(name), None)


@LIBRARY.primitive("putenv", 1)
def putenv(text: Value) -> None:
    name, equals, value = plain_string(text).partition("=")
    if equals:
        _set_variable(name, value)
    else:
        os.environ.pop(name, None)


@LIBRARY.primitive("environ", 0, 1)
def environ(variables: Value = None) -> Value:
    if variables is None:
        return scheme_list([f"{name}={value}" for name, value in os.environ.items()])
    new: dict[str, str] = {}
    for text in items(variables, "environ", 1):
        name, equals, value = plain_string(text).partition("=")
        if equals and name:
            new[name] = value
    os.environ.clear()
    os.environ.update(new)
    return None


@LIBRARY.primitive("uname", 0)
def uname() -> list[Value]:
    return list(os.uname())


accessors(LIBRARY, "utsname", ("sysname", "nodename", "release", "version", "machine"))


@LIBRARY.primitive("gethostname", 0)
def gethostname() -> str:
    return os.uname().nodename


@LIBRARY.primitive("sethostname", 1)
def sethostname(name: Value) -> None:
    import socket

    attempt("sethostname", socket.sethostname, plain_string(name))


@LIBRARY.primitive("umask", 0, 1)
def umask(mode: Value = None) -> int:
    bits = 0o777 if mode is None else c_int(mode)
    old = os.umask(bits & 0o777)
    if mode is None:
        os.umask(old)
    return old


@LIBRARY.primitive("kill", 2)
def kill(pid: Value, signal: Value) -> None:
    attempt("kill", os.kill, c_int(pid), c_int(signal))


@LIBRARY.primitive("nice", 1)
def nice(increment: Value) -> None:
    attempt("nice", os.nice, c_int(increment))


@LIBRARY.primitive("getpriority", 2)
def getpriority(which: Value, who: Value) -> int:
    return int(attempt("getpriority", os.getpriority, c_int(which), c_int(who)))


@LIBRARY.primitive("setpriority", 3)
def setpriority(which: Value, who: Value, priority: Value) -> None:
    attempt("setpriority", os.setpriority, c_int(which), c_int(who), c_int(priority))


LIBRARY.primitive("sync", 0)(lambda: os.sync())


def _resource(value: Value, who: str) -> int:
    import resource

    if type(value) is Symbol:
        number = getattr(resource, f"RLIMIT_{value.name.upper()}", None)
        if number is None:
            raise misc_error(who, "invalid rlimit resource ~A", value)
        return int(number)
    return c_int(value)


@LIBRARY.primitive("getrlimit", 1)
def getrlimit(which: Value) -> Values:
    import resource

    limits = attempt("getrlimit", resource.getrlimit, _resource(which, "getrlimit"))
    return Values(tuple(False if limit == resource.RLIM_INFINITY else limit for limit in limits))


@LIBRARY.primitive("setrlimit", 3)
def setrlimit(which: Value, soft: Value, hard: Value) -> None:
    """Limits as integers; #f is no limit."""
    import resource

    number = _resource(which, "setrlimit")
    limits = []
    for value in (soft, hard):
        limit = resource.RLIM_INFINITY if value is False else exact_integer(value)
        if value is not False and limit < 0:
            # As an unsigned number, a negative limit is beyond any hard limit.
            raise system_error("setrlimit", OSError(22, "Invalid argument"))
        limits.append(limit)
    try:
        resource.setrlimit(number, (limits[0], limits[1]))
    except ValueError as error:
        # Python says this of both EINVAL and an unprivileged attempt to raise the limit.
        code = 1 if "exceed" in str(error) and limits[0] <= limits[1] else 22
        raise system_error("setrlimit", OSError(code, "")) from None
    except OverflowError:
        raise not_in_range(0, 18446744073709551615, soft) from None
    except OSError as error:
        raise system_error("setrlimit", error) from None


def _status(name: str, test: Callable[[int], bool], value: Callable[[int], int]) -> None:
    def fn(status: Value) -> Any:
        number = c_int(status)
        return value(number) if test(number) else False

    LIBRARY.primitive(name, 1)(fn)


_status("status:exit-val", os.WIFEXITED, os.WEXITSTATUS)
_status("status:term-sig", os.WIFSIGNALED, os.WTERMSIG)
_status("status:stop-sig", os.WIFSTOPPED, os.WSTOPSIG)


@LIBRARY.primitive("strerror", 1)
def strerror(number: Value) -> str:
    return os.strerror(c_int(number))


@LIBRARY.primitive("system-error-errno", 1)
def system_error_errno(arguments: Value) -> Any:
    elements = items(arguments, "system-error-errno", 1)
    if len(elements) > 4 and elements[0] is Symbol("system-error"):
        data = elements[4]
        return data.car if type(data) is Pair else False
    return False


@LIBRARY.primitive("crypt", 2)
def crypt(key: Value, salt: Value) -> str:
    plain_string(key), plain_string(salt)
    raise system_error("crypt", OSError(38, os.strerror(38)))


@LIBRARY.primitive("current-processor-count", 0)
def current_processor_count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _processors()


def _processors() -> int:
    return os.cpu_count() or 1


LIBRARY.primitive("total-processor-count", 0)(_processors)
LIBRARY.primitive("ctermid", 0)(lambda: os.ctermid())


def _terminal(port: Value, who: str) -> int:
    if type(port) is int:
        raise expecting(who, 1, "open file port", port)
    return descriptor(port, who)


@LIBRARY.primitive("tcgetpgrp", 1)
def tcgetpgrp(port: Value) -> int:
    return int(attempt("tcgetpgrp", os.tcgetpgrp, _terminal(port, "tcgetpgrp")))


@LIBRARY.primitive("tcsetpgrp", 2)
def tcsetpgrp(port: Value, group: Value) -> None:
    attempt("tcsetpgrp", os.tcsetpgrp, _terminal(port, "tcsetpgrp"), c_int(group))


@LIBRARY.primitive("chroot", 1)
def chroot(name: Value) -> None:
    attempt("chroot", os.chroot, plain_string(name))


@LIBRARY.primitive("setlocale", 1, 2)
def setlocale(category: Value, name: Value = None) -> Any:
    c_int(category)
    if name is not None:
        plain_string(name)
    return name if name else "C"


@LIBRARY.primitive("gettext", 1, 3)
def gettext(message: Value, domain: Value = None, category: Value = None) -> str:
    return plain_string(message)


@LIBRARY.primitive("ngettext", 3, 5)
def ngettext(one: Value, many: Value, count: Value, *rest: Value) -> str:
    return plain_string(one) if exact_integer(count) == 1 else plain_string(many)


for _name, _high in (("textdomain", 1), ("bindtextdomain", 2), ("bind-textdomain-codeset", 2)):
    LIBRARY.primitive(_name, 0, _high)(lambda *args: False)
