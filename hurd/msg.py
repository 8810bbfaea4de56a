"""A process's message port: the routines of the Hurd's msg.defs.

The port comes from proc_getmsgport; libc's signal thread answers.  `refport` proves that one may
ask: normally the process's task port.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import MACH_MSG_TYPE_COPY_SEND
from hurd.results import Result
from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class WaitReport(Result):
    """ "" and 0 for a thread that waits for nothing."""

    wait_desc: str
    wait_rpc: int


@routine
def msg_sig_post(process: Port, signal: int, sigcode: int, refport: Port | None) -> None:
    """Send a signal; it is on its way when this returns."""


@routine
def msg_proc_newids(process: Port, task: Port | None, ppid: int, pgrp: int, orphaned: bool) -> None:
    """Tell the process its new ids."""


@routine
def msg_add_auth(process: Port, auth: Port | None) -> None:
    """Give the process the ids of `auth` in addition."""


@routine
def msg_del_auth(
    process: Port,
    task: Port | None,
    uids: Sequence[int],
    gids: Sequence[int],
) -> None:
    """Take ids from the process."""


@routine
def msg_get_init_port(process: Port, refport: Port | None, which: int) -> Port:
    """One of the ports that programs start with (INIT_PORT_…)."""


@routine
def msg_set_init_port(
    process: Port,
    refport: Port | None,
    which: int,
    port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Set one of these ports."""


@routine
def msg_get_init_ports(process: Port, refport: Port | None) -> list[Port]:
    """All of these ports."""


@routine
def msg_set_init_ports(
    process: Port,
    refport: Port | None,
    ports: Sequence[Port | None],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Set all of these ports."""


@routine
def msg_get_init_int(process: Port, refport: Port | None, which: int) -> int:
    """One of the integers that programs start with (INIT_UMASK, …)."""


@routine
def msg_set_init_int(process: Port, refport: Port | None, which: int, value: int) -> None:
    """Set one of these integers."""


@routine
def msg_get_init_ints(process: Port, refport: Port | None) -> list[int]:
    """All of these integers."""


@routine
def msg_set_init_ints(process: Port, refport: Port | None, values: Sequence[int]) -> None:
    """Set all of these integers."""


@routine
def msg_get_dtable(process: Port, refport: Port | None) -> list[Port]:
    """The ports behind the file descriptors."""


@routine
def msg_set_dtable(
    process: Port,
    refport: Port | None,
    dtable: Sequence[Port | None],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Set the ports behind the file descriptors."""


@routine
def msg_get_fd(process: Port, refport: Port | None, fd: int) -> Port:
    """The port behind a file descriptor."""


@routine
def msg_set_fd(
    process: Port,
    refport: Port | None,
    fd: int,
    port: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Set the port behind a file descriptor."""


@routine
def msg_get_environment(process: Port) -> bytes:
    """The environment as it is now, an argz."""


@routine
def msg_set_environment(process: Port, refport: Port | None, value: bytes) -> None:
    """Set the environment."""


@routine
def msg_get_env_variable(process: Port, variable: str) -> bytes:
    """One variable's value; ENOENT if it is not set."""


@routine
def msg_set_env_variable(
    process: Port,
    refport: Port | None,
    variable: str,
    value: str,
    replace: bool,
) -> None:
    """Set a variable, unless it is set and `replace` is false."""


@routine
def msg_sig_post_untraced(process: Port, signal: int, sigcode: int, refport: Port | None) -> None:
    """As msg_sig_post, also where a debugger would get the signal."""


@routine
def msg_report_wait(process: Port, thread: Port | None) -> WaitReport:
    """What a thread waits for: a word (of libc) and the number of the message it sent."""


@routine
def msg_describe_ports(process: Port, refport: Port | None, names: Sequence[int]) -> bytes:
    """What the process says its ports `names` are, an argz."""
