"""The operating-system interface of drover, and the only place that knows which kernel this is.

`system` is the one in use, chosen at import; what it can do stands in `hurd.system.base`.
"""

from __future__ import annotations

import sys

from hurd.system.base import (
    FileWatch,
    Process,
    RebootError,
    SpawnError,
    SpawnSpec,
    System,
)
from hurd.system.containment import Containment, ControlGroups

__all__ = [
    "Containment",
    "ControlGroups",
    "FileWatch",
    "Process",
    "RebootError",
    "SpawnError",
    "SpawnSpec",
    "System",
    "system",
]


def _choose() -> System:
    if sys.platform == "linux":
        from hurd.system.linux import LinuxSystem

        return LinuxSystem()
    if sys.platform.startswith("gnu"):
        from hurd.system.hurd import HurdSystem

        return HurdSystem()
    from hurd.system.posix import PosixSystem

    return PosixSystem()


system: System = _choose()
