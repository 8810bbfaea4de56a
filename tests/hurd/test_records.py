"""Translator records off line: what is written is read again, and e2fsprogs agrees."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hurd import records

word = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
words = st.builds(lambda first, rest: [first, *rest], word.filter(bool), st.lists(word, max_size=6))
other_name = st.from_regex(r"(user|trusted|security|gnu)\.[a-z]{1,40}", fullmatch=True)
others = st.dictionaries(other_name, st.binary(max_size=60), max_size=8)


@given(words)
def test_words_come_back(vector):
    assert records.decode_words(records.encode_words(vector)) == vector


@given(words, st.sampled_from([1024, 4096]))
def test_old_form_comes_back(vector, block_size):
    block = records.encode_block(vector, block_size)
    assert len(block) == block_size
    assert records.decode_block(block) == vector


@given(words, others, st.sampled_from([2048, 4096]), st.integers(1, 1 << 31))
def test_attributes_come_back(vector, attributes, block_size, references):
    attributes[records.TRANSLATOR] = records.encode_words(vector)
    block = records.encode_attributes(attributes, block_size, references=references)
    assert len(block) == block_size
    assert records.decode_attributes(block) == attributes
    assert int.from_bytes(block[4:8], "little") == references


@given(st.binary(max_size=200), st.integers(0, 0xFFFF))
def test_any_bytes_are_words_or_malformed(data, length):
    for block in (data, length.to_bytes(2, "little") + data):
        with contextlib.suppress(records.MalformedRecordError):
            assert all(isinstance(w, str) for w in records.decode_block(block))


@given(st.binary(max_size=120), st.data())
def test_any_block_of_attributes_is_read_or_malformed(noise, data):
    block = bytearray(records.encode_attributes({"user.a": noise, "gnu.translator": b"/x\0"}, 1024))
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, 79))] = data.draw(st.integers(0, 255))
    try:
        values = records.decode_attributes(bytes(block[: data.draw(st.integers(0, 1024))]))
    except records.MalformedRecordError:
        return
    assert all(len(value) <= 1024 for value in values.values())


def test_known_bytes():
    """As the Hurd writes them: each word with its NUL, the length in front of the old form."""
    assert records.encode_words(["/hurd/storeio", "hd0s1"]) == b"/hurd/storeio\0hd0s1\0"
    assert records.encode_block(["/hurd/null"], 1024)[:16] == b"\x0b\0/hurd/null\0\0\0\0"
    assert records.decode_words(b"/hurd/null") == ["/hurd/null"]
    assert records.decode_words(b"/hurd/hello\0\0") == ["/hurd/hello", ""]


@pytest.mark.parametrize("vector", [[], [""], ["", "x"], ["/hurd/x", "a\0b"]])
def test_words_that_are_no_record_are_refused(vector):
    for encode in (records.encode_words, records.encode_block):
        with pytest.raises(records.InvalidRecordError):
            encode(vector)


def test_old_form_holds_a_block_less_two_bytes():
    longest = ["/" * 1021]
    assert records.decode_block(records.encode_block(longest, 1024)) == longest
    with pytest.raises(records.RecordTooLongError, match="1023 bytes, but only 1022") as caught:
        records.encode_block(["/" * 1022], 1024)
    assert (caught.value.size, caught.value.limit) == (1023, 1022)
    with pytest.raises(records.RecordTooLongError):
        records.encode_block(["/" * 70000], 1 << 17)


def test_attributes_share_a_block_with_their_names():
    room = 4096 - 32 - 4 - (16 + 12)  # the header, the end, the entry
    block = records.encode_attributes({records.TRANSLATOR: b"/" * (room - 1) + b"\0"})
    assert records.decode_words(records.decode_attributes(block)[records.TRANSLATOR])
    with pytest.raises(records.RecordTooLongError, match=r"gnu\.translator"):
        records.encode_attributes({records.TRANSLATOR: b"/" * (room + 1)})
    with pytest.raises(records.RecordTooLongError, match=r"user\.x"):
        records.encode_attributes({records.TRANSLATOR: b"/" * room, "user.x": b""})


@pytest.mark.parametrize(
    "name", ["", "translator", "gnu.", "gnu", "user.\0", "user." + "x" * 256, "nfs4.acl"]
)
def test_names_that_ext2_cannot_store_are_refused(name):
    with pytest.raises(records.InvalidRecordError):
        records.encode_attributes({name: b"x"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: 1}, "magic number"),
        ({8: 2}, "spread over 2 blocks"),
        ({32: 255, 33: 255}, "beyond|end"),
        ({34: 255, 35: 255}, "outside the block"),
        ({34: 3, 35: 0}, "outside the block"),
        ({36: 9}, "in another block"),
        ({40: 255, 41: 255}, "outside the block"),
    ],
)
def test_damage_is_named(change, message):
    block = bytearray(records.encode_attributes({records.TRANSLATOR: b"/hurd/null\0"}, 128))
    for place, byte in change.items():
        block[place] = byte
    with pytest.raises(records.MalformedRecordError, match=message):
        records.decode_attributes(bytes(block))


def test_block_without_an_end_is_malformed():
    full = records.encode_attributes({"user.abcd": b""}, 64)[:52].ljust(54, b"x")
    with pytest.raises(records.MalformedRecordError, match="do not end"):
        records.decode_attributes(full)
    with pytest.raises(records.MalformedRecordError, match="of 3 bytes"):
        records.decode_attributes(b"abc")


def test_empty_and_overlong_records_are_malformed():
    for value in (b"", b"\0", b"\0x\0"):
        with pytest.raises(records.MalformedRecordError):
            records.decode_words(value)
    with pytest.raises(records.MalformedRecordError, match="says it holds 1023"):
        records.decode_block((1023).to_bytes(2, "little").ljust(1024, b"/"))


def test_old_record_goes_before_the_attribute():
    blocks = {
        7: records.encode_block(["/hurd/old"]),
        8: records.encode_attributes({records.TRANSLATOR: b"/hurd/new\0"}),
        9: records.encode_attributes({"user.x": b"y"}),
    }

    def inode(old: int, attributes: int) -> bytes:
        data = bytearray(128)
        data[0x24:0x28] = old.to_bytes(4, "little")
        data[0x68:0x6C] = attributes.to_bytes(4, "little")
        return bytes(data)

    assert records.read_record(inode(7, 8), blocks.__getitem__) == ["/hurd/old"]
    assert records.read_record(inode(0, 8), blocks.__getitem__) == ["/hurd/new"]
    assert records.read_record(inode(0, 9), blocks.__getitem__) is None
    assert records.read_record(inode(0, 0), blocks.__getitem__) is None
    assert records.record_blocks(inode(7, 8)) == (7, 8)
