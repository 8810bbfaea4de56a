"""``(shepherd support)``: the Shepherd's support library, as far as configurations use it.

Most of it is written in Scheme, in ``services/definitions/support.scm``; here is what the
daemon knows and what needs the compiler.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from pid1.addresses import Address
from pid1.log import LINE_FORMAT
from services.api import config, directories
from services.api.written import add_definitions
from services.scheme.conditions import KIND_AND_ARGS
from services.scheme.errors import system_error, wrong_type
from services.scheme.forms import IF, QUOTE
from services.scheme.modules import core
from services.scheme.parameters import Parameter
from services.scheme.primitives import Library
from services.scheme.syntax import Macro, strip
from services.scheme.types import Value, scheme_list

LIBRARY = Library()

# Redefined by the real module with the same meaning.
for _name in ("define", "define*", "make-hook", "hook?", "add-hook!", "run-hook"):
    _cell = core.find(_name)
    assert _cell is not None
    LIBRARY.bind(_name, _cell.value)

_SYSTEM_SOCKETS = f"{config.LIBRARY.bindings['%runstatedir']}/shepherd"

LIBRARY.bind("%gettext-domain", "shepherd")
LIBRARY.bind("user-homedir", directories.home())
LIBRARY.bind("%user-config-dir", directories.configuration())
LIBRARY.bind("%user-log-dir", directories.logs())
LIBRARY.bind("%user-runtime-dir", directories.runtime())
LIBRARY.bind("default-logfile-date-format", LINE_FORMAT)
LIBRARY.bind("default-socket-dir", directories.sockets())
LIBRARY.bind("default-socket-file", f"{directories.sockets()}/socket")
LIBRARY.bind("%system-socket-file", f"{_SYSTEM_SOCKETS}/socket")
LIBRARY.bind(
    "current-socket-file",
    Parameter(
        os.environ.get("SHEPHERD_SOCKET") or f"{directories.sockets()}/socket",
        None,
        "current-socket-file",
    ),
)


def make_directories(path: str, mode: int | None = None) -> None:
    """Create a directory and those above it; ``mode`` is for the last one."""
    current = "/" if path.startswith("/") else "."
    for part in filter(None, path.split("/")):
        current = os.path.join(current, part)
        try:
            os.mkdir(current, 0o777 if mode is None else mode)
        except OSError as error:
            # The Hurd may say "read-only file system" of a directory that exists.
            if not os.path.isdir(current):
                raise system_error("mkdir", error) from error
    if mode is not None:
        os.chmod(path, mode)


@LIBRARY.primitive("mkdir-p", 1, 2)
def mkdir_p(directory: Value, mode: Value = None) -> None:
    if not isinstance(directory, str):
        raise wrong_type("mkdir-p", 1, directory)
    if mode not in (None, False) and type(mode) is not int:
        raise wrong_type("mkdir-p", 2, mode)
    make_directories(directory, None if mode is False else mode)


@LIBRARY.primitive("user-default-log-file", 0)
def user_default_log_file() -> str:
    make_directories(directories.logs(), stat.S_IRWXU)
    return f"{directories.logs()}/shepherd.log"


@LIBRARY.primitive("system-default-log-file", 0)
def system_default_log_file() -> str:
    return f"{config.LIBRARY.bindings['%localstatedir']}/log/shepherd.log"


@LIBRARY.primitive("default-config-file", 0)
def default_config_file() -> str:
    if os.getuid() == 0:
        return f"{config.LIBRARY.bindings['%sysconfdir']}/shepherd.scm"
    return f"{directories.configuration()}/init.scm"


@LIBRARY.primitive("socket-address->string", 1)
def socket_address_to_string(address: Value) -> str:
    if type(address) is not list:
        raise wrong_type("socket-address->string", 1, address)
    return str(Address.from_vector(address))


def _assert(form: Any, compiler: Any, _scope: Any) -> Value:
    """``(assert EXPRESSION)``: say which one is false, and where, and throw."""
    where = compiler.where()
    place = "<unknown-location>"
    if where is not None:
        location = where[0].location(where[1])
        if not location.file.startswith("#<"):
            place = f"{location.file}:{location.line}"
    expression = form.cdr.car
    quoted = scheme_list((QUOTE, strip(expression)))
    failed = scheme_list((_assertion_failed, place, quoted))
    return scheme_list((IF, expression, None, failed))


LIBRARY.bind("&exception-with-kind-and-args", KIND_AND_ARGS)
for _name in ("package-name", "Version"):
    LIBRARY.bind(_name, config.LIBRARY.bindings[_name])
_assertion_failed = add_definitions(LIBRARY, "support").cells["_assertion-failed"].value
LIBRARY.bind("assert", Macro("assert", _assert, in_scope=True))
