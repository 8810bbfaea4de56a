"""Users and groups: names and numbers to what a child process is to become.

Everything is looked up before a process is created, so an unknown name is an ordinary error and no
name service is asked between fork and exec.
"""

from __future__ import annotations

import errno
import os

from hurd.system.base import SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Credentials:
    """What to set in the child, in this order: groups, gid, uid; None leaves it alone."""

    __slots__ = ("gid", "groups", "uid")

    def __init__(self, uid: int | None, gid: int | None, groups: list[int] | None) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups


def group_id(group: str | int) -> int:
    """The gid of a group given by name or number; `SpawnError("group")` if there is no such."""
    if isinstance(group, int):
        return group
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise SpawnError("group", errno.ENOENT, group, "no such group") from None


def resolve(
    user: str | int | None,
    group: str | int | None,
    supplementary: Sequence[str | int],
) -> Credentials:
    """What `user`, `group` and `supplementary` ask of the child.

    A group brings exactly the supplementary groups given, as in the GNU Shepherd.  A user without a
    group also brings the groups of that user, which the Shepherd forgets (it leaves root's).  A uid
    without an account has none, and is refused without a group: it would keep ours.  An
    unprivileged daemon asked for the user it already is has nothing to do.
    """
    if user is None and group is None:
        return Credentials(None, None, None)
    groups = [group_id(g) for g in supplementary]
    gid = None if group is None else group_id(group)
    if user is None:
        return Credentials(None, gid, groups)
    import pwd

    entry = None
    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
        uid = entry.pw_uid
    except KeyError:
        if isinstance(user, str):
            raise SpawnError("user", errno.ENOENT, user, "no such user") from None
        uid = user
    if gid is not None:
        return Credentials(uid, gid, groups)
    if uid == os.geteuid() == os.getuid() != 0 and not groups:
        return Credentials(None, None, None)
    if entry is None:
        reason = "it has no account, so a group has to be given, too"
        raise SpawnError("user", errno.ENOENT, str(user), reason)
    own = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Credentials(uid, entry.pw_gid, own + [g for g in groups if g not in own])
