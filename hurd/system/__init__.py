"""The operating-system interface of drover, and the only place that knows which kernel this is.

`system` is the one in use, chosen at import; what it can do stands in `hurd.system.base`.
"""

from __future__ import annotations

from hurd.system.base import SpawnError, SpawnSpec, System
from hurd.system.posix import PosixSystem

__all__ = ["SpawnError", "SpawnSpec", "System", "system"]

system: System = PosixSystem()
