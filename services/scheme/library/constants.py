"""Constants of the running kernel and its C library, under their C names.

Values come from Python's modules, so a constant that this system lacks is unbound,
and nothing is numbered here but what no module of Python exports.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket

from services.scheme.primitives import Library

LIBRARY = Library()


def _bind(module: object, *prefixes: str) -> None:
    for name in dir(module):
        if name.startswith(prefixes):
            value = getattr(module, name)
            if isinstance(value, int):
                LIBRARY.bind(name, int(value))


_bind(errno, "E")
_bind(signal, "SIG", "ITIMER_", "NSIG")
_bind(socket, "AF_", "PF_", "SOCK_", "SOL_", "SO_", "IPPROTO_", "IP_", "IPV6_", "TCP_", "MSG_",
      "AI_", "EAI_", "SHUT_", "SOMAXCONN")  # fmt: skip
_bind(os, "O_", "F_OK", "R_OK", "W_OK", "X_OK", "SEEK_", "PRIO_", "WNOHANG", "WUNTRACED",
      "WCONTINUED", "EX_")  # fmt: skip
_bind(resource, "RLIMIT_", "RUSAGE_")

for _name, _value in list(LIBRARY.bindings.items()):
    if _name.startswith("AF_"):
        LIBRARY.bindings.setdefault("PF_" + _name[3:], _value)
for _name in [name for name in LIBRARY.bindings if name.startswith(("SIG_BLOCK", "SIG_SET"))]:
    del LIBRARY.bindings[_name]

for _name, _value in {
    "INADDR_ANY": 0,
    "INADDR_LOOPBACK": 0x7F000001,
    "INADDR_BROADCAST": 0xFFFFFFFF,
    "INADDR_NONE": 0xFFFFFFFF,
    "IN6ADDR_ANY": 0,
    "IN6ADDR_LOOPBACK": 1,
    "EXIT_SUCCESS": 0,
    "EXIT_FAILURE": 1,
    "WAIT_ANY": -1,
    "WAIT_MYPGRP": 0,
    "OPEN_READ": "r",
    "OPEN_WRITE": "w",
    "OPEN_BOTH": "r+",
}.items():
    LIBRARY.bind(_name, _value)


def _more() -> None:
    """Constants whose modules are costly or may be missing."""
    import _locale  # the module on top of it costs a hundred times more
    import fcntl

    _bind(fcntl, "F_", "FD_", "LOCK_")
    _bind(_locale, "LC_")
    import select

    _bind(select, "PIPE_BUF")  # the Hurd has no limit
    # Names that Guile has for directory-relative calls; the values are POSIX flags of os.
    for name in ("AT_FDCWD", "AT_SYMLINK_NOFOLLOW", "AT_REMOVEDIR"):
        if hasattr(os, name):
            LIBRARY.bind(name, getattr(os, name))


_more()
