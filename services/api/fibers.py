"""``(fibers)`` and ``(fibers channels)``: concurrent evaluations on the daemon's loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from pid1.log import log
from pid1.supervisor import supervisor
from services.api.errors import describe
from services.api.processes import LIBRARY as _PROCESSES
from services.scheme import apply
from services.scheme.errors import SchemeError, wrong_type
from services.scheme.primitives import Await, Call, Library, Steps
from services.scheme.types import Procedure, Value

LIBRARY = Library()
LIBRARY.bind("sleep", _PROCESSES.bindings["sleep"])


class Channel:
    """An unbuffered channel: a message passes when both sides are there."""

    def __init__(self) -> None:
        self._receivers: deque[asyncio.Future[Value]] = deque()
        self._senders: deque[tuple[Value, asyncio.Future[None]]] = deque()

    def __str__(self) -> str:
        return f"#<channel {id(self):x}>"

    def offer(self, message: Value) -> None:
        """Leave a message without waiting for its receiver."""
        self._send(message)

    def _send(self, message: Value) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[None] = loop.create_future()
        while self._receivers:
            receiver = self._receivers.popleft()
            if not receiver.done():
                receiver.set_result(message)
                taken.set_result(None)
                return taken
        self._senders.append((message, taken))
        return taken

    async def put(self, message: Value) -> None:
        """Send a message; returns when it was received."""
        await self._send(message)

    async def get(self) -> Value:
        """Receive a message."""
        while self._senders:
            message, taken = self._senders.popleft()
            if not taken.done():
                taken.set_result(None)
                return message
        loop = asyncio.get_running_loop()
        receiver: asyncio.Future[Value] = loop.create_future()
        self._receivers.append(receiver)
        try:
            return await receiver
        except asyncio.CancelledError:
            if receiver.done() and not receiver.cancelled():
                # It came when nobody wanted it any more: it is the next receiver's.
                self._senders.appendleft((receiver.result(), loop.create_future()))
            raise


def channel(who: str, value: Value) -> Channel:
    if not isinstance(value, Channel):
        raise wrong_type(who, 1, value)
    return value


@LIBRARY.primitive("make-channel", 0, 1)
def make_channel(_size: Value = False) -> Channel:
    return Channel()


LIBRARY.predicate("channel?", Channel)


@LIBRARY.procedure("put-message", 2)
def put_message(target: Value, message: Value) -> Steps:
    yield Await(channel("put-message", target).put(message))


@LIBRARY.procedure("get-message", 1)
def get_message(source: Value) -> Steps:
    return (yield Await(channel("get-message", source).get()))


@LIBRARY.primitive("spawn-fiber", 1, None)
def spawn_fiber(thunk: Value, *_rest: Value) -> None:
    if not isinstance(thunk, Procedure):
        raise wrong_type("spawn-fiber", 1, thunk)
    supervisor().spawn_task(_run(thunk), name="fiber")


async def _run(thunk: Procedure) -> None:
    # Begin in the fiber's own task, not in the middle of its creator's evaluation.
    try:
        result: Any = apply(thunk, ())
        if hasattr(result, "__await__"):
            await result
    except SchemeError as error:
        if error.key == "quit":
            from services.convert import to_keyed

            raise to_keyed(error) from error
        log(f"Uncaught exception in a fiber: {describe(error)}")


@LIBRARY.procedure("run-fibers", 0, None)
def run_fibers(thunk: Value = None, *_rest: Value) -> Steps:
    """The daemon's loop runs already: just call the thunk."""
    if thunk is None:
        return None
    return (yield Call(thunk))


@LIBRARY.procedure("yield-current-task", 0)
def yield_current_task() -> Steps:
    yield Await(asyncio.sleep(0))
