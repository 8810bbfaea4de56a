"""The monitoring service: logs now and then what the daemon itself uses (SHEPHERD.md 6.5)."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from hurd.system import system
from pid1.log import log, say
from pid1.service import Action, Service
from pid1.supervisor import detached, supervisor

DEFAULT_PERIOD: Final = 1200


class Monitor:
    """The running value of the monitoring service: logs every ``period`` seconds."""

    def __init__(self, period: float) -> None:
        self.period = period
        self._due: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        return "#<monitor>"

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        return {"period": self.period}

    def begin(self) -> None:
        """Log now and from now on."""
        log(statistics())
        self.schedule()

    def schedule(self) -> None:
        """Log from now on."""
        self._due = asyncio.get_running_loop().call_later(self.period, self.begin)

    def release(self) -> None:
        """Log no more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def set_period(self, period: float) -> None:
        """Log every ``period`` seconds from now on."""
        self.release()
        self.period = period
        plural = "second" if period == 1 else "seconds"
        log(f"Monitoring logging period changed to {period:g} {plural}.")
        detached(self.schedule)


def statistics() -> str:
    """Return the line that is logged."""
    memory = resident_memory() / (1 << 20)
    return (
        f"service names: {len(supervisor().registry)}; heap: {memory:.2f} MiB; "
        f"file descriptors: {descriptor_count()}"
    )


def resident_memory() -> int:
    """Return the bytes of memory in use, or the most that ever were where that is not told."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def descriptor_count() -> int:
    """Return the number of open descriptors."""
    return len(system.open_descriptors())


class _Start:
    """The start procedure; ``period`` is seconds."""

    def __init__(self, period: float) -> None:
        self.period = period

    def __call__(self, *_arguments: object) -> Monitor:
        monitor = Monitor(self.period)
        detached(monitor.begin)
        return monitor

    def adopt(self, state: dict[str, Any], _service: Service) -> Monitor:
        """Return the monitor that the previous image of the daemon carried over."""
        monitor = Monitor(state["period"])
        detached(monitor.schedule)
        return monitor


def _stop(_monitor: Monitor, *_arguments: object) -> bool:
    log(statistics())
    log("Terminating shepherd monitoring.")
    return False


def _set_period(monitor: Any, text: object, *_arguments: object) -> object:
    try:
        period = int(str(text))
    except ValueError:
        period = 0
    if period <= 0:
        say(f"{text}: invalid number; expected a positive integer")
        say("")
        return False
    if isinstance(monitor, Monitor):
        monitor.set_period(period)
    return None


def _log_now(_monitor: Any, *_arguments: object) -> None:
    say(statistics())


def monitoring_service(period: float = DEFAULT_PERIOD) -> Service:
    """Return the service; ``period`` is seconds."""
    return Service(
        ("monitoring",),
        documentation="Periodically log shepherd resource usage information.",
        start=_Start(period),
        stop=_stop,
        actions=(
            Action(
                "period",
                _set_period,
                "Set the logging period (in seconds) of the monitoring system.",
            ),
            Action("log", _log_now, "Log monitoring info right away."),
        ),
    )
