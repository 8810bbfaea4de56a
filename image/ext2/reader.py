"""Read an ext2 filesystem, ours or another's: directories, files, links and translator records.

For looking at images, so it trusts nothing: whatever is damaged is a `DamagedFilesystem` that says
what is wrong, and no number on the disk makes it read without end.  Files with extents (ext4) can
be listed and not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from hurd import records
from image.errors import NotAnImage
from image.ext2 import structures as ext2
from image.ext2.pointers import from_little_endian
from image.tree import join

Read = Callable[[int, int], bytes]
"""Reads (offset, size); the result is shorter at the end of the medium."""

_64BIT = 0x80
_EXTENTS_FLAG = 0x80000
_MOST_LINKS = 40
_LARGEST_DIRECTORY = 1 << 26
_RECENT_BLOCKS = 64


class DamagedFilesystem(NotAnImage):
    """The filesystem is not what it should be; the text says in what."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the filesystem as it was found."""

    path: str
    number: int
    inode: ext2.Inode


class Filesystem:
    """An ext2 filesystem, opened for reading; `read` gives the bytes of the partition."""

    def __init__(self, read: Read) -> None:
        self._read = read
        found = ext2.Superblock.unpack(
            read(ext2.SUPERBLOCK_OFFSET, ext2.SUPERBLOCK_SIZE),
        )
        if found is None:
            raise DamagedFilesystem("no superblock of ext2")
        self.superblock = found
        if not (
            0 < found.inodes_per_group <= 8 * found.block_size
            and 0 < found.blocks_per_group <= 8 * found.block_size
            and 128 <= found.inode_size <= found.block_size
            and found.block_size % found.inode_size == 0
            and found.blocks > found.first_data_block
        ):
            raise DamagedFilesystem("the superblock of ext2 contradicts itself")
        self._tables: dict[int, int] = {}
        # The inodes of a directory's files lie together, and each read may be a message.
        self._recent = lru_cache(_RECENT_BLOCKS)(self.block)

    def block(self, number: int) -> bytes:
        """Return a block; DamagedFilesystem if there is none of that number."""
        size = self.superblock.block_size
        if not 0 < number < self.superblock.blocks:
            raise DamagedFilesystem(f"block {number} of {self.superblock.blocks}")
        data = self._read(number * size, size)
        if len(data) != size:
            raise DamagedFilesystem(f"block {number} is beyond the end of the image")
        return data

    def inode(self, number: int) -> ext2.Inode:
        """Return an inode; DamagedFilesystem if there is none of that number."""
        return ext2.Inode.unpack(self.raw_inode(number))

    def raw_inode(self, number: int) -> bytes:
        """Return the bytes of an inode."""
        found = self.superblock
        if found.incompatible & _64BIT:
            raise DamagedFilesystem("ext4 with the feature 64bit, which no Hurd reads")
        if not 0 < number <= found.inodes:
            raise DamagedFilesystem(f"inode {number} of {found.inodes}")
        group, within = divmod(number - 1, found.inodes_per_group)
        if group not in self._tables:
            size = found.block_size
            offset = (found.first_data_block + 1) * size + group * ext2.GROUP_SIZE
            data = self._read(offset, ext2.GROUP_SIZE)
            if len(data) != ext2.GROUP_SIZE:
                raise DamagedFilesystem("the table of groups is beyond the end of the image")
            self._tables[group] = ext2.Group.unpack(data, 0).inode_table
        block, offset = divmod(within * found.inode_size, found.block_size)
        return self._recent(self._tables[group] + block)[offset : offset + ext2.INODE_SIZE]

    def blocks(self, inode: ext2.Inode) -> Iterator[int]:
        """Yield the numbers of a file's blocks in order; 0 stands for a hole."""
        if inode.flags & _EXTENTS_FLAG:
            raise DamagedFilesystem("a file with extents (ext4), which no Hurd reads")
        left = -(-inode.size // self.superblock.block_size)
        pointers = from_little_endian(inode.pointers)
        for level, number in [(0, one) for one in pointers[:12]] + [
            (level, pointers[11 + level]) for level in (1, 2, 3)
        ]:
            for one in self._leaves(number, level, left):
                yield one
                left -= 1
            if left <= 0:
                return

    def _leaves(self, number: int, level: int, most: int) -> Iterator[int]:
        """Yield up to `most` blocks below a pointer of `level`."""
        if most <= 0:
            return
        if level == 0:
            yield number
            return
        each = (self.superblock.block_size // 4) ** (level - 1)
        if number == 0:
            for _ in range(min(most, each * self.superblock.block_size // 4)):
                yield 0
            return
        for one in from_little_endian(self.block(number)):
            if most <= 0:
                return
            yield from self._leaves(one, level - 1, most)
            most -= each

    def content(self, inode: ext2.Inode, most: int = 1 << 24) -> bytes:
        """Return the content of a file, or of a symbolic link; no more than `most` bytes."""
        if inode.kind == "symlink" and inode.size < ext2.FAST_SYMLINK:
            return inode.pointers[: inode.size]
        size = min(inode.size, most)
        parts = []
        for number in self.blocks(inode):
            parts.append(self.block(number) if number else bytes(self.superblock.block_size))
            if len(parts) * self.superblock.block_size >= size:
                break
        return b"".join(parts)[:size]

    def directory(self, inode: ext2.Inode, taken: set[int] | None = None) -> dict[str, int]:
        """Return the names of a directory and their inodes, without "." and "..".

        `taken` are the blocks of other directories, to which those of this one are added.
        """
        if inode.size > _LARGEST_DIRECTORY:
            raise DamagedFilesystem(f"a directory of {inode.size} bytes")
        found = {}
        taken = set() if taken is None else taken
        for number in self.blocks(inode):
            if number in taken:
                # Or a small disk could have directories that take hours to read.
                raise DamagedFilesystem(f"block {number} is part of two directories")
            if number:
                taken.add(number)
            try:
                entries = ext2.unpack_entries(self.block(number)) if number else []
            except ValueError as error:
                raise DamagedFilesystem(f"a directory is damaged: {error}") from error
            for one, name in entries:
                if b"/" in name or b"\0" in name:
                    raise DamagedFilesystem(f"a directory has the name {name!r}")
                if name not in (b".", b".."):
                    found[name.decode("utf-8", "surrogateescape")] = one
        return found

    def walk(self) -> Iterator[Entry]:
        """Yield all files, directories before what they hold, in the order of their names."""
        seen = set()
        taken: set[int] = set()
        waiting = [("/", ext2.ROOT_INODE)]
        while waiting:
            path, number = waiting.pop()
            inode = self.inode(number)
            yield Entry(path, number, inode)
            if inode.kind == "directory":
                if number in seen:
                    raise DamagedFilesystem(f"{path}: a directory inside itself")
                seen.add(number)
                below = sorted(self.directory(inode, taken).items(), reverse=True)
                waiting += [(join(path, name), one) for name, one in below]

    def find(self, path: str, *, follow: bool = True) -> Entry | None:
        """Return the file of an absolute path, through symbolic links; None if there is none."""
        reached: list[tuple[str, int]] = []
        waiting = [part for part in reversed(path.split("/")) if part]
        links = 0
        while waiting:
            part = waiting.pop()
            if part in (".", ".."):
                reached = reached[:-1] if part == ".." else reached
                continue
            above = self.inode(reached[-1][1] if reached else ext2.ROOT_INODE)
            number = self.directory(above).get(part) if above.kind == "directory" else None
            if number is None:
                return None
            inode = self.inode(number)
            if inode.kind == "symlink" and (waiting or follow):
                links += 1
                if links > _MOST_LINKS:
                    return None
                target = self.content(inode, 4096).decode("utf-8", "surrogateescape")
                reached = [] if target.startswith("/") else reached
                waiting += [part for part in reversed(target.split("/")) if part]
                continue
            reached.append((part, number))
        number = reached[-1][1] if reached else ext2.ROOT_INODE
        return Entry("/" + "/".join(name for name, _ in reached), number, self.inode(number))

    def translator(self, entry: Entry) -> tuple[str, ...]:
        """Return the words of a file's passive translator record; empty if it has none."""
        inode = entry.inode
        old = inode.translator if self.superblock.creator == ext2.CREATOR_HURD else 0
        if not old and not inode.attributes:
            return ()
        raw = bytearray(self.raw_inode(entry.number))
        if not old:
            raw[0x24:0x28] = bytes(4)  # something else where the creator is not the Hurd
        try:
            return tuple(records.read_record(bytes(raw), self.block) or ())
        except records.RecordError as error:
            raise DamagedFilesystem(f"{entry.path}: {error}") from error
