"""Nodes and their translators, by fs, io and fsys over the stand-in's tree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from standin.control import Standin

from hurd import argz, codes, constants, fs, fsys, io, lookup
from hurd.errors import HurdError
from hurd.ports import Port, ReceiveRight
from hurd.structures import Timespec, TimeValue

HELLO = argz.pack(["/hurd/hello", "--contents=hi"])


@pytest.fixture
def node(standin: Standin) -> Iterator[Port]:
    """The node /mnt itself."""
    before = standin.references()
    with lookup.file_name_lookup("/mnt", constants.O_NOTRANS) as port:
        yield port
    assert standin.references() == before


@pytest.fixture
def directory(standin: Standin) -> Iterator[Port]:
    before = standin.references()
    with lookup.file_name_lookup("/tmp", constants.O_READ) as port:
        yield port
    assert standin.references() == before


class TestPassive:
    def set(self, node: Port, record: bytes, flags: int = 0) -> None:
        fs.file_set_translator(node, constants.FS_TRANS_SET | flags, 0, 0, record, None)

    def test_set_read_and_removed(self, node: Port) -> None:
        with pytest.raises(HurdError, match="file_get_translator: Invalid argument"):
            fs.file_get_translator(node)
        self.set(node, HELLO)
        assert fs.file_get_translator(node) == HELLO
        assert io.io_stat(node).st_mode & constants.S_IPTRANS
        self.set(node, b"")
        assert not io.io_stat(node).st_mode & constants.S_IPTRANS

    def test_a_long_record_comes_in_memory_of_its_own(self, node: Port, standin: Standin) -> None:
        record = argz.pack(["/hurd/hello", "x" * 3000])
        self.set(node, record)
        assert fs.file_get_translator(node) == record
        assert standin.memory() == 0

    def test_exclusive(self, node: Port) -> None:
        self.set(node, HELLO, constants.FS_TRANS_EXCL)
        with pytest.raises(HurdError) as caught:
            self.set(node, HELLO, constants.FS_TRANS_EXCL)
        assert caught.value.errno == codes.EBUSY

    def test_the_last_word_must_end(self, node: Port) -> None:
        with pytest.raises(HurdError, match="Invalid argument"):
            self.set(node, b"/hurd/hello")

    def test_somebody_elses_node(self, node: Port, standin: Standin) -> None:
        standin.become(1000)
        with pytest.raises(HurdError, match="file_set_translator: Operation not permitted"):
            self.set(node, HELLO)

    def test_it_starts_when_somebody_comes_by(self, node: Port) -> None:
        self.set(node, HELLO)
        with lookup.file_name_lookup("/mnt", constants.O_READ) as contents:
            assert io.io_read(contents, -1, 100) == b"hi"
        assert io.io_stat(node).st_mode & constants.S_IATRANS
        with fs.file_get_translator_cntl(node) as control:
            assert fsys.fsys_get_options(control) == HELLO

    @pytest.mark.parametrize(
        ("program", "code"),
        [
            ("/hurd/nothing", codes.ENOENT),
            ("/etc/motd", codes.EACCES),
            ("/hurd/exits", codes.EDIED),
        ],
    )
    def test_one_that_cannot_start(self, node: Port, program: str, code: int) -> None:
        self.set(node, argz.pack([program]))
        with pytest.raises(HurdError) as caught:
            lookup.file_name_lookup("/mnt")
        assert caught.value.errno == code


class TestActive:
    def test_any_port_can_be_a_control_port(self, node: Port) -> None:
        with ReceiveRight.allocate() as right, right.make_send() as control:
            fs.file_set_translator(node, 0, constants.FS_TRANS_SET, 0, b"", control)
            with fs.file_get_translator_cntl(node) as found:
                assert found.name == control.name
            with pytest.raises(HurdError) as caught:
                flags = constants.FS_TRANS_SET | constants.FS_TRANS_EXCL
                fs.file_set_translator(node, 0, flags, 0, b"", control)
            assert caught.value.errno == codes.EBUSY
        # It is gone with its port.
        with pytest.raises(HurdError) as caught:
            fs.file_get_translator_cntl(node)
        assert caught.value.errno == codes.ENXIO

    def test_a_control_port_can_be_handed_over(self, node: Port) -> None:
        right = ReceiveRight.allocate()
        fs.file_set_translator(
            node, 0, constants.FS_TRANS_SET, 0, b"", right,
            disposition=constants.MACH_MSG_TYPE_MAKE_SEND,
        )  # fmt: skip
        right.close()

    def test_only_the_owner_may_have_the_control_port(self, node: Port, standin: Standin) -> None:
        standin.become(1000)
        with pytest.raises(HurdError, match="file_get_translator_cntl: Operation not permitted"):
            fs.file_get_translator_cntl(node)


class TestFileSystems:
    @pytest.fixture
    def tmpfs(self, node: Port) -> Iterator[Port]:
        record = argz.pack(["/hurd/tmpfs", "--size=2M", "none"])
        fs.file_set_translator(node, constants.FS_TRANS_SET, 0, 0, record, None)
        with (
            lookup.file_name_lookup("/mnt") as root,
            fs.file_getcontrol(root) as control,
        ):
            yield control

    def test_options(self, tmpfs: Port) -> None:
        with fsys.fsys_getroot(tmpfs, None, [0], [0], 0).file as root:
            assert io.io_stat(root).st_mode & constants.S_IROOT
        fsys.fsys_set_options(tmpfs, argz.pack(["--readonly"]), False)
        assert argz.unpack(fsys.fsys_get_options(tmpfs))[1] == "--readonly"
        with pytest.raises(HurdError) as caught:
            lookup.file_name_lookup("/mnt/new", constants.O_CREAT, 0o600)
        assert caught.value.errno == codes.EROFS
        with pytest.raises(HurdError, match="fsys_set_options: Invalid argument"):
            fsys.fsys_set_options(tmpfs, argz.pack(["--nonsense"]), False)

    def test_what_there_is_to_know(self, tmpfs: Port) -> None:
        assert fsys.fsys_get_source(tmpfs) == "none"
        fsys.fsys_syncfs(tmpfs, True, True)
        children = fsys.fsys_get_children(tmpfs)
        assert (children.names, children.controls) == (b"", [])
        with lookup.file_name_lookup("/") as root, fs.file_getcontrol(root) as control:
            children = fsys.fsys_get_children(control)
            assert argz.unpack(children.names) == ["mnt"]
            assert [port.name for port in children.controls] == [tmpfs.name]
            children.controls[0].close()

    def test_going_away(self, tmpfs: Port, node: Port) -> None:
        with lookup.file_name_lookup("/mnt"):
            with pytest.raises(HurdError) as caught:
                fsys.fsys_goaway(tmpfs, 0)
            assert caught.value.errno == codes.EBUSY
            fsys.fsys_goaway(tmpfs, constants.FSYS_GOAWAY_FORCE)
        with pytest.raises(HurdError) as caught:
            fsys.fsys_get_options(tmpfs)
        assert caught.value.errno == codes.MACH_SEND_INVALID_DEST

    def test_the_control_port_is_for_the_owner(self, standin: Standin) -> None:
        standin.become(1000)
        with lookup.file_name_lookup("/") as root:
            with pytest.raises(HurdError, match="file_getcontrol: Operation not permitted"):
                fs.file_getcontrol(root)
            assert argz.unpack(fs.file_get_fs_options(root))[0] == "/hurd/ext2fs"

    def test_a_port_that_is_no_control_port(self, node: Port) -> None:
        with pytest.raises(HurdError) as caught:
            fsys.fsys_get_options(node)
        assert caught.value.errno == codes.MIG_BAD_ID


class TestDirectories:
    def entries(self, directory: Port, start: int = 0, count: int = -1, size: int = 0) -> list[str]:
        found = fs.dir_readdir(directory, start, count, size)
        entries = fs.parse_entries(found.data)
        assert len(entries) == found.amount
        return [entry.name for entry in entries]

    def test_entries(self, directory: Port) -> None:
        for name in ("one", "two", "three\udcff"):
            fs.dir_mkdir(directory, name, 0o755)
        assert self.entries(directory) == ["three\udcff", "two", "one"]
        assert self.entries(directory, 1, 1) == ["two"]
        assert self.entries(directory, 0, -1, 20) == ["three\udcff"]
        entry = fs.parse_entries(fs.dir_readdir(directory, 0, 1, 0).data)[0]
        with fs.dir_lookup(directory, entry.name, 0, 0).result as found:
            assert io.io_stat(found).st_ino == entry.number
        assert entry.kind == 4  # DT_DIR

    def test_entries_of_a_large_directory(self, directory: Port, standin: Standin) -> None:
        for number in range(300):
            fs.dir_mkdir(directory, f"directory-{number}", 0o755)
        assert len(self.entries(directory)) == 300
        assert standin.memory() == 0

    @pytest.mark.parametrize("size", [1, 11, 15])
    def test_entries_that_are_cut_off(self, directory: Port, size: int) -> None:
        fs.dir_mkdir(directory, "name", 0o755)
        with pytest.raises(HurdError, match="dir_readdir: Input/output error"):
            fs.parse_entries(fs.dir_readdir(directory, 0, -1, 0).data[:size])

    def test_making_renaming_removing(self, directory: Port) -> None:
        with fs.dir_mkfile(directory, constants.O_WRITE, 0o600) as file:
            io.io_write(file, b"x" * 5000, -1)
            fs.dir_link(directory, file, "file", True)
            with pytest.raises(HurdError, match="dir_link: File exists"):
                fs.dir_link(directory, file, "file", True)
        fs.dir_mkdir(directory, "sub", 0o755)
        with fs.dir_lookup(directory, "sub", 0, 0).result as sub:
            fs.dir_rename(directory, "file", sub, "there", True)
            with fs.dir_lookup(sub, "there", constants.O_READ, 0).result as file:
                assert io.io_read(file, -1, 10000) == b"x" * 5000
            with pytest.raises(HurdError, match="dir_rmdir: Directory not empty"):
                fs.dir_rmdir(directory, "sub")
            fs.dir_unlink(sub, "there")
        fs.dir_rmdir(directory, "sub")
        with pytest.raises(HurdError, match="dir_unlink: No such file"):
            fs.dir_unlink(directory, "sub")

    def test_names_that_no_message_can_hold(self, directory: Port, standin: Standin) -> None:
        with pytest.raises(HurdError, match="dir_mkdir: File name too long"):
            fs.dir_mkdir(directory, "x" * 1024, 0)
        with pytest.raises(ValueError, match=r"dir_mkdir: embedded NUL in name='a\\x00b'"):
            fs.dir_mkdir(directory, "a\0b", 0)
        with pytest.raises(TypeError, match="dir_mkdir: name must be a string, not 3"):
            fs.dir_mkdir(directory, 3, 0)  # type: ignore[arg-type]
        assert standin.calls("dir_mkdir") == 0


class TestObjects:
    @pytest.fixture
    def file(self, standin: Standin) -> Iterator[Port]:
        before = standin.references()
        flags = constants.O_RDWR | constants.O_CREAT
        with lookup.file_name_lookup("/tmp/file", flags, 0o644) as port:
            yield port
        assert standin.references() == before

    def test_reading_and_writing(self, file: Port, standin: Standin) -> None:
        big = bytes(range(256)) * 100
        assert io.io_write(file, big, -1) == len(big)
        assert io.io_seek(file, 10, 0) == 10
        assert io.io_readable(file) == len(big) - 10
        assert io.io_read(file, -1, 5) == big[10:15]
        assert io.io_read(file, 0, 100000) == big
        assert io.io_read(file, len(big), 10) == b""
        assert io.io_write(file, b"", 0) == 0
        assert standin.memory() == 0
        fs.file_set_size(file, 3)
        assert io.io_stat(file).st_size == 3

    def test_without_the_right_to(self, standin: Standin) -> None:
        with lookup.file_name_lookup("/etc/motd") as file:
            with pytest.raises(HurdError, match="io_write: Bad file descriptor"):
                io.io_write(file, b"x", 0)
            with pytest.raises(HurdError, match="io_read: Bad file descriptor"):
                io.io_read(file, 0, 1)

    def test_attributes(self, file: Port) -> None:
        fs.file_chmod(file, 0o604)
        fs.file_chown(file, 12, -1)
        fs.file_chauthor(file, 13)
        fs.file_chflags(file, 0x7FFFFFFF)
        fs.file_utimens(file, Timespec(1 << 33, 5), Timespec(3, 999999999))
        found = io.io_stat(file)
        assert found.st_mode == 0o100604
        assert (found.st_uid, found.st_gid, found.st_author) == (12, 0, 13)
        assert found.st_atim == Timespec(1 << 33, 5)
        assert found.st_mtim == Timespec(3, 999999999)
        assert found.st_flags == 0x7FFFFFFF
        assert found.st_fsid == 0x1122334455667788
        fs.file_utimes(file, TimeValue(1, 2), TimeValue(3, 4))
        assert io.io_stat(file).st_mtim == Timespec(3, 4000)
        assert fs.file_statfs(file).f_blocks == 1 << 40

    def test_arguments_out_of_range_are_named(self, file: Port, standin: Standin) -> None:
        with pytest.raises(OverflowError, match="file_chmod: new_mode=4294967296 is not of u32"):
            fs.file_chmod(file, 1 << 32)
        with pytest.raises(TypeError, match="file_chmod: new_mode must be an integer, not 'x'"):
            fs.file_chmod(file, "x")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="file_utimens: new_atime must be a Timespec, not 3"):
            fs.file_utimens(file, 3, 4)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"file_chmod\(\) takes 2 positional arguments"):
            fs.file_chmod(file, 1, 2)  # type: ignore[call-arg]
        assert standin.calls("file_chmod") == 0

    def test_locks(self, file: Port) -> None:
        fs.file_lock(file, constants.LOCK_EX)
        with pytest.raises(HurdError) as caught:
            fs.file_lock(file, constants.LOCK_EX | constants.LOCK_NB)
        assert caught.value.errno == codes.EAGAIN
        assert fs.file_lock_stat(file).mystatus == constants.LOCK_EX
        fs.file_lock(file, constants.LOCK_UN)
        assert fs.file_lock_stat(file) == (constants.LOCK_UN, constants.LOCK_UN)

    def test_modes_of_the_open_file(self, file: Port) -> None:
        io.io_set_some_openmodes(file, constants.O_APPEND)
        assert io.io_get_openmodes(file) & constants.O_APPEND
        io.io_clear_some_openmodes(file, constants.O_APPEND)
        assert not io.io_get_openmodes(file) & constants.O_APPEND

    def test_who_it_is(self, file: Port) -> None:
        with lookup.file_name_lookup("/tmp/file") as again:
            one, two = io.io_identity(file), io.io_identity(again)
            assert one.idport.name == two.idport.name
            assert one.fileno == io.io_stat(again).st_ino
            for found in (one, two):
                found.idport.close()
                found.fsidport.close()
        with io.io_duplicate(file) as copy:
            assert io.io_stat(copy) == io.io_stat(file)
        assert io.io_server_version(file).server_name == "stand-in"
        access = constants.O_READ | constants.O_WRITE
        assert fs.file_check_access(file) & access == access
