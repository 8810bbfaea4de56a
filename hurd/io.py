"""Objects that can be read, written and asked about: the routines of the Hurd's io.defs.

Every port of a node answers these, and so do sockets and terminals.  Offsets are bytes; -1 means
the object's own file pointer.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import MACH_MSG_TYPE_MAKE_SEND
from hurd.results import Result
from hurd.rpc import routine
from hurd.structures import Stat, Timespec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class ServerVersion(Result):
    """A name such as "ext2fs" and three numbers."""

    server_name: str
    server_major_version: int
    server_minor_version: int
    server_edit_level: int


class Mapping(Result):
    """Either may be null; both are the same port where they can be."""

    memobjrd: Port
    memobjwt: Port


class Identity(Result):
    """Compare the ports by name; the number is that of stat."""

    idport: Port
    fsidport: Port
    fileno: int


@routine
def io_write(io_object: Port, data: bytes, offset: int) -> int:
    """Write; the number of bytes taken, which may be fewer."""


@routine
def io_read(io_object: Port, offset: int, amount: int) -> bytes:
    """Up to `amount` bytes; b"" at the end."""


@routine
def io_seek(io_object: Port, offset: int, whence: int) -> int:
    """Move the file pointer as lseek(2) does; where it then is."""


@routine
def io_readable(io_object: Port) -> int:
    """How many bytes can be read without waiting."""


@routine
def io_set_all_openmodes(io_object: Port, newbits: int) -> None:
    """Set O_APPEND, O_ASYNC, O_FSYNC, O_NONBLOCK, O_NOATIME to those in `newbits`."""


@routine
def io_get_openmodes(io_object: Port) -> int:
    """The modes it was opened with and those set since."""


@routine
def io_set_some_openmodes(io_object: Port, bits_to_set: int) -> None:
    """Set these modes."""


@routine
def io_clear_some_openmodes(io_object: Port, bits_to_clear: int) -> None:
    """Clear these modes."""


@routine
def io_async(
    io_object: Port,
    notify_port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> Port:
    """Have SIGIO messages sent to `notify_port`, a receive right; what identifies them."""


@routine
def io_mod_owner(io_object: Port, owner: int) -> None:
    """Say which process (or, negative, group) gets SIGIO and SIGURG."""


@routine
def io_get_owner(io_object: Port) -> int:
    """Which process or group gets SIGIO and SIGURG."""


@routine
def io_get_icky_async_id(io_object: Port) -> Port:
    """The port that identifies messages about this object."""


@routine
def io_select(io_object: Port, reply: Port | None, timeout: int, select_type: int) -> int:
    """Wait until one of SELECT_READ, SELECT_WRITE, SELECT_URG is possible; which are.

    `timeout` in milliseconds.
    """


@routine
def io_stat(io_object: Port) -> Stat:
    """What stat(2) tells, and the translator bits."""


@routine
def io_reauthenticate(
    io_object: Port,
    rendezvous2: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """First half of the handshake that opens the object again for another user; see
    auth_user_authenticate.
    """


@routine
def io_restrict_auth(io_object: Port, uids: Sequence[int], gids: Sequence[int]) -> Port:
    """A port to the same object for the given users and groups, of those this one has."""


@routine
def io_duplicate(io_object: Port) -> Port:
    """A port to the same open file."""


@routine
def io_server_version(io_object: Port) -> ServerVersion:
    """Name and version of the server."""


@routine
def io_map(io_object: Port) -> Mapping:
    """Memory objects for reading and for writing."""


@routine
def io_map_cntl(io_object: Port) -> Port:
    """The memory object of the page shared with the server."""


@routine
def io_get_conch(io_object: Port) -> None:
    """Get the right to use the shared page."""


@routine
def io_release_conch(io_object: Port) -> None:
    """Give up the right to use the shared page."""


@routine
def io_eofnotify(io_object: Port) -> None:
    """Tell the server that the end was reached in the shared page."""


@routine
def io_prenotify(io_object: Port, write_start: int, write_end: int) -> None:
    """Announce a write into the shared page."""


@routine
def io_postnotify(io_object: Port, write_start: int, write_end: int) -> None:
    """Tell of a write into the shared page."""


@routine
def io_readnotify(io_object: Port) -> None:
    """Ask for more data in the shared page."""


@routine
def io_readsleep(io_object: Port) -> None:
    """Wait for data in the shared page."""


@routine
def io_sigio(io_object: Port) -> None:
    """Have SIGIO sent, as the shared page asked."""


@routine
def io_pathconf(io_object: Port, name: int) -> int:
    """What pathconf(3) tells of `name`; -1 without a limit."""


@routine
def io_identity(io_object: Port) -> Identity:
    """What tells whether two ports are of the same node, or of the same file system."""


@routine
def io_revoke(io_object: Port) -> None:
    """Make every other open port to this node useless."""


@routine
def io_select_timeout(
    io_object: Port,
    reply: Port | None,
    timeout: Timespec,
    select_type: int,
) -> int:
    """As io_select, with the time as seconds and nanoseconds."""
