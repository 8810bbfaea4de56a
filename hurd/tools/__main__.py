"""`python3 -m hurd.tools TOOL WORD…`."""

from __future__ import annotations

import sys

from hurd.tools import TOOLS, run


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in TOOLS:
        asked = f"{sys.argv[1]}: no such tool\n" if len(sys.argv) > 1 else ""
        sys.stderr.write(f"{asked}Usage: python3 -m hurd.tools {{{'|'.join(TOOLS)}}} [WORD...]\n")
        return 64
    return run(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
