"""How programs are started on Linux: by the C library, and within a control group if there is one.

A group that cannot be entered is no reason for a program not to run: it is started outside of it,
and `SpawnSpec.control_group_error` says why.
"""

from __future__ import annotations

import os

from hurd.system import libc_spawn, spawn
from hurd.system.execution import candidates, environment_mapping, error_code, first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.system.base import SpawnSpec


def start(spec: SpawnSpec) -> int:
    """As `System.spawn` says."""
    spec.control_group_error = 0
    group = -1
    if spec.control_group is not None:
        try:
            group = os.open(spec.control_group, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError) as e:
            spec.control_group_error = error_code(e)

    def quick(spec: SpawnSpec, sources: list[int | None]) -> int | None:
        return _quick(spec, sources, group)

    def fork() -> int:
        return _fork(spec, group)

    try:
        return spawn.spawn(spec, quick=quick, fork=fork)
    finally:
        if group >= 0:
            os.close(group)


def _quick(spec: SpawnSpec, sources: list[int | None], group: int) -> int | None:
    """Start the program if that needs nothing but posix_spawn; None if it cannot be, or fails."""
    if not (libc_spawn.knows_directories if group < 0 else libc_spawn.knows_control_groups):
        return None
    paths = candidates(spec.command[0], environment_mapping(spec.environment))
    for path in paths:
        if not path.startswith("/"):
            return None  # to be looked for in the child's directory
    mask = -1 if spec.umask is None else os.umask(spec.umask)
    try:
        pid = _attempt(spec, sources, paths, group)
        if pid < 0 and group >= 0:
            code = -pid
            pid = _attempt(spec, sources, paths, -1)
            if pid > 0:
                spec.control_group_error = code
    finally:
        if mask >= 0:
            os.umask(mask)
    return pid if pid > 0 else None


def _attempt(spec: SpawnSpec, sources: list[int | None], paths: list[str], group: int) -> int:
    """The process id, or minus the errno."""

    def attempt(path: str, command: list[str]) -> int:
        return libc_spawn.start(spec, sources, path, command, group)

    try:
        return first(paths, attempt, spec.command)
    except (OSError, ValueError) as e:
        return -error_code(e)


def _fork(spec: SpawnSpec, group: int) -> int:
    if group >= 0:
        try:
            return libc_spawn.fork(group)
        except OSError as e:
            spec.control_group_error = e.errno or 0
    return os.fork()
