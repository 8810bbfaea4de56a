"""Becoming somebody else by password: the routines of the Hurd's password.defs.

The server is at /servers/password.  It needs no rights of the caller, which is how su(1) works
without a setuid bit.  A wrong password is EACCES.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


@routine
def password_check_user(server: Port, user: int, pw: str) -> Port:
    """An auth port of the user, if the password is right."""


@routine
def password_check_group(server: Port, group: int, pw: str) -> Port:
    """An auth port of the group, if the password is right."""
