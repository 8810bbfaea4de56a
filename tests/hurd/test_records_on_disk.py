"""Translator records beside e2fsprogs: each reads on a raw image what the other has written."""

from __future__ import annotations

import re

import pytest
from ext2_image import BLOCK, Image, have_tools

from hurd import records

pytestmark = pytest.mark.skipif(not have_tools(), reason="needs e2fsprogs")

STOREIO = ["/hurd/storeio", "-T", "typed", "part:2:device:@/dev/disk:wd0"]
ODD = ["/hurd/hello", "", "--contents=grüß dich\n"]


@pytest.fixture
def image(tmp_path):
    made = Image.make(tmp_path / "image")
    made.debugfs("mkdir dev", "cd dev", "mknod hd0 b 0 0", "sif hd0 mode 060640",
                 "mknod null c 0 0", "sif null mode 020666")  # fmt: skip
    return made


def test_attribute_that_debugfs_wrote_is_read(image):
    image.set_attribute("/dev/hd0", "gnu.translator", b"".join(w.encode() + b"\0" for w in ODD))
    image.set_attribute("/dev/null", "user.comment", b"none here")
    assert image.record("/dev/hd0") == ODD
    assert image.record("/dev/null") is None
    assert image.record("/dev") is None
    image.settle()
    assert image.record("/dev/hd0") == ODD


def test_our_block_of_attributes_is_what_debugfs_writes(image):
    value = records.encode_words(STOREIO)
    image.set_attribute("/dev/hd0", "gnu.translator", value)
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
