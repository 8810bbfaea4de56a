"""Paging to disks on the Hurd: by its own programs, which read a partition's layout."""

from __future__ import annotations

import errno
import os

from hurd.system.base import SpawnSpec
from hurd.system.servers import swap_devices
from hurd.system.spawn import spawn

SWAPON = "/sbin/swapon"
SWAPOFF = "/sbin/swapoff"


def swap_on(device: str) -> None:
    """See `hurd.system.machine.Machine`."""
    if device in swap_devices():
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), device)
    # It reads the partition's layout and starts the default pager if need be; and it exits
    # with 0 whatever comes of that.
    said = _run(SWAPON, device)
    if device not in swap_devices():
        raise OSError(errno.EIO, said or "not used for swapping", device)


def swap_off(device: str) -> None:
    """See `hurd.system.machine.Machine`."""
    if device not in swap_devices() and os.geteuid() == 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), device)
    said = _run(SWAPOFF, device)
    if device in swap_devices():
        raise OSError(errno.EIO, said or "still used for swapping", device)


def _run(program: str, device: str) -> str:
    """Run a program on a device to its end, return what it said; OSError with that if it fails."""
    reader, writer = os.pipe()
    try:
        try:
            spec = SpawnSpec([program, device], ["PATH=/bin:/sbin"], stdout=writer, stderr=writer)
            pid = spawn(spec)
        finally:
            os.close(writer)
        said = b""
        while part := os.read(reader, 4096):
            said += part
    finally:
        os.close(reader)
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        status = 0  # the daemon reaps every child, and was quicker
    text = " ".join(os.fsdecode(said).split())
    if status != 0:
        raise OSError(errno.EIO, text or f"{program} failed", device)
    return text
