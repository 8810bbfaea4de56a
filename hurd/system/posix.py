"""What every Unix offers, the GNU/Hurd included: the common part of the interface."""

from __future__ import annotations

from hurd.system.base import SpawnSpec, System
from hurd.system.spawn import spawn


class PosixSystem(System):
    def spawn(self, spec: SpawnSpec) -> int:
        return spawn(spec)
