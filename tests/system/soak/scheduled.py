"""What comes by schedule in a soak, not by weight: what is taken away, and the daemon itself.

How often each comes is a number of operations; the weights of the others do not change that.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.soak.operations import Operation
    from tests.system.soak.soak import Soak

# Operations between two choices.
_FAULT, _CLOCK, _RELOAD = 90, 70, 900


def choose(soak: Soak, image: int) -> Operation | None:
    """What is due, if anything; one number decides.

    There are about `image` operations between two images of the daemon.
    """
    chance = soak.random.random()
    if chance < 1 / _FAULT:
        return None if soak.arena.faults else fault
    chance -= 1 / _FAULT
    if chance < 1 / _CLOCK:
        return set_clock
    chance -= 1 / _CLOCK
    if chance < 1 / _RELOAD:
        return reload
    chance -= 1 / _RELOAD
    if chance < 1 / image and not soak.arena.faults:
        return soak.random.choice((reexecute, break_loop))
    return None


def fault(soak: Soak, random: Random) -> str:
    """Take something away for a number of operations."""
    what = random.choice(soak.arena.available())
    left = random.choice((0, 0, 1, 2, 4))
    soak.arena.begin(what, left)
    soak.fault_ends = soak.operations + random.randrange(10, 40)
    return f"{what}, {left} left, until {soak.fault_ends}"


def set_clock(soak: Soak, random: Random) -> str:
    """Set the daemon's clock forward or back."""
    seconds = random.choice((-86400 * 400, -7200, -30, -1, 0, 0, 1, 30, 7200, 86400 * 400))
    soak.arena.set_clock(seconds)
    return f"{seconds:+} s"


def reexecute(soak: Soak, _random: Random) -> str:
    """Replace the daemon by a fresh image of itself."""
    return soak.reexecute("reexec")


def break_loop(soak: Soak, _random: Random) -> str:
    """Break the daemon's event loop: it replaces itself."""
    return soak.reexecute("break")


def reload(soak: Soak, _random: Random) -> str:
    """Unload everything, and load the configuration again."""
    soak.known.clear()
    soak.ask("reload", "root", str(soak.arena.daemon.directory / "config.scm"))
    return ""
