"""Looking at images: ours in both formats, those of others, damaged ones, and what is none."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from image.disk import Format, write_disk
from image.errors import ImageError, ImageInUse, MissingTool, NotAnImage
from image.inspection import ImageInfo, Service, Translator, inspect_image
from image.inspection_output import show, to_json
from image.iso import write_iso
from image.menu import MenuSettings, menu_entries
from image.run import find_tool, run
from image.tree import Node, Tree
from tests.image.disks import EPOCH, PARTITION, debugfs, system_tree
from tests.image.guests import require

MIB = 1 << 20
SERVICES = b"""(register-services
 (list (service '(ping pong) #:start 1)
       (service (list 'other) #:start 2)))"""


@pytest.fixture(autouse=True)
def tools() -> None:
    require("grub-mkimage", "qemu-img", "qemu-nbd", "mke2fs", "debugfs")


def drover_tree() -> Tree:
    tree = system_tree()
    code = b'"""Usage."""\nVERSION = "9.8.7"\n'
    tree.add("/usr/lib/drover/pid1/usage.py", Node("file", content=code))
    tree.add("/etc/drover/services.d/ping.scm", Node("file", content=SERVICES))
    tree.add("/etc/drover/services.d/[b]odd.scm", Node("file", content=b"((("))
    return tree


def shown(info: ImageInfo) -> str:
    """The tables, as wide as they want to be."""
    output = io.StringIO()
    show(info, Console(file=output, width=200))
    return output.getvalue()


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_of_ours_is_told_in_full(tmp_path: Path, image_format: Format) -> None:
    path = tmp_path / "disk"
    tree = drover_tree()
    plan = write_disk(tree, path, epoch=EPOCH, label="goose", image_format=image_format)
    info = inspect_image(path)
    assert (info.format, info.table, info.boot_loader) == (image_format, "mbr", "GRUB")
    assert info.size == plan.size + MIB and info.file_size == path.stat().st_size
    assert info.problems == ()
    (one,) = info.partitions
    assert (one.partition.start, one.partition.size) == (MIB, plan.size)
    assert (one.partition.type, one.partition.bootable) == ("0x83", True)
    found = one.filesystem
    assert found is not None
    assert (found.type, found.creator, found.label, found.clean) == ("ext2", "Hurd", "goose", True)
    assert found.features == ("ext_attr", "sparse_super", "large_file")
    assert found.created == "2023-11-14T22:13:20+00:00"
    assert (found.files, found.size) == (len(tree) + 1, plan.size)
    assert (found.hostname, found.kernels) == ("goose", ("/boot/gnumach.gz",))
    assert list(found.menu) == menu_entries(tree, MenuSettings())
    assert set(found.translators) == {
        Translator(path, node.translator) for path, node in tree.items() if node.translator
    }
    assert found.drover is not None
    assert found.drover.version == "9.8.7"
    assert found.drover.services == (
        Service("/etc/drover/services.d/[b]odd.scm", ()),
        Service("/etc/drover/services.d/ping.scm", ("ping", "pong", "other")),
    )
    text = shown(info)
    assert "[b]odd.scm" in text and "/hurd/magic --directory fd" in text and "9.8.7" in text
    again = json.loads(to_json(info))
    assert again["partitions"][0]["filesystem"]["drover"]["version"] == "9.8.7"
    assert again.keys() == {field.name for field in dataclasses.fields(info)}


def test_records_of_the_older_form_are_read(tmp_path: Path) -> None:
    path = tmp_path / "fs"
    run(["mke2fs", "-q", "-o", "hurd", path, "2M"])
    words = b"/hurd/term\0/dev/x\0"
    commands = ["mknod null c 0 0", "sif null mode 020666", "setb 400", "sif null translator 400",
                "sif null blocks 8"]  # fmt: skip
    debugfs(path, *commands, write=True)
    with path.open("r+b") as file:
        file.seek(400 * 4096)
        file.write(len(words).to_bytes(2, "little") + words)
    found = inspect_image(path).partitions[0].filesystem
    assert found is not None
    assert found.translators == (Translator("/null", ("/hurd/term", "/dev/x")),)


def test_filesystems_of_others_are_named(tmp_path: Path) -> None:
    for kind, words in (
        ("ext4", ["mke2fs", "-q", "-t", "ext4"]),
        ("ext3", ["mke2fs", "-q", "-t", "ext3", "-L", "home"]),
        ("swap", [find_tool("mkswap")]),
        ("FAT", [find_tool("mformat"), "-i"]),
    ):
        path = tmp_path / kind
        path.write_bytes(bytes(16 * MIB))
        more = ["-C", "-T", "32768", "-h", "16", "-s", "63", "::"] if kind == "FAT" else []
        subprocess.run(
            [find_tool(words[0]), *words[1:], path, *more], check=True, capture_output=True
        )
        (one,) = inspect_image(path).partitions
        assert one.partition.number == 0
        assert one.filesystem is not None and one.filesystem.type == kind
    told = inspect_image(tmp_path / "ext4").partitions[0].filesystem
    assert told is not None
    assert "extent" in told.features
    assert "ext4" in shown(inspect_image(tmp_path / "ext4"))


def sfdisk(path: Path, script: str) -> None:
    require("sfdisk")
    path.write_bytes(bytes(64 * MIB))
    words = [find_tool("sfdisk"), "--quiet", str(path)]
    subprocess.run(words, input=script, text=True, check=True, capture_output=True)


def test_logical_partitions_and_unknown_types_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    sfdisk(path, "label: dos\n2048,4096,83,*\n8192,,5\n10240,2048,82\n14336,2048,4f\n")
    info = inspect_image(path)
    told = [
        (one.partition.number, one.partition.start // 512, one.partition.size // 512,
         one.partition.type, one.partition.type_name)
        for one in info.partitions
    ]  # fmt: skip
    assert told == [
        (1, 2048, 4096, "0x83", "Linux"),
        (2, 8192, 64 * 2048 - 8192, "0x05", "extended"),
        (5, 10240, 2048, "0x82", "swap"),
        (6, 14336, 2048, "0x4f", "unknown"),
    ]
    assert all(one.filesystem is None for one in info.partitions)
    assert "unknown" in shown(info)


def test_partitions_of_a_gpt_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    sfdisk(path, "label: gpt\nsize=4096,type=21686148-6449-6E6F-744E-656564454649\nsize=8192\n")
    info = inspect_image(path)
    assert info.table == "gpt" and len(info.signature) == 36
    told = [(one.partition.size // 512, one.partition.type_name) for one in info.partitions]
    assert told == [(4096, "BIOS boot"), (8192, "Linux")]


def test_a_cd_is_named(tmp_path: Path) -> None:
    require("xorriso")
    path = tmp_path / "cd"
    write_iso(system_tree(), path, MenuSettings(), epoch=EPOCH, size=8 * MIB, label="goose")
    (one,) = inspect_image(path).partitions
    assert one.filesystem is not None
    assert (one.filesystem.type, one.filesystem.label) == ("ISO 9660", "GOOSE")


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"#!/bin/sh\necho no image\n", bytes(3 * MIB), random.Random(1).randbytes(MIB)):
        path.write_bytes(content)
        with pytest.raises(NotAnImage, match="file: neither a partition table nor a filesystem"):
            inspect_image(path)
    path.write_bytes(b"")
    with pytest.raises(NotAnImage, match="file: is empty"):
        inspect_image(path)
    with pytest.raises(NotAnImage, match="is a directory"):
        inspect_image(tmp_path)
    with pytest.raises(ImageError, match="nothing: No such file or directory"):
        inspect_image(tmp_path / "nothing")
    path.write_bytes(b"QFI\xfb" + b"junk" * 50)
    with pytest.raises(NotAnImage, match="file: "):
        inspect_image(path)


def test_a_truncated_image_tells_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_disk(system_tree(), path, epoch=EPOCH)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(MIB + 65536)
    info = inspect_image(path)
    assert info.problems == (f"partition 1 ends at byte {size}, the disk at {MIB + 65536}",)
    found = info.partitions[0].filesystem
    assert found is not None
    assert found.creator == "Hurd" and "beyond the end of the image" in found.problems[0]
    assert "problem: " in shown(info)
    with path.open("r+b") as file:
        file.truncate(MIB + 1500)
    assert inspect_image(path).partitions[0].filesystem is None


def test_a_block_in_two_directories_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_disk(system_tree(), path, epoch=EPOCH)
    (number,) = debugfs(path, "blocks /hurd", offset=PARTITION).split()[-1:]
    debugfs(path, f"set_inode_field /servers block[0] {number}", offset=PARTITION, write=True)
    (one,) = inspect_image(path).partitions
    assert one.filesystem is not None
    assert f"block {number} is part of two directories" in one.filesystem.problems


def test_not_all_of_too_many_services_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "disk"
    write_disk(drover_tree(), path, epoch=EPOCH)
    monkeypatch.setattr("image.inspection._MOST_SERVICES", 1)
    (one,) = inspect_image(path).partitions
    assert one.filesystem is not None
    assert one.filesystem.drover is not None
    assert len(one.filesystem.drover.services) == 1


def test_an_image_in_use_is_told(tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", path, "8M"])
    import fcntl
    import os
    import struct

    with path.open("r+b") as file:
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 201, 1, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
        with pytest.raises(ImageInUse):
            inspect_image(path)


def test_other_formats_need_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", path, "8M"])
    with pytest.raises(NotAnImage, match="neither a partition table"):
        inspect_image(path)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("image.run._ADMINISTRATION", [])
    with pytest.raises(
        MissingTool, match="qemu-nbd: not found; install the Debian package qemu-utils"
    ):
        inspect_image(path)


def test_names_that_would_do_something_to_a_terminal_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    tree = system_tree()
    tree.add("/dev/\x1b[31m", Node("character", translator=("/hurd/x", "\udcff[bold]")))
    write_disk(tree, path, epoch=EPOCH)
    info = inspect_image(path)
    text = shown(info)
    assert "/dev/\\x1b[31m" in text and "\\udcff[bold]" in text and "\x1b" not in text
    to_json(info).encode("ascii")


@pytest.fixture(scope="module")
def small_image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small disk that is whole."""
    require("grub-mkimage")
    path = tmp_path_factory.mktemp("small") / "disk"
    write_disk(drover_tree(), path, epoch=EPOCH, size=4 * MIB)
    return path.read_bytes()


# Where numbers are that lead elsewhere: tables, superblock, groups, inodes, directories.
places = st.integers(440, 512) | st.integers(MIB + 1024, MIB + 400_000)


@given(st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), min_size=1, max_size=30))
@settings(
    max_examples=100, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_damage_is_a_traceback(
    tmp_path: Path, small_image: bytes, changes: list[tuple[int, bytes]]
) -> None:
    damaged = bytearray(small_image)
    for place, data in changes:
        damaged[place : place + len(data)] = data
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    try:
        info = inspect_image(path)
    except NotAnImage as error:
        assert str(error).startswith(str(path))
    else:
        shown(info)
        json.loads(to_json(info))
