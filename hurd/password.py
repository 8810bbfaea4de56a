"""Becoming somebody else by password: the routines of the Hurd's password.defs.

The server is at /servers/password.  It asks for no rights of its caller, not even root's, and this
is how su(1) works without a setuid bit.  Who asks makes no difference: see `password_check_user`
for what the server takes for right.
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
    """An auth port of the user and its groups, as available ids, if the password is right.

    EACCES if it is wrong; EINVAL where the account has none that crypt(3) could have made ("*").
    Where an account has an empty password any is right.  For a user without an account the
    server asks itself for root's password: if root has none, any is right and the identity is
    given; otherwise an assertion ends the server, which is MIG_SERVER_DIED.  (The Hurd's
    trans/password.c and libshouldbeinlibc/idvec-verify.c; seen in 0.9.git20250801.)
    """


@routine
def password_check_group(server: Port, group: int, pw: str) -> Port:
    """An auth port of the group, as an available id, if the password is right.

    Errors are those of `password_check_user`, and what it says of accounts goes for groups.
    """
