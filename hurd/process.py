"""Processes: the routines of the Hurd's process.defs but those of `hurd.process_groups`.

`process` is the caller's own port to the proc server (`hurd.lookup.getproc`) unless something else
is said; processes are told by pid, tasks by task port.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import (
    MACH_MSG_TYPE_COPY_SEND,
    MACH_MSG_TYPE_MAKE_SEND,
)
from hurd.lookup import PrivilegedPorts
from hurd.results import Result
from hurd.rpc import routine
from hurd.structures import Rusage, Utsname

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class ExecData(Result):
    """By INIT_PORT_… and INIT_…."""

    ports: list[Port]
    ints: list[int]


class Pids(Result):
    """`orphaned`: the process group is, as POSIX has it."""

    pid: int
    ppid: int
    orphaned: bool


class ArgLocations(Result):
    """Addresses."""

    argv: int
    envp: int


class Wait(Result):
    """`status` as of wait4(2); `pid_status` is the pid, 0 with WNOHANG and none."""

    status: int
    sigcode: int
    rusage: Rusage
    pid_status: int


class RawProcInfo(Result):
    """What of `flags` was provided, the words of a C structure, and an argz."""

    flags: int
    procinfo: list[int]
    threadwaits: bytes


class CodeRange(Result):
    """Addresses."""

    start_code: int
    end_code: int


@routine
def proc_getprivports(process: Port) -> PrivilegedPorts:
    """The host's privileged port and the device master port; EPERM unless root."""


@routine
def proc_getallpids(process: Port) -> list[int]:
    """The pids of all processes of the caller's task namespace."""


@routine
def proc_setexecdata(
    process: Port,
    ports: Sequence[Port | None],
    ints: Sequence[int],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """What every program starts with: ports and integers, for the exec server."""


@routine
def proc_getexecdata(process: Port) -> ExecData:
    """What proc_setexecdata set."""


@routine
def proc_execdata_notify(
    process: Port,
    notify: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Have exec_setexecdata sent to `notify` (a receive right) whenever it changes."""


@routine
def proc_uname(process: Port) -> Utsname:
    """What uname(2) tells."""


@routine
def proc_register_version(
    process: Port,
    credential: Port | None,
    name: str,
    release: str,
    version: str,
) -> None:
    """Add a server to what uname(2) tells; `credential` is the host's privileged port."""


@routine
def proc_reauthenticate(
    process: Port,
    rendezvous: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """First half of the handshake that makes the process another user's.

    The second is `auth_user_authenticate`; `proc_reauthenticate_complete` ends it.
    """


@routine
def proc_child(process: Port, child: Port | None) -> None:
    """Make `child`, a task, a child of this process."""


@routine
def proc_setmsgport(process: Port, newmsgport: Port | None) -> Port:
    """Set where signals go; the port before."""


@routine
def proc_reassign(process: Port, newtask: Port | None) -> None:
    """Let the process go on as the task `newtask`."""


@routine
def proc_setowner(process: Port, owner: int, clear: bool) -> None:
    """Set the user that may signal the process; nobody (but root) if `clear`."""


@routine
def proc_getpids(process: Port) -> Pids:
    """Who this process and its parent are."""


@routine
def proc_set_arg_locations(process: Port, argv: int, envp: int) -> None:
    """Say where in its memory the process has its arguments and its environment."""


@routine
def proc_get_arg_locations(process: Port) -> ArgLocations:
    """Where the process has them."""


@routine
def proc_getmsgport(process: Port, pid: int) -> Port:
    """Where the signals of `pid` go. Waits until the process has such a port."""


@routine
def proc_wait(process: Port, pid: int, options: int) -> Wait:
    """wait4(2) for children; `options` are WNOHANG, WUNTRACED, WCONTINUED.

    Prefer os.waitpid, which keeps libc informed.
    """


@routine
def proc_dostop(process: Port, contthread: Port | None) -> None:
    """Suspend all threads of the process but `contthread`."""


@routine
def proc_handle_exceptions(
    process: Port,
    msgport: Port | None,
    forwardport: Port | None,
    flavor: int,
    new_state: Sequence[int],
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> None:
    """Have the process's exceptions received on `msgport` turned into signals."""


@routine
def proc_mark_stop(process: Port, signo: int, sigcode: int) -> None:
    """Tell that the process stopped by a signal."""


@routine
def proc_mark_cont(process: Port) -> None:
    """Tell that the process goes on."""


@routine
def proc_mark_exit(process: Port, status: int, sigcode: int) -> None:
    """Tell with which status the process will have ended."""


@routine
def proc_mark_exec(process: Port) -> None:
    """Tell that the process has run exec."""


@routine
def proc_mark_traced(process: Port) -> None:
    """Tell that the process is being traced."""


@routine
def proc_mod_stopchild(process: Port, doit: bool) -> None:
    """Whether the parent gets SIGCHLD when a child stops."""


@routine
def proc_pid2task(process: Port, pid: int) -> Port:
    """The task of a process; EPERM for others than its owner and root."""


@routine
def proc_task2pid(process: Port, task: Port | None) -> int:
    """The pid of a task."""


@routine
def proc_task2proc(process: Port, task: Port | None) -> Port:
    """The proc port of a task's process."""


@routine
def proc_proc2task(process: Port) -> Port:
    """The task of this process."""


@routine
def proc_pid2proc(process: Port, pid: int) -> Port:
    """The proc port of a process; EPERM for others than its owner and root."""


@routine
def proc_getprocinfo(process: Port, which: int, flags: int) -> RawProcInfo:
    """About process `which`, as `flags` (PI_FETCH_…) ask.

    See `hurd.process_info`, which reads the words.
    """


@routine
def proc_getprocargs(process: Port, which: int) -> bytes:
    """The arguments of process `which`, an argz."""


@routine
def proc_getprocenv(process: Port, which: int) -> bytes:
    """The environment of process `which`, an argz."""


@routine
def proc_getnports(process: Port, which: int) -> int:
    """How many ports a process has names for."""


@routine
def proc_set_init_task(process: Port, task: Port | None) -> None:
    """Say which task is PID 1."""


@routine
def proc_mark_important(process: Port) -> None:
    """Keep the process out of shutdown's and group signals' way.

    For root and the children of startup; for good.
    """


@routine
def proc_is_important(process: Port) -> bool:
    """Whether the process is marked important."""


@routine
def proc_set_code(process: Port, start_code: int, end_code: int) -> None:
    """Say where in its memory the process has its code."""


@routine
def proc_get_code(process: Port) -> CodeRange:
    """Where the process has its code."""


@routine
def proc_make_task_namespace(
    process: Port,
    notify: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Give the process's descendants pids of their own; `notify` (a receive right) learns of new
    tasks.
    """


@routine
def proc_set_exe(process: Port, path: str) -> None:
    """Say which file the process runs."""


@routine
def proc_get_exe(process: Port, which: int) -> str:
    """Which file process `which` runs."""


@routine
def proc_set_entry(process: Port, entry: int) -> None:
    """Say where the program begins."""


@routine
def proc_get_entry(process: Port) -> int:
    """Where the program begins."""


@routine
def proc_waitid(process: Port, pid: int, options: int) -> Wait:
    """waitid(2) for children; `options` as for proc_wait, and WEXITED, WNOWAIT."""


@routine
def proc_reauthenticate_reassign(
    process: Port,
    rendezvous: Port | None,
    new_task: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """proc_reauthenticate and proc_reassign in one, for exec of programs that change user."""


@routine
def proc_reauthenticate_complete(process: Port) -> None:
    """Say that the handshake of proc_reauthenticate is over."""


@routine
def proc_getchildren_rusage(process: Port) -> Rusage:
    """What ended and waited-for children used."""
