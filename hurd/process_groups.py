"""Logins, sessions and process groups: further routines of process.defs; see `hurd.process`."""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


@routine
def proc_make_login_coll(process: Port) -> None:
    """Begin a new login collection."""


@routine
def proc_getloginid(process: Port, pid: int) -> int:
    """The login collection of a process."""


@routine
def proc_getloginpids(process: Port, id: int) -> list[int]:
    """The processes of a login collection."""


@routine
def proc_setlogin(process: Port, logname: str) -> None:
    """Set the login name of the collection; root only."""


@routine
def proc_getlogin(process: Port) -> str:
    """The login name of the collection."""


@routine
def proc_setsid(process: Port) -> None:
    """Begin a new session and process group."""


@routine
def proc_getsid(process: Port, pid: int) -> int:
    """The session of a process."""


@routine
def proc_getsessionpgids(process: Port, sid: int) -> list[int]:
    """The process groups of a session."""


@routine
def proc_getsessionpids(process: Port, sid: int) -> list[int]:
    """The processes of a session."""


@routine
def proc_getsidport(process: Port) -> Port:
    """The port that stands for the session."""


@routine
def proc_setpgrp(process: Port, pid: int, pgrp: int) -> None:
    """Put a process into a process group."""


@routine
def proc_getpgrp(process: Port, pid: int) -> int:
    """The process group of a process."""


@routine
def proc_getpgrppids(process: Port, pgrp: int) -> list[int]:
    """The processes of a process group."""


@routine
def proc_get_tty(process: Port, target_process: int) -> Port:
    """The terminal of a process. The proc server does not implement it."""
