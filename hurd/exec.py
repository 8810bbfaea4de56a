"""Running programs: the routines of the Hurd's exec.defs and exec_startup.defs.

File systems call these in the name of file_exec; to run a program use that.
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


class StartupInfo(Result):
    """Where the program and its stack are, and what it starts with."""

    user_entry: int
    phdr_data: int
    phdr_size: int
    stack_base: int
    stack_size: int
    flags: int
    argv: bytes
    envp: bytes
    dtable: list[Port]
    portarray: list[Port]
    intarray: list[int]


@routine
def exec_exec(
    execserver: Port,
    file: Port | None,
    oldtask: Port | None,
    flags: int,
    argv: bytes,
    envp: bytes,
    dtable: Sequence[Port | None],
    portarray: Sequence[Port | None],
    intarray: Sequence[int],
    deallocnames: Sequence[int],
    destroynames: Sequence[int],
    *,
    file_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    dtable_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    portarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Run `file` in `oldtask`."""


@routine
def exec_init(
    execserver: Port,
    auth_handle: Port | None,
    proc_server: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Tell the exec server where the auth and proc servers are."""


@routine
def exec_setexecdata(
    execserver: Port,
    ports: Sequence[Port | None],
    ints: Sequence[int],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Tell the exec server what programs start with; see proc_setexecdata."""


@routine
def exec_exec_paths(
    execserver: Port,
    file: Port | None,
    oldtask: Port | None,
    flags: int,
    path: str,
    abspath: str,
    argv: bytes,
    envp: bytes,
    dtable: Sequence[Port | None],
    portarray: Sequence[Port | None],
    intarray: Sequence[int],
    deallocnames: Sequence[int],
    destroynames: Sequence[int],
    *,
    file_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    dtable_disposition: int = MACH_MSG_TYPE_COPY_SEND,
    portarray_disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """As exec_exec, with the program's name as it was given and as an absolute path."""


@routine
def exec_startup_get_info(bootstrap: Port) -> StartupInfo:
    """What a new program asks its bootstrap port for."""
