"""Checking file systems, and what follows from how fsck ended (HURD-BOOT.md section 6).

The root is checked while it is read-only; a machine whose root had to be repaired is rebooted, and
one whose root could not be repaired gets a shell.  The number that the checker exits with counts,
not its words.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from boot.places import place
from hurd.offload import off_loop
from hurd.system import SpawnError, SpawnSpec, system
from pid1.forkexec import fork_exec
from pid1.log import log, say
from pid1.supervisor import current_service, supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.translator.fstab import MountEntry

CLEAN: Final = "clean"
FIXED: Final = "fixed"
REBOOT: Final = "reboot"
FAILED: Final = "failed"

_ENVIRONMENT: Final = ["PATH=/sbin:/bin:/usr/sbin:/usr/bin"]
# Attempts to make the root read-only, and seconds between them: whoever has just closed a file
# that was open for writing is still in the way for a moment.
_ATTEMPTS: Final = 3
_PAUSE: Final = 0.2


class CheckFailedError(Exception):
    """A file system has damage that a person has to look at; the message names it."""


def outcome(status: int) -> str:
    """What the wait status of a checker means: CLEAN, FIXED, REBOOT or FAILED."""
    if os.WIFSIGNALED(status):
        return FAILED
    code = os.WEXITSTATUS(status)
    return {0: CLEAN, 1: FIXED, 2: REBOOT, 3: REBOOT}.get(code, FAILED)


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was ended by signal {os.WTERMSIG(status)}"
    return f"ended with status {os.WEXITSTATUS(status)}"


def checker(kind: str) -> str | None:
    """The program that checks file systems of a type; None if there is none."""
    for name in (f"/sbin/fsck.{kind}", f"/usr/sbin/fsck.{kind}", "/sbin/e2fsck"):
        if (name != "/sbin/e2fsck" or kind.startswith("ext")) and os.access(place(name), os.X_OK):
            return name
    return None


async def check(device: str, kind: str, *, force: bool = False) -> str:
    """Check one file system, and repair what is safe to repair; the outcome.

    A type without a checker has nothing to check.
    """
    program = checker(kind.removesuffix("fs"))
    if program is None:
        log(f"No program to check '{device}' ({kind}).")
        return CLEAN
    return await _run([program, "-p", *(["-f"] if force else []), device])


async def repair(device: str, kind: str) -> bool:
    """Repair all damage of a file system, whatever is lost by that; whether it is in order then."""
    program = checker(kind.removesuffix("fs"))
    if program is None:
        return False
    say(f"Repairing '{device}' all the same, as 'drover.repair=all' asks.")
    return await _run([program, "-y", "-f", device]) != FAILED


async def _run(command: list[str]) -> str:
    """Run a checker; the outcome."""
    spec = SpawnSpec(command, list(_ENVIRONMENT), directory="/")
    try:
        pid = fork_exec(supervisor(), current_service.get(), spec, own=False)
    except SpawnError as error:
        say(f"{error}.")
        return FAILED
    status = await supervisor().children.wait(pid)
    result = outcome(status)
    if result != CLEAN:
        say(f"Checking '{command[-1]}': {os.path.basename(command[0])} {_ending(status)}.")
    return result


async def check_root(mode: str, entry: MountEntry | None, *, repair_all: bool = False) -> str:
    """Check the root as the boot's ``mode`` asks ("auto", "skip" or "force"); the outcome.

    The root's server opens it for writing only if it was closed cleanly, so one that is
    writable at boot needs no check.  Raises CheckFailedError, or OSError if a look at it fails.
    """
    writable = not system.is_read_only("/")
    if mode == "skip" or (mode == "auto" and writable):
        return CLEAN
    if mode == "auto" and entry is not None and entry.pass_number == 0 and entry.options:
        return CLEAN  # fstab(5): a pass of 0 means that nobody wants it checked
    root = await off_loop(system.root_mount)
    if writable and not await make_read_only():
        say("The root file system is in use, and therefore not checked.")
        return CLEAN
    device = entry.device if entry is not None else _device(root.source)
    result = await check(device, root.type, force=mode == "force")
    if result == FAILED and repair_all and await repair(device, root.type):
        return REBOOT
    if result == FAILED:
        raise CheckFailedError(
            f"the root file system on '{device}' has damage that was not repaired; "
            f"run '{checker('ext2') or 'fsck'} {device}' by hand"
        )
    return result


def _device(source: str) -> str:
    """The node of a device that a server names in its own way, such as "part:1:device:hd0"."""
    kind, _, rest = source.partition(":")
    if kind == "part":
        number, _, whole = rest.partition(":")
        disk = whole.rpartition(":")[2]
        return f"/dev/{disk}s{number}"
    if kind == "device":
        return f"/dev/{rest}"
    return source if source.startswith("/") else f"/dev/{source}"


async def make_read_only() -> bool:
    """Make the root read-only; False if somebody writes there."""
    import asyncio

    for attempt in range(_ATTEMPTS):
        try:
            await off_loop(system.remount, "/", ["ro"])
            return True
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
        if attempt + 1 < _ATTEMPTS:
            await asyncio.sleep(_PAUSE)
    return False


async def make_root_writable() -> None:
    """Allow the root to be changed, once it is checked; raises OSError."""
    if system.is_read_only("/"):
        await off_loop(system.remount, "/", ["rw"])


async def check_others(
    entries: Sequence[MountEntry], mode: str, *, repair_all: bool = False
) -> str:
    """Check all file systems but the root, disks at once and passes in order; the worst outcome.

    Raises CheckFailedError if one has damage that was not repaired.
    """
    import asyncio

    worst = CLEAN
    if mode == "skip":
        return worst
    wanted = [
        entry
        for entry in entries
        if entry.pass_number > 0 and entry.directory != "/" and "noauto" not in entry.options
    ]
    for number in sorted({entry.pass_number for entry in wanted}):
        disks: dict[str, list[MountEntry]] = {}
        for entry in wanted:
            if entry.pass_number == number:
                disks.setdefault(_disk(entry.device), []).append(entry)
        results = await asyncio.gather(
            *[_check_disk(disk, mode, repair_all) for disk in disks.values()]
        )
        for entry, result in [pair for some in results for pair in some]:
            if result == FAILED and "nofail" not in entry.options:
                raise CheckFailedError(
                    f"the file system on '{entry.device}' for '{entry.directory}' has damage "
                    "that was not repaired"
                )
            if result != CLEAN and worst != REBOOT:
                worst = result if result != FAILED else worst
    return worst


def _disk(device: str) -> str:
    """What tells partitions of one disk from those of others: hd0 of /dev/hd0s1."""
    name = os.path.basename(device)
    stem, s, number = name.rpartition("s")
    return stem if s and number.isdigit() and stem else name


async def _check_disk(
    entries: Sequence[MountEntry], mode: str, repair_all: bool
) -> list[tuple[MountEntry, str]]:
    """One after the other: two checkers on one disk only get in each other's way."""
    results = []
    for entry in entries:
        result = await check(entry.device, entry.type, force=mode == "force")
        if result == FAILED and repair_all and await repair(entry.device, entry.type):
            result = FIXED
        results.append((entry, result))
    return results
