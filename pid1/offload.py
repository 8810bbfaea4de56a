"""Calls that may block for as long as a disk or a server does, made on a thread of their own.

The threads of the daemon are few and short: each makes one call.  Programs are started meanwhile
with posix_spawn, which does not mind; where the daemon has to fork, the child runs no code that
takes a lock before it executes its program.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


async def off_loop(
    function: Callable[..., _Result], *arguments: object, abandoned: Callable[[Any], object] = id
) -> _Result:
    """Call ``function`` on a thread and return its value; what it raises is raised here.

    A caller that is cancelled is let go at once.  The thread goes on, since nothing can stop
    it, and ``abandoned`` is called on the loop with what it returns, unless it raises.
    """
    import threading

    loop = asyncio.get_running_loop()
    result: asyncio.Future[_Result] = loop.create_future()

    def deliver(value: Any, error: BaseException | None) -> None:
        if result.done():
            if error is None:
                abandoned(value)
        elif error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)

    def work() -> None:
        value, failure = None, None
        try:
            value = function(*arguments)
        except BaseException as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the daemon has ended
            loop.call_soon_threadsafe(deliver, value, failure)

    threading.Thread(target=work, name=f"call of {function.__name__}", daemon=True).start()
    return await result
