"""File systems as a whole: the routines of the Hurd's fsys.defs, for a translator's control port.

A control port comes from file_getcontrol, file_get_translator_cntl or, in the start-up of a
translator, from its fsys_startup message.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND
from hurd.results import Result
from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class Root(Result):
    """As `hurd.fs.Lookup`."""

    do_retry: int
    retry_name: str
    file: Port


class Privileges(Result):
    """The host's privileged port, the device master port and the file system's task."""

    host_priv: Port
    device_master: Port
    fstask: Port


class Children(Result):
    """An argz of names relative to the root, and as many control ports."""

    names: bytes
    controls: list[Port]


@routine
def fsys_startup(
    bootstrap: Port,
    openflags: int,
    control_port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> Port:
    """What a translator says to its bootstrap port; the node it sits on, opened so."""


@routine
def fsys_goaway(fsys: Port, flags: int) -> None:
    """Ask the translator to exit.

    EBUSY: in use, and no FSYS_GOAWAY_FORCE. A translator may exit before it answers:
    MIG_SERVER_DIED is success.
    """


@routine
def fsys_getroot(
    fsys: Port,
    dotdot_node: Port | None,
    gen_uids: Sequence[int],
    gen_gids: Sequence[int],
    flags: int,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> Root:
    """The root node, opened for a user and groups. `dotdot_node` becomes its ".."."""


@routine
def fsys_getfile(
    fsys: Port,
    gen_uids: Sequence[int],
    gen_gids: Sequence[int],
    filehandle: bytes,
) -> Port:
    """The node of a handle of file_getfh, opened for users and groups."""


@routine
def fsys_syncfs(fsys: Port, wait: bool, do_children: bool) -> None:
    """Write everything to the disk; wait for it if `wait`."""


@routine
def fsys_set_options(fsys: Port, options: bytes, do_children: bool) -> None:
    """Change the options: an argz without the program's name."""


@routine
def fsys_getpriv(fsys: Port) -> Privileges:
    """The ports that the file system the machine booted from has to give."""


@routine
def fsys_init(
    fsys: Port,
    proc_server: Port | None,
    auth_handle: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Tell the file system the machine booted from where the proc and auth servers are."""


@routine
def fsys_forward(
    fsys: Port,
    requestor: Port | None,
    argv: bytes,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Ask a server to be a translator for somebody else."""


@routine
def fsys_get_options(fsys: Port) -> bytes:
    """The options as an argz, beginning with the program's name."""


@routine
def fsys_get_children(fsys: Port) -> Children:
    """The names (an argz) and control ports of the translators on this file system's nodes."""


@routine
def fsys_get_source(fsys: Port) -> str:
    """What the file system is made of, as mount(8) shows it: a device, "none"."""
