"""What a guest's console says about the guest: that its kernel panicked, that it has halted, that
it starts over and over.

GNU Mach without ACPI can neither switch the machine off nor tell QEMU of a panic: its words are
all there is.
"""

from __future__ import annotations

import re
import time
from io import FileIO
from pathlib import Path
from typing import Self

from image.errors import ConfigurationError, ImageError
from image.machine import Ending

_KEPT = 4096
_TAIL_LINES = 8
# "panic {cpu0} ../kern/bootstrap.c:195: bootstrap_create: …" (GNU Mach, kern/debug.c)
_PANIC = re.compile(r"^.*\bpanic\b.*[:{].*$", re.MULTILINE)
# What GRUB's menu draws with.
_ESCAPE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")
# Said by halt_all_cpus when it was not to reboot (GNU Mach, i386/i386/model_dep.c), after
# "In tight loop: " in older and "… now in tight loop." in newer versions.
_HALTED = "hit ctl-alt-del to reboot"
# So many resets within so many seconds are a loop.
_RESETS = 5
_WITHIN = 120.0
_FIRMWARE = 1.0


class GuestFailed(ImageError):
    """The guest panicked, starts over and over, or ended before the command did."""


class Deadline(ImageError):
    """The time is over."""


class Console:
    """The end of what a guest wrote, and what follows from it; all of it in a file, if wanted."""

    def __init__(self, log: Path | None = None) -> None:
        """`log` is a file to write everything to; use it with `with`."""
        self._log_path = log
        self._log: FileIO | None = None
        self._kept = ""
        self._resets: list[float] = []
        self._spoke = False  # since the last reset
        self.panic = ""  # the kernel's last words, if it panicked

    def __enter__(self) -> Self:
        """Open the file; raises ConfigurationError."""
        if self._log_path is not None:
            try:
                self._log = FileIO(self._log_path, "w")
            except OSError as error:
                raise ConfigurationError(
                    "--serial-log", f"{self._log_path}: {error.strerror}"
                ) from None
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        if self._log is not None:
            self._log.close()

    def feed(self, data: bytes) -> None:
        """Take note of what the guest wrote."""
        if self._log is not None:
            self._log.write(data)
        self._spoke = True
        self._kept = (self._kept + data.decode(errors="replace").replace("\r", ""))[-_KEPT:]
        if found := _PANIC.search(self._kept.rpartition("\n")[0]):
            self.panic = found[0].strip()

    def reset(self, reason: str = "") -> None:
        """Take note that the guest starts anew.

        SeaBIOS resets the machine once or twice itself after a warm start; what comes at once, and
        before the guest said anything, is that.
        """
        del reason
        now = time.monotonic()
        if self._spoke or not self._resets or now - self._resets[-1] > _FIRMWARE:
            self._resets = [*self._resets, now][-_RESETS:]
        self._spoke = False

    def touched(self) -> None:
        """Somebody typed: whatever happens is not the guest's doing alone."""
        self._resets.clear()

    @property
    def in_a_line(self) -> bool:
        """Whether the guest's last line has no end."""
        return bool(self._kept) and not self._kept.endswith("\n")

    @property
    def halted(self) -> bool:
        """Whether the guest has stopped for good, with nobody to switch it off."""
        return self._kept.rstrip().endswith(_HALTED)

    @property
    def loops(self) -> bool:
        """Whether the guest starts over and over."""
        full = len(self._resets) == _RESETS
        return full and self._resets[-1] - self._resets[0] < _WITHIN

    @property
    def last_lines(self) -> str:
        """The end of what the guest wrote, for a message."""
        text = _ESCAPE.sub("", self._kept)
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return "\n".join(lines[-_TAIL_LINES:]) or "(it wrote nothing)"

    def deadline(self, seconds: float | None, doing: str) -> Deadline:
        """The error for a machine that takes too long."""
        limit = f"{seconds:g} seconds" if seconds is not None else "the time"
        return Deadline(
            f"{doing} after {limit} (--timeout); the console's last lines:\n{self.last_lines}"
        )

    def failed(self, ending: Ending, doing: str) -> GuestFailed:
        """The error for a machine that ended when it should not have."""
        if self.panic:
            return GuestFailed(f"{doing}: the guest's kernel panicked: {self.panic}")
        how = _HOW.get(ending.reason, "")
        if self.halted:
            how = "the guest halted"
        if not how:
            how = f"QEMU ended with status {ending.status}"
            how += f": {ending.output}" if ending.output else ""
        return GuestFailed(f"{doing}: {how}; the console's last lines:\n{self.last_lines}")


_HOW = {
    "guest-reset": "the guest restarted the machine",
    "guest-shutdown": "the guest switched the machine off",
    "guest-panic": "the guest's kernel panicked",
    "host-signal": "QEMU was told to end by a signal",
    "host-ui": "the window was closed",
    "host-qmp-quit": "QEMU was told to quit",
}
