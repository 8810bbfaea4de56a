"""`python -m tests.system.soak --minutes 30 --seed 1`: a soak, its figures, and their bounds.

Exit status: 0 if everything held, 1 if something did not, 2 if there can be no soak here.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests.system.soak.arena import refusal
from tests.system.soak.soak import REEXECUTE, Broken, soak

# What may be gained in 1,000 operations: kilobytes, blocks of memory, descriptors.  Some 50 new
# names, of two blocks each, are gained until there are 4,096 of them, and then forgotten.
BOUNDS = {"private": 100.0, "blocks": 300.0, "descriptors": 0.05}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--operations", type=int, help="end after so many operations")
    parser.add_argument("--seed", type=int, default=None, help="a number for the same operations")
    parser.add_argument(
        "--image", type=int, default=REEXECUTE, help="operations between two images of the daemon"
    )
    parser.add_argument("--keep", type=Path, help="directory for the trace and the daemon's log")
    options = parser.parse_args()
    if reason := refusal():
        print(f"no soak: {reason}", file=sys.stderr)
        return 2
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    keep = options.keep or Path(tempfile.mkdtemp(prefix=f"drover-soak-{seed}-kept-"))
    # One processor, for the daemon and all its programs too: others use the machine.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"seed {seed}; operations and the daemon's log are kept in {keep}", flush=True)
    try:
        result = soak(seed, keep, 60 * options.minutes, options.operations, options.image)
    except Broken as broken:
        print(f"BROKEN: {broken}")
        return 1
    print(result.report())
    failed = False
    for what, bound in BOUNDS.items():
        grown = result.slope(what)
        if grown is not None and grown > bound:
            print(
                f"BROKEN: {what} grows by {grown:.2f} per 1,000 operations; the bound is {bound:g}"
            )
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
