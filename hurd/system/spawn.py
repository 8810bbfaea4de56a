"""Start a program: the one place where drover creates processes.

Two ways.  `os.posix_spawn` shares the parent's memory until exec, so its cost does not grow with
the daemon; it knows no directory and no umask, so the parent takes the child's for the length of
the call (the daemon has one thread).  What must happen in the child and has no spawn attribute
(user and groups, resource limits, variables with its process id, a controlling terminal) takes a
fork, whose child reports the step that failed through a close-on-exec pipe.  A kernel with a better
way gives it as `quick`, as `hurd.system.linux_spawn` does; what fails there is done again here,
which tells the step.

Measured on Linux 6.18, two cores, Python 3.11, a daemon of 32 MB (in brackets: 74 MB), directory,
umask, session and three descriptors set, median of 150, interleaved, microseconds until exec:

    os.posix_spawn, chdir and umask around it      140  (152)     1,000 more descriptors:  149
    subprocess.Popen(close_fds=False), vfork       161  (176)                              297
    subprocess.Popen, vfork                        236  (274)                              345
    subprocess.Popen(user=…), fork in C           1449 (3033)                             1598
    os.fork and the steps in Python               2332 (3997)                             2491

Python 3.14 gives the same within a tenth (139 and 2175 for the first and the last).

Descriptors: all of ours are close-on-exec, so nothing is closed one by one.  The GNU/Hurd has the
same order of costs (posix_spawn 17 to 28 ms, Popen 44 to 68, fork and exec 27).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal

from hurd.system.base import SpawnError, SpawnSpec
from hurd.system.child import ALL_SIGNALS, Child
from hurd.system.credentials import Credentials, resolve
from hurd.system.execution import candidates, environment_mapping, error_code, first
from hurd.system.limits import child_limit, low_copies, too_high

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Quick = Callable[[SpawnSpec, list[int | None]], int | None]

_HERE = getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY))
# posix_spawn does not say which step failed; exec itself gives none of these but ENOMEM.
_STEPS = {errno.EAGAIN: "fork", errno.ENOMEM: "fork", errno.EBADF: "descriptors"}


def spawn(
    spec: SpawnSpec,
    *,
    gid_first: bool = False,
    quick: Quick | None = None,
    fork: Callable[[], int] = os.fork,
) -> int:
    """Start the program and return its process id once it has been executed.

    Raises `SpawnError` for the first step that failed; then no process and no descriptor is left.
    The program is looked up in the PATH of the *new* environment and, as with execvp(3), a file
    that is executable but of no known format is run by /bin/sh.  Signals start out unblocked and
    with their default dispositions.  With `gid_first` the list of groups begins with the gid.
    `quick` starts what needs no fork, or returns None: then it is done here, and errors found.
    """
    if not spec.command:
        raise SpawnError("exec", errno.EINVAL, "", "empty command")
    if not spec.command[0]:
        raise SpawnError("exec", errno.ENOENT, "")
    credentials = resolve(spec.user, spec.group, spec.supplementary_groups)
    if gid_first and credentials.groups is not None and credentials.gid is not None:
        others = [g for g in credentials.groups if g != credentials.gid]
        credentials.groups = [credentials.gid, *others]
    opened: list[int] = []
    try:
        try:
            sources = _sources(spec, opened)
        except OSError as e:
            raise SpawnError("descriptors", e.errno or 0, spec.command[0]) from None
        if (
            credentials.uid is None
            and credentials.gid is None
            and credentials.groups is None
            and not spec.resource_limits
            and not spec.pid_variables
            and spec.tty is None
        ):
            pid = quick(spec, sources) if quick is not None else None
            if pid is not None:
                return pid
            if spec.control_group is None and not too_high(sources):
                return _spawn_here(spec, sources)
        return _fork(spec, credentials, sources, fork)
    finally:
        for fd in opened:
            os.close(fd)


def _sources(spec: SpawnSpec, opened: list[int]) -> list[int | None]:
    """The descriptors that become 0, 1, 2, … of the child; None is a number left out.

    Those the child would overwrite before it has used them are duplicated out of the way.
    """
    sources: list[int | None] = []
    for fd, mode in (
        (spec.stdin, os.O_RDONLY),
        (spec.stdout, os.O_WRONLY),
        (spec.stderr, os.O_WRONLY),
    ):
        if fd is None:
            fd = os.open(os.devnull, mode)
            opened.append(fd)
        sources.append(fd)
    sources += spec.extra_descriptors
    count = len(sources)
    for target, fd in enumerate(sources):
        if fd is not None and fd < count and fd != target:
            sources[target] = moved = _above(fd, count)
            opened.append(moved)
    return sources


def _above(fd: int, lowest: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)


# The usual way: the parent's directory and umask are the child's for a moment.


def _spawn_here(spec: SpawnSpec, sources: list[int | None]) -> int:
    home = -1
    mask = -1
    try:
        if spec.directory is not None:
            try:
                home = os.open(".", _HERE)
            except OSError as e:
                raise SpawnError("descriptors", e.errno or 0, spec.command[0]) from None
            try:
                os.chdir(spec.directory)
            except (OSError, ValueError) as e:
                raise SpawnError("chdir", error_code(e), spec.directory) from None
        if spec.umask is not None:
            mask = os.umask(spec.umask)
        return _posix_spawn(spec, sources)
    finally:
        if mask >= 0:
            os.umask(mask)
        if home >= 0:
            try:
                os.fchdir(home)
            finally:
                os.close(home)


def _posix_spawn(spec: SpawnSpec, sources: list[int | None]) -> int:
    environment = environment_mapping(spec.environment)
    session = spec.create_session
    with low_copies(sources) as lowered:
        actions = [
            (os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(lowered) if fd is not None
        ]

        def attempt(path: str, command: list[str]) -> int:
            with child_limit():
                return os.posix_spawn(
                    path,
                    command,
                    environment,
                    file_actions=actions,
                    setsid=session,
                    setsigmask=(),
                    setsigdef=ALL_SIGNALS,
                )

        try:
            return first(candidates(spec.command[0], environment), attempt, spec.command)
        except (OSError, ValueError) as e:
            code = error_code(e)
            raise SpawnError(_STEPS.get(code, "exec"), code, spec.command[0]) from None


# The careful way: fork, and do each step in the child.


def _fork(
    spec: SpawnSpec,
    credentials: Credentials,
    sources: list[int | None],
    fork: Callable[[], int],
) -> int:
    child = Child(spec, credentials, sources)
    try:
        reader, writer = os.pipe()
    except OSError as e:
        raise SpawnError("descriptors", e.errno or 0, spec.command[0]) from None
    try:
        try:
            if writer < len(sources):  # the child's own descriptors would be laid over it
                low = writer
                writer = _above(low, len(sources))
                os.close(low)
            # Until the child has its own dispositions no signal may reach it: a handler of ours
            # would write to the wake-up descriptor it shares with the daemon.
            mask = signal.pthread_sigmask(signal.SIG_SETMASK, ALL_SIGNALS)
            try:
                with child_limit():
                    pid = fork()
                    if pid == 0:
                        child.run(writer)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        except OSError as e:
            step = "descriptors" if e.errno == errno.EMFILE else "fork"
            raise SpawnError(step, e.errno or 0, spec.command[0]) from None
        finally:
            os.close(writer)
        report = os.read(reader, 64)
    finally:
        os.close(reader)
    if not report:
        return pid
    with contextlib.suppress(ChildProcessError):  # SIGCHLD ignored: the kernel has reaped it
        os.waitpid(pid, 0)
    step, code, index = report.decode("ascii").split(":")
    raise child.error(step, int(code), int(index))
