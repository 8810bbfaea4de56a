"""The state that a soak's daemon begins with: brought back before each sample, and looked for.

Whatever operations have done by then, all base services can be started again, they answer, and
nothing else is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.system.live import eventually, properties
from tests.system.soak.catalogue import BASE, LISTENING, MAKERS
from tests.system.soak.clients import talk

if TYPE_CHECKING:
    from tests.system.soak.soak import Soak


def restore(soak: Soak) -> None:
    """Take away what operations have added, and start what they have stopped."""
    soak.crowd.close_all()
    soak.arena.set_clock(0)
    # One after the other, as a user would: what requires them stops with them.
    for name in sorted(soak.known):
        soak.demand("unload", "root", name)
    soak.known.clear()
    _end_transients(soak)
    for name in [one.name for one in BASE] + list(MAKERS):
        soak.demand("enable", name)
        if not soak.demand("start", name).result:
            soak.fail(f"{name} does not start")
    _converse(soak)
    _rotate(soak)


def _end_transients(soak: Soak) -> None:
    names = {one.name for one in BASE} | {"root", *MAKERS}
    for name in set(soak.arena.daemon.all_services()) - names:
        # Also one that was restarted and unloaded at once: either may come last.
        soak.demand("unload", "root", name)


def _converse(soak: Soak) -> None:
    """Each service that listens answers; those that wait for a connection have one."""
    for one in BASE:
        if one.kind in LISTENING:
            path = soak.arena.writer.socket(one.name)
            eventually(lambda: talk(path, b"hello") == b"hello", what=f"{path} answers")  # noqa: B023


def _rotate(soak: Soak) -> None:
    """Have all logs rotated, and wait until nothing more is."""
    before = _rotations(soak)
    soak.demand("trigger", "log-rotation")
    eventually(lambda: _rotations(soak) != before, what="the logs are rotated")
    # Earlier triggers may still wait for their turn.
    while before != (before := _rotations(soak)):
        time.sleep(0.5)


def _rotations(soak: Soak) -> str:
    """The past runs of the rotation, as the daemon tells them."""
    running = soak.arena.daemon.status("log-rotation")["running"]
    return str(properties(running)["past-runs"])


def check_services(soak: Soak) -> None:
    """Those of the beginning run, and there are no others."""
    found = soak.arena.daemon.all_services()
    expected = {one.name for one in BASE} | {"root", *MAKERS}
    if set(found) != expected:
        soak.fail(f"services that should not be there: {sorted(set(found) - expected)}")
    for name, one in found.items():
        if one["status"].name != "running":
            soak.fail(f"{name} is {one['status'].name}")


def check_timer(soak: Soak) -> None:
    """A timer of every second goes on, whatever the clock did."""
    journal = soak.arena.place / "journal" / "base-timer"
    before = journal.stat().st_size if journal.exists() else 0
    # It looks at the clock once a minute if nothing tells it to.
    eventually(lambda: journal.exists() and journal.stat().st_size > before, 70, "the timer runs")
