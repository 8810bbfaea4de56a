"""Runs in the guest, as root: a process that is registered as essential dies.

Writes /drover/result.json: what registering returned; "nothing happened" a minute after its death.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

sys.path.insert(0, "/drover")

from hurd.system import system


def write(value: object) -> None:
    with open("/drover/result.json", "w") as file:  # noqa: PTH123
        json.dump(value, file)
    os.sync()


if os.fork() == 0:
    system.adapt_process()
    try:
        write(system.register_essential("drover-test"))
    except OSError as error:
        write(repr(error))
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
write("nothing happened")
