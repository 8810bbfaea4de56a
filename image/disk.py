"""A disk that boots: MBR, GRUB before the first partition, and the Hurd's filesystem in it.

The layout is the one that Debian's images and GRUB's documentation have: the partition starts at
sector 2048, is of type 0x83 and bootable, and BIOS machines start it.  The filesystem is written
where it will be, so nothing is copied twice.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NoReturn

from image import grub, partitions
from image.errors import ConfigurationError, TreeError
from image.filesystem import Plan, make_plan, write_plan
from image.menu import CONFIGURATION
from image.output import replacing, scratch
from image.run import run
from image.tree import Tree

Format = Literal["raw", "qcow2"]

SECTOR = partitions.SECTOR
FIRST_SECTOR = 2048
PARTITION_OFFSET = FIRST_SECTOR * SECTOR
_MOST_SECTORS = 0xFFFFFFFF
_LEAST_SIZE = PARTITION_OFFSET + (1 << 20)

NO_UEFI = (
    "disks boot on BIOS machines only: GNU Mach cannot start under UEFI (its memory map is not "
    "understood, and it has no console there); use BIOS or the firmware's compatibility mode"
)


def refuse_uefi() -> NoReturn:
    """Raise the ConfigurationError for `--uefi`, with the reason."""
    raise ConfigurationError("--uefi", NO_UEFI)


def write_disk(
    tree: Tree,
    destination: Path,
    *,
    epoch: int,
    image_format: Format = "raw",
    size: int | None = None,
    label: str = "",
    uuid: bytes | None = None,
    advance: Callable[[int], None] = lambda count: None,
    check: Callable[[Path], None] = lambda path: None,
) -> Plan:
    """Write the disk for a root tree, which has its kernel and grub.cfg; return the plan.

    `size` is that of the whole disk in bytes, by default what `make_plan` finds suitable.  `epoch`
    is in seconds; the same tree, epoch, size and versions of GRUB and QEMU's tools give the same
    bytes.  `check` is called with the raw disk before it takes its place; if it raises, there is
    no output.  `advance` is told how many bytes of content have been written.

    Raises TreeError, NoSpace, ConfigurationError, MissingTool, ImageInUse; then `destination` is
    as it was before.
    """
    if tree.resolve(CONFIGURATION) is None:
        raise TreeError(CONFIGURATION, "is not in the root tree: nothing would boot")
    with ThreadPoolExecutor(1) as beside:
        core = beside.submit(grub.disk_core, PARTITION_OFFSET - SECTOR)
        plan = make_plan(tree, epoch=epoch, size=_partition_size(size), uuid=uuid, label=label)
        start = _boot_record(plan) + core.result()
    with replacing(destination) as aside:
        if image_format == "raw":
            _write_raw(plan, start, aside, size, advance)
            check(aside)
        else:
            with scratch(destination) as raw:
                _write_raw(plan, start, raw, size, advance)
                check(raw)
                # One worker, so that clusters are always in the same order.
                run(["qemu-img", "convert", "-m", "1", "-f", "raw", "-O", image_format, raw, aside])
    return plan


def _partition_size(disk: int | None) -> int | None:
    if disk is None:
        return None
    if disk < _LEAST_SIZE:
        least = _LEAST_SIZE >> 20
        raise ConfigurationError("size", f"a disk of {disk} bytes is less than {least} MiB")
    if disk // SECTOR > _MOST_SECTORS:
        raise ConfigurationError("size", "a disk with an MBR has less than 2 TiB")
    return disk - PARTITION_OFFSET


def _boot_record(plan: Plan) -> bytes:
    """Return the first sector: GRUB's code and the partition table."""
    # Windows and others tell disks apart by the signature; zero would mean none.
    signature = int.from_bytes(plan.superblock.uuid[:4], "little") or 1
    code = grub.boot_sector_code()
    size = plan.size // SECTOR
    return partitions.master_boot_record(code, signature, FIRST_SECTOR, size)


def _write_raw(
    plan: Plan, start: bytes, path: Path, size: int | None, advance: Callable[[int], None]
) -> None:
    with path.open("xb", buffering=0) as file:
        file.truncate(size or PARTITION_OFFSET + plan.size)
        file.write(start)
        write_plan(plan, file.fileno(), PARTITION_OFFSET, advance)
