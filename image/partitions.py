"""Partition tables: writing the MBR of our disks, and reading those of any."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

SECTOR = 512
LINUX = 0x83
"""The type of partitions with ext2; the Hurd has none of its own."""

_ENTRY = struct.Struct("<B3sB3sII")
_TABLE = 446
_SIGNATURE = 440
_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY = struct.Struct("<16s16sQQQ72s")
_PROTECTIVE = 0xEE
_EXTENDED = (0x05, 0x0F, 0x85)
_MOST_PARTITIONS = 128

TYPES = {
    0x05: "extended", 0x06: "FAT16", 0x07: "NTFS or exFAT", 0x0B: "FAT32", 0x0C: "FAT32",
    0x0E: "FAT16", 0x0F: "extended", 0x63: "GNU/Hurd or UNIX", 0x82: "swap", 0x83: "Linux",
    0x85: "extended", 0x8E: "Linux LVM", 0xA5: "FreeBSD", 0xA6: "OpenBSD", 0xA9: "NetBSD",
    0xEE: "protective", 0xEF: "EFI system", 0xFD: "Linux RAID",
}  # fmt: skip
_GPT_TYPES = {
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "swap",
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft data",
}


@dataclass(frozen=True)
class Partition:
    """A partition; `start` and `size` are in bytes, `type` is 0x83 or a GUID as text."""

    number: int
    start: int
    size: int
    type: str
    type_name: str
    bootable: bool = False


@dataclass(frozen=True)
class Table:
    """A partition table: `kind` is "mbr", "gpt" or "" for none; `problems` is what is wrong."""

    kind: str
    signature: str
    partitions: tuple[Partition, ...]
    problems: tuple[str, ...] = ()


def master_boot_record(code: bytes, signature: int, start: int, size: int) -> bytes:
    """Return the first sector of a disk with one bootable partition of type 0x83.

    `start` and `size` are in sectors.
    """
    sector = bytearray(SECTOR)
    sector[: len(code)] = code
    struct.pack_into("<I", sector, _SIGNATURE, signature)
    entry = _ENTRY.pack(
        0x80, _cylinders(start), LINUX, _cylinders(start + size - 1), start, size
    )  # fmt: skip
    sector[_TABLE : _TABLE + _ENTRY.size] = entry
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


def _cylinders(sector: int) -> bytes:
    """Return an address as cylinder, head and sector, for 255 heads and 63 sectors."""
    cylinder, rest = divmod(sector, 255 * 63)
    if cylinder > 1023:
        return b"\xfe\xff\xff"  # too far: says "look at the other form"
    head, within = divmod(rest, 63)
    return bytes([head, (within + 1) | (cylinder >> 8) << 6, cylinder & 0xFF])


def read_table(read: Callable[[int, int], bytes], size: int) -> Table:
    """Read the partition table of a disk of `size` bytes; `read` takes offset and size."""
    sector = read(0, SECTOR)
    if len(sector) < SECTOR or sector[510:] != b"\x55\xaa":
        return Table("", "", ())
    (signature,) = struct.unpack_from("<I", sector, _SIGNATURE)
    entries = [_ENTRY.unpack_from(sector, _TABLE + n * _ENTRY.size) for n in range(4)]
    if any(entry[0] not in (0, 0x80) for entry in entries):
        # A boot sector of a filesystem, which has no table.
        return Table("", "", ())
    if any(entry[2] == _PROTECTIVE for entry in entries):
        return _read_gpt(read, size)
    partitions = []
    problems: list[str] = []
    for number, (flag, _, kind, _, start, count) in enumerate(entries, 1):
        if kind and count:
            partitions.append(_mbr_partition(number, flag, kind, start, count))
            if kind in _EXTENDED:
                partitions += _logical(read, start, problems)
    problems += _beyond(partitions, size)
    return Table("mbr", f"{signature:08x}", tuple(partitions), tuple(problems))


def _mbr_partition(number: int, flag: int, kind: int, start: int, count: int) -> Partition:
    name = TYPES.get(kind, "unknown")
    return Partition(number, start * SECTOR, count * SECTOR, f"{kind:#04x}", name, flag == 0x80)


def _logical(
    read: Callable[[int, int], bytes], base: int, problems: list[str]
) -> list[Partition]:  # fmt: skip
    """Follow the chain of logical partitions in an extended one."""
    found: list[Partition] = []
    at = base
    seen = set()
    while at not in seen and len(found) < _MOST_PARTITIONS:
        seen.add(at)
        sector = read(at * SECTOR, SECTOR)
        if len(sector) < SECTOR or sector[510:] != b"\x55\xaa":
            problems.append("the chain of logical partitions is broken")
            return found
        flag, _, kind, _, start, count = _ENTRY.unpack_from(sector, _TABLE)
        if kind and count:
            found.append(_mbr_partition(5 + len(found), flag, kind, at + start, count))
        _, _, kind, _, start, count = _ENTRY.unpack_from(sector, _TABLE + _ENTRY.size)
        if not kind or not count:
            return found
        at = base + start
    problems.append("the chain of logical partitions has no end")
    return found


def _read_gpt(read: Callable[[int, int], bytes], size: int) -> Table:
    data = read(SECTOR, _GPT_HEADER.size)
    if len(data) < _GPT_HEADER.size or not data.startswith(b"EFI PART"):
        return Table("gpt", "", (), ("the table of GUID partitions is missing",))
    fields = _GPT_HEADER.unpack(data)
    guid, first, count, each = fields[9], fields[10], fields[11], fields[12]
    if each < _GPT_ENTRY.size or each > 4096:
        return Table("gpt", _guid(guid), (), (f"entries of {each} bytes",))
    partitions = []
    for number in range(min(count, _MOST_PARTITIONS)):
        data = read(first * SECTOR + number * each, _GPT_ENTRY.size)
        if len(data) < _GPT_ENTRY.size:
            break
        kind, _, start, end, flags, _ = _GPT_ENTRY.unpack(data)
        if any(kind) and end >= start:
            text = _guid(kind)
            length = (end - start + 1) * SECTOR
            name = _GPT_TYPES.get(text, "unknown")
            bootable = bool(flags & 4)
            partitions.append(
                Partition(number + 1, start * SECTOR, length, text, name, bootable)
            )  # fmt: skip
    return Table("gpt", _guid(guid), tuple(partitions), tuple(_beyond(partitions, size)))


def _beyond(partitions: list[Partition], size: int) -> list[str]:
    return [
        f"partition {one.number} ends at byte {one.start + one.size}, the disk at {size}"
        for one in partitions
        if one.start + one.size > size
    ]


def _guid(data: bytes) -> str:
    import uuid

    return str(uuid.UUID(bytes_le=data))
