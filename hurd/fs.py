"""Nodes of the file system: the routines of the Hurd's fs.defs.

Each function is one routine; the port says which node, directory or file.  To change or read a
node's translator the port must come from a lookup with O_NOTRANS, otherwise the translator's own
root node is asked.  What fails raises HurdError with the server's code.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.codes import EIO
from hurd.constants import MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND
from hurd.errors import HurdError
from hurd.results import Result
from hurd.rpc import routine
from hurd.structures import Flock, Statfs, Timespec, TimeValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class LockStat(Result):
    """LOCK_SH, LOCK_EX or LOCK_UN each."""

    mystatus: int
    otherstatus: int


class StorageInfo(Result):
    """What libstore's store_decode takes."""

    ports: list[Port]
    ints: list[int]
    offsets: list[int]
    data: bytes


class Lookup(Result):
    """FS_RETRY_…, what is left of the name, and the port to go on from (or the node itself)."""

    do_retry: int
    retry_name: str
    result: Port


class Directory(Result):
    """Entries as the server packs them, and how many."""

    data: bytes
    amount: int


@routine
def file_exec(
    file: Port,
    task: Port | None,
    flags: int,
    argv: bytes,
    envp: bytes,
    fdarray: Sequence[Port | None],
    portarray: Sequence[Port | None],
    intarray: Sequence[int],
    deallocnames: Sequence[int],
    destroynames: Sequence[int],
    *,
    fdarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    portarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Run the program `file` in `task`. The vectors are argz; every array may be empty."""


@routine
def file_chown(file: Port, new_owner: int, new_group: int) -> None:
    """Change owner and group; -1 leaves one as it is."""


@routine
def file_chauthor(file: Port, new_author: int) -> None:
    """Change the author."""


@routine
def file_chmod(file: Port, new_mode: int) -> None:
    """Change the permission bits."""


@routine
def file_chflags(file: Port, new_flags: int) -> None:
    """Change the flags (UF_…, SF_… of chflags)."""


@routine
def file_utimes(file: Port, new_atime: TimeValue, new_mtime: TimeValue) -> None:
    """Set the times of access and modification."""


@routine
def file_set_size(file: Port, new_size: int) -> None:
    """Truncate or extend the file to `new_size` bytes."""


@routine
def file_lock(file: Port, flags: int) -> None:
    """Lock the file as flock(2) does: LOCK_SH, LOCK_EX, LOCK_UN, or'ed with LOCK_NB."""


@routine
def file_lock_stat(file: Port) -> LockStat:
    """How this open and the others lock the file (LOCK_SH, LOCK_EX, LOCK_UN)."""


@routine
def file_check_access(file: Port) -> int:
    """What this user may do: O_READ, O_WRITE, O_EXEC or'ed."""


@routine
def file_notice_changes(
    file: Port,
    port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Have file_changed messages sent to `port` (a receive right) when the contents change."""


@routine
def file_getcontrol(file: Port) -> Port:
    """The control port of the file system; EPERM unless this user owns it."""


@routine
def file_statfs(file: Port) -> Statfs:
    """Sizes of the file system."""


@routine
def file_sync(file: Port, wait: bool, omit_metadata: bool) -> None:
    """Write the file to its disk; wait for it if `wait`."""


@routine
def file_syncfs(file: Port, wait: bool, do_children: bool) -> None:
    """Write the whole file system to its disk, and those of its translators if `do_children`."""


@routine
def file_get_storage_info(file: Port) -> StorageInfo:
    """Where the file's data is stored, as libstore encodes it."""


@routine
def file_getlinknode(file: Port) -> Port:
    """A node that dir_link can link, even without a name."""


@routine
def file_getfh(file: Port) -> bytes:
    """A handle that fsys_getfile makes a node of again."""


@routine
def dir_lookup(directory: Port, file_name: str, flags: int, mode: int) -> Lookup:
    """One step of looking up `file_name`.

    `do_retry` says how to go on with `retry_name` at `result`.
    """


@routine
def dir_readdir(directory: Port, entry: int, nentries: int, bufsiz: int) -> Directory:
    """Entries from number `entry` on, for `parse_entries`.

    At most `nentries` (-1: all) and `bufsiz` bytes of them (0: no limit).
    """


@routine
def dir_mkdir(directory: Port, name: str, mode: int) -> None:
    """Make a directory."""


@routine
def dir_rmdir(directory: Port, name: str) -> None:
    """Remove an empty directory."""


@routine
def dir_unlink(directory: Port, name: str) -> None:
    """Remove a name that is no directory's."""


@routine
def dir_link(directory: Port, file: Port | None, name: str, excl: bool) -> None:
    """Give `file` the name `name` in the directory; replace what has it, unless `excl` (EEXIST)."""


@routine
def dir_rename(
    directory: Port,
    oldname: str,
    newdirectory: Port | None,
    newname: str,
    excl: bool,
) -> None:
    """Rename, also across directories of a file system; `excl` as for dir_link."""


@routine
def dir_mkfile(directory: Port, flags: int, mode: int) -> Port:
    """A new file without a name, opened with `flags`; it vanishes with its last port unless it is
    linked.
    """


@routine
def dir_notice_changes(
    directory: Port,
    port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Have dir_changed messages sent to `port` (a receive right) when the entries change."""


@routine
def file_set_translator(
    file: Port,
    passive_flags: int,
    active_flags: int,
    oldtrans_flags: int,
    passive: bytes,
    active: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Set or remove the passive record, the active translator, or both.

    The record is an argz, b"" to remove it; the translator is its control port, None to remove it.
    What has no FS_TRANS_SET in its flags is left alone.  `oldtrans_flags` (FSYS_GOAWAY_…) say how
    the old active translator is told to go.  EBUSY: FS_TRANS_EXCL and there is one, or in use.
    """


@routine
def file_get_translator(file: Port) -> bytes:
    """The passive record, an argz; EINVAL if there is none.

    Links and devices have one made up for them.
    """


@routine
def file_get_translator_cntl(file: Port) -> Port:
    """The control port of the active translator; ENXIO if there is none, EPERM for others than the
    owner.
    """


@routine
def file_get_fs_options(file: Port) -> bytes:
    """The options of the file system, an argz."""


@routine
def file_reparent(file: Port, parent: Port | None) -> Port:
    """The directory `file` as seen with `parent` as its ".."."""


@routine
def file_exec_paths(
    file: Port,
    task: Port | None,
    flags: int,
    path: str,
    abspath: str,
    argv: bytes,
    envp: bytes,
    fdarray: Sequence[Port | None],
    portarray: Sequence[Port | None],
    intarray: Sequence[int],
    deallocnames: Sequence[int],
    destroynames: Sequence[int],
    *,
    fdarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    portarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """As file_exec, with the program's name as it was given and as an absolute path."""


@routine
def file_utimens(file: Port, new_atime: Timespec, new_mtime: Timespec) -> None:
    """Set the times of access and modification."""


@routine
def file_record_lock(
    file: Port,
    cmd: int,
    flock64: Flock,
    rendezvous: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> Flock:
    """fcntl's record locks: `cmd` is F_GETLK64, F_SETLK64 or F_SETLKW64; the lock as it then is."""


class Entry(Result):
    """One name in a directory; `kind` is a DT_… number of dirent.h."""

    number: int
    kind: int
    name: str


def parse_entries(data: bytes) -> list[Entry]:
    """The entries that `dir_readdir` returned: glibc's struct dirent64, one after the other.

    HurdError(EIO) if they are cut off.
    """
    entries = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 10], "little")
        if length < 12 or at + length > len(data):
            raise HurdError(EIO, "dir_readdir")
        number = int.from_bytes(data[at : at + 8], "little")
        name = data[at + 12 : at + 12 + data[at + 11]]
        entries.append(Entry(number, data[at + 10], name.decode("utf-8", "surrogateescape")))
        at += length
    return entries
