"""The boot chart: which service changed its status at what moment, for ``herd analyze``.

``pid1.events`` keeps the latest changes, to the second; this keeps the first ones since the daemon
started, to the microsecond, because those are the boot.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from pid1.sexp import Symbol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pid1.service import Service

# Changes that are kept; a boot of more than two thousand services loses its end.
KEPT: Final = 5000


class Chart:
    """The first changes of one daemon, through all its images.

    ``origin`` is the moment that times count from, of the clock ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.origin = time.monotonic()
        self.began = time.time()
        self.lost = 0
        self._changes: list[tuple[float, str, str]] = []

    def begin(self, monotonic: float) -> None:
        """Count from an earlier moment than the import of this module."""
        self.began += monotonic - self.origin
        self.origin = monotonic

    def record(self, service: str, status: str) -> None:
        """Note that the service named so has that status from now on, or "failed" to start."""
        if len(self._changes) < KEPT:
            self._changes.append((time.monotonic() - self.origin, service, status))
        else:
            self.lost += 1

    def to_wire(self, services: Iterable[Service]) -> list[object]:
        """Return the chart as a reply has it; times are seconds after the origin."""
        return [
            Symbol("boot-chart"),
            [Symbol("version"), 0],
            [Symbol("time"), int(self.began)],
            [Symbol("lost"), self.lost],
            [
                Symbol("changes"),
                [
                    [round(moment, 6), Symbol(service), Symbol(status)]
                    for moment, service, status in self._changes
                ],
            ],
            [
                Symbol("services"),
                [
                    [
                        [Symbol(name) for name in service.names],
                        [Symbol(name) for name in service.requirement],
                    ]
                    for service in services
                ],
            ],
        ]

    def carry(self) -> list[Any]:
        """What the next image of the daemon has to know."""
        return [self.origin, self.began, self.lost, self._changes]

    def adopt(self, carried: list[Any] | None) -> None:
        """Go on where the previous image was; None if it had no chart."""
        if carried is None:
            return
        self.origin, self.began, self.lost, changes = carried
        # What this image has recorded is its own start, which is no boot.
        self._changes = [(moment, service, status) for moment, service, status in changes]


the_chart = Chart()
