"""What kind of disk image or filesystem some bytes are, told by their magic numbers."""

from __future__ import annotations

from image.ext2.reader import Read
from image.ext2.structures import EXTENT, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, Superblock

_HAS_JOURNAL = 0x4

# Formats that qemu-nbd opens by the same names: offset and magic.
_FORMATS = (
    ("qcow2", 0, b"QFI\xfb"),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"# Disk DescriptorFile"),
    ("vhdx", 0, b"vhdxfile"),
    ("vpc", 0, b"conectix"),
    ("vdi", 0x40, b"\x7f\x10\xda\xbe"),
    ("qed", 0, b"QED\0"),
)

_FILESYSTEMS = (
    ("swap", 4086, b"SWAPSPACE2"),
    ("swap", 4086, b"SWAP-SPACE"),
    ("XFS", 0, b"XFSB"),
    ("Btrfs", 0x10040, b"_BHRfS_M"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("FAT", 0x36, b"FAT1"),
    ("FAT", 0x52, b"FAT32"),
    ("ISO 9660", 0x8001, b"CD001"),
    ("SquashFS", 0, b"hsqs"),
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("LVM", 0x218, b"LVM2 001"),
    ("UFS2", 65536 + 1372, b"\x19\x01\x54\x19"),
)


def image_format(read: Read) -> str:
    """Return the format of an image file, as QEMU names it; "raw" for anything else."""
    return _match(read, _FORMATS) or "raw"


def filesystem_name(read: Read) -> str:
    """Return the name of the filesystem, "" for an unknown one."""
    found = Superblock.unpack(read(SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE))
    if found is not None:
        if found.incompatible & EXTENT:
            return "ext4"
        return "ext3" if found.compatible & _HAS_JOURNAL else "ext2"
    return _match(read, _FILESYSTEMS)


def _match(read: Read, known: tuple[tuple[str, int, bytes], ...]) -> str:
    for name, offset, magic in known:
        if read(offset, len(magic)) == magic:
            return name
    return ""
