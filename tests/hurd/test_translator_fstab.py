"""Tables of file systems are read and chosen from as mount(8) and umount(8) of the Hurd do."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hurd.translator.fstab import MountEntry, MountTable, parse, read

TABLE = """\
# device  directory  type  options  dump  pass

/dev/hd0s1 /         ext2   rw,no-inherit-dir-group 1 1
/dev/hd0s2 none      swap   sw
none\t/tmp\ttmpfs\tsize=16M,noauto 0 0
none /run tmpfs defaults
/dev/hd1   /mnt/with\\040space ext2 ro,noauto 0 2
ignored
"""


def test_fields_are_read_with_their_defaults() -> None:
    entries = parse(TABLE)
    assert entries[0] == MountEntry("/dev/hd0s1", "/", "ext2", ["rw", "no-inherit-dir-group"], 1, 1)
    assert entries[1] == MountEntry("/dev/hd0s2", "none", "swap", ["sw"])
    assert entries[2] == MountEntry("none", "/tmp", "tmpfs", ["size=16M", "noauto"])
    assert entries[4].directory == "/mnt/with space"
    assert entries[4].pass_number == 2
    assert entries[5] == MountEntry("ignored", "", "", [])
    assert len(entries) == 6


class _Mntent(ctypes.Structure):
    _fields_ = (
        ("fsname", ctypes.c_char_p),
        ("dir", ctypes.c_char_p),
        ("type", ctypes.c_char_p),
        ("opts", ctypes.c_char_p),
        ("freq", ctypes.c_int),
        ("passno", ctypes.c_int),
    )


FIELDS = st.text("ab/#\\01234,=", min_size=1, max_size=12).filter(lambda text: text[0] != "#")


@pytest.mark.skipif(sys.platform != "linux", reason="compares with glibc's getmntent")
@given(st.lists(FIELDS, min_size=4, max_size=4))
def test_escapes_are_undone_as_by_libc(fields: list[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.setmntent.restype = ctypes.c_void_p
    libc.getmntent.restype = ctypes.POINTER(_Mntent)
    reader, writer = os.pipe()
    os.write(writer, (" ".join(fields) + " 1 2\n").encode())
    os.close(writer)
    stream = libc.setmntent(f"/dev/fd/{reader}".encode(), b"r")
    try:
        native = libc.getmntent(ctypes.c_void_p(stream)).contents
        (entry,) = parse(" ".join(fields) + " 1 2\n")
        assert entry.device.encode() == native.fsname
        assert entry.directory.encode() == native.dir
        assert entry.type.encode() == native.type
        assert list(entry.options) == [o for o in native.opts.decode().split(",") if o]
        assert (entry.frequency, entry.pass_number) == (native.freq, native.passno)
    finally:
        libc.endmntent(ctypes.c_void_p(stream))
        os.close(reader)


def test_entries_are_found_by_device_then_directory_through_links(tmp_path: Path) -> None:
    device, directory = tmp_path / "disk", tmp_path / "mnt"
    device.touch()
    directory.mkdir()
    (tmp_path / "link").symlink_to(directory)
    table = MountTable([MountEntry(str(device), str(tmp_path / "link"), "ext2")])
    assert table.find(str(device)) == table.entries[0]
    assert table.find(str(directory)) == table.entries[0]
    assert table.find(str(tmp_path / "link")) == table.entries[0]
    assert table.find("/nowhere") is None


def test_none_and_its_kind_name_no_device_and_no_directory() -> None:
    table = MountTable(parse(TABLE))
    assert table.find_device("none") is None
    assert table.find_directory("none") is None
    assert table.find_device("/dev/hd0s2") is not None


def test_two_file_systems_may_name_the_same_device() -> None:
    table = MountTable(parse("tmpfs /a1 tmpfs\ntmpfs /a2 tmpfs\n"))
    assert [entry.directory for entry in table.entries] == ["/a1", "/a2"]


def test_a_later_entry_for_a_directory_replaces_the_earlier_one() -> None:
    table = MountTable(parse("/dev/x /a1 ext2\n/dev/z /a3 ext2\n/dev/y /a1 fat\n"))
    assert [(entry.device, entry.directory) for entry in table.entries] == [
        ("/dev/y", "/a1"),
        ("/dev/z", "/a3"),
    ]


@pytest.mark.parametrize(
    ("types", "exclude", "expected"),
    [
        ([], [], ["/", "/tmp", "/run", "/mnt/with space"]),
        (["ext2"], [], ["/", "/mnt/with space"]),
        (["ext2", "tmpfs"], [], ["/", "/tmp", "/run", "/mnt/with space"]),
        (["noext2"], [], ["/tmp", "/run"]),
        (["NOext2", "tmpfs"], [], []),
        (["noswap"], ["/"], ["/tmp", "/run", "/mnt/with space"]),
        ([], ["/mnt*", "/t?p"], ["/", "/run"]),
        (["swap"], [], []),
    ],
)
def test_entries_are_chosen_by_type_and_directory(
    types: list[str], exclude: list[str], expected: list[str]
) -> None:
    table = MountTable(entry for entry in parse(TABLE) if entry.directory)
    chosen = [entry.directory for entry in table.choose(types, exclude)]
    assert chosen == [os.path.realpath(directory) for directory in expected]


@pytest.mark.parametrize(
    ("tests", "result"),
    [
        ([], True),
        (["noauto"], False),
        (["ro"], True),
        (["rw"], False),
        (["ro", "nosuid"], True),
        (["noro"], False),
    ],
)
def test_option_tests_have_the_words_of_mount(tests: list[str], result: bool) -> None:
    assert MountEntry("/dev/x", "/x", "ext2", ["ro", "auto"]).matches(tests) is result


def test_a_missing_table_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read(str(tmp_path / "fstab"))
    assert caught.value.filename == str(tmp_path / "fstab")
