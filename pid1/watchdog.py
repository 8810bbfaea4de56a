"""A limit to a program's silence: it says that it is alive in time, or something is done.

One timer runs for all the signs of life that come while it does, so they cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pid1.supervisor import detached


class Watchdog:
    """Calls ``expired`` once ``seconds`` have passed without a sign of life.

    ``listen`` is called before: signs may wait where the daemon was too busy to see them.
    """

    __slots__ = ("_expired", "_last", "_listen", "_loop", "_timer", "seconds")

    def __init__(
        self, seconds: float, listen: Callable[[], None], expired: Callable[[], None]
    ) -> None:
        self.seconds = seconds
        self._listen = listen
        self._expired = expired
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def watching(self) -> bool:
        """Whether silence counts."""
        return self._timer is not None

    def start(self) -> None:
        """Begin to watch; what was before does not count."""
        self.stop()
        self.alive()
        self._wait()

    def alive(self) -> None:
        """There is a sign of life."""
        self._last = self._loop.time()

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = detached(self._loop.call_at, self._last + self.seconds, self._look)

    def _look(self) -> None:
        self._listen()
        if self._timer is None:
            return  # among what was heard was the end
        if self._loop.time() < self._last + self.seconds:
            self._wait()
            return
        self._timer = None
        self._expired()
