"""A service: its immutable definition, its state, and the table of legal transitions.

Four statuses exist; everything else is a flag or derived.  In words:

* ``stopped`` goes to ``starting`` when somebody requests a start and the service is
  enabled.  The requester runs the start procedure; others wait for its outcome.
* ``starting`` goes to ``running`` when the procedure gives a true value, or to
  ``stopped`` when it gives ``False``, raises, is cancelled, or the service is one-shot.
* ``running`` goes to ``stopping`` on a stop request, or straight to ``stopped`` when the
  main process dies.
* ``stopping`` always ends ``stopped``, whatever the stop procedure says.

``Service.transition`` is the only way a status changes, and the list of changes it
keeps is what ``herd status``, ``herd log`` and the boot chart read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pid1.events import the_events
from pid1.sexp import Raw, Symbol, write
from pid1.values import Process, encode, text

if TYPE_CHECKING:
    import asyncio

    from hurd.system import Containment
    from pid1.capture import Capture

STOPPED: Final = "stopped"
STARTING: Final = "starting"
RUNNING: Final = "running"
STOPPING: Final = "stopping"

TRANSITIONS: Final = frozenset(
    {
        (STOPPED, STARTING),
        (STARTING, RUNNING),
        (STARTING, STOPPED),
        (RUNNING, STOPPING),
        (RUNNING, STOPPED),
        (STOPPING, STOPPED),
    }
)

# How much is remembered of each (SHEPHERD.md 1.1).
MAX_CHANGES: Final = 30
MAX_FAILURES: Final = 10
MAX_EXITS: Final = 10
# Of respawns, also those that count towards the limit.
MAX_RESPAWNS: Final = 10

DEFAULT_RESPAWN_LIMIT: Final = (5, 7)
DEFAULT_RESPAWN_DELAY: Final = 0.1
NO_DESCRIPTION: Final = "[No description]."

_SYMBOLS = {status: Symbol(status) for status in (STOPPED, STARTING, RUNNING, STOPPING)}


class IllegalTransition(Exception):
    """A bug in drover: a status change that is not in the table."""


class Action:
    """A custom action: ``procedure(running_value, *arguments)`` and its documentation."""

    __slots__ = ("documentation", "name", "procedure")

    def __init__(
        self, name: str, procedure: Callable[..., Any], documentation: str = "[No documentation.]"
    ) -> None:
        self.name = name
        self.procedure = procedure
        self.documentation = documentation

    def __str__(self) -> str:
        own = getattr(self.procedure, "procedure", None)
        procedure = text(own) if own is not None else f"#<procedure {self.name}>"
        return f"#<<action> name: {self.name} proc: {procedure} doc: {text(self.documentation)}>"


def _start_default() -> bool:
    return True


def _stop_default(_value: Any, *_arguments: Any) -> bool:
    return False


class Service:
    """One service.  The supervisor changes its state; everybody else only reads it.

    ``start(*arguments)`` and ``stop(value, *arguments)`` are callables that return a
    value or an awaitable of one; a start that gives ``False`` has failed.
    ``respawn_limit`` is (N, T): at most N respawns in T seconds.  ``respawn_delay``,
    ``start_timeout`` and ``stop_timeout`` are seconds; a timeout of None means none.
    """

    __slots__ = (
        "__weakref__", "_sexp", "_sexp_messages", "actions", "capture", "changes", "children",
        "containment",
        "deaths", "documentation", "enabled", "exits", "failures", "job", "names", "one_shot",
        "origin", "replacement", "requirement", "respawn", "respawn_delay", "respawn_limit",
        "respawns", "settled", "start", "start_timeout", "status", "stop",
        "termination_handler", "transient", "value",
    )  # fmt: skip

    def __init__(
        self,
        names: tuple[str, ...],
        requirement: tuple[str, ...] = (),
        *,
        one_shot: bool = False,
        transient: bool = False,
        respawn: bool = False,
        respawn_limit: tuple[float, float] = DEFAULT_RESPAWN_LIMIT,
        respawn_delay: float = DEFAULT_RESPAWN_DELAY,
        start: Callable[..., Any] = _start_default,
        stop: Callable[..., Any] = _stop_default,
        actions: tuple[Action, ...] = (),
        termination_handler: Callable[..., Any] | None = None,
        documentation: str = NO_DESCRIPTION,
        start_timeout: float | None = None,
    ) -> None:
        self.names = names
        self.requirement = requirement
        self.one_shot = one_shot
        self.transient = transient
        self.respawn = respawn
        self.respawn_limit = respawn_limit
        self.respawn_delay = respawn_delay
        self.start = start
        self.stop = stop
        self.actions = actions
        self.termination_handler = termination_handler
        self.documentation = documentation
        self.start_timeout = start_timeout
        # What made the service, for re-creating it after re-execution (pid1.reexec).
        self.origin: Any = None

        self.status: str = STOPPED
        self.value: Any = False
        self.enabled = True
        # Newest first, as on the wire.  Tuples and None while empty keep idle services small.
        self.changes: list[tuple[str, int]] = []
        self.failures: tuple[int, ...] = ()
        self.respawns: tuple[int, ...] = ()
        self.exits: tuple[tuple[int, int], ...] = ()
        self.replacement: Service | None = None
        self.capture: Capture | None = None
        # Processes forked on its behalf and not yet reaped.
        self.children: tuple[int, ...] = ()
        # Its control group, where the kernel has them.
        self.containment: Containment | None = None
        # Deaths that arrived while starting: (pid, wait status), handled once running.
        self.deaths: list[tuple[int, int]] | None = None
        # The task that runs the start procedure, and who waits for the end of a transition.
        self.job: asyncio.Task[Any] | None = None
        self.settled: asyncio.Future[Any] | None = None
        self._sexp: Raw | None = None
        self._sexp_messages: Any = None

    @property
    def name(self) -> str:
        """The canonical name: the first one provided."""
        return self.names[0]

    def __repr__(self) -> str:
        return f"#<service ({' '.join(self.names)}) {id(self):x}>"

    def transition(self, status: str) -> None:
        """Change the status; raises IllegalTransition for one outside the table."""
        if (self.status, status) not in TRANSITIONS:
            raise IllegalTransition(f"{self.name}: {self.status} -> {status}")
        previous, self.status = self.status, status
        self.changes.insert(0, (status, int(time.time())))
        del self.changes[MAX_CHANGES:]
        self.touch()
        the_events.record(self, previous)

    def touch(self) -> None:
        """Forget the cached wire form, after any change to the state."""
        self._sexp = None

    def set_value(self, value: Any) -> None:
        """Set the running value."""
        self.value = value
        self.touch()

    def set_enabled(self, enabled: bool) -> None:
        """Allow or forbid future starts."""
        self.enabled = enabled
        self.touch()

    def record_failure(self) -> None:
        """Remember a failed start."""
        self.failures = (int(time.time()), *self.failures)[:MAX_FAILURES]
        self.touch()

    def record_respawn(self) -> None:
        """Remember a respawn."""
        now = int(time.time())
        limit, period = self.respawn_limit
        recent = sum(1 for when in self.respawns if when > now - period)
        counted = 0 if limit == float("inf") else min(int(limit), recent)
        self.respawns = (now, *self.respawns)[: max(MAX_RESPAWNS, counted + 1)]
        self.touch()

    def record_exit(self, wait_status: int) -> None:
        """Remember how its main process ended."""
        self.exits = ((wait_status, int(time.time())), *self.exits)[:MAX_EXITS]
        self.touch()

    def forget_failures(self) -> None:
        """A completed stop clears the record of failures and respawns (SHEPHERD.md 1.1)."""
        self.failures = self.respawns = ()
        self.touch()

    def action(self, name: object) -> Action | None:
        """Return the custom action of that name, if any."""
        for action in self.actions:
            if action.name == name:
                return action
        return None

    @property
    def main_pid(self) -> int | None:
        """The number of the main process, when the running value is a process."""
        return self.value.pid if isinstance(self.value, Process) else None

    def messages(self) -> list[tuple[int, str]]:
        """What the service printed lately, newest first."""
        return self.capture.recent() if self.capture is not None else []

    def log_files(self) -> list[str]:
        """The files that its output goes to."""
        return self.capture.files() if self.capture is not None else []

    def to_wire(self) -> Raw:
        """Return the service as a reply shows it (SHEPHERD.md 11.4)."""
        version = self.capture.version if self.capture is not None else None
        volatile = isinstance(self.value, Process) and self.value.command is None
        volatile = volatile or (self.value is not False and not isinstance(self.value, Process))
        if self._sexp is not None and self._sexp_messages == version and not volatile:
            return self._sexp
        sexp = Raw(self._write())
        self._sexp, self._sexp_messages = sexp, version
        return sexp

    def _write(self) -> str:
        limit, period = self.respawn_limit
        parts: list[object] = [
            Symbol("service"),
            [Symbol("version"), 0],
            [Symbol("provides"), [Symbol(name) for name in self.names]],
            [Symbol("requires"), [Symbol(name) for name in self.requirement]],
            [Symbol("respawn?"), self.respawn],
            [Symbol("docstring"), self.documentation],
            [Symbol("enabled?"), self.enabled],
            [Symbol("running"), encode(self.value)],
            [Symbol("conflicts"), []],
            [Symbol("last-respawns"), list(self.respawns)],
            [Symbol("status-changes"), [(_SYMBOLS[s], t) for s, t in self.changes]],
            [Symbol("startup-failures"), list(self.failures)],
            [Symbol("status"), _SYMBOLS[self.status]],
            [Symbol("one-shot?"), self.one_shot],
            [Symbol("transient?"), self.transient],
            [Symbol("respawn-limit"), (limit, period)],
            [Symbol("respawn-delay"), self.respawn_delay],
            [Symbol("actions"), [Symbol(action.name) for action in self.actions]],
            [Symbol("exit-statuses"), list(self.exits)],
            [Symbol("recent-messages"), self.messages()],
            [Symbol("log-files"), self.log_files()],
            [Symbol("pending-replacement?"), self.replacement is not None],
        ]
        return write(parts)
