"""What the C library of the Hurd does not know of its clocks, and an event loop asks for."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _ClockInfo:
    """What `time.get_clock_info` returns; the kernel's clocks tick a hundred times a second."""

    adjustable = False
    resolution = 0.01

    def __init__(self, name: str) -> None:
        self.implementation = f"clock_gettime({name})"
        self.monotonic = name != "time"


def mend_clock() -> None:
    """Have `time.get_clock_info` answer for the monotonic clock, or no event loop can be made.

    clock_getres of glibc 2.41 does not know that clock.
    """
    original: Any = time.get_clock_info
    try:
        original("monotonic")
    except OSError:

        def get_clock_info(name: str) -> Any:
            try:
                return original(name)
            except OSError:
                return _ClockInfo(name)

        time.get_clock_info = get_clock_info
