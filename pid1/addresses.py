"""Socket addresses as values: Guile's vector, Python's tuple and the text people read.

One small type for the three families that endpoints use.  It opens nothing.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from pid1.sexp import Vector, write

# Not every system has the same number for these: never write them as literals.
UNIX: Final = int(socket.AF_UNIX)
INET: Final = int(socket.AF_INET)
INET6: Final = int(socket.AF_INET6)


class Address:
    """A socket address; immutable.

    ``parts`` are the elements of Guile's vector after the family: (address, port) with
    the address as an integer in host order for AF_INET, (address, port, flow, scope) for
    AF_INET6, (path,) for AF_UNIX.
    """

    __slots__ = ("family", "parts")

    family: int
    parts: tuple[Any, ...]

    def __init__(self, family: int, *parts: int | str) -> None:
        """Check and keep the parts; raises ValueError for what is no address."""
        if family == UNIX:
            valid = len(parts) == 1 and isinstance(parts[0], str)
        elif family == INET:
            valid = _numbers(parts, (32, 16))
        elif family == INET6:
            parts = (*parts, *(0, 0)[len(parts) - 2 :]) if 2 <= len(parts) < 4 else parts
            valid = _numbers(parts, (128, 16, 32, 32))
        else:
            valid = False
        if not valid:
            raise ValueError(f"not a socket address: {write(Vector([family, *parts]))}")
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "parts", parts)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an address is immutable: {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Address):
            return NotImplemented
        return (self.family, self.parts) == (other.family, other.parts)

    def __hash__(self) -> int:
        return hash((self.family, self.parts))

    def __repr__(self) -> str:
        return f"Address({', '.join(map(repr, (self.family, *self.parts)))})"

    def __str__(self) -> str:
        """Return ``1.2.3.4:80``, ``[::1]:80`` or the path."""
        if self.family == UNIX:
            return str(self.parts[0])
        host = self.host
        return f"[{host}]:{self.parts[1]}" if self.family == INET6 else f"{host}:{self.parts[1]}"

    @property
    def host(self) -> str:
        """The numeric host part; the empty string for a Unix socket."""
        if self.family == UNIX:
            return ""
        size = 4 if self.family == INET else 16
        return socket.inet_ntop(self.family, self.parts[0].to_bytes(size, "big"))

    @property
    def port(self) -> int:
        """The port; 0 for a Unix socket."""
        return 0 if self.family == UNIX else int(self.parts[1])

    def to_python(self) -> Any:
        """Return the address as methods of Python's sockets take it."""
        if self.family == UNIX:
            return self.parts[0]
        return (self.host, *self.parts[1:])

    def to_vector(self) -> Vector:
        """Return the address as Guile and the wire have it: ``#(2 2130706433 4455)``."""
        return Vector([self.family, *self.parts])

    @staticmethod
    def from_vector(vector: list[Any]) -> Address:
        """Return the address that a vector of Guile's means; raises ValueError."""
        if not vector or not isinstance(vector[0], int):
            raise ValueError("not a socket address")
        return Address(*vector)

    @staticmethod
    def from_python(family: int, address: Any) -> Address:
        """Return an address that a socket of ``family`` gave: a peer's or its own."""
        if family == UNIX:
            # A client that did not bind has no path: "" on Linux, absent elsewhere.
            if isinstance(address, bytes):
                address = address.decode(errors="surrogateescape")
            return Address(UNIX, address if isinstance(address, str) else "")
        # An IPv6 address may carry its scope as text, too: fe80::1%eth0.
        host = str(address[0]).partition("%")[0]
        number = int.from_bytes(socket.inet_pton(family, host), "big")
        return Address(family, number, *address[1:])


def _numbers(parts: tuple[Any, ...], widths: tuple[int, ...]) -> bool:
    """Whether the parts are unsigned integers of these widths in bits."""
    return len(parts) == len(widths) and all(
        isinstance(part, int) and 0 <= part < 1 << width
        for part, width in zip(parts, widths, strict=True)
    )
