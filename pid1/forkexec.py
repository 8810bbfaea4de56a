"""Starting programs on behalf of services, and ending them: fork+exec, kill, shell commands.

``ForkExec`` and ``Kill`` are the start and stop procedures that most services have.  A
program that cannot be executed makes the start fail, with the reason; the GNU Shepherd
reports it as a process that exited, which ``exits_on_failure`` brings back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from hurd.system import SpawnError, SpawnSpec, system
from pid1.capture import Capture
from pid1.errors import KeyedError, system_error
from pid1.files import remove_file
from pid1.log import log, say
from pid1.process import DEFAULT_GRACE_PERIOD, is_alive, send_signal, signal_target, terminate
from pid1.service import Service
from pid1.supervisor import Supervisor, current_service, supervisor
from pid1.values import Process

if TYPE_CHECKING:
    from hurd.system import Containment
    from pid1.readiness import Readiness

DEFAULT_PID_FILE_TIMEOUT: Final = 5.0
# Seconds before what is left of a service is looked at again.
_FIRST_LOOK: Final = 0.01


def own_environment() -> list[str]:
    """The daemon's own environment."""
    return [f"{k}={v}" for k, v in os.environ.items()]


def own_directory() -> str:
    """Where services run: ``/`` for root, else the home directory (SHEPHERD.md 4.1)."""
    directory = "/"
    if os.getuid() != 0:
        directory = os.environ.get("HOME") or os.path.expanduser("~")
        if not os.path.isdir(directory):
            directory = "/"
    return directory


class Settings:
    """Where the defaults come from; the configuration language puts its own here."""

    environment: Callable[[], list[str]] = staticmethod(own_environment)
    directory: Callable[[], str] = staticmethod(own_directory)
    grace_period: Callable[[], float] = staticmethod(lambda: DEFAULT_GRACE_PERIOD)


def default_environment() -> list[str]:
    """The environment of programs that are given no other."""
    return Settings.environment()


def default_directory() -> str:
    """Where programs run that are given no other directory."""
    return Settings.directory()


def fork_exec(
    manager: Supervisor,
    service: Service | None,
    spec: SpawnSpec,
    log_file: str | None = None,
    own: bool = True,
) -> int:
    """Start a program with its output captured for ``service``; return its PID.

    ``own`` says that the service ends with the process, unless its value is another one.
    Raises KeyedError when the log file cannot be opened, SpawnError when the program
    cannot be started.  Without a service the output goes to the daemon's log.
    """
    program = os.path.basename(spec.command[0]) if spec.command else ""
    if spec.resource_limits and not system.limits_programs():
        names = ", ".join(dict.fromkeys(name for name, _, _ in spec.resource_limits))
        say(f"Resource limits have no effect on this system: {names} for {program}.")
    spec.control_group = manager.contain(service) if service is not None else None
    if spec.stdout is not None:
        pid = system.spawn(spec)
    else:
        capture = _open_capture(service, program, log_file)
        try:
            reader, writer = os.pipe()
        except OSError as error:
            capture.close()
            raise system_error("pipe", error) from error
        spec.stdout = spec.stderr = writer
        try:
            pid = system.spawn(spec)
        except BaseException:
            os.close(reader)
            capture.close()
            raise
        finally:
            os.close(writer)
            spec.stdout = spec.stderr = None
        if service is not None:
            manager.attach_output(service, capture)
        else:
            capture.pid = pid
        capture.add(reader)
    manager.children.forget_unclaimed(pid)
    if spec.control_group_error and service is not None:
        manager.not_contained(service, spec.control_group_error)
    if service is not None and own:
        manager.own(service, pid)
    return pid


def _open_capture(service: Service | None, program: str, log_file: str | None) -> Capture:
    try:
        return Capture(program, log_file)
    except OSError as error:
        name = service.name if service is not None else program
        say(f"Failed to open log file '{log_file}' for {name}: {error.strerror}.")
        who = "mkdir" if error.filename != log_file else "open-file"
        raise system_error(who, error) from error


class ForkExec:
    """A start procedure: run a command as the service's main process.

    The value is a ``Process``; with a PID file, that of the process it names.
    ``exits_on_failure``: a program that cannot be run counts as one that exited.
    ``readiness``: the start is complete when the program says that it is ready.
    """

    __slots__ = (
        "exits_on_failure", "log_file", "pid_file", "pid_file_timeout", "readiness", "spec",
    )  # fmt: skip

    def __init__(
        self,
        spec: SpawnSpec,
        log_file: str | None = None,
        pid_file: str | None = None,
        pid_file_timeout: float = DEFAULT_PID_FILE_TIMEOUT,
        exits_on_failure: bool = False,
        readiness: Readiness | None = None,
    ) -> None:
        self.spec = spec
        self.log_file = log_file
        self.pid_file = pid_file
        self.pid_file_timeout = pid_file_timeout
        self.exits_on_failure = exits_on_failure
        self.readiness = readiness

    def __call__(self, *_arguments: object) -> Process | bool | Awaitable[Process | bool]:
        service = current_service.get()
        if self.readiness is not None:
            from pid1.readiness import start

            return start(self, service)
        if self.pid_file is not None:
            import pid1.pid_file  # noqa: F401 - now that nothing is started yet

            with contextlib.suppress(FileNotFoundError):
                remove_file(self.pid_file)
        pid = self.spawn(service, self.spec)
        if pid is None:
            return False
        if self.pid_file is None:
            return Process(pid, self.spec.command)
        return self._adopt(pid, service)

    def spawn(self, service: Service | None, spec: SpawnSpec) -> int | None:
        """Start the program as ``spec`` says; the PID, or None when it cannot be run."""
        try:
            return fork_exec(supervisor(), service, spec, self.log_file)
        except SpawnError as error:
            if not self.exits_on_failure:
                say(f"{error}.")
                return None
            log(f"[{os.path.basename(self.spec.command[0])}] {error}")
            return failing_process(service, error)

    async def _adopt(self, pid: int, service: Service | None) -> Process | bool:
        """Wait for the PID file; take the forked process down when it does not come."""
        from pid1.pid_file import may_name, number_in, read_pid_file

        assert self.pid_file is not None
        try:
            daemon = await read_pid_file(self.pid_file, self.pid_file_timeout, validate=True)
            if daemon is not None:
                if service is not None:
                    supervisor().own(service, daemon)
                return Process(daemon, self.spec.command)
            say(f"PID file '{self.pid_file}' did not show up; terminating process {pid}.")
        except asyncio.CancelledError:
            # It may be gone, and what it forked be in its group or named in the file already.
            send_signal(_group(pid), signal.SIGKILL)
            with contextlib.suppress(OSError, ValueError, IndexError, OverflowError):
                daemon, owner = number_in(self.pid_file)
                if daemon > 1 and is_alive(daemon) and may_name(owner, daemon):
                    send_signal(signal_target(daemon), signal.SIGKILL)
            raise
        with contextlib.suppress(OSError):
            await terminate(supervisor().children, _group(pid), wait_for=pid)
        return False


def _group(pid: int) -> int:
    """What to signal for the group of a child that may have ended."""
    return signal_target(pid) if is_alive(pid) else -pid


def failure_code(error: SpawnError) -> int:
    """The exit code of the GNU Shepherd's child when this step fails (SHEPHERD.md 4.1)."""
    return 1 if error.step in ("exec", "user", "group") else 127


def failing_process(service: Service | None, error: SpawnError) -> int:
    """A process that exits as the GNU Shepherd's child does when it cannot run the program."""
    code = failure_code(error)
    spec = SpawnSpec(["/bin/sh", "-c", f"exit {code}"], [])
    try:
        return fork_exec(supervisor(), service, spec)
    except SpawnError as second:
        raise system_error("fork", second) from second


class Kill:
    """A stop procedure: signal the process group, kill it after the grace period."""

    __slots__ = ("grace_period", "signal")

    def __init__(
        self, number: int = signal.SIGTERM, grace_period: float = DEFAULT_GRACE_PERIOD
    ) -> None:
        self.signal = number
        self.grace_period = grace_period

    def __call__(self, value: Any, *_arguments: object) -> Any:
        pid = value.pid if isinstance(value, Process) else value
        if type(pid) is not int:
            raise KeyedError(
                "wrong-type-arg",
                ["make-kill-destructor", "Wrong type argument: ~S", [str(value)], False],
            )
        return kill_process(pid, self.signal, self.grace_period)


async def kill_process(pid: int, number: int, grace_period: float) -> bool:
    """End a service's process and what it leaves behind; record how it ended."""
    service = current_service.get()
    contained = service.containment if service is not None else None
    target = signal_target(pid)
    remains = {one: _birth(one) for one in _remains(pid, contained)}
    leader = _birth(-target) if -target != pid else None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_period
    try:
        status = await terminate(supervisor().children, target, number, grace_period, pid)
    except OSError as error:
        raise system_error("kill", error) from error
    if service is not None:
        service.record_exit(status)
    group = target if target < 0 else 0
    if group and is_alive(-group) and (-group == pid or _birth(-group) not in (None, leader)):
        # The number is another process's now: of ours, which has been reaped, nobody was left.
        group = 0
    left = await _end_remains(group, remains, number, deadline)
    if contained is not None:
        left += contained.sweep()
    if left and service is not None:
        log(f"Killed {left} process(es) that service {service.name} left behind.")
    return False


def _remains(pid: int, contained: Containment | None) -> list[int]:
    """What a process that is about to end may leave behind.

    Not to be found later by descent: the children of a dead process are ours, or nobody's.
    """
    members = contained.members() if contained is not None else []
    if pid in members:
        members.remove(pid)
        return members
    # No control group, or one that is younger than the process.
    return list(dict.fromkeys([*system.descendants(pid), *members]))


def _birth(pid: int) -> str | None:
    """What tells a process from a later one of that number; None without a live one."""
    process = system.process(pid) if pid > 0 else None
    return None if process is None or process.state == "Z" else process.started


async def _end_remains(
    group: int, remains: dict[int, str | None], number: int, deadline: float
) -> int:
    """Have the relatives of an ended process end as well; how many had to be killed.

    Those of its group, a negative number or 0, have had the signal already; the others get it
    now, and all of them what is left of the grace period.  ``remains`` tells when they began.
    """

    def alive() -> list[int]:
        return [pid for pid, birth in remains.items() if birth and _birth(pid) == birth]

    for pid in alive():
        if signal_target(pid) != group:
            _try_signal(pid, number)
    loop = asyncio.get_running_loop()
    pause = _FIRST_LOOK
    while left := alive():
        if loop.time() >= deadline:
            break
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.1)
    killed = sum(_try_signal(pid, signal.SIGKILL) for pid in left)
    if group:
        # Whoever is in the group and was never a descendant.
        _try_signal(group, signal.SIGKILL)
    return killed


def _try_signal(target: int, number: int) -> bool:
    """Signal a process or group that may be gone, or another user's."""
    try:
        return send_signal(target, number)
    except PermissionError:
        return False


async def spawn_command(spec: SpawnSpec, log_file: str | None = None) -> int:
    """Run a program, wait for its end without blocking the daemon, return its wait status.

    A program that cannot be run has the status of one that exited with 1 or 127.  When
    the caller is cancelled the program is ended.
    """
    try:
        pid = fork_exec(supervisor(), current_service.get(), spec, log_file, own=False)
    except SpawnError as error:
        say(f"{error}.")
        return failure_code(error) << 8
    supervisor().commands[pid] = current_service.get()
    try:
        return await supervisor().children.wait(pid)
    except asyncio.CancelledError:
        supervisor().spawn_task(_end(pid), name=f"end process {pid}")
        raise
    finally:
        supervisor().commands.pop(pid, None)


async def _end(pid: int) -> None:
    with contextlib.suppress(OSError):
        await terminate(
            supervisor().children,
            signal_target(pid),
            grace_period=Settings.grace_period(),
            wait_for=pid,
        )


def shell_command(text: str) -> SpawnSpec:
    """The way a command string is run: by ``$SHELL``, in the daemon's directory."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    return SpawnSpec([shell, "-c", text], default_environment(), directory=os.getcwd())


def program_command(command: Sequence[str]) -> SpawnSpec:
    """The way ``system*`` runs a program, in the daemon's directory."""
    return SpawnSpec(list(command), default_environment(), directory=os.getcwd())
