"""Where things are in a new filesystem: block groups, their metadata, and the room for data.

Space is given out from the front and never given back, so what is in use is always a beginning of
each group, and the same tree gets the same blocks whoever builds it.
"""

from __future__ import annotations

from dataclasses import dataclass

from image.ext2.structures import (
    BLOCK_SIZE,
    BLOCKS_PER_GROUP,
    GROUP_SIZE,
    INODES_PER_BLOCK,
)

_BYTES_PER_INODE = 16384  # as mke2fs
_LAST_GROUP_DATA = 50  # blocks; a last group with room for less is left out, as mke2fs does


@dataclass(frozen=True)
class Geometry:
    """The shape of a filesystem of `blocks` blocks."""

    blocks: int
    groups: int
    inodes_per_group: int

    @classmethod
    def fit(cls, blocks: int, inodes: int) -> Geometry:
        """Return the geometry for at most `blocks` blocks and at least `inodes` inodes."""
        inodes = max(inodes, blocks * BLOCK_SIZE // _BYTES_PER_INODE, INODES_PER_BLOCK)
        groups = -(-blocks // BLOCKS_PER_GROUP)
        found = cls(blocks, groups, _table(inodes, groups))
        last = found.size(groups - 1)
        if groups > 1 and last < found.overhead(groups - 1) + _LAST_GROUP_DATA:
            found = cls(blocks - last, groups - 1, _table(inodes, groups - 1))
        return found

    @property
    def inodes(self) -> int:
        """The number of inodes."""
        return self.groups * self.inodes_per_group

    @property
    def table_blocks(self) -> int:
        """The blocks of one group's inode table."""
        return self.inodes_per_group // INODES_PER_BLOCK

    @property
    def descriptor_blocks(self) -> int:
        """The blocks of the table of groups."""
        return -(-self.groups * GROUP_SIZE // BLOCK_SIZE)

    def start(self, group: int) -> int:
        """The first block of a group."""
        return group * BLOCKS_PER_GROUP

    def size(self, group: int) -> int:
        """The blocks of a group; the last one's are fewer."""
        return min(BLOCKS_PER_GROUP, self.blocks - self.start(group))

    def bitmaps(self, group: int) -> int:
        """The block of a group's block bitmap; that of inodes and the inode table follow."""
        copies = 1 + self.descriptor_blocks if has_superblock(group) else 0
        return self.start(group) + copies

    def overhead(self, group: int) -> int:
        """The blocks of metadata at the start of a group."""
        return self.bitmaps(group) - self.start(group) + 2 + self.table_blocks

    @property
    def available(self) -> int:
        """The blocks that are left for files and directories."""
        return self.blocks - sum(self.overhead(group) for group in range(self.groups))


class Allocator:
    """Gives out blocks in order; whoever plans the filesystem holds it and nobody else."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._group = 0
        self._next = geometry.overhead(0)
        self.used = [geometry.overhead(group) for group in range(geometry.groups)]
        """How many blocks of each group are in use, from its start."""

    def take(self, count: int) -> list[tuple[int, int]]:
        """Return the runs (first block, number) of `count` more; IndexError if none are left."""
        runs = []
        while count:
            end = self._geometry.start(self._group) + self._geometry.size(self._group)
            run = min(count, end - self._next)
            if run > 0:
                runs.append((self._next, run))
                self._next += run
                self.used[self._group] += run
                count -= run
            if count:
                self._group += 1
                if self._group == self._geometry.groups:
                    raise IndexError("no blocks left")
                start = self._geometry.start(self._group)
                self._next = start + self._geometry.overhead(self._group)
        return runs


def has_superblock(group: int) -> bool:
    """Whether a group has copies of the superblock and of the table of groups (`sparse_super`)."""
    if group in (0, 1):
        return True
    for base in (3, 5, 7):
        power = base
        while power < group:
            power *= base
        if power == group:
            return True
    return False


def _table(inodes: int, groups: int) -> int:
    """The inodes of each group: whole blocks of the table, no more than a bitmap has bits."""
    each = -(-inodes // groups)
    whole = -(-each // INODES_PER_BLOCK) * INODES_PER_BLOCK
    return min(whole, 8 * BLOCK_SIZE)
