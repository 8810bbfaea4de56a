"""Runs in the guest: nodes are made, changed, given translators, and removed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from guest_checks import check, node, plain, with_node

from hurd import argz, fs, io, lookup
from hurd import constants as c
from hurd.errors import HurdError
from hurd.ports import Port, ReceiveRight
from hurd.structures import Timespec


def changes() -> None:
    os.mkdir("/tmp/b")

    def inside(action: Callable[[Port], object]) -> Callable[[], object]:
        return with_node("/tmp/b", 0, action)

    check("mkdir", inside(lambda port: fs.dir_mkdir(port, "sub", 0o755)))
    check("mkdir again", inside(lambda port: fs.dir_mkdir(port, "sub", 0o755)))
    check("rmdir", inside(lambda port: fs.dir_rmdir(port, "sub")))
    check("mkfile", inside(made_file))
    check("written", lambda: open("/tmp/b/file").read())  # noqa: PTH123, SIM115
    check("rename", inside(lambda port: fs.dir_rename(port, "file", port, "other", True)))
    check("unlink missing", inside(lambda port: fs.dir_unlink(port, "file")))
    check("attributes", attributes)
    check("lock", with_node("/tmp/b/other", c.O_READ | c.O_WRITE, locked))
    check("truncate", with_node("/tmp/b/other", c.O_WRITE, truncated))
    check("modes", with_node("/tmp/b/other", c.O_WRITE, changed_modes))
    check("passive", with_node("/tmp/b/other", c.O_NOTRANS, passive))
    check("passive without NUL", with_node("/tmp/b/other", c.O_NOTRANS, lambda port:
        fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, b"/hurd/hello", None)
    ))  # fmt: skip
    check("control of own port", with_node("/tmp/b/other", c.O_NOTRANS, active))
    check("notice", noticed)
    check("openport", opened)
    check("unlink", inside(lambda port: fs.dir_unlink(port, "other")))


def made_file(directory: Port) -> object:
    with fs.dir_mkfile(directory, c.O_WRITE, 0o640) as made:
        count = io.io_write(made, b"by hand\n" * 1000, -1)
        fs.dir_link(directory, made, "file", True)
        return count


def attributes() -> object:
    with node("/tmp/b/other", c.O_NOTRANS) as port:
        fs.file_chmod(port, 0o604)
        fs.file_chown(port, 12, -1)
        fs.file_chauthor(port, 13)
        fs.file_utimens(port, Timespec(1000, 0), Timespec(2000, 0))
    found = os.stat("/tmp/b/other")
    with node("/tmp/b/other") as port:
        author = io.io_stat(port).st_author
    return [oct(found.st_mode), found.st_uid, author, found.st_atime, found.st_mtime]


def locked(port: Port) -> object:
    fs.file_lock(port, c.LOCK_EX | c.LOCK_NB)
    mine = fs.file_lock_stat(port)
    with node("/tmp/b/other", c.O_READ) as other:
        try:
            fs.file_lock(other, c.LOCK_SH | c.LOCK_NB)
            refused = ""
        except HurdError as error:
            refused = error.symbol
    fs.file_lock(port, c.LOCK_UN)
    return [plain(mine), refused]


def truncated(port: Port) -> object:
    fs.file_set_size(port, 5)
    return os.stat("/tmp/b/other").st_size


def changed_modes(port: Port) -> object:
    io.io_set_some_openmodes(port, c.O_APPEND)
    with_append = io.io_get_openmodes(port)
    io.io_clear_some_openmodes(port, c.O_APPEND)
    return [bool(with_append & c.O_APPEND), bool(io.io_get_openmodes(port) & c.O_APPEND)]


def passive(port: Port) -> object:
    record = argz.pack(["/hurd/hello", "--contents=" + "long " * 600])
    fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, record, None)
    read = fs.file_get_translator(port) == record
    try:
        fs.file_set_translator(port, c.FS_TRANS_SET | c.FS_TRANS_EXCL, 0, 0, record, None)
        second = ""
    except HurdError as error:
        second = error.symbol
    has = bool(io.io_stat(port).st_mode & c.S_IPTRANS)
    fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, b"", None)
    return [read, second, has, bool(io.io_stat(port).st_mode & c.S_IPTRANS)]


def active(port: Port) -> object:
    """A port of ours as the control port of a translator; it dies, and the node is bare again."""
    right = ReceiveRight.allocate()
    control = right.make_send()
    name = control.name
    fs.file_set_translator(
        port, 0, c.FS_TRANS_SET, 0, b"", control, disposition=c.MACH_MSG_TYPE_MOVE_SEND
    )
    gone = not control
    with fs.file_get_translator_cntl(port) as found:
        same = found.name == name == right.name
    right.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            fs.file_get_translator_cntl(port).close()
        except HurdError as error:
            return [gone, same, error.symbol]
        time.sleep(0.05)
    return [gone, same, "still there"]


def noticed() -> object:
    """The directory tells of a new file by a message (dir_changed, 20500 and up)."""
    with ReceiveRight.allocate() as right, node("/tmp/b") as directory:
        fs.dir_notice_changes(directory, right)
        found = []
        with right.receive(5000) as message:
            found.append([message.id, plain(message.items)])
            message.reply(0)
        with open("/tmp/b/new", "w"):  # noqa: PTH123
            pass
        with right.receive(5000) as message:
            found.append([message.id, plain(message.items)])
            message.reply(0)
    os.unlink("/tmp/b/new")
    return found


def opened() -> object:
    port = node("/tmp/b/other", c.O_READ)
    fd = lookup.openport(port, c.O_READ)
    try:
        with lookup.getdport(fd) as again:
            return [not port, os.fstat(fd).st_size, bool(again)]
    finally:
        os.close(fd)
