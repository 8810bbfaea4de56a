"""Log rotation: old log files move one number up, the current one becomes number 1.

The mechanism of ``log-rotation-service`` (SHEPHERD.md 6.2).  Files that drover writes are
renamed and opened anew between two lines, so that no line is lost; files of others are
copied and truncated.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from hurd.system import SpawnSpec
from pid1.awaiting import is_awaitable
from pid1.capture import Capture
from pid1.errors import KeyedError, keyed, system_error
from pid1.files import open_carefully
from pid1.forkexec import default_environment, spawn_command
from pid1.log import DaemonLog, FileDestination, log, say, the_log, time_prefix
from pid1.log_files import LogFiles
from pid1.service import Action
from pid1.sexp import write
from pid1.supervisor import supervisor

DEFAULT_THRESHOLD: Final = 8192
DEFAULT_EXPIRY: Final = 90 * 24 * 3600
_EXTENSIONS: Final = ("gz", "bz2", "lz", "lzma", "xz", "zst")
_PROGRAMS: Final = {"gzip": ["gzip", "-9"], "zstd": ["zstd", "-9", "-q", "--rm"]}
_COPY_CHUNK: Final = 1 << 20

# "gzip", "zstd", "none", or a procedure of the name of the file to compress.
Compression = str | Callable[[str], Any]


class Rotation:
    """What to rotate and how; calling it rotates once.

    ``threshold`` is bytes, up to which a file is left alone; ``expiry`` seconds, after which
    an old copy is deleted instead of moved on.
    """

    def __init__(
        self,
        external: Iterable[str] = (),
        compression: Compression = "gzip",
        expiry: float = DEFAULT_EXPIRY,
        threshold: int = DEFAULT_THRESHOLD,
    ) -> None:
        self.external = list(external)
        self.compression = compression
        self.expiry = expiry
        self.threshold = threshold

    async def __call__(self) -> None:
        """Rotate every file.  One that fails does not keep the others from their turn.

        Raises the first error, as a KeyedError, in the end.
        """
        failed: KeyedError | None = None
        own = writers()
        for path in [*own, *(path for path in self.external if path not in own)]:
            try:
                await self.rotate(path, own.get(path, []))
            except Exception as error:
                reason = keyed(error)
                log(f"Failed to rotate '{path}': {reason}")
                failed = failed or reason
        if failed is not None:
            raise failed

    async def rotate(self, path: str, logs: list[Log]) -> None:
        """Rotate one file, which ``logs`` write to; without any it is somebody else's."""
        try:
            status = os.stat(path)
        except OSError:
            log(f"Log file '{path}' is inaccessible; not rotating.")
            return
        if not stat.S_ISREG(status.st_mode):
            log(f"Not rotating '{path}', which is not a regular file.")
            return
        if status.st_size <= self.threshold:
            log(f"Not rotating '{path}', which is below the {self.threshold} B threshold.")
            return
        self.move_old(path)
        log(f"Rotating '{path}' to '{path}.1'.")
        if logs:
            _rename(path, logs)
        else:
            await _copy(path)
        if path.rpartition(".")[2] not in _EXTENSIONS:
            await self._compress(f"{path}.1")
        log(f"Rotated '{path}'.")

    def move_old(self, path: str) -> None:
        """Move the copies of earlier rotations one number up, highest first."""
        for name, following in old_copies(path):
            if time.time() - os.stat(name).st_mtime > self.expiry:
                log(f"Deleting old log file '{name}'.")
                os.unlink(name)
            else:
                os.rename(name, following)

    async def _compress(self, path: str) -> None:
        if callable(self.compression):
            result = self.compression(path)
            if is_awaitable(result):
                await result
            return
        program = _PROGRAMS.get(self.compression)
        if program is None:
            return
        arguments = [*program, path]
        spec = SpawnSpec(arguments, default_environment(), directory="/")
        status = await spawn_command(spec)
        if status:
            words = " ".join(map(write, arguments))
            log(f"Compression command {words} failed with status {status}.")

    def show_files(self, *_arguments: object) -> None:
        """Print each log file and the service that writes it: the action ``files``."""
        for service in supervisor().registry:
            for path in service.log_files():
                say(f"{path}\t{service.name}")
        for path in self.external:
            say(f"{path}\t(external)")

    def action(self) -> Action:
        """The action ``files``."""
        return Action("files", self.show_files, "List the log files subject to rotation.")


# What writes a log file: captured output, the system log, or a file of the daemon's own log.
Log = Capture | FileDestination


def writers() -> dict[str, list[Log]]:
    """Return who writes each log file of the services, the daemon's own among them.

    Services may share a file; all of them have to go on in the fresh one.
    """
    found: dict[str, list[Log]] = {}
    for service in supervisor().registry:
        capture: Any = service.capture
        if capture is None or isinstance(capture, DaemonLog):
            continue
        for path in capture.files():
            found.setdefault(path, []).append(capture)
    for destination in the_log.destinations:
        if isinstance(destination, FileDestination):
            found.setdefault(destination.path, []).append(destination)
    return found


def old_copies(path: str) -> list[tuple[str, str]]:
    """Return the rotated copies of a log file, each with its next name, oldest first."""
    directory, base = os.path.split(path)
    found: list[tuple[int, str, str]] = []
    for name in os.listdir(directory or "."):
        number, extension = _rotation_number(name, base)
        if number is not None:
            following = f"{base}.{number + 1}{extension}"
            found.append(
                (number, os.path.join(directory, name), os.path.join(directory, following))
            )
    return [(name, following) for _, name, following in sorted(found, reverse=True)]


def _rotation_number(name: str, base: str) -> tuple[int | None, str]:
    """Return the number of a rotated copy of ``base`` and its extension with the dot."""
    if not name.startswith(f"{base}."):
        return None, ""
    number, dot, extension = name[len(base) + 1 :].partition(".")
    if not (number.isascii() and number.isdigit()) or (dot and extension not in _EXTENSIONS):
        return None, ""
    return int(number), dot + extension


def _rename(path: str, logs: list[Log]) -> None:
    """Rename a file that drover writes; nothing is written between the steps."""
    descriptor = open_carefully(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, f"\n{time_prefix(int(time.time()))}Rotating log.\n".encode())
    finally:
        os.close(descriptor)
    renamed = False
    for one in logs:
        try:
            if isinstance(one, LogFiles):
                one.rotate(path, None if renamed else f"{path}.1")
            else:
                one.reopen(None if renamed else f"{path}.1")
        except OSError as error:
            raise system_error("rename-file", error) from error
        renamed = True
        if isinstance(one, Capture) and not isinstance(one, LogFiles) and not one.pipes():
            one.close()  # nobody prints any more, so nobody else would close the file


async def _copy(path: str) -> None:
    """Copy a file that others write, then empty it.

    What is written meanwhile is copied, too, until the end of the file has been reached;
    only what comes between that and the truncation, without a pause, can be lost.
    """
    source = open_carefully(path, os.O_RDWR)
    try:
        status = os.fstat(source)
        # Who writes the file may also own the directory, and put something in the way.
        target = open_carefully(f"{path}.1", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with contextlib.suppress(PermissionError):
                os.fchown(target, status.st_uid, status.st_gid)
            os.fchmod(target, stat.S_IMODE(status.st_mode))
            while chunk := os.read(source, _COPY_CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(target, view) :]
                if len(chunk) == _COPY_CHUNK:
                    await asyncio.sleep(0)
            os.ftruncate(source, 0)
        finally:
            os.close(target)
    finally:
        os.close(source)
