"""Hyperlinks in terminals: the OSC 8 escape sequence that most of them understand."""

from __future__ import annotations

_PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"  # RFC 3986, 2.3
)


def file_link(name: str) -> str:
    """Return ``name``, an absolute file name, as a link to that file on this host."""
    from _socket import gethostname

    path = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}"
        for byte in name.encode("utf-8", "surrogateescape")
    )
    return f"\033]8;;file://{gethostname()}{path}\033\\{name}\033]8;;\033\\"
