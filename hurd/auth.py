"""Who one is: the routines of the Hurd's auth.defs.

An auth port (`hurd.lookup.getauth`) stands for users and groups; a server learns who its client is
by a handshake in which both give the auth server the same rendezvous port.
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


class Ids(Result):
    """Users and groups: what counts now, and what can be made to count."""

    euids: list[int]
    auids: list[int]
    egids: list[int]
    agids: list[int]


@routine
def auth_getids(handle: Port) -> Ids:
    """Effective and available users and groups."""


@routine
def auth_makeauth(
    handle: Port,
    other_handles: Sequence[Port | None],
    euids: Sequence[int],
    auids: Sequence[int],
    egids: Sequence[int],
    agids: Sequence[int],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> Port:
    """An auth port for ids that the given ones have together (root: any)."""


@routine
def auth_user_authenticate(
    handle: Port,
    rendezvous: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> Port:
    """The client's half: the port that the server made for this user.

    `rendezvous` is the one it was told.
    """


@routine
def auth_server_authenticate(
    handle: Port,
    rendezvous: Port | None,
    newport: Port | None,
    *,
    rendezvous_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    newport_disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> Ids:
    """The server's half: who the client is. `newport` is what the client gets."""
