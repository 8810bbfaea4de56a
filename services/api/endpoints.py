"""``(shepherd endpoints)``: listening addresses, for configurations."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from pid1.addresses import UNIX, Address
from pid1.endpoints import (
    DEFAULT_BIND_ATTEMPTS,
    RETRY_DELAY,
    Endpoint,
    open_sockets,
    plain_bind,
    remove_socket,
)
from pid1.log import say
from services import keywords
from services.convert import Host, from_wire
from services.scheme.errors import SchemeError, system_error
from services.scheme.modules import core
from services.scheme.parameters import Parameter, value_of
from services.scheme.ports import Port
from services.scheme.primitives import Await, Call, Library, Primitive, Steps
from services.scheme.types import NIL, Value, iterate, scheme_list

if TYPE_CHECKING:
    import socket

LIBRARY = Library()

bind_attempts = Parameter(DEFAULT_BIND_ATTEMPTS, None, "default-bind-attempts")
LIBRARY.bind("default-bind-attempts", bind_attempts)

_KEYWORDS = frozenset(
    {
        "name", "style", "backlog", "socket-owner", "socket-group",
        "socket-directory-permissions", "bind-attempts",
    }
)  # fmt: skip


def _integer(who: str, argument: str, value: Value) -> int:
    if type(value) is not int or value < 0:
        raise keywords.wrong_type(who, argument, value)
    return value


def _identity(who: str, argument: str, value: Value) -> int | str:
    return value if isinstance(value, str) else _integer(who, argument, value)


def make_endpoint(who: str, value: Value, options: dict[str, Value]) -> Endpoint:
    """Return an endpoint for a socket address and keywords as Scheme values."""
    name = options.get("name", "unknown")
    if not isinstance(name, str):
        raise keywords.wrong_type(who, "name", name)
    numbers = {
        "style": ("style", None),
        "backlog": ("backlog", None),
        "permissions": ("socket-directory-permissions", None),
        "bind_attempts": ("bind-attempts", value_of(bind_attempts)),
    }
    given: dict[str, Any] = {}
    for parameter, (key, default) in numbers.items():
        number = options.get(key, default)
        if number is not None:
            given[parameter] = _integer(who, key, number)
    for parameter in ("owner", "group"):
        key = f"socket-{parameter}"
        if key in options:
            given[parameter] = _identity(who, key, options[key])
    return Endpoint(_address(who, value), name=name, **given)


def _address(who: str, value: Value) -> Address:
    try:
        if type(value) is list:
            return Address.from_vector(value)
    except ValueError:
        pass
    raise keywords.wrong_type(who, "address", value)


@LIBRARY.primitive("endpoint", 1, None)
def endpoint(address: Value, *rest: Value) -> Endpoint:
    return make_endpoint("endpoint", address, keywords.split(rest, _KEYWORDS))


LIBRARY.predicate("endpoint?", Endpoint)


LIBRARY.accessor("endpoint-name", Endpoint, lambda e: e.name)
LIBRARY.accessor("endpoint-address", Endpoint, lambda e: list(e.address.to_vector()))
LIBRARY.accessor("endpoint-style", Endpoint, lambda e: e.style)
LIBRARY.accessor("endpoint-backlog", Endpoint, lambda e: e.backlog)
LIBRARY.accessor("endpoint-socket-owner", Endpoint, lambda e: e.owner)
LIBRARY.accessor("endpoint-socket-group", Endpoint, lambda e: e.group)
LIBRARY.accessor("endpoint-socket-directory-permissions", Endpoint, lambda e: e.permissions)
LIBRARY.accessor("endpoint-bind-attempts", Endpoint, lambda e: e.bind_attempts)
LIBRARY.accessor("endpoint->sexp", Endpoint, lambda e: from_wire(e.to_wire()))


def endpoint_list(who: str, value: Value) -> list[Endpoint]:
    """Return the endpoints of a Scheme list."""
    items = keywords.list_of(Endpoint, value)
    if items is None:
        raise keywords.wrong_type(who, "endpoints", value)
    return items


def bind(sock: socket.socket, address: Address) -> Awaitable[object] | None:
    """Bind a socket as the configuration would have it.

    A configuration may have assigned ``bind``; then that is called, as in the GNU Shepherd,
    whose test suite relies on it.
    """
    cell = core.find("bind")
    if cell is None or cell.known or isinstance(cell.value, Primitive):
        plain_bind(sock, address)
        return None
    if address.family == UNIX:
        remove_socket(address.parts[0])
    return _bind_with(cell.value, sock, address)


async def _bind_with(procedure: Value, sock: socket.socket, address: Address) -> None:
    # A port closes its descriptor in the end, so it gets one of its own.
    port = Port("socket", input=True, output=True, fd=os.dup(sock.fileno()))
    try:
        result = Host(procedure).run((port, list(address.to_vector())))
        if hasattr(result, "__await__"):
            await result
    except Exception as error:
        raise _as_os_error(error) from error
    finally:
        port.close()


def _as_os_error(error: Exception) -> Exception:
    """A ``system-error`` of Scheme code as the OSError that it stands for."""
    arguments: Any = getattr(error, "arguments", ())
    if getattr(error, "key", None) == "system-error" and len(arguments) == 4:
        numbers = arguments[3]
        if isinstance(numbers, list) and numbers and type(numbers[0]) is int:
            return OSError(numbers[0], os.strerror(numbers[0]))
    return error


@LIBRARY.procedure("open-sockets", 1)
def open_sockets_(endpoints: Value) -> Steps:
    work = open_sockets(endpoint_list("open-sockets", endpoints), bind)
    try:
        sockets = yield Await(work)
    except OSError as error:
        raise _socket_error(error) from error
    return scheme_list([Port("socket", True, True, sock.detach()) for sock in sockets])


@LIBRARY.procedure("bind/retry-if-in-use", 2, None)
def bind_retry_if_in_use(sock: Value, address: Value, *rest: Value) -> Steps:
    """Bind a port, and while the address is in use try again each second."""
    options = keywords.split(rest, {"max-attempts"})
    attempts: Value = options.get("max-attempts", value_of(bind_attempts))
    procedure = core.cell("bind").value
    while True:
        try:
            return (yield Call(procedure, (sock, address)))
        except SchemeError as error:
            attempts -= 1
            numbers = error.arguments[-1] if error.key == "system-error" else NIL
            if attempts <= 0 or errno.EADDRINUSE not in iterate(numbers):
                raise
        say(f"Address {Address.from_vector(address)} is in use; retrying to bind it in one second.")
        yield Await(asyncio.sleep(RETRY_DELAY))


def _socket_error(error: OSError) -> SchemeError:
    return system_error(getattr(error, "step", "bind"), error)
