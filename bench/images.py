"""The sections on disk images: building them, building them again, and booting them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import hurd_boot, image, rebuild
from bench.metrics import DROVER, FLOOR
from bench.results import Results, Section

_MEGABYTE = 1_000_000
_MKE2FS = "mke2fs -d"
_UNCACHED = "nothing cached"
# The image builder's by `python3 -m bench.image`, of three kinds; then from packages; then boots.
_ROUNDS = 5
_REBUILDS = 3
_BOOTS = 5


def measure_builder(quick: bool) -> Section:
    """Measure builds; what fails is an error of the system or a RuntimeError."""
    results = Results()
    size = image.QUICK if quick else image.FULL
    rounds, rebuilds = (1, 1) if quick else (_ROUNDS, _REBUILDS)
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as directory:
        _progress("building images")
        for row in image.measure(size, rounds, Path(directory)):
            for metric, ours in (("disk", image.DISK), ("build", image.COMMAND)):
                of = {ours: DROVER, image.REFERENCE: _MKE2FS, image.LEAST: FLOOR}.get(row.name)
                if of is not None:
                    results.add(metric, 0, of, *row.seconds)
                    results.add(f"{metric}-cpu", 0, of, *row.processor)
            if row.name == image.COMMAND:
                results.add("build-memory", 0, DROVER, row.memory / _MEGABYTE)
            if row.name == image.DISK:
                # A build that finds everything in the cache has still to write the disk.
                results.add("rebuild", 0, FLOOR, *row.seconds)
    with tempfile.TemporaryDirectory(prefix="drover-bench-") as directory:
        _progress("building images from packages")
        full, again = rebuild.measure(size, rebuilds, Path(directory))
        results.add("rebuild", 0, _UNCACHED, *full)
        results.add("rebuild", 0, DROVER, *again)
    conditions = [
        f"Trees and packages of {size // _MEGABYTE} MB; rounds: {rounds}, taking turns, and "
        f"{rebuilds} from packages"
    ]
    return Section(conditions, results)


def measure_boot(quick: bool) -> Section:
    """Boot disks with drover and with other inits in turns."""
    rounds = 1 if quick else _BOOTS
    _progress("booting a Hurd")
    results = Results()
    for init, boots in hurd_boot.measure(rounds).items():
        times = [boot.login - boot.init for boot in boots]
        results.add("boot", 0, init, *times)
        if init != FLOOR:
            results.add("boot-slowest", 0, init, max(times))
            results.add("boot-whole", 0, init, *[boot.login for boot in boots])
    return Section([f"Boots of each: {rounds}, taking turns, in QEMU without KVM"], results)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
