"""utmp(5) and wtmp: the records that the machine came up and went down.

The record is that of glibc where programs of 32 and 64 bits share the file (bits/utmp.h): x86 of
either size, on Linux and on the Hurd.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time

UTMP = "/var/run/utmp"
WTMP = "/var/log/wtmp"

RUN_LEVEL = 1
BOOT_TIME = 2

# type, pid, line, id, user, host, exit status, session, time, address, reserved
RECORD = struct.Struct("=hxxi32s4s32s256shhiIi16s20s")


def record(kind: int, user: str) -> bytes:
    """A record of now, of the machine itself."""
    second, nano = divmod(time.time_ns(), 1_000_000_000)
    release = os.fsencode(os.uname().release)
    return RECORD.pack(
        kind, 0, b"~", b"~~", user.encode(), release, 0, 0, 0,
        second & 0xFFFFFFFF, nano // 1000, b"", b"",
    )  # fmt: skip


def write(kind: int, user: str, *, utmp: str = UTMP, wtmp: str = WTMP) -> None:
    """Put the record in place of the last one of its kind, and at the end of the history."""
    data = record(kind, user)
    with contextlib.suppress(FileNotFoundError):
        _put(utmp, kind, data)
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(wtmp, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)


def _put(path: str, kind: int, data: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        place = 0
        while len(found := os.pread(descriptor, RECORD.size, place)) == RECORD.size:
            if RECORD.unpack(found)[0] == kind:
                break
            place += RECORD.size
        os.pwrite(descriptor, data, place)
    finally:
        os.close(descriptor)
