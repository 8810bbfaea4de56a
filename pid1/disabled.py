"""Which services ``herd disable`` has disabled, kept in a file for the daemons to come.

The file holds one name a line.  It is read when the daemon starts, and changed by a thread
of its own, so that a file system that hangs or is full keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable
from typing import Final

from hurd.offload import off_loop
from pid1.files import read_small_file
from pid1.log import log

# Seconds that a change may take before the command is answered without it.
PATIENCE: Final = 2.0
_LARGEST: Final = 1 << 20


class DisabledServices:
    """The names in the file ``path``; a file that is missing is an empty one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._names: set[str] = set()
        # Changes in the order in which they were asked for.
        self._last: asyncio.Future[str | None] | None = None
        try:
            self._names = _read(path)
        except OSError as error:
            log(f"Cannot read which services are disabled from '{path}': {error.strerror}.")

    def __contains__(self, name: str) -> bool:
        return name in self._names

    async def change(self, add: Iterable[str], remove: Iterable[str]) -> str | None:
        """Add and remove names; the reason if that could not be stored."""
        add, remove = set(add), set(remove)
        if add <= self._names and not remove & self._names:
            return None
        if any("\n" in name for name in add):
            return "its name has several lines"
        self._names = self._names - remove | add
        change = self._last = asyncio.ensure_future(self._store(self._last, add, remove))
        done, _ = await asyncio.wait({change}, timeout=PATIENCE)
        return change.result() if done else f"'{self.path}' does not answer"

    async def _store(
        self, previous: asyncio.Future[str | None] | None, add: set[str], remove: set[str]
    ) -> str | None:
        if previous is not None:
            await asyncio.wait({previous})
        try:
            await off_loop(_change, self.path, add, remove)
        except OSError as error:
            return f"'{self.path}': {error.strerror}"
        return None


def _read(path: str) -> set[str]:
    try:
        text = read_small_file(path, _LARGEST)[0].decode(errors="surrogateescape")
    except FileNotFoundError:
        return set()
    return {line for line in text.split("\n") if line}


def _change(path: str, add: set[str], remove: set[str]) -> None:
    """Make the file what it is and the changes: it may not have been there to be read before."""
    names = _read(path)
    wanted = names - remove | add
    if wanted == names:
        return
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # of a daemon that was killed in between
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        data = "".join(f"{name}\n" for name in sorted(wanted))
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode(errors="surrogateescape"))
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
