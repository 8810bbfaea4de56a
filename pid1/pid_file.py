"""Files in which a program that goes into the background leaves the number of its process.

Other users may write such a file: what it names is believed only as far as they could go anyway.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from hurd.system import system
from pid1.files import read_small_file
from pid1.log import log
from pid1.process import is_alive

# Seconds between two looks: most daemons write the file within milliseconds.
_FIRST_LOOK: Final = 0.01
_LAST_LOOK: Final = 0.5
# Bytes; what follows the number is nobody's business.
_LONGEST: Final = 256


def number_in(path: str) -> tuple[int, list[int]]:
    """The number in a PID file, and the users besides root and us whose file it is."""
    data, owners = read_small_file(path, _LONGEST)
    return int(data.split()[0]), owners


def may_name(owners: list[int], pid: int) -> bool:
    """Whether a PID file of these users can make a process the service's, and have it killed.

    It can name what they could kill anyway, and never us; without other owners, anything else.
    """
    if pid == os.getpid():
        return False
    return not owners or set(owners) == {system.process_owner(pid)}


async def read_pid_file(path: str, timeout: float, validate: bool = False) -> int | None:
    """Return the number in a PID file once it is there, None after ``timeout`` seconds.

    Content that is no number is tried again; so is, with ``validate``, a number that is
    not that of a live process, or of one that the owner of the file has no right to name.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    pause = _FIRST_LOOK
    refused = 0
    while True:
        try:
            pid, owners = number_in(path)
            if not validate or (pid > 0 and is_alive(pid) and may_name(owners, pid)):
                return pid
            if pid != refused and pid > 0 and is_alive(pid):
                refused = pid
                whose = f"of user {owners[0]}" if owners else "of ours"
                log(f"PID file '{path}' {whose} names process {pid}, which is not theirs.")
        except (OSError, ValueError, IndexError, OverflowError):
            pass
        remaining = deadline - loop.time()
        if remaining <= 0:
            return None
        await asyncio.sleep(min(pause, remaining))
        pause = min(pause * 2, _LAST_LOOK)
