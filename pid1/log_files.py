"""The files that the system log writes: opened when first needed, kept open, rotated.

They stand where other services have their captured output, so that the newest messages
and the names of the files are shown alike.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable

from pid1.capture import Capture, open_log_file
from pid1.log import log
from pid1.syslog import MARK


class LogFiles(Capture):
    """The open files, the newest messages, and what is still to be written."""

    __slots__ = ("_date", "_date_format", "_files", "_history_size", "_lost", "_pending")

    def __init__(self, history_size: int, date_format: str) -> None:
        super().__init__("system-log")
        self._history_size = history_size
        self._date_format = date_format
        self._date: tuple[int, str] = (0, "")
        self._files: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._pending: dict[str, list[str]] = {}

    def files(self) -> list[str]:
        """The open files, oldest first."""
        return list(self._files)

    def resume(self, history: list[tuple[int, str]], paths: list[str]) -> None:
        """Go on where the previous image of the daemon was."""
        self._history = [(when, line) for when, line in history]
        for path in paths:
            with contextlib.suppress(OSError):
                self._open(path, quiet=False)

    def history(self) -> list[tuple[int, str]]:
        """The newest messages, oldest first."""
        return self._history

    def add_message(self, line: str, paths: Iterable[str]) -> None:
        """Remember a line, and write it to files at the next ``flush``."""
        now = int(time.time())
        self._history.append((now, line))
        del self._history[: -self._history_size or None]
        self.version += 1
        if self._date[0] != now:
            self._date = (now, time.strftime(self._date_format, time.localtime(now)))
        for path in paths:
            self._pending.setdefault(path, []).append(f"{self._date[1]}{line}\n")

    def mark(self) -> None:
        """Write a mark to every open file."""
        date = time.strftime(self._date_format, time.localtime())
        for path in self._files:
            self._pending.setdefault(path, []).append(f"{date}{MARK}\n")
        self.flush()

    def flush(self) -> None:
        """Write what was added.  A file that cannot take it loses it, and the count is told."""
        pending, self._pending = self._pending, {}
        for path, lines in pending.items():
            if path.startswith("/dev/") and not os.path.exists(path):
                continue  # a device that this machine has not got; not a file to create
            lost = self._lost.pop(path, 0)
            note = f"{self._date[1]}{lost} message(s) lost.\n" if lost else ""
            try:
                descriptor = self._open(path, quiet=lost > 0)
                view = memoryview((note + "".join(lines)).encode(errors="replace"))
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError:
                self._lost[path] = lost + len(lines)

    def _open(self, path: str, quiet: bool) -> int:
        descriptor = self._files.get(path)
        if descriptor is None:
            try:
                descriptor = open_log_file(path)
            except OSError as error:
                # Told once, or a log that goes to this very service would never be silent.
                if not quiet:
                    log(f"Failed to open log file '{path}': {error.strerror}")
                raise
            self._files[path] = descriptor
        return descriptor

    def rotate(self, path: str, rename_to: str | None) -> None:
        """Go on in a fresh file ``path``, after renaming the old one if asked.

        Raises OSError, and then goes on in the old one.
        """
        if rename_to is not None:
            os.rename(path, rename_to)
        descriptor, self._files[path] = self._files[path], open_log_file(path)
        os.close(descriptor)

    def close(self) -> None:
        """Write what is left and close every file."""
        self.flush()
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files = {}
