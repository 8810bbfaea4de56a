"""The self-check of a finished disk: is on it what was to be, as the Hurd and GRUB will read it?

Looks at a raw disk of ours, and at the root tree it was made from.  e2fsck judges the filesystem;
then each file's kind, owner, mode and translator record is read back and compared, the nodes that a
boot cannot do without are looked for, and so is everything that GRUB's menu names.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from boot.nodes import essential_nodes
from image import grub
from image.disk import FIRST_SECTOR, PARTITION_OFFSET, SECTOR
from image.errors import CheckFailed, NotAnImage
from image.ext2 import structures as ext2
from image.ext2.reader import Entry, Filesystem
from image.menu import CONFIGURATION, Driver, MenuEntry, read_menu, unquoted_words
from image.partitions import LINUX, read_table
from image.run import run
from image.tree import Node, Tree, encode

_MOST_SHOWN = 20
_DISKBOOT_CODE = 0x1F4  # bytes of the core image's first sector before its list of sectors


@dataclass(frozen=True)
class Report:
    """What a check found; `problems` make the image unusable, `warnings` are worth a look."""

    files: int
    translators: int
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def raise_problems(self) -> None:
        """Raise CheckFailed with the problems, if there are any."""
        if self.problems:
            shown = list(self.problems[:_MOST_SHOWN])
            if len(self.problems) > _MOST_SHOWN:
                shown.append(f"and {len(self.problems) - _MOST_SHOWN} more")
            raise CheckFailed("the finished image has faults:\n  " + "\n  ".join(shown))


def check_image(path: Path, tree: Tree, driver: Driver, *, partitioned: bool = True) -> Report:
    """Check a raw disk made from a tree, whose disks are to have that driver.

    With `partitioned=False` the file is a filesystem alone, without boot loader.  Raises
    MissingTool without e2fsck, OSError if the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _Check(path, descriptor, tree, driver, partitioned).report()
    finally:
        os.close(descriptor)


class _Check:
    def __init__(
        self, path: Path, descriptor: int, tree: Tree, driver: Driver, partitioned: bool
    ) -> None:
        self.path = path
        self.descriptor = descriptor
        self.tree = tree
        self.driver = driver
        self.partitioned = partitioned
        self.offset = PARTITION_OFFSET if partitioned else 0
        self.files = 0
        self.translators = 0
        self.warnings: list[str] = []

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, offset)

    def report(self) -> Report:
        with ThreadPoolExecutor(1) as beside:
            consistency = beside.submit(lambda: list(self._consistency()))
            problems = self._own_view()
            return Report(
                self.files,
                self.translators,
                tuple(consistency.result() + problems),
                tuple(self.warnings),
            )

    def _own_view(self) -> list[str]:
        """Everything that we look at ourselves."""
        problems = [*self._start()] if self.partitioned else []
        try:
            filesystem = Filesystem(lambda offset, size: self.read(self.offset + offset, size))
            entries = {entry.path: entry for entry in filesystem.walk()}
            self.files = len(entries)
            problems += self._superblock(filesystem)
            problems += self._files(filesystem, entries)
            problems += self._nodes(filesystem, entries)
            if self.partitioned:
                problems += self._menu(filesystem)
        except NotAnImage as error:
            problems.append(str(error))
        return problems

    def _start(self) -> Iterator[str]:
        """The boot sector, the partition and GRUB's core image."""
        size = os.fstat(self.descriptor).st_size
        table = read_table(self.read, size)
        yield from table.problems
        if not table.partitions:
            yield "there is no partition table"
            return
        first = table.partitions[0]
        if first.start != FIRST_SECTOR * SECTOR or first.type != f"{LINUX:#04x}":
            yield f"partition 1 is of type {first.type} and starts at byte {first.start}"
        if not first.bootable:
            yield "partition 1 is not bootable"
        if self.read(0, grub.BOOT_CODE) != grub.boot_sector_code():
            yield "the boot sector has not GRUB's code"
        core = self.read(grub.CORE_SECTOR * SECTOR, SECTOR)
        diskboot = (grub.grub_directory() / "diskboot.img").read_bytes()
        if core[:_DISKBOOT_CODE] != diskboot[:_DISKBOOT_CODE]:
            yield f"GRUB's core image is not at sector {grub.CORE_SECTOR}"
        start = int.from_bytes(core[_DISKBOOT_CODE : _DISKBOOT_CODE + 8], "little")
        count = int.from_bytes(core[_DISKBOOT_CODE + 8 : _DISKBOOT_CODE + 10], "little")
        if start != grub.CORE_SECTOR + 1 or not 0 < count < FIRST_SECTOR - start:
            yield f"GRUB's core image is to be read from sector {start}, {count} of them"

    def _consistency(self) -> Iterator[str]:
        """What e2fsck says."""
        with tempfile.TemporaryDirectory(prefix="drover-") as place:
            # A question mark in the path would begin options.
            link = Path(place) / "disk"
            link.symlink_to(self.path.absolute())
            argument = f"{link}?offset={self.offset}"
            result = run(["e2fsck", "-fn", argument], merge=True, accept=range(256))
        if result.returncode:
            said = result.stdout.decode(errors="replace").splitlines()
            for line in said:
                if line.strip() and not re.match(r"e2fsck \d|Pass \d", line):
                    yield f"e2fsck: {line.replace(argument, 'the filesystem')}"

    def _superblock(self, filesystem: Filesystem) -> Iterator[str]:
        found = filesystem.superblock
        if found.creator != ext2.CREATOR_HURD:
            yield f"the filesystem was made for {found.creator}, not for the Hurd"
        if found.inode_size != ext2.INODE_SIZE or found.block_size != ext2.BLOCK_SIZE:
            yield f"inodes of {found.inode_size} bytes, blocks of {found.block_size}"
        if found.incompatible & ~ext2.FILETYPE:
            yield f"features that the Hurd does not have: {' '.join(found.features)}"

    def _files(self, filesystem: Filesystem, entries: dict[str, Entry]) -> Iterator[str]:
        """Each file of the tree, and what else there is."""
        for path, node in self.tree.items():
            entry = entries.get(path)
            if entry is None:
                yield f"{path}: is missing"
                continue
            if node.link:
                if entry.number != entries[node.link].number:
                    yield f"{path}: is not the same file as {node.link}"
                continue
            yield from self._file(filesystem, entry, node)
        for path in entries.keys() - self.tree.keys() - {"/lost+found"}:
            yield f"{path}: was not to be there"

    def _file(self, filesystem: Filesystem, entry: Entry, node: Node) -> Iterator[str]:
        inode = entry.inode
        mode = 0o777 if node.kind == "symlink" else node.mode
        wanted = (node.kind, mode, node.uid, node.gid)
        found = (inode.kind, inode.mode & 0o7777, inode.uid, inode.gid)
        if found != wanted:
            yield f"{entry.path}: is {_describe(found)}, and was to be {_describe(wanted)}"
        if node.kind == "file" and inode.size != node.size:
            yield f"{entry.path}: has {inode.size} bytes, and was to have {node.size}"
        if node.kind == "symlink" and filesystem.content(inode) != encode(node.target):
            yield f"{entry.path}: is not a link to {node.target}"
        if isinstance(node.content, bytes) and filesystem.content(inode) != node.content:
            yield f"{entry.path}: has another content"
        translator = filesystem.translator(entry)
        if translator != node.translator:
            yield f"{entry.path}: has the translator {translator}, was to have {node.translator}"
        elif translator:
            self.translators += 1
            if not inode.attributes and not inode.translator:
                yield f"{entry.path}: its translator is in the inode, where the Hurd never looks"
            program = filesystem.find(translator[0])
            if program is None:
                self.warnings.append(f"{entry.path}: {translator[0]} is not in the image")

    def _nodes(self, filesystem: Filesystem, entries: dict[str, Entry]) -> Iterator[str]:
        """What a boot cannot do without, and what none survives."""
        for node in essential_nodes(self.driver):
            entry = filesystem.find(node.path, follow=False)
            if entry is None:
                yield f"{node.path}: is missing; no system boots without it"
            elif entry.inode.uid or entry.inode.gid:
                owner = f"{entry.inode.uid}:{entry.inode.gid}"
                yield f"{node.path}: belongs to {owner}, and its translator would run as that"
            elif node.record and not filesystem.translator(entry):
                yield f"{node.path}: has no translator"
        both = [entries.get(path) for path in ("/proc", "/dev/random")]
        if all(entry and filesystem.translator(entry) for entry in both):
            yield "/proc: has a passive translator beside that of /dev/random: no boot would end"

    def _menu(self, filesystem: Filesystem) -> Iterator[str]:
        """What GRUB is told to load, and how it reads the words."""
        entry = filesystem.find(CONFIGURATION)
        if entry is None:
            yield f"{CONFIGURATION}: is missing"
            return
        text = filesystem.content(entry.inode).decode("utf-8", "replace")
        entries = read_menu(text)
        if not entries:
            yield f"{CONFIGURATION}: boots nothing"
        for word in unquoted_words(text):
            yield f"{CONFIGURATION}: {word}: not in single quotes, so GRUB would expand it"
        for path in sorted({one for item in entries for one in _named(item)}):
            found = filesystem.find(path)
            if found is None or found.inode.kind != "file":
                yield f"{CONFIGURATION}: {path}: no such file in the image"
        for item in entries:
            if not item.modules:
                yield f"{CONFIGURATION}: {item.title!r} has no boot modules"


def _named(entry: MenuEntry) -> Iterator[str]:
    yield entry.kernel
    for module in entry.modules:
        yield module.path


def _describe(found: tuple[str, int, int, int]) -> str:
    kind, mode, uid, gid = found
    return f"a {kind} {mode:04o} of {uid}:{gid}"
