"""Mounting the file systems of /etc/fstab, and unmounting everything when the machine stops."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from boot.places import place
from hurd.offload import off_loop
from hurd.system import system
from pid1.log import log, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.translator.fstab import MountEntry

FSTAB: Final = "/etc/fstab"

_NO_FILE_SYSTEMS: Final = ("swap", "none", "ignore", "")
# File systems without a disk behind them: nothing is lost with them.
_VOLATILE: Final = ("tmpfs", "procfs", "proc")


class MountError(Exception):
    """File systems that the machine needs could not be mounted; the message names them."""


def read_fstab(path: str = FSTAB) -> list[MountEntry]:
    """The entries of fstab(5); none if there is no such file."""
    from hurd.translator.fstab import parse

    try:
        with open(place(path), encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return parse(file.read())
    except FileNotFoundError:
        return []


def root_entry(entries: Sequence[MountEntry]) -> MountEntry | None:
    """The entry for the root, if there is one."""
    return next((entry for entry in entries if entry.directory == "/"), None)


def swap_entries(entries: Sequence[MountEntry]) -> list[str]:
    """The devices that memory is to be paged to."""
    return [
        entry.device for entry in entries if entry.type == "swap" and "noauto" not in entry.options
    ]


async def mount_all(entries: Sequence[MountEntry]) -> None:
    """Mount what is to be mounted at boot, outer directories first.

    One that cannot be mounted is an error unless it is marked "nofail": MountError, when all
    others have been tried.
    """
    wanted = [
        entry
        for entry in entries
        if entry.type not in _NO_FILE_SYSTEMS
        and entry.directory.startswith("/")
        and entry.directory != "/"
        and "noauto" not in entry.options
    ]
    if not wanted:
        return
    mounted = {mount.target for mount in await off_loop(system.mounts)}
    missing = []
    for entry in sorted(wanted, key=lambda entry: entry.directory.count("/")):
        if entry.directory in mounted:
            continue
        try:
            await off_loop(system.mount, entry.device, entry.directory, entry.type, entry.options)
        except OSError as error:
            reason = error.strerror or str(error)
            say(f"Cannot mount '{entry.device}' on '{entry.directory}': {reason}.")
            if "nofail" not in entry.options:
                missing.append(entry.directory)
    if missing:
        raise MountError(f"not mounted: {', '.join(missing)}")


async def unmount_all() -> None:
    """Unmount all but the root, inner directories first; what is in use becomes read-only."""
    for mount in reversed((await off_loop(system.mounts))[1:]):
        if mount.type in _VOLATILE or not mount.source.startswith("/"):
            continue
        try:
            await off_loop(system.unmount, mount.target)
        except OSError as error:
            if error.errno == errno.EBUSY and await _make_read_only(mount.target):
                continue
            log(f"Cannot unmount '{mount.target}': {error.strerror}.")


async def _make_read_only(target: str) -> bool:
    try:
        await off_loop(system.remount, target, ["ro"])
    except OSError:
        return False
    return True


async def make_root_read_only() -> bool:
    """Close the root to changes before the machine stops; False if somebody still writes there.

    Then the servers' own end does it, when /hurd/startup tells them (HURD-BOOT.md 8.1).
    """
    from boot.steps.checking import make_read_only

    try:
        if await make_read_only():
            return True
        reason = "there are files open for writing"
    except OSError as error:
        reason = error.strerror or str(error)
    log(f"The root file system stays writable until the end: {reason}.")
    return False


async def swap_on(devices: Sequence[str]) -> None:
    """Page memory to these; one that cannot be used costs nothing but its space."""
    for device in devices:
        try:
            await off_loop(system.swap_on, device)
        except OSError as error:
            say(f"Cannot page to '{device}': {error.strerror or error}.")


async def swap_off(devices: Sequence[str]) -> None:
    """Page no more to these: what is on them comes back into memory.

    One that memory has no room for stays in use, and that is said.
    """
    used = await off_loop(system.swap_devices)
    for device in devices:
        if device not in used:
            continue
        try:
            await off_loop(system.swap_off, device)
        except OSError as error:
            say(f"Still paging to '{device}': {error.strerror or error}.")
