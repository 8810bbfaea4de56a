"""From a root tree to a filesystem on paper: inodes, directories, and a place for each block.

Everything is decided here and nothing is written, so a tree that does not fit is known before the
first byte.  The same tree, size, epoch and UUID give the same plan.
"""

from __future__ import annotations

import hashlib
import os
import stat
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hurd import records
from image.errors import ConfigurationError, ImageError, NoSpace, TreeError
from image.ext2 import structures as ext2
from image.ext2.geometry import Allocator, Geometry, has_superblock
from image.ext2.pointers import encode_pointers, indirect_blocks
from image.ext2.structures import BLOCK_SIZE, FORMATS
from image.tree import Node, Tree, directory, encode, parent

MEBIBYTE = 1 << 20
_LOST_AND_FOUND = "/lost+found"
_LOST_AND_FOUND_BLOCKS = 4  # kept ready, because e2fsck may not be able to take more
_MOST_LINKS = 32000
_RESERVED = 100  # one block of so many is for root alone
_SPARE_INODES = 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Data and the runs of blocks (first, number) it goes to; of `size` bytes, padded with zeros.

    `path` is whose data it is, for messages.
    """

    path: str
    runs: tuple[tuple[int, int], ...]
    data: bytes | Path
    size: int


@dataclass(frozen=True)
class Plan:
    """A filesystem that is ready to be written; `pieces` are in the order of their blocks."""

    geometry: Geometry
    superblock: ext2.Superblock
    groups: tuple[ext2.Group, ...]
    used: tuple[int, ...]
    """How many blocks of each group are in use."""
    inodes: bytearray
    """All inodes from the first to the last one in use."""
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """The bytes of the filesystem."""
        return self.geometry.blocks * BLOCK_SIZE

    @property
    def content(self) -> int:
        """The bytes that writing the files takes."""
        return sum(piece.size for piece in self.pieces)

    def backups(self) -> Iterator[int]:
        """The groups that hold copies of the superblock, the first included."""
        return (group for group in range(self.geometry.groups) if has_superblock(group))


def make_plan(
    tree: Tree, *, epoch: int, size: int | None = None, uuid: bytes | None = None, label: str = ""
) -> Plan:
    """Plan the filesystem for a tree.

    `size` is in bytes; without it, the content and a quarter more, at least 64 MiB more.  `epoch`
    (seconds) is when the filesystem was made; later times of files become that one.  `uuid` (16
    bytes) is made from the tree by default.

    Raises TreeError for a tree that cannot be written, NoSpace if it does not fit, ImageError for
    content that cannot be read.
    """
    if len(label.encode()) > 16:
        raise ConfigurationError("label", f"{label!r} is longer than 16 bytes")
    return _Planner(tree, epoch).plan(size, uuid, label)


class _Planner:
    """The work of `make_plan`, and what its steps hand on."""

    def __init__(self, tree: Tree, epoch: int) -> None:
        if _LOST_AND_FOUND not in tree:
            tree = tree.copy()
            tree.add(_LOST_AND_FOUND, directory(0o700, mtime=epoch))
        tree.validate()
        if tree[_LOST_AND_FOUND].kind != "directory":
            raise TreeError(_LOST_AND_FOUND, "must be a directory, for e2fsck")
        self.tree = tree
        self.epoch = epoch
        self.numbers = self._number()
        self.entries, self.links = self._connect()
        self.last_inode = max(self.numbers.values())
        # Directories first and together: looking up a path then reads few places of the disk.
        self.order = sorted(
            (path for path, node in tree.items() if not node.link),
            key=lambda path: tree[path].kind != "directory",
        )
        self.directories = {
            path: self._directory(path) for path in self.order if tree[path].kind == "directory"
        }
        self.sizes = {path: self._size(path) for path in self.order}

    def _number(self) -> dict[str, int]:
        """Give each node its inode number; hard links get that of what they link to."""
        numbers = {"/": ext2.ROOT_INODE, _LOST_AND_FOUND: ext2.LOST_AND_FOUND_INODE}
        number = ext2.LOST_AND_FOUND_INODE
        for path, node in self.tree.items():
            if path not in numbers and not node.link:
                number += 1
                numbers[path] = number
        for path, node in self.tree.items():
            if node.link:
                numbers[path] = numbers[node.link]
        return numbers

    def _connect(self) -> tuple[dict[str, list[tuple[bytes, int]]], dict[int, int]]:
        """Return each directory's names and inodes, and how often each inode is linked to."""
        entries: dict[str, list[tuple[bytes, int]]] = {}
        links: dict[int, int] = {}
        for path, node in self.tree.items():
            number = self.numbers[path]
            above = parent(path)
            if node.kind == "directory" and not node.link:
                entries.setdefault(path, [])
                links[number] = links.get(number, 0) + 1  # its "."
                links[self.numbers[above]] = links.get(self.numbers[above], 0) + 1  # its ".."
            if path != "/":
                entries[above].append((encode(path.rpartition("/")[2]), number))
                links[number] = links.get(number, 0) + 1
            if links[number] > _MOST_LINKS or links[self.numbers[above]] > _MOST_LINKS:
                raise TreeError(above, f"more than {_MOST_LINKS} links or directories")
        return entries, links

    def _directory(self, path: str) -> bytes:
        """Return the blocks of a directory."""
        own, above = self.numbers[path], self.numbers[parent(path)]
        blocks: list[bytes] = []
        waiting: list[tuple[int, bytes]] = []
        room = BLOCK_SIZE

        def close() -> None:
            *others, last = waiting
            packed = [ext2.pack_entry(n, name, ext2.entry_length(name)) for n, name in others]
            length = BLOCK_SIZE - sum(map(len, packed))
            blocks.append(b"".join([*packed, ext2.pack_entry(*last, length)]))

        for name, number in [(b".", own), (b"..", above), *self.entries[path]]:
            length = ext2.entry_length(name)
            if length > room:
                close()
                waiting, room = [], BLOCK_SIZE
            waiting.append((number, name))
            room -= length
        close()
        if path == _LOST_AND_FOUND:
            empty = ext2.pack_entry(0, b"", BLOCK_SIZE)
            blocks += [empty] * (_LOST_AND_FOUND_BLOCKS - len(blocks))
        return b"".join(blocks)

    def _size(self, path: str) -> int:
        node = self.tree[path]
        if node.kind == "directory":
            return len(self.directories[path])
        if node.kind == "symlink":
            return len(encode(node.target))
        if not isinstance(node.content, Path):
            return node.size
        try:
            found = os.stat(node.content)
        except OSError as error:
            raise _unusable(node, path, error.strerror or str(error)) from error
        if not stat.S_ISREG(found.st_mode):
            raise _unusable(node, path, "not a regular file")
        return found.st_size

    def _blocks(self, path: str) -> int:
        """How many blocks a node's data takes, pointers apart."""
        node = self.tree[path]
        if node.kind == "symlink" and self.sizes[path] < ext2.FAST_SYMLINK:
            return 0
        return -(-self.sizes[path] // BLOCK_SIZE)

    def plan(self, size: int | None, uuid: bytes | None, label: str) -> Plan:
        needed = sum(bool(self.tree[path].translator) for path in self.order)
        for path in self.order:
            blocks = self._blocks(path)
            needed += blocks + indirect_blocks(blocks)
        geometry = self._geometry(needed, size)
        allocator = Allocator(geometry)
        table = bytearray(self.last_inode * ext2.INODE_SIZE)
        pieces: list[Piece] = []
        for path in self.order:
            pieces += self._place(path, allocator, table)
        if uuid is None:
            uuid = self._identity(table)
        groups = tuple(self._groups(geometry, allocator))
        superblock = ext2.Superblock(
            inodes=geometry.inodes,
            blocks=geometry.blocks,
            reserved=geometry.blocks // _RESERVED,
            free_blocks=sum(group.free_blocks for group in groups),
            free_inodes=sum(group.free_inodes for group in groups),
            first_data_block=0,
            block_size=BLOCK_SIZE,
            blocks_per_group=ext2.BLOCKS_PER_GROUP,
            inodes_per_group=geometry.inodes_per_group,
            written=self.epoch,
            state=ext2.STATE_CLEAN,
            created=self.epoch,
            creator=ext2.CREATOR_HURD,
            inode_size=ext2.INODE_SIZE,
            compatible=ext2.EXT_ATTR,
            incompatible=0,
            read_only=ext2.SPARSE_SUPER | ext2.LARGE_FILE,
            uuid=uuid,
            label=label,
        )
        used = tuple(allocator.used)
        return Plan(geometry, superblock, groups, used, table, tuple(pieces))

    def _geometry(self, needed: int, size: int | None) -> Geometry:
        inodes = self.last_inode + self.last_inode // 4 + _SPARE_INODES
        if size is None:
            least = _smallest(needed, inodes) * BLOCK_SIZE
            size = max(least + least // 4, least + 64 * MEBIBYTE)
            size = -(-size // MEBIBYTE) * MEBIBYTE
        elif size // BLOCK_SIZE < _smallest(needed, self.last_inode):
            least = _smallest(needed, self.last_inode) * BLOCK_SIZE
            raise NoSpace(
                f"the root tree does not fit: it needs a filesystem of {least / MEBIBYTE:.1f} MiB "
                f"({len(self.tree)} files), and this one is to have {size / MEBIBYTE:.1f} MiB"
            )
        blocks = size // BLOCK_SIZE
        geometry = Geometry.fit(blocks, inodes)
        if geometry.available < needed:  # no room for spare inodes
            geometry = Geometry.fit(blocks, self.last_inode)
        return geometry

    def _place(self, path: str, allocator: Allocator, table: bytearray) -> Iterator[Piece]:
        """Find room for a node's blocks and fill in its inode; yield what is to be written."""
        node = self.tree[path]
        size = self.sizes[path]
        count = self._blocks(path)
        attributes = 0
        if node.translator:
            ((attributes, _),) = allocator.take(1)
            yield Piece(path, ((attributes, 1),), _attribute_block(path, node), BLOCK_SIZE)
        indirect = indirect_blocks(count)
        numbers = [n for start, run in allocator.take(indirect) for n in range(start, start + run)]
        runs = allocator.take(count)
        if node.kind == "symlink" and not count:
            pointers = encode(node.target).ljust(ext2.FAST_SYMLINK, b"\0")
        else:
            data = array("I", [n for start, run in runs for n in range(start, start + run)])
            pointers, made = encode_pointers(data, iter(numbers))
            for number, block in sorted(made):
                yield Piece(path, ((number, 1),), block, BLOCK_SIZE)
        if count:
            yield Piece(path, tuple(runs), self._data(path, node), size)
        number = self.numbers[path]
        time = min(node.mtime, self.epoch)
        ext2.Inode(
            mode=FORMATS[node.kind] | (0o777 if node.kind == "symlink" else node.mode),
            uid=node.uid,
            gid=node.gid,
            size=size,
            accessed=time,
            changed=time,
            modified=time,
            links=self.links[number],
            sectors=(count + indirect + bool(attributes)) * (BLOCK_SIZE // 512),
            pointers=pointers,
            attributes=attributes,
            author=node.uid,
        ).pack_into(table, (number - 1) * ext2.INODE_SIZE)

    def _data(self, path: str, node: Node) -> bytes | Path:
        if node.kind == "directory":
            return self.directories[path]
        if node.kind == "symlink":
            return encode(node.target)
        return node.content or b""

    def _groups(self, geometry: Geometry, allocator: Allocator) -> Iterator[ext2.Group]:
        each = geometry.inodes_per_group
        directories = Counter((self.numbers[path] - 1) // each for path in self.directories)
        for group in range(geometry.groups):
            bitmaps = geometry.bitmaps(group)
            yield ext2.Group(
                block_bitmap=bitmaps,
                inode_bitmap=bitmaps + 1,
                inode_table=bitmaps + 2,
                free_blocks=geometry.size(group) - allocator.used[group],
                free_inodes=each - min(max(self.last_inode - group * each, 0), each),
                directories=directories[group],
            )

    def _identity(self, table: bytearray) -> bytes:
        """Return a UUID made from the metadata of all files and the content that is at hand."""
        identity = hashlib.sha256(table)
        for path in self.order:
            node = self.tree[path]
            data = self._data(path, node)
            identity.update(f"{path}\0{node.translator}\0".encode("utf-8", "surrogateescape"))
            identity.update(data if isinstance(data, bytes) else b"")
        result = bytearray(identity.digest()[:16])
        result[6] = result[6] & 0x0F | 0x80  # version 8: made in our own way
        result[8] = result[8] & 0x3F | 0x80
        return bytes(result)


def _smallest(needed: int, inodes: int) -> int:
    """Return the blocks of the smallest filesystem with `needed` blocks for data."""
    blocks = needed
    while True:
        geometry = Geometry.fit(blocks, inodes)
        missing = needed - geometry.available
        if missing <= 0 and geometry.inodes >= inodes:
            return blocks
        # A last group that is too small to be used is made larger.
        blocks += max(missing - (blocks - geometry.blocks), 1 if missing > 0 else 1024)


def _attribute_block(path: str, node: Node) -> bytes:
    try:
        return records.encode_attributes(
            {records.TRANSLATOR: records.encode_words(node.translator)}
        )
    except records.RecordError as error:
        raise TreeError(path, str(error)) from error


def _unusable(node: Node, path: str, problem: str) -> ImageError:
    return ImageError(f"{node.content!s}: {problem}; it is to become {path} in the image")
