"""The structures of ext2 on disk: superblock, group descriptor, inode and directory entry.

Only what filesystems of the Hurd use: blocks of 4096 bytes when we write, any when we read; the
Hurd's variant of the inode.  The layout is that of <ext2fs/ext2_fs.h>; all numbers little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SUPERBLOCK_OFFSET = 1024
SUPERBLOCK_SIZE = 1024
MAGIC = 0xEF53

BLOCK_SIZE = 4096
"""The Hurd's ext2fs needs blocks as large as the pages of memory."""
BLOCKS_PER_GROUP = 8 * BLOCK_SIZE
INODE_SIZE = 128
"""In larger inodes Linux's tools put attributes where the Hurd never looks for records."""
INODES_PER_BLOCK = BLOCK_SIZE // INODE_SIZE
GROUP_SIZE = 32

ROOT_INODE = 2
LOST_AND_FOUND_INODE = 11  # the first that is not reserved

CREATOR_HURD = 1
CREATORS = ("Linux", "Hurd", "Masix", "FreeBSD", "Lites")

# Features; the Hurd refuses unknown ones of the second kind, and is read-only for the third.
COMPATIBLE = {
    0x1: "dir_prealloc", 0x2: "imagic_inodes", 0x4: "has_journal", 0x8: "ext_attr",
    0x10: "resize_inode", 0x20: "dir_index", 0x200: "sparse_super2", 0x400: "fast_commit",
    0x1000: "orphan_file",
}  # fmt: skip
INCOMPATIBLE = {
    0x1: "compression", 0x2: "filetype", 0x4: "needs_recovery", 0x8: "journal_dev",
    0x10: "meta_bg", 0x40: "extent", 0x80: "64bit", 0x100: "mmp", 0x200: "flex_bg",
    0x400: "ea_inode", 0x1000: "dirdata", 0x2000: "metadata_csum_seed", 0x4000: "large_dir",
    0x8000: "inline_data", 0x10000: "encrypt", 0x20000: "casefold",
}  # fmt: skip
READ_ONLY = {
    0x1: "sparse_super", 0x2: "large_file", 0x4: "btree_dir", 0x8: "huge_file",
    0x10: "uninit_bg", 0x20: "dir_nlink", 0x40: "extra_isize", 0x100: "quota",
    0x200: "bigalloc", 0x400: "metadata_csum", 0x1000: "read-only", 0x2000: "project",
    0x8000: "verity",
}  # fmt: skip

EXT_ATTR = 0x8
FILETYPE = 0x2
EXTENT = 0x40
SPARSE_SUPER = 0x1
LARGE_FILE = 0x2

STATE_CLEAN = 0x1

FORMATS = {
    "fifo": 0o010000,
    "character": 0o020000,
    "directory": 0o040000,
    "block": 0o060000,
    "file": 0o100000,
    "symlink": 0o120000,
    "socket": 0o140000,
}
"""The kinds of nodes, and the bits of the mode that say so."""
KINDS = {bits: kind for kind, bits in FORMATS.items()}

FAST_SYMLINK = 60
"""Shorter targets are in the inode itself."""

_SUPERBLOCK = struct.Struct(
    "<IIIIIIIIIIIII" "HHHHHHIIIIHH" "IHHIII16s16s64sIBBH" "16sIII16sBBHIII"
)  # fmt: skip
_SUPERBLOCK_FLAGS = 0x160  # s_flags
_GROUP = struct.Struct("<IIIHHHH12x")
_INODE = struct.Struct("<HHIIIIIHHIII60sIIII4xHHI")
_ENTRY = struct.Struct("<IHH")


@dataclass(frozen=True, slots=True)
class Superblock:
    """The fields of the superblock that matter here; times are in seconds since the epoch."""

    inodes: int
    blocks: int
    reserved: int
    free_blocks: int
    free_inodes: int
    first_data_block: int
    block_size: int
    blocks_per_group: int
    inodes_per_group: int
    written: int
    state: int
    created: int
    creator: int
    inode_size: int
    compatible: int
    incompatible: int
    read_only: int
    uuid: bytes
    label: str
    first_inode: int = LOST_AND_FOUND_INODE
    revision: int = 1

    def pack(self, group: int) -> bytes:
        """Return the superblock, or its copy in a later group."""
        logarithm = self.block_size.bit_length() - 11
        data = bytearray(SUPERBLOCK_SIZE)
        _SUPERBLOCK.pack_into(
            data, 0,
            self.inodes, self.blocks, self.reserved, self.free_blocks, self.free_inodes,
            self.first_data_block, logarithm, logarithm, self.blocks_per_group,
            self.blocks_per_group, self.inodes_per_group, 0, self.written,
            0, 0xFFFF, MAGIC, self.state, 1, 0, self.created, 0, self.creator, self.revision, 0, 0,
            self.first_inode, self.inode_size, group, self.compatible, self.incompatible,
            self.read_only, self.uuid, self.label.encode(), b"", 0, 0, 0, 0,
            b"", 0, 0, 0, self.uuid, 1, 0, 0, 0xC, 0, self.created,
        )  # fmt: skip
        struct.pack_into("<I", data, _SUPERBLOCK_FLAGS, 1)  # hashes of names are signed
        return bytes(data)

    @classmethod
    def unpack(cls, data: bytes) -> Superblock | None:
        """Read a superblock; None if the bytes are none."""
        if len(data) < SUPERBLOCK_SIZE:
            return None
        (
            inodes, blocks, reserved, free_blocks, free_inodes, first_data_block, logarithm, _,
            blocks_per_group, _, inodes_per_group, _, written, _, _, magic, state, _, _, created,
            _, creator, revision, _, _, first_inode, inode_size, _, compatible, incompatible,
            read_only, uuid, label, *rest,
        ) = _SUPERBLOCK.unpack_from(data)  # fmt: skip
        if magic != MAGIC or logarithm > 6:
            return None
        if revision == 0:
            first_inode, inode_size = LOST_AND_FOUND_INODE, 128
            compatible = incompatible = read_only = 0
        return cls(
            inodes, blocks, reserved, free_blocks, free_inodes, first_data_block,
            1024 << logarithm, blocks_per_group, inodes_per_group, written, state,
            rest[-1] or created, creator, inode_size, compatible, incompatible, read_only, uuid,
            label.split(b"\0")[0].decode("utf-8", "replace"), first_inode, revision,
        )  # fmt: skip

    @property
    def groups(self) -> int:
        """The number of block groups."""
        return -(-(self.blocks - self.first_data_block) // self.blocks_per_group)

    @property
    def features(self) -> list[str]:
        """The names of the features, unknown ones as numbers."""
        names = []
        for bits, known, kind in (
            (self.compatible, COMPATIBLE, "C"),
            (self.incompatible, INCOMPATIBLE, "I"),
            (self.read_only, READ_ONLY, "R"),
        ):
            for number in range(32):
                if bits & 1 << number:
                    names.append(known.get(1 << number, f"FEATURE_{kind}{number}"))
        return names


@dataclass(frozen=True, slots=True)
class Group:
    """A group descriptor: where a group's bitmaps and inode table are, and what is free."""

    block_bitmap: int
    inode_bitmap: int
    inode_table: int
    free_blocks: int
    free_inodes: int
    directories: int

    def pack(self) -> bytes:
        """Return the descriptor's bytes."""
        return _GROUP.pack(
            self.block_bitmap, self.inode_bitmap, self.inode_table,
            self.free_blocks, self.free_inodes, self.directories, 0,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes, offset: int) -> Group:
        """Read the descriptor at `offset`."""
        return cls(*_GROUP.unpack_from(data, offset)[:6])


@dataclass(frozen=True, slots=True)
class Inode:
    """An inode of the Hurd's variant.

    `pointers` are the 60 bytes that hold block numbers or the target of a short symbolic link;
    `sectors` counts blocks of 512 bytes; `translator` is the block of a record in the old form.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    accessed: int = 0
    changed: int = 0
    modified: int = 0
    links: int = 1
    sectors: int = 0
    flags: int = 0
    translator: int = 0
    pointers: bytes = field(default=b"", repr=False)
    attributes: int = 0
    author: int = 0

    def pack_into(self, table: bytearray, offset: int) -> None:
        """Write the inode's 128 bytes."""
        high = self.size >> 32 if self.mode & 0o170000 == FORMATS["file"] else 0
        _INODE.pack_into(
            table, offset,
            self.mode, self.uid & 0xFFFF, self.size & 0xFFFFFFFF, self.accessed, self.changed,
            self.modified, 0, self.gid & 0xFFFF, self.links, self.sectors, self.flags,
            self.translator, self.pointers, 0, self.attributes, high, 0,
            self.uid >> 16, self.gid >> 16, self.author,
        )  # fmt: skip

    @classmethod
    def unpack(cls, data: bytes) -> Inode:
        """Read an inode from its first 128 bytes."""
        (
            mode, uid, size, accessed, changed, modified, _, gid, links, sectors, flags,
            translator, pointers, _, attributes, high, _, uid_high, gid_high, author,
        ) = _INODE.unpack_from(data)  # fmt: skip
        if mode & 0o170000 == FORMATS["file"]:
            size |= high << 32
        return cls(
            mode, uid | uid_high << 16, gid | gid_high << 16, size, accessed, changed, modified,
            links, sectors, flags, translator, pointers, attributes, author,
        )  # fmt: skip

    @property
    def kind(self) -> str:
        """The kind of node, "" for an unknown one."""
        return KINDS.get(self.mode & 0o170000, "")


def pack_entry(inode: int, name: bytes, length: int) -> bytes:
    """Return a directory entry that takes `length` bytes; without the feature `filetype`."""
    return (_ENTRY.pack(inode, length, len(name)) + name).ljust(length, b"\0")


def entry_length(name: bytes) -> int:
    """The bytes that an entry needs at least."""
    return _ENTRY.size + (len(name) + 3 & ~3)


def unpack_entries(block: bytes) -> list[tuple[int, bytes]]:
    """The inodes and names in a block of a directory; ValueError if it is damaged."""
    found = []
    position = 0
    while position < len(block):
        if position + _ENTRY.size > len(block):
            raise ValueError("an entry goes beyond the end of its block")
        inode, length, size = _ENTRY.unpack_from(block, position)
        size &= 0xFF  # the other byte is the type, where the feature says so
        if length < _ENTRY.size + size or position + length > len(block):
            raise ValueError(f"an entry of {length} bytes in a block of {len(block)}")
        if inode:
            start = position + _ENTRY.size
            found.append((inode, block[start : start + size]))
        position += length
    return found
