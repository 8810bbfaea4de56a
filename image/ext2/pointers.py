"""How an inode finds its blocks: twelve direct pointers and three trees of indirect blocks."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from image.ext2.structures import BLOCK_SIZE

_DIRECT = 12
_PER_BLOCK = BLOCK_SIZE // 4


def indirect_blocks(count: int) -> int:
    """Return how many indirect blocks a file of `count` blocks needs."""
    total = 0
    rest = count - _DIRECT
    for level in (1, 2, 3):
        if rest <= 0:
            break
        here = min(rest, _PER_BLOCK**level)
        total += sum(-(-here // _PER_BLOCK**below) for below in range(1, level + 1))
        rest -= here
    return total


def encode_pointers(
    blocks: array[int], indirect: Iterator[int]
) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Return the 60 bytes of an inode and the numbers and contents of the indirect blocks.

    `blocks` are the file's blocks in order, `indirect` yields the numbers to be used for the
    indirect ones, of which `indirect_blocks` says how many are needed.
    """
    made: list[tuple[int, bytes]] = []

    def tree(level: int, start: int) -> int:
        """Make the indirect block of `level` for the blocks from `start` on; return its number."""
        number = next(indirect)
        if level == 1:
            numbers = blocks[start : start + _PER_BLOCK]
        else:
            step = _PER_BLOCK ** (level - 1)
            end = min(len(blocks), start + step * _PER_BLOCK)
            numbers = array("I", [tree(level - 1, at) for at in range(start, end, step)])
        made.append((number, little_endian(numbers).ljust(BLOCK_SIZE, b"\0")))
        return number

    top = array("I", blocks[:_DIRECT])
    top.extend([0] * (15 - len(top)))
    start = _DIRECT
    for level in (1, 2, 3):
        if start >= len(blocks):
            break
        top[_DIRECT + level - 1] = tree(level, start)
        start += _PER_BLOCK**level
    return little_endian(top), made


def little_endian(numbers: array[int]) -> bytes:
    """Return 32-bit numbers as bytes of the disk."""
    if sys.byteorder == "big":
        numbers = array("I", numbers)
        numbers.byteswap()
    return numbers.tobytes()


def from_little_endian(data: bytes) -> array[int]:
    """Return the 32-bit numbers that bytes of the disk hold."""
    numbers = array("I")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
