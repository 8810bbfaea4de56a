"""What execvp(3) does and its relatives with an explicit environment leave out: the search in PATH
and the shell for a file without a format. `first` is used on both sides of process creation.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TRY_NEXT = (errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.ESTALE)


_last: tuple[list[str], list[str], dict[str, str]] = ([], [], {})


def environment_mapping(variables: list[str]) -> dict[str, str]:
    """As a mapping; the first of two settings wins, as getenv(3) has it.

    Most services share one list: the mapping of the last one is kept. Not to be changed.
    """
    global _last
    if _last[0] is variables and _last[1] == variables:
        return _last[2]
    result: dict[str, str] = {}
    for variable in variables:
        name, equals, value = variable.partition("=")
        if name and equals and name not in result:
            result[name] = value
    _last = (variables, list(variables), result)
    return result


def candidates(program: str, environment: dict[str, str]) -> list[str]:
    """Where execvp(3) would look for a program, given the PATH of this environment."""
    if "/" in program or not program:
        return [program]
    path = environment.get("PATH")
    if path is None:
        path = os.confstr("CS_PATH") or "/bin:/usr/bin"
    return [f"{directory}/{program}" if directory else program for directory in path.split(":")]


def first(paths: list[str], attempt: Callable[[str, list[str]], int], command: list[str]) -> int:
    """The result of `attempt(path, command)` on the first path that can be executed.

    Raises OSError: what `attempt` raised, EACCES if a file was found but none could be executed,
    ENOENT if none was found.
    """
    denied = False
    for path in paths:
        if len(paths) > 1 and not os.access(path, os.X_OK):
            denied = denied or os.path.isfile(path)
            continue
        try:
            try:
                return attempt(path, command)
            except OSError as e:
                if e.errno != errno.ENOEXEC:
                    raise
                return attempt("/bin/sh", ["/bin/sh", path, *command[1:]])
        except OSError as e:
            if e.errno not in _TRY_NEXT or len(paths) == 1:
                raise
            denied = denied or e.errno == errno.EACCES
    code = errno.EACCES if denied else errno.ENOENT
    raise OSError(code, os.strerror(code))


def error_code(error: OSError | ValueError) -> int:
    """The errno of a failed call; arguments that C cannot be given (a NUL inside) are EINVAL."""
    return (error.errno or 0) if isinstance(error, OSError) else errno.EINVAL
