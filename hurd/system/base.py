"""The operating-system interface that the rest of drover is written against.

`System` states every call in the terms of the standard library; `posix`, `linux` and `hurd` fill it
and `fake` stands in for it in tests. What a kernel does not offer raises `NotImplementedError` with
the name of the call, unless the call's description gives a weaker answer for that case.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class SpawnSpec:
    """How to start one program: everything the child differs in from its parent.

    `environment` is complete (nothing is inherited); `stdin`, `stdout` and `stderr` are descriptors
    of the parent or None for /dev/null; `extra_descriptors` become 3, 4, … of the child, which has
    no others.  `directory` and `umask` are the parent's when None.  `user`, `group` and
    `supplementary_groups` are names or numbers.  A limit is `(name, soft, hard)` with the name as
    in `RLIMIT_NAME`, in lower case, and None for "unlimited".  `tty` is a descriptor of a terminal
    that becomes the controlling one (needs `create_session`).
    """

    __slots__ = (
        "command",
        "create_session",
        "directory",
        "environment",
        "extra_descriptors",
        "group",
        "listen_pid",
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
        extra_descriptors: Sequence[int] = (),
        create_session: bool = True,
        user: str | int | None = None,
        group: str | int | None = None,
        supplementary_groups: Sequence[str | int] = (),
        umask: int | None = None,
        resource_limits: Sequence[tuple[str, int | None, int | None]] = (),
        listen_pid: bool = False,
        tty: int | None = None,
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
        self.listen_pid = listen_pid
        self.tty = tty


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


class System:
    """One kernel and its C library, as drover sees it."""

    name = "none"

    def spawn(self, spec: SpawnSpec) -> int:
        """Start a program, return its process id; raises `SpawnError`, leaving nothing behind.

        When it returns, the program has been executed: no step of it failed.  Signals start with
        default dispositions and unblocked.  Without `user` and `group` the identity is the
        parent's; with `user` alone the child gets that user's login group and supplementary groups
        (the GNU Shepherd leaves the daemon's there).
        """
        raise NotImplementedError("spawn")
