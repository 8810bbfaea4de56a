"""GRUB's own part of a disk: its core image, and the boot sector that loads it.

`grub-install` wants the disk as a device, so we do its work: `grub-mkimage` links the core image
with all modules it needs, and we write it to the gap before the first partition, where the boot
sector looks for it.  Its size and the default list of sectors that `grub-mkimage` writes fit that
place, so nothing has to be patched.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from image.errors import ImageError, MissingTool
from image.run import run

SECTOR = 512
BOOT_CODE = 440
"""Bytes of the boot sector; those after it are the disk's signature and partition table."""
CORE_SECTOR = 1

_DIRECTORIES = (Path("/usr/lib/grub/i386-pc"), Path("/usr/local/lib/grub/i386-pc"))
_COMMON = (
    "biosdisk", "boot", "cat", "configfile", "echo", "gzio", "halt", "ls", "minicmd", "multiboot",
    "normal", "reboot", "search", "serial", "sleep", "terminal", "test",
)  # fmt: skip
_DISK_MODULES = ("ext2", "part_msdos")
_ISO_MODULES = ("iso9660", "part_msdos")

# The check for a floppy drive in boot.img: a jump that is taken for hard disks. Some firmware does
# not say which it is; grub-install replaces the jump in the same way.
_FLOPPY_CHECK = 0x66
_NO_OPERATIONS = b"\x90\x90"


def grub_directory() -> Path:
    """Return where GRUB's modules for BIOS machines are; MissingTool if they are not installed."""
    for directory in _DIRECTORIES:
        if (directory / "boot.img").is_file():
            return directory
    raise MissingTool(str(_DIRECTORIES[0] / "boot.img"), "grub-pc-bin")


def boot_sector_code() -> bytes:
    """Return the code at the start of the disk, BOOT_CODE bytes."""
    code = bytearray((grub_directory() / "boot.img").read_bytes()[:BOOT_CODE])
    code[_FLOPPY_CHECK : _FLOPPY_CHECK + 2] = _NO_OPERATIONS
    return bytes(code)


def disk_core(most: int) -> bytes:
    """Return the core image for a disk whose first partition has /boot/grub.

    The drive is the one it was loaded from.  Raises ImageError if it has more than `most` bytes.
    """
    core = _core("i386-pc", "(,msdos1)/boot/grub", (*_COMMON, *_DISK_MODULES))
    if len(core) > most:
        raise ImageError(
            f"GRUB's core image has {len(core)} bytes, and {most} fit before the partition"
        )
    return core


def iso_core() -> bytes:
    """Return the core image for a CD, which has /boot/grub; the BIOS starts it from there."""
    return _core("i386-pc-eltorito", "/boot/grub", (*_COMMON, *_ISO_MODULES))


def _core(platform: str, prefix: str, modules: tuple[str, ...]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="drover-") as place:
        output = Path(place) / "core.img"
        run(
            [
                "grub-mkimage", f"--directory={grub_directory()}", f"--format={platform}",
                f"--prefix={prefix}", f"--output={output}", *modules,
            ]
        )  # fmt: skip
        return output.read_bytes()
