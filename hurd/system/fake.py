"""A system in memory, for tests of what is written against `hurd.system`.

Programs are entries in a table: they run until a test calls `exit` or a signal ends them, or as was
planned for them beforehand; other calls fail or hang where a test put that in
(`hurd.system.fake_machine`).  Nothing of the real machine is touched.
"""

from __future__ import annotations

import errno
import os
import signal as signals

from hurd.system.base import Process, SpawnError, SpawnSpec
from hurd.system.containment import Containment, TableContainment
from hurd.system.fake_nodes import FakeNodes
from hurd.system.processes import family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FakeProgram:
    """A program that was started; `ignored` are the signals it does not die of."""

    def __init__(self, pid: int, parent: int, group: int, session: int, spec: SpawnSpec) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.spec = spec
        self.status: int | None = None  # a wait status once it is dead
        self.ignored: set[int] = set()
        self.received: list[int] = []


class Outcome:
    """What becomes of a program that is started; made by the functions below.

    `status` is the wait status that it ends with after so many seconds, None if it runs on; what
    it prints goes to its standard output at once.
    """

    def __init__(
        self,
        *,
        error: int = 0,
        status: int | None = None,
        after: float = 0.0,
        ignored: Sequence[int] = (),
        output: bytes = b"",
    ) -> None:
        self.error = error
        self.status = status
        self.after = after
        self.ignored = ignored
        self.output = output


def refuses(error: int = errno.ENOENT) -> Outcome:
    """It cannot be executed."""
    return Outcome(error=error)


def exits(code: int = 0, after: float = 0.0, output: bytes = b"") -> Outcome:
    """It ends by itself."""
    return Outcome(status=code << 8, after=after, output=output)


def dies(signal: int = signals.SIGSEGV, after: float = 0.0, output: bytes = b"") -> Outcome:
    """A signal ends it."""
    return Outcome(status=signal, after=after, output=output)


def runs(output: bytes = b"") -> Outcome:
    """It runs until a signal ends it."""
    return Outcome(output=output)


def hangs() -> Outcome:
    """It does nothing any more, and only SIGKILL ends it."""
    return Outcome(ignored=tuple(signals.valid_signals() - {signals.SIGKILL, signals.SIGSTOP}))


class FakeSystem(FakeNodes):
    """See the module. `on_child_exit` stands for SIGCHLD, `calls` for what the machine saw."""

    name = "fake"

    def __init__(self) -> None:
        super().__init__()
        self.pid = 1
        self.plans: dict[str, list[Outcome]] = {}
        self.started: list[list[str]] = []  # every command, in order
        self.programs: dict[int, FakeProgram] = {}
        self.failures: dict[str, SpawnError] = {}  # by command[0]
        self.subreaper = True
        self.homes: dict[str | int | None, str] = {}
        self.on_child_exit: Callable[[], None] | None = None
        self._next = 1000

    # What tests do

    def start(self, spec: SpawnSpec, parent: int) -> FakeProgram:
        """A program of some parent, as if it had forked."""
        pid, self._next = self._next, self._next + 1
        family_of = self.programs.get(parent)
        group, session = (family_of.group, family_of.session) if family_of else (1, 1)
        if spec.create_session:
            group = session = pid
        self.programs[pid] = FakeProgram(pid, parent, group, session, spec)
        return self.programs[pid]

    def plan(self, program: str, *outcomes: Outcome) -> None:
        """What becomes of the next starts of `program` (a command's first word); the last of the
        outcomes is that of all further ones.
        """
        self.plans[program] = list(outcomes)

    def exit(self, pid: int, code: int = 0) -> None:
        """The program exits with `code`."""
        self._die(self.programs[pid], code << 8)

    def _die(self, program: FakeProgram, status: int) -> None:
        program.status = status
        for other in list(self.programs.values()):
            if other.parent == program.pid:
                other.parent = self.pid
        if program.parent != self.pid:
            del self.programs[program.pid]
        elif self.on_child_exit is not None:
            self.on_child_exit()

    # The interface

    def spawn(self, spec: SpawnSpec) -> int:
        if not spec.command:
            raise SpawnError("exec", errno.EINVAL, "", "empty command")
        failure = self.failures.get(spec.command[0])
        if failure is not None:
            raise failure
        self._meet("spawn", spec)
        self.started.append(list(spec.command))
        plan = self.plans.get(spec.command[0], [])
        outcome = (plan.pop(0) if len(plan) > 1 else plan[0]) if plan else runs()
        if outcome.error:
            raise SpawnError("exec", outcome.error, spec.command[0])
        program = self.start(spec, self.pid)
        program.ignored.update(outcome.ignored)
        if outcome.output and spec.stdout is not None:
            os.write(spec.stdout, outcome.output)
        if outcome.status is not None:
            self.later(outcome.after, lambda: self._end(program, outcome.status or 0))
        return program.pid

    def _end(self, program: FakeProgram, status: int) -> None:
        if program.status is None:
            self._die(program, status)

    def adopt_descriptors(self) -> None:
        self._note("adopt_descriptors")

    def open_descriptors(self) -> list[int]:
        return [0, 1, 2]

    def raise_descriptor_limit(self, inherited: tuple[int, int] | None = None) -> tuple[int, int]:
        self._note("raise_descriptor_limit")
        return inherited or (1024, 4096)

    def limits_programs(self) -> bool:
        return True

    def reap(self) -> tuple[int, int] | None:
        for program in self.programs.values():
            if program.parent == self.pid and program.status is not None:
                del self.programs[program.pid]
                return program.pid, program.status
        return None

    def kill(self, pid: int, signal: int) -> None:
        self._meet("kill", pid, signal)
        targets = [p for p in self.programs.values() if p.pid == pid or p.group == -pid]
        if not targets:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        for program in targets:
            if signal == 0 or program.status is not None:
                continue
            program.received.append(signal)
            harmless = signal in (signals.SIGCHLD, signals.SIGCONT, signals.SIGSTOP)
            if signal == signals.SIGKILL or not (harmless or signal in program.ignored):
                self._die(program, signal)

    def process_exists(self, pid: int) -> bool:
        return pid == self.pid or pid in self.programs

    def is_child(self, pid: int) -> bool:
        program = self.programs.get(pid)
        return program is not None and program.parent == self.pid

    def process_command(self, pid: int) -> list[str] | None:
        program = self.programs.get(pid)
        if program is None:
            return None
        return list(program.spec.command) if program.status is None else []

    def process_owner(self, pid: int) -> int:
        return os.getuid() if pid in self.programs else -1

    def process_group(self, pid: int) -> int | None:
        program = self.programs.get(pid)
        return None if program is None else program.group

    def is_essential(self, pid: int) -> bool:
        return pid == 1

    def processes_to_end(self) -> list[int]:
        return [p.pid for p in self.programs.values() if p.status is None]

    def process_table(self) -> dict[int, Process]:
        return {
            p.pid: Process(
                p.pid, p.parent, p.group, p.session, "S" if p.status is None else "Z", str(p.pid)
            )
            for p in self.programs.values()
        }

    def descendants(self, pid: int) -> list[int]:
        return [p for p in family(self.process_table(), [pid]) if p != pid]

    def become_subreaper(self) -> bool:
        return self.subreaper

    def containment(self, name: str, *, control_group: bool = False) -> Containment:
        return TableContainment(self)

    def user_home(self, user: str | int | None = None) -> str | None:
        return self.homes.get(user)

    def set_socket_access(self, path: str, owner: int, group: int, mode: int) -> None:
        os.chown(path, owner, group)
        os.chmod(path, mode)
