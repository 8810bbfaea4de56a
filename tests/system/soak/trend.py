"""Whether something grows: samples over the number of operations, and the slope of their line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

# Operations at the beginning of an image of the daemon that are left out: what is kept in limited
# numbers (changes of status, lines) reaches its limit.
WARM_UP = 6000
# And until the changes of the boot chart and most lists of the interpreter are full: for figures
# that are exact enough to show that.
LONG_WARM_UP = 18_000
# Images with fewer samples than that say nothing.
_FEWEST = 4


@dataclass(frozen=True)
class Sample:
    """One figure after a number of operations, in the image of the daemon that had it."""

    image: int
    operations: int
    figure: float


def slope(samples: Sequence[Sample], warm_up: int = WARM_UP) -> float | None:
    """How much the figure grows per 1,000 operations, by linear regression; None if unknown.

    The images of a daemon that replaces itself begin anew, each at a height of its own: one
    slope is fitted to all of them, with an intercept for each (within-group regression).
    """
    groups: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.image].append(sample)
    together = square = 0.0
    for group in groups.values():
        kept = [s for s in group if s.operations >= group[0].operations + warm_up]
        if len(kept) < _FEWEST:
            continue
        middle = sum(s.operations for s in kept) / len(kept)
        mean = sum(s.figure for s in kept) / len(kept)
        together += sum((s.operations - middle) * (s.figure - mean) for s in kept)
        square += sum((s.operations - middle) ** 2 for s in kept)
    return 1000 * together / square if square else None
