"""``hurd-image`` from its first instruction to its last, so that an interrupt is one at any time.

Most of the time before a command begins goes by in imports; Python by itself would end them, and
its own end, with a traceback or as killed by the signal.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

_INTERRUPTED = 128 + signal.SIGINT


def main() -> NoReturn:
    """Run ``hurd-image`` with the arguments of the process, and end with its exit status."""
    # Nothing is there yet that would have to be cleaned up, nor after the command.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from image.command import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            status = run()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    sys.exit(status)


if __name__ == "__main__":
    main()
