"""Names of ``(shepherd service)`` that only code close to the daemon uses.

Imported when one of them is asked for.
"""

from __future__ import annotations

import asyncio
import signal

from pid1.log import log
from services.api.errors import describe
from services.api.fibers import Channel
from services.scheme import apply
from services.scheme.errors import SchemeError, wrong_type
from services.scheme.library.extras import Hook
from services.scheme.primitives import Await, Call, Library, Primitive, Steps
from services.scheme.types import Procedure, Value, scheme_list

LIBRARY = Library()

# The signals that a process of a service must not inherit blocked or ignored.
LIBRARY.bind(
    "%precious-signals",
    scheme_list([int(signal.SIGCHLD), *map(int, (signal.SIGINT, signal.SIGHUP, signal.SIGTERM))]),
)

post_daemonize = Hook(0)
LIBRARY.bind("%post-daemonize-hook", post_daemonize)


async def run_post_daemonize() -> None:
    """Call what was added to ``%post-daemonize-hook``."""
    for procedure in list(post_daemonize.procedures):
        result = apply(procedure, ())
        if hasattr(result, "__await__"):
            await result


@LIBRARY.procedure("get-message*", 2, 4)
def get_message_within(
    channel: Value, timeout: Value, default: Value = False, _overslept: Value = False
) -> Steps:
    """Receive a message within ``timeout`` seconds, or give ``default``."""
    if not isinstance(channel, Channel):
        raise wrong_type("get-message*", 1, channel)
    if isinstance(timeout, bool) or not hasattr(timeout, "__float__"):
        raise wrong_type("get-message*", 2, timeout)

    async def receive() -> Value:
        try:
            return await asyncio.wait_for(channel.get(), float(timeout))
        except TimeoutError:
            return default

    return (yield Await(receive()))


@LIBRARY.primitive("essential-task-thunk", 2, None)
def essential_task_thunk(name: Value, procedure: Value, *arguments: Value) -> Procedure:
    """A thunk that keeps calling the procedure, whatever it raises."""

    def run() -> Steps:
        while True:
            try:
                yield Call(procedure, arguments)
                log(f"Essential task {name} ended; starting it again.")
            except SchemeError as error:
                if error.key == "quit":
                    raise
                log(f"Uncaught exception in essential task {name}: {describe(error)}")
            yield Await(asyncio.sleep(0))

    return Primitive(f"essential-task {name}", run, 0, 0, generator=True)
