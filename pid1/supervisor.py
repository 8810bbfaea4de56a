"""Operations on services: start, stop, restart, respawn, unload and shutdown.

All state changes happen on the event loop's thread, through ``Service.transition``.  An
operation that a client began goes on when the client goes away.  Graphs of any depth are
handled without recursion.  The operations stand in ``starting``, ``stopping`` and
``endings``, what they share in ``manager``.
"""

from __future__ import annotations

from pid1.context import (
    Registrations,
    Replay,
    current_replay,
    current_service,
    detached,
    registering,
    registrations,
    replay,
)
from pid1.log import say
from pid1.service import Service
from pid1.stopping import Stopping

__all__ = [
    "Registrations", "Replay", "Supervisor", "current_replay", "current_service", "detached",
    "registering", "registrations", "replay", "supervisor",
]  # fmt: skip


class Supervisor(Stopping):
    """The services of one daemon, the processes they own, and all operations on them."""

    def __init__(self) -> None:
        super().__init__()
        _current[:] = [self]

    async def restart(self, service: Service, arguments: tuple[object, ...] = ()) -> bool:
        """Stop ``service``, then start it and the dependents that were stopped with it.

        Returns whether all of them started.
        """
        stopped = await self.stop(service)
        succeeded = True
        for index, one in enumerate(stopped):
            if one.transient:
                continue
            current = self.registry.get(one.name)
            if current is None:
                say(f"Service {one.name} is not started: it is no longer registered.")
                succeeded = False
                continue
            if (await self.start(current, arguments if index == 0 else ())) is False:
                succeeded = False
        return succeeded


_current: list[Supervisor] = []


def supervisor() -> Supervisor:
    """The supervisor of this daemon; raises IndexError before there is one."""
    return _current[-1]
