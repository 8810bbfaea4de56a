"""Runs in the guest: nodes, objects and file systems are looked at, and compared with `os`."""

from __future__ import annotations

import os
from collections.abc import Callable

from guest_checks import check, node, plain, with_node

from hurd import argz, fs, fsys, io, lookup, mach, term
from hurd import constants as c
from hurd.errors import HurdError
from hurd.ports import Port
from hurd.rpc.notation import routines
from hurd.structures import Timespec

PATHS = ("/", "/bin/bash", "/dev/null", "/tmp", "/servers/startup")


def symbols() -> list[str]:
    """Routines that the libraries of this system lack."""
    from hurd.rpc import library

    missing = []
    for routine in routines():
        if routine.library:
            try:
                library.function(routine.name, routine.library)
            except HurdError as error:
                missing.append(str(error))
    return missing


def stat_like_os(path: str) -> object:
    with node(path) as port:
        ours = io.io_stat(port)
    theirs = os.stat(path)
    pairs = {
        "ino": (ours.st_ino, theirs.st_ino),
        "mode": (ours.st_mode & 0o177777, theirs.st_mode & 0o177777),
        "nlink": (ours.st_nlink, theirs.st_nlink),
        "uid": (ours.st_uid, theirs.st_uid),
        "gid": (ours.st_gid, theirs.st_gid),
        "size": (ours.st_size, theirs.st_size),
        "atime": (ours.st_atim.tv_sec * 10**9 + ours.st_atim.tv_nsec, theirs.st_atime_ns),
        "mtime": (ours.st_mtim.tv_sec * 10**9 + ours.st_mtim.tv_nsec, theirs.st_mtime_ns),
        "ctime": (ours.st_ctim.tv_sec * 10**9 + ours.st_ctim.tv_nsec, theirs.st_ctime_ns),
        "blksize": (ours.st_blksize, theirs.st_blksize),
        "blocks": (ours.st_blocks, theirs.st_blocks),
        "rdev": (ours.st_rdev, theirs.st_rdev),
        "dev": (ours.st_fsid, theirs.st_dev),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def statfs_like_os() -> object:
    with node("/") as port:
        ours = fs.file_statfs(port)
    theirs = os.statvfs("/")
    return {
        name: [getattr(ours, name), getattr(theirs, name)]
        for name in ("f_bsize", "f_blocks", "f_frsize", "f_files")
        if getattr(ours, name) != getattr(theirs, name)
    }


def tree() -> None:
    check("missing symbols", symbols)
    check("stat", lambda: [stat_like_os(path) for path in PATHS])
    check("statfs", statfs_like_os)
    entries = with_node(
        "/", c.O_READ, lambda port: sorted(
            entry.name for entry in fs.parse_entries(fs.dir_readdir(port, 0, -1, 0).data)
        )
    )  # fmt: skip
    check("readdir", lambda: [entries(), sorted([".", "..", *os.listdir("/")])])
    check("numbers", lambda: [[e.number for e in fs.parse_entries(with_data())], numbers_by_os()])
    check("lookup", with_node("/", 0, lambda port: fs.dir_lookup(port, "bin/bash", c.O_READ, 0)))
    check("lookup missing", with_node("/", 0, lambda port: fs.dir_lookup(port, "nowhere", 0, 0)))
    check("name missing", lambda: node("/nowhere/at/all"))
    check("name no directory", lambda: node("/bin/bash/x"))
    check("name long", with_node("/", 0, lambda port: fs.dir_lookup(port, "x" * 1024, 0, 0)))
    check("split", lambda: lookup.file_name_split("/bin/bash"))
    check("split slash", lambda: lookup.directory_name_split("/bin/"))
    check("path", lambda: lookup.file_name_path_lookup("bash", "/nowhere:/bin", c.O_EXEC))
    check("path missing", lambda: lookup.file_name_path_lookup("nothing", "/bin", c.O_EXEC))
    check("under", with_node("/bin", 0, lambda port: lookup.file_name_lookup_under(port, "bash")))
    check("access", with_node("/bin/bash", 0, fs.file_check_access))
    check("fs options", with_node("/", 0, fs.file_get_fs_options))
    check("storage", with_node("/bin/bash", c.O_READ, fs.file_get_storage_info))
    check("handle", with_node("/bin/bash", 0, lambda port: len(fs.file_getfh(port))))
    check("translator of null", with_node("/dev/null", c.O_NOTRANS, fs.file_get_translator))
    check("translator of none", with_node("/bin", c.O_NOTRANS, fs.file_get_translator))
    check("active of none", with_node("/bin", c.O_NOTRANS, fs.file_get_translator_cntl))
    check("mode of null", with_node("/dev/null", c.O_NOTRANS, lambda p: oct(io.io_stat(p).st_mode)))
    check("link node", with_node("/bin/bash", 0, fs.file_getlinknode))
    check("lock stat", with_node("/bin/bash", c.O_READ, fs.file_lock_stat))
    check("sync", with_node("/bin/bash", 0, lambda port: fs.file_sync(port, True, False)))
    check("syncfs", with_node("/", 0, lambda port: fs.file_syncfs(port, True, False)))


def with_data() -> bytes:
    with node("/", c.O_READ) as port:
        return fs.dir_readdir(port, 0, -1, 0).data


def numbers_by_os() -> list[int]:
    found = {entry.name: entry.inode() for entry in os.scandir("/")}
    names = [entry.name for entry in fs.parse_entries(with_data())]
    return [found.get(name, os.stat("/").st_ino) for name in names]


def objects() -> None:
    check("read", with_node("/bin/bash", c.O_READ, lambda port: io.io_read(port, 0, 4)))
    large = with_node("/bin/bash", c.O_READ, lambda port: len(io.io_read(port, 0, 300000)))
    check("read much", large)
    check("read the same", lambda: with_node("/bin/bash", c.O_READ, whole)() == os_read())
    check("seek", with_node("/bin/bash", c.O_READ, lambda port: io.io_seek(port, 7, 0)))
    check("readable", with_node("/bin/bash", c.O_READ, lambda p: io.io_readable(p) > 1000))
    check("openmodes", with_node("/bin/bash", c.O_READ, io.io_get_openmodes))
    check("version", with_node("/", 0, io.io_server_version))
    check("identity", with_node("/", 0, lambda port: io.io_identity(port).fileno))
    check("same node", same_node)
    check("duplicate", with_node("/", 0, io.io_duplicate))
    check("restrict", with_node("/", 0, lambda port: io.io_restrict_auth(port, [0], [0])))
    check("pathconf", with_node("/", 0, lambda port: io.io_pathconf(port, 0)))
    select = c.SELECT_READ | c.SELECT_WRITE
    check("select", with_node("/bin/bash", c.O_READ, lambda port: select_now(port, select)))
    check(
        "select timeout", with_node("/bin/bash", c.O_READ, lambda port: select_wait(port, select))
    )
    check("map", with_node("/bin/bash", c.O_READ, io.io_map))
    check("write only", with_node("/bin/bash", 0, lambda port: io.io_write(port, b"x", 0)))
    check("owner", with_node("/bin/bash", c.O_READ, io.io_get_owner))
    check("of a terminal", with_node("/dev/console", c.O_READ, term.term_get_bottom_type))
    check("terminal name", with_node("/dev/console", c.O_READ, term.term_get_nodename))
    check("no terminal", with_node("/bin/bash", 0, term.term_get_nodename))


def whole(port: Port) -> bytes:
    return io.io_read(port, 100, 5000)


def os_read() -> str:
    with open("/bin/bash", "rb") as file:  # noqa: PTH123
        file.seek(100)
        return str(plain(file.read(5000)))


def same_node() -> object:
    with node("/") as one, node("/bin/..") as two, node("/bin") as other:
        ids = [io.io_identity(port) for port in (one, two, other)]
        same = [ids[0].idport.name == found.idport.name for found in ids]
        systems = [ids[0].fsidport.name == found.fsidport.name for found in ids]
        for found in ids:
            plain(found)
        return [same, systems]


def select_now(port: Port, kinds: int) -> int:
    with mach.mach_reply_port() as reply:
        return io.io_select(port, reply, 100, kinds)


def select_wait(port: Port, kinds: int) -> int:
    with mach.mach_reply_port() as reply:
        return io.io_select_timeout(port, reply, Timespec(2000000000, 0), kinds)


def systems() -> None:
    def control(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with node("/") as root, fs.file_getcontrol(root) as port:
                return plain(action(port))

        return run

    check("control options", control(lambda port: argz.unpack(fsys.fsys_get_options(port))))
    check("control children", control(fsys.fsys_get_children))
    check("control source", control(fsys.fsys_get_source))
    check("control sync", control(lambda port: fsys.fsys_syncfs(port, True, False)))
    check("control privileges", control(fsys.fsys_getpriv))
    check("control root", control(
        lambda port: fsys.fsys_getroot(port, None, [0], [0], c.O_READ)
    ))  # fmt: skip
    check("control wrong option", control(
        lambda port: fsys.fsys_set_options(port, b"--no-such-option\0", False)
    ))  # fmt: skip
    check("control file", control(file_of_handle))


def file_of_handle(port: Port) -> object:
    with node("/bin/bash") as bash:
        handle = fs.file_getfh(bash)
        number = io.io_stat(bash).st_ino
    with fsys.fsys_getfile(port, [0], [0], handle) as found:
        return io.io_stat(found).st_ino == number
