"""What mounting needs to know of types, devices and options, without a Hurd."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hurd.translator.mounting import (
    Mounted,
    UnknownType,
    command_for,
    detect_type,
    option_words,
    program_for,
)


def make(tmp_path: Path, *command: str) -> str:
    tool = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    image = tmp_path / "image"
    image.write_bytes(bytes(2 << 20))
    subprocess.run([tool, *command[1:], str(image)], check=True, capture_output=True, timeout=60)
    return str(image)


def test_ext2_is_detected(tmp_path: Path) -> None:
    assert detect_type(make(tmp_path, "mke2fs", "-q", "-F", "-o", "hurd")) == "ext2"


@pytest.mark.parametrize("offset", [54, 82])
def test_fat_is_detected(tmp_path: Path, offset: int) -> None:
    image = tmp_path / "image"
    # The boot sector names FAT12 and FAT16 at 54, FAT32 at 82.
    sector = bytearray(512)
    sector[offset : offset + 3] = b"FAT"
    sector[510:] = b"\x55\xaa"
    image.write_bytes(bytes(sector) + bytes(4096))
    assert detect_type(str(image)) == "fat"


def test_a_compact_disc_is_detected(tmp_path: Path) -> None:
    image = tmp_path / "image"
    # The volume descriptor of ISO 9660 is in the sixteenth sector of 2048 bytes.
    image.write_bytes(bytes(32768) + b"\1CD001\1" + bytes(4096))
    assert detect_type(str(image)) == "iso9660"


@pytest.mark.parametrize("size", [0, 100, 1 << 20])
def test_an_unknown_type_names_the_device(tmp_path: Path, size: int) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(size))
    with pytest.raises(UnknownType, match=r"image: failed to detect file system type"):
        detect_type(str(image))


def test_a_device_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        detect_type(str(tmp_path / "nothing"))


def test_options_become_words_of_the_command_line() -> None:
    options = ["ro", "noauto", "-r", "sync=30", "defaults", "", "bind", "--x"]
    assert option_words(options) == ["--ro", "-r", "--sync=30", "--x"]


def executable(path: Path) -> str:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_executable_program_serves_the_type(tmp_path: Path) -> None:
    formats = [f"{tmp_path}/%sfs", f"{tmp_path}/%s"]
    assert program_for("tmp", formats) is None
    plain = executable(tmp_path / "tmp")
    assert program_for("tmp", formats) == plain
    (tmp_path / "tmpfs").write_text("not executable")
    assert program_for("tmp", formats) == plain
    assert program_for("tmp", [f"{tmp_path}/%sfs"]) is None
    assert program_for("tmpfs", formats) is None
    better = executable(tmp_path / "tmpfs")
    assert program_for("tmp", formats) == better
    assert program_for("tmpfs", formats) == better


def test_a_command_line_ends_with_the_device(tmp_path: Path) -> None:
    formats = [f"{tmp_path}/%s"]
    program = executable(tmp_path / "kind")
    firmlink = executable(tmp_path / "firmlink")
    assert command_for("dev", "kind", ["ro", "-s"], formats=formats) == [
        program,
        "--ro",
        "-s",
        "dev",
    ]
    assert command_for("dev", "kind", ["bind"], formats=formats) == [firmlink, "dev"]
    with pytest.raises(UnknownType, match="dev: filesystem type `other' unknown"):
        command_for("dev", "other", formats=formats)


@pytest.mark.parametrize(
    ("words", "device", "type", "options"),
    [
        (["/hurd/ext2fs", "--writable", "--x=1", "/dev/hd0s1"], "/dev/hd0s1", "ext2", "rw,x=1"),
        (["/hurd/ext2fs", "-r", "--store-type=typed", "part:1"], "typed:part:1", "ext2", "ro"),
        (["/hurd/tmpfs"], "fallback", "tmp", ""),
        (["/opt/other", "-r", "-w", "dev"], "dev", "/opt/other", "ro,rw"),
        (["/hurd/fifo", "dev"], "dev", "fifo", ""),
    ],
)  # fmt: skip
def test_what_a_file_system_says_of_itself_is_read(
    words: list[str], device: str, type: str, options: str
) -> None:
    mounted = Mounted(words, "fallback")
    assert (mounted.device, mounted.type) == (device, type)
    assert ",".join(mounted.options) == options
    assert mounted.words == words
