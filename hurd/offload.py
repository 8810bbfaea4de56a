"""Calls that may block for as long as a disk or a server does, made on a thread of their own.

The threads of the daemon are few and short: each makes one call.  Programs are started meanwhile
with posix_spawn, which does not mind; where the daemon has to fork, the child runs no code that
takes a lock before it executes its program.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


async def off_loop(
    function: Callable[..., T],
    *arguments: object,
    abandoned: Callable[[T], object] | None = None,
) -> T:
    """Call `function` on a thread and return its value; what it raises is raised here.

    A caller that is cancelled is let go at once.  The thread goes on, since nothing can stop it,
    and `abandoned` gets the value that nobody waits for, on a thread too: it may block.  The
    interpreter does not wait for such threads when it ends.

    Raises OSError (EAGAIN) also when the system has no thread to give.
    """
    # Not the module threading, which takes as long to import as a step of the boot.
    import _thread
    import asyncio
    import contextlib
    import errno
    import os

    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    lock = _thread.allocate_lock()
    cancelled = False
    handed_over: list[T] = []

    def work() -> None:
        try:
            value = function(*arguments)
        except BaseException as error:
            _call(loop, _fail, done, error)
            return
        with lock:
            if not cancelled and _call(loop, _succeed, done, value):
                handed_over.append(value)
                return
        if abandoned is not None:
            abandoned(value)

    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
    try:
        return await done
    except asyncio.CancelledError:
        with lock:
            cancelled = True
        # It may be on its way to a future that is cancelled, too.
        if handed_over and abandoned is not None:
            with contextlib.suppress(RuntimeError):
                _thread.start_new_thread(abandoned, (handed_over[0],))
        raise


def _call(loop: Any, function: Callable[..., None], *arguments: Any) -> bool:
    """Have the loop call a function; False if there is no loop any more."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return False
    return True


def _succeed(done: Any, value: object) -> None:
    if not done.done():
        done.set_result(value)


def _fail(done: Any, error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
