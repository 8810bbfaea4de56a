"""What is on a disk image, ours or another's: partitions, filesystems, GRUB's menu, translators.

Reading only, and of anything: a file that is no image is a `NotAnImage`, and damage that leaves
something to say is told beside it, in `problems`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from image.errors import ImageError, NotAnImage
from image.ext2 import structures as ext2
from image.ext2.reader import Filesystem, Read
from image.menu import CONFIGURATION, MenuEntry, read_menu
from image.nbd import served
from image.output import refuse_if_in_use
from image.partitions import Partition, read_table
from image.recognise import filesystem_name, image_format

_LIBRARY = "/usr/lib/drover"
_WITHOUT_PARTITIONS = ("FAT", "NTFS", "exFAT", "ISO 9660")
_SERVICES = "/etc/drover/services.d"
# Enough for any system; a hostile one has as many and as large ones as it likes.
_MOST_SERVICES = 1000
_LARGEST_SERVICE = 1 << 20
_VERSION = re.compile(r'^VERSION\b[^=\n]*=\s*"([^"\n]+)"', re.MULTILINE)
_PROVISION = re.compile(r"\(service\s+(?:'|\(quote\s+|\(list\s+'?)\(?([^()]*)\)")


@dataclass(frozen=True)
class Translator:
    """A passive translator record."""

    path: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A file of services in the image, and the names of services that it provides."""

    file: str
    provides: tuple[str, ...]


@dataclass(frozen=True)
class Drover:
    """The drover of an image; `version` is empty if it cannot be told."""

    version: str
    services: tuple[Service, ...]


@dataclass(frozen=True)
class FilesystemInfo:
    """A filesystem; all but `type` and `problems` is known of ext2 and its successors only."""

    type: str
    label: str = ""
    uuid: str = ""
    creator: str = ""
    created: str = ""
    clean: bool | None = None
    features: tuple[str, ...] = ()
    block_size: int = 0
    inode_size: int = 0
    size: int = 0
    free: int = 0
    files: int = 0
    hostname: str = ""
    kernels: tuple[str, ...] = ()
    menu: tuple[MenuEntry, ...] = ()
    translators: tuple[Translator, ...] = ()
    drover: Drover | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartitionInfo:
    """A partition with what is in it; None stands for a filesystem that is not known."""

    partition: Partition
    filesystem: FilesystemInfo | None


@dataclass(frozen=True)
class ImageInfo:
    """All that was found; sizes are in bytes, `table` is "mbr", "gpt" or "" for none.

    A disk without a partition table has one partition, of number 0.
    """

    path: str
    format: str
    size: int
    file_size: int
    table: str
    signature: str
    boot_loader: str
    partitions: tuple[PartitionInfo, ...]
    problems: tuple[str, ...] = ()


def inspect_image(path: Path) -> ImageInfo:
    """Look at a disk image of any format that QEMU knows.

    Raises NotAnImage for a file that is none, ImageInUse if a virtual machine writes to it,
    MissingTool for other formats than raw without qemu-nbd, ImageError for a file that cannot be
    read.
    """
    with opened(path) as (kind, read, size, file_size):
        table = read_table(read, size)
        partitions = table.partitions
        name = filesystem_name(read)
        # The first sector of these is theirs, also where it looks like a table of partitions.
        if name in _WITHOUT_PARTITIONS or (not partitions and not table.kind):
            if not name:
                raise NotAnImage(
                    f"{path}: neither a partition table nor a filesystem that is known"
                )
            partitions = (Partition(0, 0, size, "", "whole disk"),)
        found = tuple(PartitionInfo(one, _look_into(read, one)) for one in partitions)
        return ImageInfo(
            path=str(path),
            format=kind,
            size=size,
            file_size=file_size,
            table=table.kind,
            signature=table.signature,
            boot_loader="GRUB" if b"GRUB" in read(0, 512) else "",
            partitions=found,
            problems=table.problems,
        )


@contextmanager
def opened(path: Path) -> Iterator[tuple[str, Read, int, int]]:
    """Open an image; yield its format, how to read the disk, and the sizes of disk and file."""
    try:
        if path.is_dir():
            raise NotAnImage(f"{path}: is a directory")
        refuse_if_in_use(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error
    try:

        def read(offset: int, size: int) -> bytes:
            try:
                return os.pread(descriptor, size, offset)
            except (OSError, OverflowError) as error:
                raise NotAnImage(f"{path}: cannot be read at byte {offset}: {error}") from error

        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size == 0:
            raise NotAnImage(f"{path}: is empty")
        kind = image_format(read)
        if kind == "raw":
            yield kind, read, size, size
        else:
            with served(path, kind) as connection:
                yield kind, connection.read, connection.size, size
    finally:
        os.close(descriptor)


def _look_into(read: Read, partition: Partition) -> FilesystemInfo | None:
    def within(offset: int, size: int) -> bytes:
        size = max(min(size, partition.size - offset), 0)
        return read(partition.start + offset, size)

    name = filesystem_name(within)
    if name == "ISO 9660":
        return FilesystemInfo(name, label=within(0x8028, 32).decode("ascii", "replace").rstrip())
    if not name.startswith("ext"):
        return FilesystemInfo(name) if name else None
    try:
        filesystem = Filesystem(within)
    except NotAnImage as error:
        return FilesystemInfo(name, problems=(str(error),))
    return _describe(name, filesystem)


def _describe(name: str, filesystem: Filesystem) -> FilesystemInfo:
    """Collect what a filesystem says; what cannot be read is left out and told."""
    found = filesystem.superblock
    files = 0
    translators = []
    hostname = ""
    kernels: list[str] = []
    menu: tuple[MenuEntry, ...] = ()
    drover = None
    problems = []
    try:
        for entry in filesystem.walk():
            files += 1
            words = filesystem.translator(entry)
            if words:
                translators.append(Translator(entry.path, words))
            if re.fullmatch(r"/boot/gnumach[^/]*", entry.path) and entry.inode.kind == "file":
                kernels.append(entry.path)
        hostname = _text(filesystem, "/etc/hostname").strip()
        menu = tuple(read_menu(_text(filesystem, CONFIGURATION)))
        drover = _find_drover(filesystem)
    except NotAnImage as error:
        problems.append(str(error))
    creators = ext2.CREATORS
    return FilesystemInfo(
        type=name,
        label=found.label,
        uuid=str(UUID(bytes=found.uuid)),
        creator=creators[found.creator] if found.creator < len(creators) else str(found.creator),
        created=datetime.fromtimestamp(found.created, UTC).isoformat() if found.created else "",
        clean=bool(found.state & ext2.STATE_CLEAN),
        features=tuple(found.features),
        block_size=found.block_size,
        inode_size=found.inode_size,
        size=found.blocks * found.block_size,
        free=found.free_blocks * found.block_size,
        files=files,
        hostname=hostname,
        kernels=tuple(kernels),
        menu=menu,
        translators=tuple(translators),
        drover=drover,
        problems=tuple(problems),
    )


def _text(filesystem: Filesystem, path: str) -> str:
    """Return a file's text, "" if there is no such file."""
    entry = filesystem.find(path)
    if entry is None or entry.inode.kind != "file":
        return ""
    return filesystem.content(entry.inode).decode("utf-8", "replace")


def _find_drover(filesystem: Filesystem) -> Drover | None:
    library = filesystem.find(_LIBRARY)
    if library is None or library.inode.kind != "directory":
        return None
    match = _VERSION.search(_text(filesystem, f"{_LIBRARY}/pid1/usage.py"))
    services = []
    directory = filesystem.find(_SERVICES)
    if directory is not None and directory.inode.kind == "directory":
        found = sorted(filesystem.directory(directory.inode).items())
        for name, number in found[:_MOST_SERVICES]:
            inode = filesystem.inode(number)
            data = filesystem.content(inode, _LARGEST_SERVICE) if inode.kind == "file" else b""
            text = data.decode("utf-8", "replace")
            provided = _PROVISION.findall(text)
            names = tuple(word for words in provided for word in words.split())
            services.append(Service(f"{_SERVICES}/{name}", names))
    return Drover(match[1] if match else "", tuple(services))
