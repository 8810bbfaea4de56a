"""Translator records beside e2fsprogs: each reads on a raw image what the other has written."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hurd import records

BLOCK = 4096

pytestmark = pytest.mark.skipif(
    not all(shutil.which(t, path="/usr/sbin:/sbin:/usr/bin:/bin") for t in ("mke2fs", "debugfs")),
    reason="needs e2fsprogs",
)

STOREIO = ["/hurd/storeio", "-T", "typed", "part:2:device:@/dev/disk:wd0"]
ODD = ["/hurd/hello", "", "--contents=grüß dich\n"]


class Image:
    """A file system of the Hurd's kind; `debugfs` changes it, the rest reads bytes of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run("mke2fs", "-q", "-t", "ext2", "-o", "hurd", "-b", "4096", str(path), "4M")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False,
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout

    def debugfs(self, *requests: str) -> str:
        script = self.path.with_suffix(".script")
        script.write_text("".join(f"{request}\n" for request in requests))
        return self._run("debugfs", "-w", "-f", str(script), str(self.path))

    def inode(self, path: str) -> bytes:
        found = re.search(r"block (\d+), offset (0x[0-9a-f]+)", self.debugfs(f"imap {path}"))
        assert found, path
        return self.read(int(found[1]) * BLOCK + int(found[2], 16), 128)

    def read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def block(self, number: int) -> bytes:
        return self.read(number * BLOCK, BLOCK)

    def record(self, path: str) -> list[str] | None:
        return records.read_record(self.inode(path), self.block)

    def take_block(self, path: str, field: str, content: bytes) -> None:
        """Give the inode one more block, of this content, in a field that names a block."""
        found = re.search(r"found: (\d+)", self.debugfs("ffb"))
        assert found
        sectors = int.from_bytes(self.inode(path)[0x1C:0x20], "little") + BLOCK // 512
        self.debugfs(
            f"setb {found[1]}", f"sif {path} {field} {found[1]}", f"sif {path} blocks {sectors}"
        )
        with self.path.open("r+b") as file:
            file.seek(int(found[1]) * BLOCK)
            file.write(content)

    def settle(self) -> None:
        """Have e2fsck correct what debugfs leaves (the free blocks' number), and nothing else."""
        said = self._run("e2fsck", "-fy", str(self.path)).replace(str(self.path), "")
        changes = [
            line for line in said.splitlines() if (line and "? yes" in line) or "wrong" in line
        ]
        assert all(re.match(r"Free blocks count wrong|Fix\? yes", c) for c in changes), said
        again = subprocess.run(
            ["e2fsck", "-fn", str(self.path)], capture_output=True, text=True, check=False,
            env={"PATH": "/usr/sbin:/sbin", "LC_ALL": "C"},
        )  # fmt: skip
        assert again.returncode == 0, again.stdout

    def attribute(self, path: str, name: str) -> bytes:
        target = self.path.with_suffix(".value")
        target.unlink(missing_ok=True)
        self.debugfs(f"ea_get -f {target} {path} {name}")
        return target.read_bytes()


@pytest.fixture
def image(tmp_path):
    made = Image(tmp_path / "image")
    made.debugfs("mkdir dev", "cd dev", "mknod hd0 b 0 0", "sif hd0 mode 060640",
                 "mknod null c 0 0", "sif null mode 020666")  # fmt: skip
    return made


def set_by_debugfs(image: Image, path: str, name: str, value: bytes) -> None:
    source = image.path.with_suffix(".new")
    source.write_bytes(value)
    image.debugfs(f"ea_set -f {source} {path} {name}")


def test_attribute_that_debugfs_wrote_is_read(image):
    set_by_debugfs(image, "/dev/hd0", "gnu.translator", b"".join(w.encode() + b"\0" for w in ODD))
    set_by_debugfs(image, "/dev/null", "user.comment", b"none here")
    assert image.record("/dev/hd0") == ODD
    assert image.record("/dev/null") is None
    assert image.record("/dev") is None
    image.settle()
    assert image.record("/dev/hd0") == ODD


def test_our_block_of_attributes_is_what_debugfs_writes(image):
    value = records.encode_words(STOREIO)
    set_by_debugfs(image, "/dev/hd0", "gnu.translator", value)
    _, number = records.record_blocks(image.inode("/dev/hd0"))
    theirs = bytearray(image.block(number))
    ours = bytearray(records.encode_attributes({"gnu.translator": value}, BLOCK))
    # The hash of the block; debugfs leaves it zero, which means that nobody may share the block.
    assert theirs[12:16] == bytes(4) != ours[12:16]
    ours[12:16] = bytes(4)
    assert theirs == ours


def test_attributes_that_we_wrote_pass_e2fsck_and_are_read_by_debugfs(image):
    attributes = {
        "user.a": b"",
        "gnu.translator": records.encode_words(STOREIO),
        "gnu.x": b"odd length",
        "user.longer.name": bytes(range(1, 256)),
    }
    image.take_block("/dev/hd0", "file_acl", records.encode_attributes(attributes, BLOCK))
    image.settle()
    assert image.record("/dev/hd0") == STOREIO
    for name, value in attributes.items():
        if value:  # debugfs makes no file of an empty one
            assert image.attribute("/dev/hd0", name) == value
    assert image.debugfs("ea_list /dev/hd0").count("(") == len(attributes)


def test_block_that_two_inodes_share_passes_e2fsck(image):
    value = records.encode_words(["/hurd/null"])
    block = records.encode_attributes({"gnu.translator": value}, BLOCK, references=2)
    image.take_block("/dev/hd0", "file_acl", block)
    _, number = records.record_blocks(image.inode("/dev/hd0"))
    image.debugfs(f"sif /dev/null file_acl {number}", f"sif /dev/null blocks {BLOCK // 512}")
    image.settle()
    assert image.record("/dev/null") == image.record("/dev/hd0") == ["/hurd/null"]
    assert image.attribute("/dev/null", "gnu.translator") == value


def test_fullest_block_passes_e2fsck(image):
    vector = ["/hurd/hello", "x" * 4019]
    block = records.encode_attributes({"gnu.translator": records.encode_words(vector)}, BLOCK)
    image.take_block("/dev/hd0", "file_acl", block)
    image.settle()
    assert image.record("/dev/hd0") == vector


def test_block_with_a_wrong_hash_fails_e2fsck(image):
    """So that passing it says something."""
    block = bytearray(records.encode_attributes({"gnu.translator": b"/hurd/null\0"}, BLOCK))
    block[44] ^= 1
    image.take_block("/dev/hd0", "file_acl", bytes(block))
    with pytest.raises(AssertionError, match="hash"):
        image.settle()


def test_old_record_passes_e2fsck_and_is_read(image):
    image.take_block("/dev/null", "translator", records.encode_block(STOREIO, BLOCK))
    image.settle()
    assert image.record("/dev/null") == STOREIO
    number, attributes = records.record_blocks(image.inode("/dev/null"))
    assert re.search(rf"[Tt]ranslator: *{number}\b", image.debugfs("stat /dev/null"))
    assert attributes == 0


def test_old_record_as_others_write_it_is_read(image):
    """The block by hand, as the Hurd's own ext2fs lays it out."""
    image.take_block("/dev/null", "translator", b"\x0b\x00/hurd/null\x00".ljust(BLOCK, b"\xff"))
    assert image.record("/dev/null") == ["/hurd/null"]
