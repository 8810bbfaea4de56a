"""The signals of the daemon: children that have ended, and requests to stop.

A handler only takes a note; the loop sees to it when it comes to that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any

from hurd.system import system


class Signals:
    """Calls ``on_child`` or ``on_stop`` from ``loop`` when a signal asks for it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_child: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._on_child = on_child
        self._on_stop = on_stop
        self._noted: set[int] = set()
        self._asked = False  # whether the loop is going to see to them

    @property
    def stop_noted(self) -> bool:
        """Whether a request to stop has come that was not seen to yet."""
        return bool(self._noted - {signal.SIGCHLD})

    def watch(self) -> None:
        """React to signals from now on, and to the end of children before.

        Not through the loop's own handlers: those learn the number from a pipe, which a
        storm of ending children fills, and then a request to stop is lost.
        """
        # Wakes the loop on any signal; what it is about stands in _noted.
        self._loop.add_signal_handler(signal.SIGCHLD, self._handle)
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in (signal.SIGCHLD, *system.shutdown_signals()):
            signal.signal(number, self._note)
        if os.getpid() == 1:
            for number in (signal.SIGUSR1, signal.SIGUSR2):
                signal.signal(number, signal.SIG_IGN)
        # The image before this one has blocked all, lest one is lost.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._on_child()

    def _note(self, number: int, _frame: Any) -> None:
        # Runs between two instructions of the daemon, or of this: first take a note. An error would
        # be one of whatever runs just now. Without this call it waits for the next signal.
        self._noted.add(number)
        if not self._asked:
            with contextlib.suppress(Exception):
                self._loop.call_soon_threadsafe(self._handle)
                self._asked = True

    def _handle(self) -> None:
        self._asked = False
        noted, self._noted = self._noted, set()
        if signal.SIGCHLD in noted:
            self._on_child()
        if noted - {signal.SIGCHLD}:
            self._on_stop()
