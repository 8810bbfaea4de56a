"""The child's side of a fork: its steps in the Shepherd's order, then exec.

Everything that can be looked up, imported or allocated is prepared in the parent. The child only
makes system calls, writes the step that failed to a pipe, and never returns.
"""

from __future__ import annotations

import errno
import gc
import os
import signal

from hurd.system.base import SpawnError, SpawnSpec
from hurd.system.execution import candidates, environment_mapping, error_code, first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from hurd.system.credentials import Credentials

ALL_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Child:
    """What one child is to do. Raises `SpawnError` where the parent can already tell."""

    def __init__(
        self, spec: SpawnSpec, credentials: Credentials, sources: list[int | None]
    ) -> None:
        self.spec = spec
        self.credentials = credentials
        self.sources = sources
        self.limits = _limits(spec)
        self.environment = dict(environment_mapping(spec.environment))
        self.candidates = candidates(spec.command[0], self.environment)
        self.take_terminal = None if spec.tty is None else _terminal_taker(spec.tty)
        self.handled = [s for s in ALL_SIGNALS if signal.getsignal(s) != signal.SIG_DFL]
        self.step = "fork"
        self.index = 0

    def run(self, report: int) -> NoReturn:
        """Become the program, or write `step:errno:index` to `report` and exit with 127."""
        try:
            gc.disable()  # a collection would run finalizers that belong to the daemon
            try:
                self._run()
            except OSError as e:
                code = e.errno or 0
            except ValueError as e:
                code = errno.EPERM if self.step == "rlimit" else error_code(e)
            os.write(report, f"{self.step}:{code}:{self.index}".encode())
        finally:
            os._exit(127)

    def _run(self) -> None:
        spec = self.spec
        for number in self.handled:
            signal.signal(number, signal.SIG_DFL)
        if spec.create_session:
            self.step = "setsid"
            os.setsid()
        if self.take_terminal is not None:
            self.step = "tty"
            self.take_terminal()
        self.step = "rlimit"
        for index, limit in enumerate(self.limits):
            self.index = index
            limit()
        if spec.directory is not None:
            self.step = "chdir"
            os.chdir(spec.directory)
        for name in spec.pid_variables:
            self.environment[name] = str(os.getpid())
        self.step = "descriptors"
        for target, fd in enumerate(self.sources):
            if fd == target:
                os.set_inheritable(fd, True)
            elif fd is not None:
                os.dup2(fd, target)
        self._change_identity()
        if spec.umask is not None:
            os.umask(spec.umask)
        self.step = "exec"
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        first(self.candidates, self._execute, spec.command)

    def _change_identity(self) -> None:
        # A group that comes with the user is the user's business when it fails.
        self.step = "user" if self.spec.group is None else "group"
        if self.credentials.groups is not None:
            os.setgroups(self.credentials.groups)
        if self.credentials.gid is not None:
            os.setgid(self.credentials.gid)
        self.step = "user"
        if self.credentials.uid is not None:
            os.setuid(self.credentials.uid)

    def _execute(self, path: str, command: list[str]) -> int:
        os.execve(path, command, self.environment)

    def error(self, step: str, code: int, index: int) -> SpawnError:
        """The report of a child as the exception to raise in the parent."""
        spec = self.spec
        if step == "rlimit":
            detail = spec.resource_limits[index][0]
        elif step == "chdir":
            detail = spec.directory or ""
        elif step == "user":
            detail = str(spec.user)
        elif step == "group":
            detail = str(spec.group)
        elif step == "tty":
            detail = str(spec.tty)
        else:
            detail = spec.command[0]
        return SpawnError(step, code, detail)


def _limits(spec: SpawnSpec) -> list[Callable[[], None]]:
    if not spec.resource_limits:
        return []
    import resource
    from functools import partial

    result: list[Callable[[], None]] = []
    for name, soft, hard in spec.resource_limits:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is None:
            raise SpawnError("rlimit", errno.EINVAL, name, "no such resource")
        low = resource.RLIM_INFINITY if soft is None else soft
        high = resource.RLIM_INFINITY if hard is None else hard
        if _unsigned(low) > _unsigned(high):
            raise SpawnError("rlimit", errno.EINVAL, name)
        result.append(partial(resource.setrlimit, number, (low, high)))
    return result


def _unsigned(limit: int) -> int:
    """For comparison: RLIM_INFINITY is -1 here and the greatest value to the kernel."""
    return limit % (1 << 64)


def _terminal_taker(tty: int) -> Callable[[], None]:
    import fcntl
    import termios

    def take() -> None:
        fcntl.ioctl(tty, termios.TIOCSCTTY, 0)
        # Linux makes the session's group the foreground one by itself, the Hurd does not.
        os.tcsetpgrp(tty, os.getpid())

    return take
