"""The operating-system interface that the rest of drover is written against.

`System` states every call in the terms of the standard library; `posix`, `linux` and `hurd` fill it
and `fake` stands in for it in tests. What a kernel does not offer raises `NotImplementedError` with
the name of the call, unless the call's description gives a weaker answer for that case.
"""

from __future__ import annotations

import os

from hurd.system.machine import Machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from hurd.system.containment import Containment, ControlGroups


class SpawnSpec:
    """How to start one program: everything the child differs in from its parent.

    `environment` is complete (nothing is inherited); `stdin`, `stdout` and `stderr` are descriptors
    of the parent or None for /dev/null; `extra_descriptors` become 3, 4, … of the child, which has
    no others (None leaves a number out).  `pid_variables` are names of environment variables that
    are set to the child's process id.  `directory` and `umask` are the parent's when None.  `user`,
    `group` and `supplementary_groups` are names or numbers.  A limit is `(name, soft, hard)` with
    the name as in `RLIMIT_NAME`, in lower case, and None for "unlimited".  `tty` is a descriptor of
    a terminal that becomes the controlling one (needs `create_session`).  `control_group` is what
    `Containment.entrance` returned; `control_group_error` is set by `spawn`, to the errno if the
    process runs outside of it and to 0 otherwise.
    """

    __slots__ = (
        "command",
        "control_group",
        "control_group_error",
        "create_session",
        "directory",
        "environment",
        "extra_descriptors",
        "group",
        "pid_variables",
        "resource_limits",
        "stderr",
        "stdin",
        "stdout",
        "supplementary_groups",
        "tty",
        "umask",
        "user",
    )

    def __init__(
        self,
        command: list[str],
        environment: list[str],
        *,
        directory: str | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        extra_descriptors: Sequence[int | None] = (),
        create_session: bool = True,
        user: str | int | None = None,
        group: str | int | None = None,
        supplementary_groups: Sequence[str | int] = (),
        umask: int | None = None,
        resource_limits: Sequence[tuple[str, int | None, int | None]] = (),
        pid_variables: Sequence[str] = (),
        tty: int | None = None,
        control_group: str | None = None,
    ) -> None:
        self.command = command
        self.environment = environment
        self.directory = directory
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.extra_descriptors = extra_descriptors
        self.create_session = create_session
        self.user = user
        self.group = group
        self.supplementary_groups = supplementary_groups
        self.umask = umask
        self.resource_limits = resource_limits
        self.pid_variables = pid_variables
        self.tty = tty
        self.control_group = control_group
        self.control_group_error = 0


_MESSAGES = {
    "exec": 'exec of "{}" failed',
    "chdir": 'failed to change to directory "{}"',
    "user": 'failed to change to user "{}"',
    "group": 'failed to change to group "{}"',
    "rlimit": "failed to set resource limit {}",
    "setsid": "failed to create a session",
    "tty": "failed to take the controlling terminal {}",
    "descriptors": 'failed to set up the descriptors of "{}"',
    "fork": 'failed to create a process for "{}"',
}


class SpawnError(OSError):
    """A program could not be started, and nothing of it is left.

    `step` is one of "exec", "chdir", "user", "group", "rlimit", "setsid", "tty", "descriptors",
    "fork"; `detail` the command, directory, user … concerned; `errno` and `strerror` the reason.
    """

    def __init__(self, step: str, errno: int, detail: str, reason: str | None = None) -> None:
        super().__init__(errno, os.strerror(errno) if reason is None else reason)
        self.step = step
        self.detail = detail

    def __reduce__(self) -> tuple[type[SpawnError], tuple[str, int | None, str, str]]:
        return type(self), (self.step, self.errno, self.detail, self.strerror or "")

    def __str__(self) -> str:
        return f"{_MESSAGES[self.step].format(self.detail)}: {self.strerror}"


class RebootError(OSError):
    """The kernel refused; `operation` is the name of its constant, such as "RB_POWER_OFF"."""

    def __init__(self, errno: int, operation: str) -> None:
        super().__init__(errno, os.strerror(errno))
        self.operation = operation


class Process:
    """A line of the process table.

    `state` is a letter as in ps(1), "Z" for dead and not yet waited for; `started` is opaque and
    tells apart two processes that had the same number one after the other.
    """

    __slots__ = ("group", "parent", "pid", "session", "started", "state")

    def __init__(
        self, pid: int, parent: int, group: int, session: int, state: str, started: str
    ) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.state = state
        self.started = started


class FileWatch:
    """Tells whether a path still names the file it named when the watch began.

    `fileno()` becomes readable when that may have changed; `changed()` then finds out, and takes
    the notifications off the descriptor.
    """

    def fileno(self) -> int:
        raise NotImplementedError("fileno")

    def changed(self) -> bool:
        raise NotImplementedError("changed")

    def close(self) -> None:
        raise NotImplementedError("close")


class System(Machine):
    """One kernel and its C library, as drover sees it."""

    name = "none"

    # Processes

    def spawn(self, spec: SpawnSpec) -> int:
        """Start a program, return its process id; raises `SpawnError`, leaving nothing behind.

        When it returns, the program has been executed: no step of it failed.  Signals start with
        default dispositions and unblocked.  Without `user` and `group` the identity is the
        parent's; with `user` alone the child gets that user's login group and supplementary groups
        (the GNU Shepherd leaves the daemon's there).
        """
        raise NotImplementedError("spawn")

    def adopt_descriptors(self) -> None:
        """Mark every descriptor above 2 close-on-exec, once, when the daemon starts.

        Ours are born so; those it was started with need not be, and `spawn` closes nothing.
        """
        raise NotImplementedError("adopt_descriptors")

    def open_descriptors(self) -> list[int]:
        """Those of this process that are open."""
        raise NotImplementedError("open_descriptors")

    def raise_descriptor_limit(self, inherited: tuple[int, int] | None = None) -> tuple[int, int]:
        """Allow this process as many descriptors as it may have; return its children's limit.

        Children keep the limit it was started with, or `inherited` if that was raised already by
        a former image of the process: (soft, hard).
        """
        raise NotImplementedError("raise_descriptor_limit")

    def limits_programs(self) -> bool:
        """Whether resource limits hold for the programs that `spawn` starts with them."""
        raise NotImplementedError("limits_programs")

    def reap(self) -> tuple[int, int] | None:
        """Wait for any child that is dead: `(pid, wait status)`, or None if there is none now."""
        raise NotImplementedError("reap")

    def kill(self, pid: int, signal: int) -> None:
        """As kill(2): a negative `pid` is a process group. Raises OSError (ESRCH, EPERM)."""
        raise NotImplementedError("kill")

    def process_exists(self, pid: int) -> bool:
        """Whether there is a process `pid`; one that is dead but not waited for still counts."""
        raise NotImplementedError("process_exists")

    def is_child(self, pid: int) -> bool:
        """Whether `pid` is a child of this process, dead or alive."""
        raise NotImplementedError("is_child")

    def process_command(self, pid: int) -> list[str] | None:
        """The command line; None without such a process.

        Empty for a kernel thread, for a zombie and, on Linux, for some microseconds after `spawn`
        has returned, while the new program is being laid out.
        """
        raise NotImplementedError("process_command")

    def process_owner(self, pid: int) -> int:
        """The uid that process `pid` was started by, who may signal it; -1 if it cannot be told."""
        raise NotImplementedError("process_owner")

    def process_group(self, pid: int) -> int | None:
        raise NotImplementedError("process_group")

    def is_kernel_thread(self, pid: int) -> bool:
        """False where the kernel has none, or does not tell."""
        return False

    def is_essential(self, pid: int) -> bool:
        """Whether the machine needs `pid` to go on: kernel threads, and the Hurd's own servers.

        PID 1 counts as well.  They are left alone when everything is stopped.
        """
        raise NotImplementedError("is_essential")

    def processes_to_end(self) -> list[int]:
        """Who is left to be ended when the machine stops: all but ourselves and the essential.

        The Hurd's kill(2) of -1 reaches hardly anybody.
        """
        raise NotImplementedError("processes_to_end")

    def process_table(self) -> dict[int, Process]:
        """All processes that can be seen, by process id."""
        raise NotImplementedError("process_table")

    def process(self, pid: int) -> Process | None:
        """The line of the process table for `pid`, without looking at the others if possible."""
        return self.process_table().get(pid)

    def descendants(self, pid: int) -> list[int]:
        """Children, their children and so on, parents first, without `pid` itself."""
        raise NotImplementedError("descendants")

    def become_subreaper(self) -> bool:
        """Have orphaned descendants become our children; False where that does not exist."""
        return False

    def end_with_parent(self) -> bool:
        """Have this process killed when its parent ends; False where that does not exist."""
        return False

    def containment(self, name: str, *, control_group: bool = False) -> Containment:
        """A means to find and kill all processes of the service `name`.

        With `control_group` the kernel keeps count where there are `control_groups`, so that
        nothing escapes.  Never fails: otherwise the process table is looked at.
        """
        raise NotImplementedError("containment")

    def control_groups(self) -> ControlGroups | None:
        """What this process may use of the kernel's; None where there is none, or none now.

        Linux only: version 2, mounted, writable, and no group that belongs to systemd.
        """
        return None

    # Users, sockets, files

    def user_home(self, user: str | int | None = None) -> str | None:
        """The home directory in the user database (None: of our uid), None without such a user."""
        raise NotImplementedError("user_home")

    def peer_credentials(self, connection: socket.socket) -> tuple[int, int, int] | None:
        """`(pid, uid, gid)` of the other end of a Unix-domain socket, None if it cannot be told."""
        return None

    def pass_credentials(self, sock: socket.socket) -> bool:
        """Have every message on a Unix-domain socket name its sender; False where it cannot.

        To be called before anybody can send; `recvmsg` needs 64 bytes of ancillary data for it.
        """
        return False

    def sender_credentials(
        self, ancillary: Sequence[tuple[int, int, bytes]]
    ) -> tuple[int, int, int] | None:
        """`(pid, uid, gid)` of who sent a message, from its ancillary data; None if not told.

        The pid is 0 for a process that cannot be seen from here.
        """
        return None

    def owners(self, status: os.stat_result) -> tuple[int, ...]:
        """The users, besides root, who may do with a file what its owner may."""
        return (status.st_uid,)

    def adopt_socket_file(self, sock: socket.socket, path: str) -> bool:
        """Bind `sock` to the file of a former one; False where that, or this file, cannot be had.

        Nothing changes on the disk, unlike when a file is removed and made again.
        """
        return False

    def set_socket_access(self, path: str, owner: int, group: int, mode: int) -> None:
        """Give a socket file to a user, who may put something else in its place meanwhile.

        Nothing but a socket of one name is changed.  Raises OSError.
        """
        raise NotImplementedError("set_socket_access")

    def watch_file(self, path: str) -> FileWatch | None:
        """Notice that `path` is deleted or replaced; None where the caller has to look by itself.

        Raises OSError if there is no such file or the system's limit of watches is reached.
        """
        return None
