"""Find the functions of the Hurd's libraries, when they are first called.

Libraries are opened by the names they have on the Hurd only: other systems have functions of the
same names (macOS has most of Mach's) that must not be taken for these.  libc comes first: it has
versions of its own of some of Mach's routines, which try a system call before they send a message.
"""

from __future__ import annotations

from hurd.codes import ENOSYS
from hurd.errors import HurdUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    CFunction = Callable[..., Any]

LIBC = "libc.so.0.3"

_stand_in: str | None = None
_libraries: dict[str, Any] = {}
_functions: dict[str, CFunction] = {}


def _open(name: str, routine: str) -> Any:
    from hurd.rpc._hurd_abi import ffi

    if name not in _libraries:
        try:
            _libraries[name] = ffi.dlopen(_stand_in or name)
        except OSError as error:
            raise HurdUnavailable(ENOSYS, routine) from error
    return _libraries[name]


def function(name: str, library: str = LIBC) -> CFunction:
    """The C function `name`, which lives in `library`; HurdUnavailable if it is not there."""
    found = _functions.get(name)
    if found is None:
        found = _symbol(LIBC, name) or _symbol(library, name)
        if found is None:
            raise HurdUnavailable(ENOSYS, name, f"{library} has no such routine")
        _functions[name] = found
    return found


def _symbol(library: str, name: str) -> Any:
    from hurd.rpc._hurd_abi import ffi

    opened = _open(library, name.strip("_"))
    try:
        return getattr(opened, name)
    except ffi.error:
        return None


def task_self() -> int:
    """The name of this task, which libc keeps; its function of the same name makes references."""
    found = _symbol(LIBC, "__mach_task_self_")
    if found is None:
        raise HurdUnavailable(ENOSYS, "mach_task_self", f"{LIBC} has no such variable")
    return int(found)


def use_stand_in(path: str | None) -> None:
    """Take every function from the library at `path`; None: from the Hurd's again.  For tests."""
    global _stand_in
    _stand_in = path
    _libraries.clear()
    _functions.clear()
