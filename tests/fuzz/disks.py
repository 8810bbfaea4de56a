"""Small disks that are damaged to order, for inputs of a few bytes.

The first byte of an input says which disk: those made here, or the input itself.  Every six bytes
after it are a change: where, among the bytes that are not all zeros, and four new bytes.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from image.filesystem import write_filesystem
from image.menu import CONFIGURATION
from image.partitions import SECTOR, master_boot_record
from image.recognise import image_format
from image.tree import Node, Tree, directory

_CHANGE = struct.Struct("<H4s")
_LINE = 64  # bytes that count as one for what is all zeros
_MENU = b"menuentry 'Hurd' {\n multiboot /boot/gnumach.gz root=part:1\n module /hurd/ext2fs x\n}\n"


@contextmanager
def disk(data: bytes) -> Iterator[Path | None]:
    """The disk that an input means, in a file; None for one that needs another program to be read.

    The changes are made in the file and taken back, as the disk is much larger than they are.
    """
    kind = data[0] % 5 if data else 4
    path = _file(kind)
    if kind == 4:
        path.write_bytes(data[1:])
        yield path if data[1:] and _is_raw(path) else None
        return
    before = []
    with path.open("r+b", buffering=0) as file:
        for at in range(1, len(data) - _CHANGE.size + 1, _CHANGE.size):
            where, new = _CHANGE.unpack_from(data, at)
            line, offset = divmod(where, _LINE)
            place = min(_used(kind)[line % len(_used(kind))] + offset, _size(kind) - len(new))
            before.append((place, os.pread(file.fileno(), len(new), place)))
            os.pwrite(file.fileno(), new, place)
        try:
            yield path if _is_raw(path) else None
        finally:
            for place, old in reversed(before):
                os.pwrite(file.fileno(), old, place)


def _is_raw(path: Path) -> bool:
    with path.open("rb") as file:
        return image_format(lambda at, size: os.pread(file.fileno(), size, at)) == "raw"


@cache
def _file(kind: int) -> Path:
    made = tempfile.TemporaryDirectory(prefix="drover-fuzz-")
    _kept.append(made)
    path = Path(made.name) / "disk"
    with path.open("wb") as file:
        if kind < 4:
            content = _disk(kind)
            file.truncate(len(content))
            for at in _used(kind):
                os.pwrite(file.fileno(), content[at : at + _LINE], at)
    return path


_kept: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _size(kind: int) -> int:
    return _file(kind).stat().st_size


@cache
def _used(kind: int) -> list[int]:
    made = _disk(kind)
    # By pages first: most of a disk is empty.
    pages = [at for at in range(0, len(made), 4096) if any(made[at : at + 4096])]
    return [
        at
        for page in pages
        for at in range(page, min(page + 4096, len(made)), _LINE)
        if any(made[at : at + _LINE])
    ]


@cache
def _disk(kind: int) -> bytes:
    filesystem = _filesystem()
    if kind == 0:
        return filesystem
    if kind == 1:
        with_table = master_boot_record(b"GRUB", 1, 1, len(filesystem) // SECTOR)
        return with_table + filesystem
    if kind == 2:
        return _with_logical_partition()
    return _with_gpt()


def _filesystem() -> bytes:
    tree = Tree()
    for path in ("/hurd", "/dev", "/servers", "/boot/grub", "/lost+found"):
        tree.add(path, directory(mtime=1))
    tree.add("/boot/gnumach.gz", Node("file", content=b"kernel"))
    tree.add(CONFIGURATION, Node("file", content=_MENU))
    tree.add("/etc/hostname", Node("file", content=b"goose\n"))
    tree.add("/etc/drover/services.d/a.scm", Node("file", content=b"(service '(a b))"))
    tree.add("/usr/lib/drover/pid1/usage.py", Node("file", content=b'VERSION = "1.0"\n'))
    tree.add("/dev/null", Node("character", translator=("/hurd/null",)))
    tree.add("/bin", Node("symlink", target="usr/bin"))
    tree.add("/long", Node("symlink", target="x" * 100))
    tree.add("/large", Node("file", content=b"large" * 20000))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "disk"
        write_filesystem(tree, path, epoch=1, uuid=bytes(range(16)), label="fuzz")
        return path.read_bytes()


def _with_logical_partition() -> bytes:
    made = bytearray(64 * SECTOR)
    made[510:512] = b"\x55\xaa"
    entry = struct.Struct("<B3sB3sII")
    entry.pack_into(made, 446, 0, b"", 0x05, b"", 8, 56)
    for at in (8, 16):
        base = at * SECTOR
        entry.pack_into(made, base + 446, 0, b"", 0x82, b"", 1, 4)
        entry.pack_into(made, base + 462, 0, b"", 0x05, b"", 8, 8)
        made[base + 510 : base + 512] = b"\x55\xaa"
    return bytes(made)


def _with_gpt() -> bytes:
    made = bytearray(64 * SECTOR)
    made[510:512] = b"\x55\xaa"
    struct.pack_into("<B3sB3sII", made, 446, 0, b"", 0xEE, b"", 1, 63)
    struct.pack_into(
        "<8sIIIIQQQQ16sQIII", made, SECTOR, b"EFI PART", 1 << 16, 92, 0, 0, 1, 63, 34, 62,
        bytes(range(16)), 2, 4, 128, 0,
    )  # fmt: skip
    kind = bytes.fromhex("af3dc60f838472478e793d69d8477de4")
    struct.pack_into("<16s16sQQQ72s", made, 2 * SECTOR, kind, kind, 34, 40, 4, b"a\0")
    return bytes(made)
