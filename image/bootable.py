"""What must be known of an image to boot it: GRUB's configuration, and which CPU the kernel is for.

Much less than an inspection, and quick: nothing is read but these two files.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image.errors import NotAnImage
from image.ext2.reader import Filesystem, Read
from image.inspection import opened
from image.menu import CONFIGURATION, read_menu
from image.partitions import Partition, read_table
from image.recognise import filesystem_name
from image.run import run

# The field e_machine of an ELF file (elf.h).
_MACHINE = slice(18, 20)
_ARCHITECTURES = {3: "i386", 62: "amd64"}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Bootable:
    """`architecture` is "i386", "amd64", or "" if the kernel is neither or is not found."""

    configuration: str
    architecture: str


def look_at(path: Path) -> Bootable | None:
    """Look at an image; None if there is no configuration of GRUB where we could find one.

    Raises NotAnImage, ImageInUse and MissingTool as `inspect_image` does.
    """
    with opened(path) as (_, read, size, _):
        if filesystem_name(read) == "ISO 9660":
            return _look_at_cd(path)
        for within in _partitions(read, size):
            if not filesystem_name(within).startswith("ext"):
                continue
            filesystem = Filesystem(within)
            text = _content(filesystem, CONFIGURATION)
            if text is None:
                continue
            configuration = text.decode("utf-8", "replace")
            kernel = _kernel(configuration)
            return Bootable(configuration, _architecture(kernel, _content(filesystem, kernel)))
    return None


def _look_at_cd(path: Path) -> Bootable | None:
    """As look_at; the CD's files are read with xorriso."""
    with tempfile.TemporaryDirectory(prefix="hurd-image-") as directory:

        def extract(name: str) -> bytes | None:
            place = Path(directory, Path(name).name)
            run(["xorriso", "-osirrox", "on", "-indev", path, "-extract", name, place],
                accept=(0, 5, 32))  # fmt: skip
            return place.read_bytes() if place.is_file() else None

        text = extract(CONFIGURATION)
        if text is None:
            return None
        configuration = text.decode("utf-8", "replace")
        kernel = _kernel(configuration)
        return Bootable(configuration, _architecture(kernel, extract(kernel)))


def _kernel(configuration: str) -> str:
    """The kernel of the first entry, "" if there is none."""
    return next((entry.kernel for entry in read_menu(configuration)), "")


def _partitions(read: Read, size: int) -> Iterator[Read]:
    """How to read each partition, or the whole disk if there are none."""
    table = read_table(read, size)
    partitions = table.partitions or (Partition(0, 0, size, "", "whole disk"),)
    for partition in partitions:

        def within(offset: int, size: int, partition: Partition = partition) -> bytes:
            return read(partition.start + offset, max(min(size, partition.size - offset), 0))

        yield within


def _content(filesystem: Filesystem, path: str) -> bytes | None:
    """A file's content, None if there is no such file."""
    entry = filesystem.find(path)
    if entry is None or entry.inode.kind != "file":
        return None
    return filesystem.content(entry.inode)


def _architecture(kernel: str, content: bytes | None) -> str:
    """The CPU that a kernel is for, as its ELF header says."""
    if not kernel:
        return ""
    if content is None:
        raise NotAnImage(f"{CONFIGURATION}: there is no kernel {kernel} in the image")
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, 64)
        except zlib.error as error:
            raise NotAnImage(f"{kernel}: damaged: {error}") from error
    return _ARCHITECTURES.get(int.from_bytes(content[_MACHINE], "little"), "")
