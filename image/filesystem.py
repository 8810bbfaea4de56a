"""Write a root tree as an ext2 filesystem of the Hurd: owners, devices, records, without root.

We write the structures ourselves.  `mke2fs -d` of e2fsprogs 1.47.0 takes owners from the files it
copies, so it needs fakeroot and a staging copy of the whole tree; it cannot write translators, so
debugfs has to follow; and its result is not reproducible: two runs over one tree with
SOURCE_DATE_EPOCH, UUID and hash seed fixed differ, because it copies the files' own access
times.  A tar archive as its input solves that only from 1.47.2 on.  This writer takes 0.6 to 0.9
of its time, reads each file once from where it is, and reading back (`image.ext2.reader`) shares
its structures.  e2fsck and debugfs are the judges in `image.check` and in the tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from image.errors import ImageError
from image.ext2 import structures as ext2
from image.ext2.plan import Piece, Plan, make_plan
from image.ext2.structures import BLOCK_SIZE
from image.output import replacing
from image.tree import Tree

_BUFFER = 1 << 20
_IGNORE: Callable[[int], None] = lambda count: None  # noqa: E731

__all__ = ["Plan", "make_plan", "write_filesystem", "write_plan"]


def write_filesystem(
    tree: Tree,
    destination: Path,
    *,
    epoch: int,
    size: int | None = None,
    uuid: bytes | None = None,
    label: str = "",
    advance: Callable[[int], None] = _IGNORE,
) -> None:
    """Write the filesystem of a tree into a file of its own; see `make_plan` for the arguments.

    `advance` is told the bytes of content that have been written since it was last called.
    Besides the errors of `make_plan`, raises those of `image.output.replacing`.
    """
    plan = make_plan(tree, epoch=epoch, size=size, uuid=uuid, label=label)
    with replacing(destination) as aside, aside.open("xb", buffering=0) as file:
        write_plan(plan, file.fileno(), 0, advance)


def write_plan(
    plan: Plan, descriptor: int, offset: int, advance: Callable[[int], None] = _IGNORE
) -> None:
    """Write a filesystem into an open file, from the byte `offset` on.

    The file must hold nothing but zeros there; it is made long enough.  Raises OSError for the
    file, ImageError for content that cannot be read or has changed since the plan was made.
    """
    end = offset + plan.size
    if os.fstat(descriptor).st_size < end:
        os.ftruncate(descriptor, end)
    out = _Writer(descriptor, offset)
    _write_metadata(plan, out)
    for piece in plan.pieces:
        if isinstance(piece.data, bytes):
            out.put_piece(piece, piece.data)
        else:
            _copy_file(piece, piece.data, out)
        advance(piece.size)
    out.flush()


def _write_metadata(plan: Plan, out: _Writer) -> None:
    """Write superblocks, group descriptors, bitmaps and inode tables; zeros are left out."""
    geometry = plan.geometry
    descriptors = b"".join(group.pack() for group in plan.groups)
    each = geometry.inodes_per_group * ext2.INODE_SIZE
    copies = set(plan.backups())
    for number, group in enumerate(plan.groups):
        if number in copies:
            start = geometry.start(number) * BLOCK_SIZE
            # The first kilobyte of the disk is for boot code.
            within = 0 if number else ext2.SUPERBLOCK_OFFSET
            out.put(start + within, plan.superblock.pack(number))
            out.put(start + BLOCK_SIZE, descriptors)
        used = plan.used[number]
        out.put(group.block_bitmap * BLOCK_SIZE, _bitmap(used, geometry.size(number)))
        inodes = geometry.inodes_per_group - group.free_inodes
        out.put(group.inode_bitmap * BLOCK_SIZE, _bitmap(inodes, geometry.inodes_per_group))
        table = memoryview(plan.inodes)[number * each : (number + 1) * each]
        out.put(group.inode_table * BLOCK_SIZE, table)
    out.flush()


def _bitmap(used: int, present: int) -> bytes:
    """A block with a bit for each thing in use, and for each that does not exist."""
    bits = (1 << used) - 1 | ((1 << 8 * BLOCK_SIZE) - 1) >> present << present
    return bits.to_bytes(BLOCK_SIZE, "little")


def _copy_file(piece: Piece, source: Path, out: _Writer) -> None:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _changed(piece, source, error.strerror or str(error)) from error
    try:
        if os.fstat(descriptor).st_size != piece.size:
            raise _changed(piece, source, "changed its size while the image was built")
        done = 0
        for start, count in piece.runs:
            size = min(count * BLOCK_SIZE, piece.size - done)
            if not out.copy(start * BLOCK_SIZE, descriptor, done, size):
                raise _changed(piece, source, "became shorter while the image was built")
            done += size
    finally:
        os.close(descriptor)


def _changed(piece: Piece, source: Path, what: str) -> ImageError:
    return ImageError(f"{source}: {what}; it is to become {piece.path} in the image")


class _Writer:
    """Collects neighbouring data and writes it in large steps; offsets count from `base`."""

    def __init__(self, descriptor: int, base: int) -> None:
        self._descriptor = descriptor
        self._base = base
        self._buffer = memoryview(bytearray(_BUFFER))
        self._start = 0
        self._filled = 0
        self._in_kernel = hasattr(os, "copy_file_range")

    def put(self, offset: int, data: bytes | memoryview) -> None:
        """Write data at an offset."""
        size = len(data)
        if size > _BUFFER:
            self.flush()
            _write_all(self._descriptor, memoryview(data), self._base + offset)
            return
        self._reserve(offset, size)
        self._buffer[self._filled : self._filled + size] = data
        self._filled += size

    def put_piece(self, piece: Piece, data: bytes) -> None:
        """Write a piece's data to its runs of blocks, padded with zeros."""
        done = 0
        for start, count in piece.runs:
            size = count * BLOCK_SIZE
            self.put(start * BLOCK_SIZE, data[done : done + size].ljust(size, b"\0"))
            done += size

    def copy(self, offset: int, source: int, position: int, size: int) -> bool:
        """Write `size` bytes from `position` of an open file; False if it has not so many.

        The rest of the last block is zeros.
        """
        if size > _BUFFER - BLOCK_SIZE:
            self.flush()
            return self._copy_large(offset, source, position, size)
        padded = -(-size // BLOCK_SIZE) * BLOCK_SIZE
        self._reserve(offset, padded)
        filled = self._filled
        got = 0
        while got < size:
            step = os.preadv(source, [self._buffer[filled + got : filled + size]], position + got)
            if step == 0:
                return False
            got += step
        self._buffer[filled + size : filled + padded] = bytes(padded - size)
        self._filled += padded
        return True

    def _copy_large(self, offset: int, source: int, position: int, size: int) -> bool:
        """Copy without a buffer where the kernel can; filesystems may then share the blocks."""
        offset += self._base
        while self._in_kernel and size:
            try:
                step = os.copy_file_range(source, self._descriptor, size, position, offset)
            except OSError:  # not between these files; a real error comes again below
                self._in_kernel = False
                break
            if step == 0:
                break
            offset, position, size = offset + step, position + step, size - step
        while size:
            step = os.preadv(source, [self._buffer[: min(size, _BUFFER)]], position)
            if step == 0:
                return False
            _write_all(self._descriptor, self._buffer[:step], offset)
            offset, position, size = offset + step, position + step, size - step
        return True

    def _reserve(self, offset: int, size: int) -> None:
        """Make room in the buffer for data at `offset`."""
        if offset != self._start + self._filled or self._filled + size > _BUFFER:
            self.flush()
            self._start = offset

    def flush(self) -> None:
        """Write what has been collected."""
        if self._filled:
            where = self._base + self._start
            _write_all(self._descriptor, self._buffer[: self._filled], where)
            self._start += self._filled
            self._filled = 0


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        step = os.pwrite(descriptor, data, offset)
        data, offset = data[step:], offset + step
