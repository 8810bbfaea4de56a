"""A floppy disk whose GRUB boots an image with more words on the kernel's command line.

The image itself stays as it is, whatever its format and even if it is used by others: the floppy's
GRUB has the image's own configuration, with the words added, and takes the kernel and its modules
from the image.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from image.errors import NotAnImage
from image.grub import BOOT_CODE, SECTOR, grub_directory
from image.menu import CONFIGURATION, quote
from image.run import run

_MODULES = (
    "biosdisk", "boot", "configfile", "echo", "ext2", "gzio", "halt", "iso9660", "memdisk",
    "multiboot", "normal", "part_gpt", "part_msdos", "reboot", "search", "search_fs_file",
    "search_fs_uuid", "search_label", "serial", "sleep", "tar", "terminal", "test", "true",
)  # fmt: skip
# What GRUB has to say is seen on the serial line, and the image's filesystem becomes its root.
_PREAMBLE = f"""\
serial --unit=0 --speed=115200
terminal_output --append serial
search --no-floppy --file --set=root {CONFIGURATION}
"""
_FLOPPY_SIZE = 2880 * SECTOR
_KERNEL_LINE = re.compile(r"^([ \t]*multiboot[ \t].*?)([ \t]*(?:#.*)?)$", re.MULTILINE)


def with_words(configuration: str, words: Sequence[str]) -> str:
    """Return GRUB's configuration with `words` added for the kernel, and no waiting in the menu.

    Raises NotAnImage if it boots no Mach kernel.
    """
    more = "".join(" " + quote(word) for word in words)
    changed, lines = _KERNEL_LINE.subn(lambda line: line[1] + more + line[2], configuration)
    if not lines:
        raise NotAnImage(f"{CONFIGURATION}: no entry boots a kernel with 'multiboot'")
    return f"{_PREAMBLE}{changed}\nset timeout=0\n"


def write_floppy(configuration: str, destination: Path) -> None:
    """Write a floppy disk of 1.44 MB that boots as `configuration` says.

    Raises MissingTool if GRUB for BIOS machines is not installed.
    """
    modules = grub_directory()
    with tempfile.TemporaryDirectory(prefix="hurd-image-") as directory:
        memory_disk = Path(directory, "memdisk.tar")
        memory_disk.write_bytes(_archive("grub.cfg", configuration.encode()))
        core = Path(directory, "core.img")
        run(
            ["grub-mkimage", "-O", "i386-pc", "-d", modules, "-m", memory_disk,
             "-p", "(memdisk)/", "-o", core, *_MODULES]
        )  # fmt: skip
        disk = (modules / "boot.img").read_bytes()[:BOOT_CODE].ljust(
            SECTOR - 2, b"\0"
        ) + b"\x55\xaa"
        destination.write_bytes((disk + core.read_bytes()).ljust(_FLOPPY_SIZE, b"\0"))


def _archive(name: str, content: bytes) -> bytes:
    """A tar archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
