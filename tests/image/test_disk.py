"""Disks: what other tools find on them, sameness of bytes, and what cannot be one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image import disk, grub
from image.check import check_image
from image.disk import write_disk
from image.errors import ConfigurationError, NoSpace, TreeError
from image.partitions import master_boot_record, read_table
from image.run import environment, find_tool
from image.tree import Node, Tree
from tests.image.disks import EPOCH, PARTITION, e2fsck, system_tree
from tests.image.guests import require
from tests.image.users import ROOT

MIB = 1 << 20


@pytest.fixture(autouse=True)
def tools() -> None:
    require("grub-mkimage", "qemu-img", "e2fsck")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sfdisk(path: Path) -> dict[str, object]:
    """The partition table as another program reads it."""
    require("sfdisk")
    words = [find_tool("sfdisk"), "--json", str(path)]
    told = subprocess.run(words, capture_output=True, text=True, check=True, env=environment())
    table: dict[str, object] = json.loads(told.stdout)["partitiontable"]
    return table


def test_sfdisk_and_grub_find_what_belongs_there(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    tree = system_tree()
    plan = write_disk(tree, path, epoch=EPOCH)
    table = sfdisk(path)
    assert table["label"] == "dos"
    assert table["id"] == f"0x{int.from_bytes(plan.superblock.uuid[:4], 'little'):08x}"
    assert table["partitions"] == [
        {
            "node": f"{path}1",
            "start": 2048,
            "size": plan.size // 512,
            "type": "83",
            "bootable": True,
        }
    ]
    data = path.read_bytes()
    boot = (grub.grub_directory() / "boot.img").read_bytes()
    assert data[:0x66] == boot[:0x66] and data[0x68:440] == boot[0x68:440]
    core = grub.disk_core(PARTITION)
    assert data[512 : 512 + len(core)] == core
    assert e2fsck(path, PARTITION) == ""
    assert path.stat().st_blocks * 512 < 8 * MIB, "the disk is not sparse"


@given(st.integers(2048, 2**31), st.integers(1, 2**31))
def test_sectors_and_their_older_addresses_agree(start: int, size: int) -> None:
    record = master_boot_record(b"", 1, start, size)
    _, first, _, last, at, count = struct.unpack_from("<B3sB3sII", record, 446)
    assert (at, count) == (start, size)
    for address, sector in ((first, start), (last, start + size - 1)):
        cylinder = address[2] | (address[1] >> 6) << 8
        found = (cylinder * 255 + address[0]) * 63 + (address[1] & 63) - 1
        assert found == sector or (address == b"\xfe\xff\xff" and sector >= 1024 * 255 * 63)
    table = read_table(lambda offset, size: record[offset : offset + size], 2**50)
    (found_partition,) = table.partitions
    assert (found_partition.start, found_partition.size) == (start * 512, size * 512)


def test_the_size_is_that_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_disk(system_tree(), path, epoch=EPOCH, size=100 * MIB)
    assert path.stat().st_size == 100 * MIB
    assert check_image(path, system_tree(), "kernel").problems == ()


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_two_builds_give_the_same_bytes(tmp_path: Path, image_format: disk.Format) -> None:
    digests = set()
    for name in ("one", "another"):
        path = tmp_path / name
        write_disk(system_tree(), path, epoch=EPOCH, image_format=image_format)
        digests.add(digest(path))
    assert len(digests) == 1
    write_disk(system_tree(), path, epoch=EPOCH + 1, image_format=image_format)
    assert digest(path) not in digests


def test_a_qcow2_disk_holds_the_same(tmp_path: Path) -> None:
    raw, qcow2 = tmp_path / "raw", tmp_path / "qcow2"
    write_disk(system_tree(), raw, epoch=EPOCH)
    write_disk(system_tree(), qcow2, epoch=EPOCH, image_format="qcow2")
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, qcow2], check=True)
    subprocess.run(["qemu-img", "check", qcow2], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qcow2", "raw"]


def test_an_ordinary_user_gets_the_same_disk_as_root(tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("not run by root: the other tests are those of an ordinary user")
    require("setpriv")
    ours = tmp_path / "ours"
    write_disk(system_tree(), ours, epoch=EPOCH)
    place = Path("/tmp") / f"drover-nobody-{os.getpid()}"
    place.mkdir()
    try:
        os.chown(place, 65534, 65534)
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True\n"
            "from pathlib import Path\n"
            "from image.disk import write_disk\n"
            "from image.check import check_image\n"
            "from tests.image.disks import EPOCH, system_tree\n"
            "tree = system_tree()\n"
            "check = lambda path: check_image(path, tree, 'kernel').raise_problems()\n"
            "write_disk(tree, Path(sys.argv[2]), epoch=EPOCH, check=check)\n"
        )
        theirs = place / "disk"
        subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
             sys.executable, "-c", code, str(ROOT), str(theirs)],
            check=True,
        )  # fmt: skip
        assert theirs.stat().st_uid == 65534
        assert digest(theirs) == digest(ours)
    finally:
        shutil.rmtree(place)


def test_a_tree_without_a_menu_is_refused(tmp_path: Path) -> None:
    tree = system_tree()
    tree.remove("/boot/grub/grub.cfg")
    with pytest.raises(TreeError, match=r"/boot/grub/grub\.cfg: is not in the root tree"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH)


def test_sizes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    tree = system_tree()
    with pytest.raises(ConfigurationError, match=r"size: .* less than 2 MiB"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=MIB)
    with pytest.raises(ConfigurationError, match=r"size: .* less than 2 TiB"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=3 << 40)
    tree.add("/large", Node("file", content=bytes(2 * MIB)))
    with pytest.raises(NoSpace, match="does not fit"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=2 * MIB)


def test_uefi_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigurationError, match=r"--uefi: .* GNU Mach cannot start under UEFI"):
        disk.refuse_uefi()


def test_progress_tells_all_bytes_of_content(tmp_path: Path) -> None:
    tree = Tree()
    tree.merge(system_tree())
    tree.add("/large", Node("file", content=bytes(5 * MIB)))
    told: list[int] = []
    plan = write_disk(tree, tmp_path / "disk", epoch=EPOCH, advance=told.append)
    assert sum(told) == plan.content >= 5 * MIB
