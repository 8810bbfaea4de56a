"""The C library's calls that Python has no function for, typed.

Imported by those who call one, when they call it: loading takes about a millisecond.  A function
that this C library lacks raises AttributeError when it is used, not before.
"""

from __future__ import annotations

from hurd.system._libc_abi import ffi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Libc(Protocol):
        def prctl(self, option: int, a: int, b: int, c: int, d: int, /) -> int: ...
        def reboot(self, command: int, /) -> int: ...
        def inotify_init1(self, flags: int, /) -> int: ...
        def inotify_add_watch(self, fd: int, path: bytes, mask: int, /) -> int: ...


libc: Libc = ffi.dlopen(None)


def c_errno() -> int:
    """The errno of the last call through `libc`, which must be the last thing that was done."""
    return int(ffi.errno)
