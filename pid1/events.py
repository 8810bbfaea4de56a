"""Status changes as they happen, numbered, for clients that follow them (``herd log -f``).

The protocol has one reply for each connection, so a follower asks again and again: "what came after
number N?"  The answer waits until there is something, or the time is up, or the daemon needs the
connection for something better.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pid1.chart import the_chart
from pid1.sexp import Symbol

# Changes that are remembered; who asks for older ones is told how many are lost.
KEPT: Final = 500
# Seconds that one answer may wait.
MAX_WAIT: Final = 30.0
# Seconds that a change waits while the daemon ends.  Whoever asked again too late would miss the
# last changes, so all are told together, at the end if it comes in time.
HOLD: Final = 1.0
# Followers that may wait at once; beyond that the one that waits longest is answered.
MAX_FOLLOWERS: Final = 64


class EventLog:
    """The changes of one daemon, through all its images; ``id`` tells it from other daemons."""

    def __init__(self) -> None:
        self.id = time.time_ns()
        self.serial = 0
        self._kept: deque[tuple[int, int, str, str, bool, bool, bool]] = deque(maxlen=KEPT)
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._ending = False
        # Called after each change; they must not fail.
        self.listeners: list[Callable[[], None]] = []

    def record(self, service: Any, previous: str) -> None:
        """Note that the status of a service is no longer ``previous``, and tell who waits."""
        self.serial += 1
        one_shot = service.one_shot
        failed = service.status == "stopped" and previous == "starting" and not one_shot
        the_chart.record(service.name, "failed" if failed else service.status)
        self._kept.append(
            (
                self.serial, int(time.time()), service.name, service.status,
                failed, one_shot, service.transient,
            )
        )  # fmt: skip
        if service.name == "root":
            self._ending = service.status in ("stopping", "stopped")
            if self._ending and self._waiting:
                asyncio.get_running_loop().call_later(HOLD, self.release)
        if self._waiting and not self._ending:
            self.release()
        for listener in self.listeners:
            listener()

    def release(self) -> bool:
        """Answer all who wait, with what there is; False if nobody does."""
        waiting = list(self._waiting)
        for future in waiting:
            _wake(future)
        self._waiting.clear()
        return bool(waiting)

    async def wait(self, serial: int, seconds: float) -> None:
        """Wait until there is a change after number ``serial``, or for so many seconds."""
        if (serial < self.serial and not self._ending) or seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if len(self._waiting) >= MAX_FOLLOWERS:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            _wake(oldest)
        self._waiting[future] = None
        longest = HOLD if self._ending else MAX_WAIT
        timer = loop.call_later(min(seconds, longest), _wake, future)
        try:
            await future
        finally:
            timer.cancel()
            self._waiting.pop(future, None)

    def to_wire(self, serial: int) -> list[object]:
        """Return the changes after number ``serial`` as a reply has them."""
        oldest = self._kept[0][0] if self._kept else self.serial + 1
        return [
            Symbol("events"),
            [Symbol("version"), 0],
            [Symbol("log"), self.id],
            [Symbol("serial"), self.serial],
            [Symbol("lost"), max(0, oldest - 1 - serial)],
            [Symbol("changes"), [_change(*kept) for kept in self._kept if kept[0] > serial]],
        ]

    def carry(self) -> list[Any]:
        """What the next image of the daemon has to know."""
        return [self.id, self.serial, list(self._kept)]

    def adopt(self, carried: list[Any] | None) -> None:
        """Go on where the previous image was; None if it knew no events."""
        if carried is None:
            return
        self.id, self.serial, kept = carried
        self._kept.clear()
        self._kept.extend(tuple(one) for one in kept)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _change(
    _serial: int,
    moment: int,
    service: str,
    status: str,
    failed: bool,
    one_shot: bool,
    transient: bool,
) -> list[object]:
    return [
        Symbol("change"),
        [Symbol("version"), 0],
        [Symbol("time"), moment],
        [Symbol("service"), Symbol(service)],
        [Symbol("status"), Symbol(status)],
        [Symbol("failed?"), failed],
        [Symbol("one-shot?"), one_shot],
        [Symbol("transient?"), transient],
    ]


the_events = EventLog()
