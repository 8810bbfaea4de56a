"""Passive translator records as they lie on an ext2 disk: from bytes to words and back.

A record is an argument vector in one of two forms.  The old one is a block of its own, whose
number is in the inode: a length of two bytes, little-endian, then the words, each ended by NUL.
The newer one is the extended attribute `gnu.translator`, which holds the same words, in the block
of attributes that the inode names.  The Hurd's ext2fs reads both and prefers the old one; it never
looks for attributes inside an inode, where Linux's tools put them if inodes have more than 128
bytes.

Sources: Hurd, ext2fs/inode.c (diskfs_set_translator, diskfs_get_translator) and ext2fs/xattr.c;
Linux, Documentation/filesystems/ext4/attributes.rst.
"""

from __future__ import annotations

import os
import struct

from hurd import argz

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TRANSLATOR = "gnu.translator"
"""The attribute's name."""

# The indices stand for the beginnings of names; those that Linux knows, and "gnu.".
_INDICES = {
    "user.": 1,
    "system.posix_acl_access": 2,
    "system.posix_acl_default": 3,
    "trusted.": 4,
    "security.": 6,
    "system.": 7,
    "gnu.": 10,
}
_PREFIXES = {index: prefix for prefix, index in _INDICES.items()}

_MAGIC = 0xEA020000
_HEADER = struct.Struct("<IIII16x")  # magic, references, blocks, hash
_ENTRY = struct.Struct("<BBHIII")  # length of the name, index, offset, block, size, hash
_END = 4  # zeros after the last entry

# struct ext2_inode
_TRANSLATOR_BLOCK = 0x24
_ATTRIBUTE_BLOCK = 0x68


class RecordError(ValueError):
    """What all errors of this module are."""


class InvalidRecordError(RecordError):
    """Words or attributes that cannot be written; the message names them."""


class RecordTooLongError(RecordError):
    """What was to be written takes `size` bytes, and there is room for `limit`."""

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(f"{what}: {size} bytes, but only {limit} fit into a block")
        self.size = size
        self.limit = limit


class MalformedRecordError(RecordError):
    """A block that was read is not what it should be; the message says in what."""


def encode_words(words: Sequence[str]) -> bytes:
    """A translator's argument vector as both forms hold it. Raises `InvalidRecordError`."""
    if not words or not words[0]:
        raise InvalidRecordError("a translator record needs the name of a program")
    for word in words:
        if "\0" in word:
            raise InvalidRecordError(f"translator record of {words[0]!r}: NUL in {word!r}")
    return argz.pack(words)


def decode_words(value: bytes) -> list[str]:
    """The words of a record, the last one with or without its NUL.

    Raises `MalformedRecordError`.
    """
    words = argz.unpack(value)
    if not words or not words[0]:
        raise MalformedRecordError("translator record without the name of a program")
    return words


# The old form


def encode_block(words: Sequence[str], block_size: int = 4096) -> bytes:
    """The whole block of the old form. Raises `InvalidRecordError`, `RecordTooLongError`."""
    value = encode_words(words)
    limit = min(block_size - 2, 0xFFFF)
    if len(value) > limit:
        raise RecordTooLongError(f"translator record of {words[0]!r}", len(value), limit)
    return (len(value).to_bytes(2, "little") + value).ljust(block_size, b"\0")


def decode_block(block: bytes) -> list[str]:
    """The words in a whole block of the old form. Raises `MalformedRecordError`."""
    size = int.from_bytes(block[:2], "little")
    if size > len(block) - 2:
        raise MalformedRecordError(f"translator block of {len(block)} bytes says it holds {size}")
    return decode_words(block[2 : 2 + size])


# The newer form


def encode_attributes(
    attributes: Mapping[str, bytes], block_size: int = 4096, *, references: int = 1
) -> bytes:
    """The block of attributes of an inode, or of `references` inodes that share it.

    A record is `{TRANSLATOR: encode_words(words)}`.  Raises `InvalidRecordError` for a name that
    ext2 cannot store, `RecordTooLongError`.
    """
    entries = sorted((_key(name), value) for name, value in attributes.items())
    needed = sum(
        _padded(_ENTRY.size + length) + _padded(len(value)) for (_, length, _), value in entries
    )
    limit = block_size - _HEADER.size - _END
    if needed > limit:
        raise RecordTooLongError(f"attributes {', '.join(attributes)}", needed, limit)
    table = b""
    values = b""  # they grow from the end of the block downwards
    total = 0
    for (index, length, name), value in entries:
        padded = value.ljust(_padded(len(value)), b"\0")
        values = padded + values
        offset = block_size - len(values) if value else 0
        hashed = _entry_hash(name, padded)
        total = _rotated(total, 16) ^ hashed
        entry = _ENTRY.pack(length, index, offset, 0, len(value), hashed) + name
        table += entry.ljust(_padded(len(entry)), b"\0")
    head = _HEADER.pack(_MAGIC, references, 1, total) + table
    return head.ljust(block_size - len(values), b"\0") + values


def decode_attributes(block: bytes) -> dict[str, bytes]:
    """The attributes in a block; a name whose beginning is not known starts with its index in
    brackets.  Raises `MalformedRecordError`.
    """
    if len(block) < _HEADER.size:
        raise MalformedRecordError(f"attribute block of {len(block)} bytes")
    magic, _, blocks, _ = _HEADER.unpack_from(block)
    if magic != _MAGIC:
        raise MalformedRecordError(f"attribute block: magic number {magic:#x}, not {_MAGIC:#x}")
    if blocks != 1:
        raise MalformedRecordError(f"attribute block: spread over {blocks} blocks")
    attributes: dict[str, bytes] = {}
    position = _HEADER.size
    while True:
        if position + _END > len(block):
            raise MalformedRecordError("attribute block: the entries do not end")
        if not any(block[position : position + _END]):
            return attributes
        if position + _ENTRY.size + block[position] > len(block):
            raise MalformedRecordError("attribute block: an entry goes beyond its end")
        length, index, offset, elsewhere, size, _ = _ENTRY.unpack_from(block, position)
        start = position + _ENTRY.size
        name = _PREFIXES.get(index, f"[{index}]") + os.fsdecode(block[start : start + length])
        if elsewhere:
            raise MalformedRecordError(f"attribute {name!r}: its value is in another block")
        if size and (offset < _HEADER.size or offset + size > len(block)):
            raise MalformedRecordError(f"attribute {name!r}: its value is outside the block")
        attributes.setdefault(name, block[offset : offset + size])
        position += _padded(_ENTRY.size + length)


# An inode's record


def record_blocks(inode: bytes) -> tuple[int, int]:
    """The numbers of the blocks that an inode names for its record and its attributes, or 0.

    The first one means something else where the file system's creator is not the Hurd.
    """
    return (
        int.from_bytes(inode[_TRANSLATOR_BLOCK : _TRANSLATOR_BLOCK + 4], "little"),
        int.from_bytes(inode[_ATTRIBUTE_BLOCK : _ATTRIBUTE_BLOCK + 4], "little"),
    )


def read_record(inode: bytes, read_block: Callable[[int], bytes]) -> list[str] | None:
    """The words of the record that the Hurd's ext2fs finds for an inode; None without one.

    `inode` are its first 128 bytes at least, `read_block` gives the block of a number.  Raises
    `MalformedRecordError`.
    """
    old, attributes = record_blocks(inode)
    if old:
        return decode_block(read_block(old))
    value = decode_attributes(read_block(attributes)).get(TRANSLATOR) if attributes else None
    return decode_words(value) if value else None


def _key(attribute: str) -> tuple[int, int, bytes]:
    """Index, length and name as stored; blocks are sorted by them."""
    for prefix, index in _INDICES.items():
        if attribute.startswith(prefix):
            name = os.fsencode(attribute[len(prefix) :])
            if prefix.endswith(".") != bool(name) or len(name) > 255 or b"\0" in name:
                break
            return index, len(name), name
    raise InvalidRecordError(f"attribute name {attribute!r} cannot be stored by ext2")


def _padded(size: int) -> int:
    return (size + 3) & ~3


def _rotated(number: int, bits: int) -> int:
    return (number << bits | number >> (32 - bits)) & 0xFFFFFFFF


def _entry_hash(name: bytes, value: bytes) -> int:
    result = 0
    for byte in name:
        result = _rotated(result, 5) ^ byte
    for (word,) in struct.iter_unpack("<I", value):
        result = _rotated(result, 16) ^ word
    return result
