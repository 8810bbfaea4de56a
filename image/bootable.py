"""What must be known of an image to boot it: GRUB's configuration, and which CPU the kernel is for.

Much less than an inspection, and quick: nothing is read but these two files.
"""

from __future__ import annotations

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
        for within in _partitions(read, size):
            if not filesystem_name(within).startswith("ext"):
                continue
            filesystem = Filesystem(within)
            text = _content(filesystem, CONFIGURATION)
            if text is None:
                continue
            configuration = text.decode("utf-8", "replace")
            kernels = [entry.kernel for entry in read_menu(configuration)]
            architecture = _architecture(filesystem, kernels[0]) if kernels else ""
            return Bootable(configuration, architecture)
    return None


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


def _architecture(filesystem: Filesystem, kernel: str) -> str:
    """The CPU that a kernel is for, as its ELF header says."""
    content = _content(filesystem, kernel)
    if content is None:
        raise NotAnImage(f"{CONFIGURATION}: there is no kernel {kernel} in the image")
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, 64)
        except zlib.error as error:
            raise NotAnImage(f"{kernel}: damaged: {error}") from error
    return _ARCHITECTURES.get(int.from_bytes(content[_MACHINE], "little"), "")
