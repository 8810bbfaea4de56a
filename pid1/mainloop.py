"""Running the daemon's event loop, and going on when the loop itself breaks.

An error in a callback or a task never gets here: the loop hands it to
``Daemon._on_exception``.  What comes out of the loop (a selector that fails, no memory for
the loop's own work, somebody's ``SystemExit``) is answered by re-executing the daemon with
its state; where that fails too, the same loop is run again with a fresh selector.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import selectors
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pid1.log import log, the_log

if TYPE_CHECKING:
    from pid1.daemon import Daemon

# An image that breaks so many seconds after it took over would break again: no re-execution.
_TOO_YOUNG: Final = 5.0
# Seconds between two attempts to go on in the same image: the first and the longest pause.
_FIRST_PAUSE: Final = 0.01
_LAST_PAUSE: Final = 1.0
# Bytes that are kept, and never touched, for going on when there is no other memory left.
_RESERVE: Final = 1 << 20
# The kernel has no memory for another file to watch, or allows no more.
_NO_ROOM: Final = (errno.ENOMEM, errno.ENOSPC)


class Selector(selectors.DefaultSelector):
    """The system's best selector, which can be replaced under a loop that uses it."""

    def __init__(self) -> None:
        super().__init__()
        # By their descriptors, those that are to be registered again.
        self._left: dict[int, selectors.SelectorKey] = {}

    def renew(self) -> None:
        """Begin anew with the same files; those that have become unusable are left out.

        Raises MemoryError or OSError if that cannot be done now; no file is forgotten then.
        """
        self._left = {**self._left, **{key.fd: key for key in (self.get_map() or {}).values()}}
        with contextlib.suppress(Exception):
            self.close()
        super().__init__()
        for key in self._left.values():
            try:
                self.register(key.fileobj, key.events, key.data)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    raise
            except (ValueError, KeyError):
                pass
        self._left = {}

    def complete(self) -> None:
        """Renew what a failed `renew` has left; raises as that one."""
        if self._left:
            self.renew()


async def _call(function: Callable[[], Any]) -> Any:
    return function()


def run_daemon(
    make: Callable[[], Daemon], ready: Callable[[Daemon], Any], state: dict[str, Any] | None
) -> int:
    """Make a daemon inside a loop and run it to its end; return its exit status.

    ``ready`` and ``state`` are those of ``Daemon.run``.  Raises only what ``make`` raises.
    """
    selector = Selector()
    loop = asyncio.SelectorEventLoop(selector)
    daemon: Daemon = loop.run_until_complete(_call(make))
    task = loop.create_task(daemon.run(lambda: ready(daemon), state))
    # A daemon that has not been re-executed yet may do so at once.
    rescue = _Rescue(daemon, selector, float("-inf") if state is None else time.monotonic())
    while True:
        try:
            # Without all of its files the loop would run, and hear of nothing.
            selector.complete()
            return loop.run_until_complete(task)
        except BaseException as error:
            # Each step of this may fail, too, as long as there is no memory at all.
            try:
                rescue.release_reserve()
                if task.done():
                    # Taking up work failed, not the work: serve with what there is.
                    task = loop.create_task(daemon.serve())
                rescue.go_on(error)
            except BaseException:
                try:
                    time.sleep(_LAST_PAUSE)
                except BaseException:
                    continue


class _Rescue:
    """What is done when the loop has broken, and the memory that is kept for that."""

    def __init__(self, daemon: Daemon, selector: Selector, begin: float) -> None:
        self._daemon = daemon
        self._selector = selector
        # When this image took over, or last tried to give way to another one.
        self._begin = begin
        self._resumed = begin
        self._pause = _FIRST_PAUSE
        self._reserve = b""
        self._take_reserve()

    def _take_reserve(self) -> None:
        with contextlib.suppress(MemoryError):
            # Not a bytearray: that one writes zeros into its memory, which makes it resident.
            self._reserve = bytes(_RESERVE)

    def release_reserve(self) -> None:
        """Have some memory again, if that is what is missing."""
        self._reserve = b""

    def go_on(self, error: BaseException) -> None:
        """Become another image, or prepare to go on in this one, after a pause."""
        with contextlib.suppress(Exception):
            log(f"The event loop broke: {type(error).__name__}: {error}")
            the_log.flush()
        now = time.monotonic()
        if now - self._begin > _TOO_YOUNG:
            self._begin = now
            _re_execute(self._daemon)
        if now - self._resumed > _TOO_YOUNG:
            self._pause = _FIRST_PAUSE
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, _LAST_PAUSE)
        with contextlib.suppress(Exception):
            # Children are waited for even if the loop never gets to it.
            self._daemon.supervisor.children.collect(self._daemon.loop)
        with contextlib.suppress(Exception):
            self._selector.renew()
        with contextlib.suppress(Exception):
            log("Going on in the same process.")
        self._take_reserve()
        self._resumed = time.monotonic()


def _re_execute(daemon: Daemon) -> None:
    """Replace the process by a fresh image; returns if that is not possible."""
    try:
        from pid1.reexec import execute

        log("Re-executing.")
        execute(daemon)
    except Exception as error:
        with contextlib.suppress(Exception):
            log(f"Cannot re-execute: {error}")
