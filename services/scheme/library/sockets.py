"""Sockets and their addresses.

An address is a vector, as Guile shows it: ``#(2 2130706433 80)`` holds the family, the
IPv4 address as a number in host order and the port.  Sockets are not inherited and
never block the daemon: accept and connect suspend their caller.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from services.scheme.errors import SchemeError, misc_error, out_of_range, system_error, wrong_type
from services.scheme.library.checks import (
    argument_out_of_range,
    c_int,
    exact_integer,
    expecting,
    not_in_range,
    plain_string,
    span,
)
from services.scheme.library.status import accessors, element
from services.scheme.library.waiting import until_readable, until_writable
from services.scheme.ports import Port
from services.scheme.primitives import Library, Steps
from services.scheme.types import Pair, Value, scheme_list

LIBRARY = Library()

_UNIX_PATH = 107  # bytes in sun_path, without the final zero


def _family(value: Value, who: str) -> int:
    number = exact_integer(value)
    if number not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        raise out_of_range(who, value)
    return number


def _unsigned(value: Value, bits: int) -> int:
    number = exact_integer(value)
    if not 0 <= number < 1 << bits:
        raise not_in_range(0, (1 << bits) - 1, value)
    return number


@LIBRARY.primitive("make-socket-address", 2, None)
def make_socket_address(family: Value, address: Value, *rest: Value) -> list[Value]:
    kind = _family(family, "scm_c_make_socket_address")
    if kind == socket.AF_UNIX:
        path = plain_string(address)
        if len(os.fsencode(path)) > _UNIX_PATH:
            raise out_of_range("scm_c_make_socket_address", address)
        return [kind, path]
    number = _unsigned(address, 32 if kind == socket.AF_INET else 128)
    if not rest:
        raise SchemeError(
            "wrong-number-of-args",
            (
                False,
                "Wrong number of arguments to ~A",
                scheme_list(("make-socket-address",)),
                False,
            ),
        )
    port = _unsigned(rest[0], 16)
    if kind == socket.AF_INET:
        return [kind, number, port]
    more = [_unsigned(value, 32) for value in rest[1:3]]
    return [kind, number, port, *more, *[0] * (2 - len(more))]


accessors(LIBRARY, "sockaddr", ("fam", "addr", "port", "flowinfo", "scopeid"))
LIBRARY.primitive("sockaddr:path", 1)(lambda address: element(address, 1))


def native_address(address: Value, who: str) -> Any:
    """A socket address vector as Python's socket module takes it."""
    if not isinstance(address, list) or len(address) < 2:
        raise wrong_type(who, 2, address)
    checked = make_socket_address(*address)
    if checked[0] == socket.AF_UNIX:
        return checked[1]
    text = inet_ntop(checked[0], checked[1])
    return (text, checked[2]) if checked[0] == socket.AF_INET else (text, *checked[2:])


def address_vector(family: int, address: Any) -> list[Value]:
    """The reverse of ``native_address``."""
    family = int(family)  # Python's is an enumeration
    if family == socket.AF_INET:
        return [family, inet_pton(family, address[0]), address[1]]
    if family == socket.AF_INET6:
        return [family, inet_pton(family, address[0].partition("%")[0]), *address[1:4]]
    text = os.fsdecode(address) if isinstance(address, bytes) else str(address or "")
    return [family, text]


@LIBRARY.primitive("inet-pton", 2)
def inet_pton(family: Value, text: Value) -> int:
    kind = exact_integer(family)
    if kind not in (socket.AF_INET, socket.AF_INET6):
        raise argument_out_of_range("inet-pton", 1, family)
    try:
        return int.from_bytes(socket.inet_pton(kind, plain_string(text)), "big")
    except (OSError, ValueError):
        raise misc_error("inet-pton", "Bad address") from None


@LIBRARY.primitive("inet-ntop", 2)
def inet_ntop(family: Value, address: Value) -> str:
    kind = exact_integer(family)
    if kind not in (socket.AF_INET, socket.AF_INET6):
        raise argument_out_of_range("inet-ntop", 1, family)
    width = 4 if kind == socket.AF_INET else 16
    return socket.inet_ntop(kind, _unsigned(address, 8 * width).to_bytes(width, "big"))


def _system(who: str, operation: Callable[..., Any], *args: Any) -> Any:
    try:
        return operation(*args)
    except OSError as error:
        raise system_error(who, error) from None
    except (OverflowError, ValueError, TypeError):
        raise out_of_range(who, args[-1] if args else False) from None


def _port(fd: int) -> Port:
    return Port("socket", True, True, fd)


@LIBRARY.primitive("socket", 3)
def socket_(family: Value, style: Value, protocol: Value) -> Port:
    numbers = c_int(family), c_int(style), c_int(protocol)
    return _port(_system("socket", lambda: socket.socket(*numbers).detach()))


@LIBRARY.primitive("socketpair", 3)
def socketpair(family: Value, style: Value, protocol: Value) -> Pair:
    numbers = c_int(family), c_int(style), c_int(protocol)
    first, second = _system("socketpair", lambda: socket.socketpair(*numbers))
    return Pair(_port(first.detach()), _port(second.detach()))


class _Borrowed:
    """The Python socket of a port's descriptor, for the extent of a ``with``."""

    def __init__(self, port: Value, who: str) -> None:
        if not isinstance(port, Port) or port.fd is None:
            raise expecting(who, 1, "open file port", port)
        self.socket = _system(who, lambda: socket.socket(fileno=port.fd))

    def __enter__(self) -> socket.socket:
        result: socket.socket = self.socket
        return result

    def __exit__(self, *error: object) -> None:
        self.socket.detach()


def _target(first: Value, rest: tuple[Value, ...], who: str) -> Any:
    if isinstance(first, list):
        return native_address(first, who)
    return native_address(make_socket_address(first, *(rest or (0,))), who)


@LIBRARY.primitive("bind", 2, None)
def bind(port: Value, address: Value, *rest: Value) -> None:
    with _Borrowed(port, "bind") as sock:
        _system("bind", sock.bind, _target(address, rest, "bind"))


@LIBRARY.primitive("listen", 2)
def listen(port: Value, backlog: Value) -> None:
    with _Borrowed(port, "listen") as sock:
        _system("listen", sock.listen, c_int(backlog))


@LIBRARY.procedure("connect", 2, None)
def connect(port: Value, address: Value, *rest: Value) -> Steps:
    """Connect; #t.  Waits without stopping the daemon."""
    with _Borrowed(port, "connect") as sock:
        target = _target(address, rest, "connect")
        was = os.get_blocking(sock.fileno())
        os.set_blocking(sock.fileno(), False)
    try:
        with _Borrowed(port, "connect") as sock:
            code = _system("connect", sock.connect_ex, target)
        if code in _IN_PROGRESS:
            yield from until_writable(port.fd)
            with _Borrowed(port, "connect") as sock:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise system_error("connect", OSError(code, os.strerror(code)))
    finally:
        if port.fd is not None:
            os.set_blocking(port.fd, was)
    return True


def _progress() -> frozenset[int]:
    import errno

    return frozenset((errno.EINPROGRESS, errno.EAGAIN))


_IN_PROGRESS = _progress()


@LIBRARY.procedure("accept", 1, 2)
def accept(port: Value, flags: Value = 0) -> Steps:
    """The connection and its address, as a pair.  Waits without stopping the daemon."""
    exact_integer(flags)
    with _Borrowed(port, "accept"):
        pass
    while True:
        if port.fd is None:
            raise expecting("accept", 1, "open file port", port)
        yield from until_readable(port.fd)
        with _Borrowed(port, "accept") as sock:
            family = sock.family
            try:
                connection, address = sock.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                raise system_error("accept", error) from None
        return Pair(_port(connection.detach()), address_vector(family, address))


def _names(name: str, method: str) -> None:
    def fn(port: Value) -> list[Value]:
        with _Borrowed(port, name) as sock:
            return address_vector(sock.family, _system(name, getattr(sock, method)))

    LIBRARY.primitive(name, 1)(fn)


_names("getsockname", "getsockname")
_names("getpeername", "getpeername")


@LIBRARY.primitive("setsockopt", 4)
def setsockopt(port: Value, level: Value, option: Value, value: Value) -> None:
    numbers = c_int(level), c_int(option)
    if type(value) is Pair:
        import struct

        data: Any = struct.pack("ii", c_int(value.car), c_int(value.cdr))
    else:
        data = c_int(value)
    with _Borrowed(port, "setsockopt") as sock:
        _system("setsockopt", sock.setsockopt, *numbers, data)


@LIBRARY.primitive("getsockopt", 3)
def getsockopt(port: Value, level: Value, option: Value) -> Value:
    with _Borrowed(port, "getsockopt") as sock:
        numbers = c_int(level), c_int(option)
        if numbers[1] == socket.SO_LINGER:
            import struct

            data = _system("getsockopt", sock.getsockopt, *numbers, 8)
            return Pair(*struct.unpack("ii", data))
        return _system("getsockopt", sock.getsockopt, *numbers)


@LIBRARY.primitive("shutdown", 2)
def shutdown(port: Value, how: Value) -> None:
    with _Borrowed(port, "shutdown") as sock:
        _system("shutdown", sock.shutdown, c_int(how))


@LIBRARY.procedure("send", 2, 3)
def send(port: Value, data: Value, flags: Value = 0) -> Steps:
    if type(data) is not bytearray:
        raise expecting("send", 2, "bytevector", data)
    with _Borrowed(port, "send"):
        pass
    yield from until_writable(port.fd)
    with _Borrowed(port, "send") as sock:
        return _system("send", sock.send, bytes(data), c_int(flags) | socket.MSG_DONTWAIT)


@LIBRARY.procedure("recv!", 2, 3)
def receive(port: Value, data: Value, flags: Value = 0) -> Steps:
    if type(data) is not bytearray:
        raise expecting("recv!", 2, "bytevector", data)
    with _Borrowed(port, "recv!"):
        pass
    yield from until_readable(port.fd)
    with _Borrowed(port, "recv!") as sock:
        return _system("recv!", sock.recv_into, data, len(data), c_int(flags))


@LIBRARY.primitive("sendto", 3, None)
def send_to(port: Value, data: Value, address: Value, *rest: Value) -> int:
    if type(data) is not bytearray:
        raise expecting("sendto", 2, "bytevector", data)
    with _Borrowed(port, "sendto") as sock:
        target = _target(address, rest, "sendto")
        return int(_system("sendto", sock.sendto, bytes(data), socket.MSG_DONTWAIT, target))


@LIBRARY.procedure("recvfrom!", 2, 5)
def receive_from(
    port: Value, data: Value, flags: Value = 0, start: Value = None, end: Value = None
) -> Steps:
    if type(data) is not bytearray:
        raise expecting("recvfrom!", 2, "bytevector", data)
    low, high = span(data, start, end, len(data))
    with _Borrowed(port, "recvfrom!"):
        pass
    yield from until_readable(port.fd)
    with _Borrowed(port, "recvfrom!") as sock:
        got, address = _system("recvfrom!", sock.recvfrom, high - low, c_int(flags))
        data[low : low + len(got)] = got
        return Pair(len(got), address_vector(sock.family, address) if address else False)


@LIBRARY.primitive("getaddrinfo", 1, 6)
def getaddrinfo(
    name: Value, service: Value = None, flags: Value = 0, family: Value = 0,
    style: Value = 0, protocol: Value = 0,
) -> Value:  # fmt: skip
    """Addresses of a host; names that need a resolver block until it answers."""
    host = None if name is False else plain_string(name)
    port = None if service is None or service is False else plain_string(service)
    numbers = [c_int(value) for value in (family, style, protocol, flags)]
    try:
        found = socket.getaddrinfo(host, port, *numbers)
    except socket.gaierror as error:
        raise SchemeError("getaddrinfo-error", (error.errno,)) from None
    except (OSError, ValueError, UnicodeError):
        raise SchemeError("getaddrinfo-error", (socket.EAI_NONAME,)) from None
    return scheme_list(
        [
            [numbers[3], int(kind), int(socktype), number, address_vector(int(kind), address),
             canonical or False]
            for kind, socktype, number, canonical, address in found
            if kind in (socket.AF_INET, socket.AF_INET6)
        ]
    )  # fmt: skip


accessors(LIBRARY, "addrinfo", ("flags", "fam", "socktype", "protocol", "addr", "canonname"))


@LIBRARY.primitive("gai-strerror", 1)
def gai_strerror(number: Value) -> str:
    wanted = c_int(number)
    texts = {
        socket.EAI_NONAME: "Name or service not known",
        socket.EAI_AGAIN: "Temporary failure in name resolution",
        socket.EAI_FAIL: "Non-recoverable failure in name resolution",
        socket.EAI_SERVICE: "Servname not supported for ai_socktype",
        socket.EAI_FAMILY: "ai_family not supported",
    }
    return texts.get(wanted, "Unknown error")


def _service(name: Value, protocol: Value) -> list[Value]:
    kind = plain_string(protocol)
    try:
        if type(name) is int:
            return [socket.getservbyport(name, kind), scheme_list(()), name, kind]
        return [plain_string(name), scheme_list(()), socket.getservbyname(name, kind), kind]
    except (OSError, OverflowError):
        raise misc_error("getserv", "no such service ~A", name) from None


for _name in ("getserv", "getservbyname", "getservbyport"):
    LIBRARY.primitive(_name, 2)(_service)
accessors(LIBRARY, "servent", ("name", "aliases", "port", "proto"))
