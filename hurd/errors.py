"""What a failed call of the Hurd or of the kernel raises.

A code may be an errno of the Hurd (0x40000000 and up), a kernel return code, a code of mach_msg, of
the stubs (MIG) or of a device (glibc's mach-errors); `HurdError` keeps it as the call returned it.
`hurd.codes` has the names.
"""

from __future__ import annotations


class HurdError(OSError):
    """A routine failed.

    `errno` is the code the routine returned; on the Hurd it compares equal to `errno.ENOENT` and
    so on where it is one of those.  `routine` is the name of the call, `symbol` the name of the
    code ("EBUSY", "MIG_SERVER_DIED"; "" if it has none), `system` what the code belongs to ("hurd",
    "kern", "mach_send", "mach_rcv", "mig", "device", "unknown") and `strerror` a text in words.
    """

    errno: int
    strerror: str

    def __init__(self, code: int, routine: str, text: str | None = None) -> None:
        from hurd.error_texts import describe

        self.routine = routine
        self.symbol, self.system, meaning = describe(code)
        super().__init__(code, meaning if text is None else text)

    def __str__(self) -> str:
        return f"{self.routine}: {self.strerror}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.symbol or hex(self.errno)}, {self.routine!r})"

    def __reduce__(self) -> tuple[type[HurdError], tuple[int, str, str]]:
        return type(self), (self.errno, self.routine, self.strerror)


class HurdUnavailable(HurdError):
    """The routine does not exist on this system: no Hurd, or a C library without it."""

    def __init__(self, code: int, routine: str, text: str | None = None) -> None:
        super().__init__(code, routine, text or "not available on this system")
