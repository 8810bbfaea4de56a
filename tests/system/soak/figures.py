"""What a soak comes to: how much was done, how soon was answered, and whether anything grows."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from tests.system.soak.trend import LONG_WARM_UP, WARM_UP, Sample, slope


@dataclass
class Result:
    """The figures of one soak."""

    seed: int
    seconds: float = 0.0
    operations: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    images: int = 1
    lines: int = 0
    lost: int = 0
    pings: list[float] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    cpu: float = 0.0

    def slope(self, what: str) -> float | None:
        """Of "pss", "rss", "private" (kB), "blocks" or "descriptors", per 1,000 operations."""
        warm_up = LONG_WARM_UP if what == "blocks" else WARM_UP
        return slope(self.samples.get(what, []), warm_up)

    def report(self) -> str:
        """The figures in words, one a line."""
        pings = sorted(self.pings)
        lines = [
            f"seed {self.seed}: {self.operations.total()} operations in {self.seconds:.0f} s, "
            f"{self.looks} looks, {self.images} images of the daemon",
            "operations: " + ", ".join(f"{n} {o}" for o, n in self.operations.most_common()),
            "taken away: " + (", ".join(f"{n} {o}" for o, n in self.faults.items()) or "nothing"),
            f"lines found in logs: {self.lines}; notes of lost lines, for full disks: {self.lost}",
            f"control socket: {len(pings)} answers, median "
            f"{1000 * statistics.median(pings):.1f} ms, 99 % within "
            f"{1000 * pings[len(pings) * 99 // 100]:.0f} ms, slowest {1000 * pings[-1]:.0f} ms",
        ]
        for what, unit in (
            ("pss", "kB"), ("rss", "kB"), ("private", "kB"), ("blocks", ""), ("descriptors", ""),
        ):  # fmt: skip
            samples = self.samples.get(what, [])
            found = self.slope(what)
            if samples and found is not None:
                lines.append(
                    f"{what}: {found:+.2f} {unit} per 1,000 operations; "
                    f"first {samples[0].figure:.0f}, last {samples[-1].figure:.0f} "
                    f"({len(samples)} samples)"
                )
        lines.append(f"processor time of the daemon: {self.cpu:.0f} s")
        return "\n".join(lines)
