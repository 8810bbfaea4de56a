"""``herd log --follow``: the status changes so far, and then each as it happens.

drover's daemon answers the action ``events`` of root when something has changed, see
docs/wire-protocol.md.  A GNU Shepherd lacks it; its status is looked at once a second instead.
"""

from __future__ import annotations

from time import monotonic, sleep

from pid1.herd import ROOT, UNREADABLE, unreadable
from pid1.herd.eventlog import Change, changes_of, service_changes, show_change
from pid1.herd.services import properties, services_of
from pid1.herd.talk import ask
from pid1.herd.terminal import FatalError, Terminal
from pid1.sexp import Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from pid1.herd import CommandLine
    from pid1.herd.services import Service

_PATIENCE = 25
"""Seconds that the daemon may wait with its answer; fewer than its own limit."""

_PAUSE = 1.0
"""Seconds between two questions to a daemon that does not wait."""


def follow(terminal: Terminal, line: CommandLine) -> int:
    """Print changes until the daemon ends; return the exit status."""
    follower = _Follower(terminal, line)
    try:
        follower.run()
    except FatalError as error:
        if not line.json:
            raise
        from pid1.herd.json_output import put_error

        return put_error(terminal, "connection", str(error))
    except UNREADABLE as error:
        if not line.json:
            raise unreadable(error) from None
        from pid1.herd.json_output import put_error

        return put_error(terminal, "reply", str(unreadable(error)))
    return follower.status


class _Ended(Exception):
    """Nothing more will come."""


class _Follower:
    """What is printed, and whether root has said that it ends."""

    def __init__(self, terminal: Terminal, line: CommandLine) -> None:
        self.status = 0
        self._terminal = terminal
        self._line = line
        self._service: str | None = None
        self._ending = False

    def run(self) -> None:
        """Print changes until the daemon ends; raises FatalError if it does so unannounced."""
        try:
            result = self._ask("events", [], optional=True)
            if result is None:
                self._poll()
            else:
                self._listen(result)
        except _Ended:
            pass

    def _ask(self, action: str, arguments: list[object], optional: bool = False) -> Any:
        """Return the result of an action of root, None if it lacks an ``optional`` one."""
        try:
            reply = ask(self._line.socket_file, action, "root", arguments)
        except FatalError:
            if self._ending:
                raise _Ended from None
            raise
        if reply is None:
            if self._ending:
                raise _Ended
            raise FatalError("premature end-of-file while talking to shepherd")
        if self._terminal.is_terminal and not self._line.json:
            from pid1.herd.harmless import disarm

            disarm(reply)
        if reply.error is not False:
            if optional and _is_action_missing(reply.error):
                return None
            self._fail(reply.error, action)
        if not isinstance(reply.result, list):
            raise TypeError("the result is no list")
        return reply.result

    def _fail(self, error: object, action: str) -> NoReturn:
        from pid1.herd.errors import error_details, report_error

        self.status = 1
        if self._line.json:
            from pid1.herd.json_output import put_document

            put_document(self._terminal, messages=[], error=error_details(error))
        else:
            report_error(self._terminal, error, action, "root")
        raise _Ended

    def _begin(self, services: list[Service]) -> None:
        """Print the changes so far."""
        name = self._line.service
        if name not in ROOT:
            found = [service for service in services if name in service.provides]
            if not found:
                wire = [Symbol("error"), [Symbol("version"), 0], Symbol("service-not-found")]
                self._fail([*wire, Symbol(str(name))], "log")
            self._service = found[0].provides[0]
        changes = changes_of(services)
        if self._service is not None:
            changes = [change for change in changes if change.service == self._service]
        limit = self._line.limit
        self._show(changes if limit is None else changes[len(changes) - min(limit, len(changes)) :])

    def _show(self, changes: list[Change]) -> None:
        for change in changes:
            if self._service is None or change.service == self._service:
                if self._line.json:
                    from pid1.herd.json_output import put_document

                    put_document(self._terminal, **change.to_json())
                else:
                    show_change(self._terminal, change)
        self._terminal.flush()

    def _note_end(self, changes: list[Change]) -> None:
        for change in changes:
            if change.service == "root":
                self._ending = change.status in ("stopping", "stopped")

    def _lost(self, number: int) -> None:
        if self._line.json:
            from pid1.herd.json_output import put_document

            put_document(self._terminal, lost=number)
        else:
            self._terminal.error(f"{number} changes came too fast and are lost")

    def _listen(self, result: Any) -> None:
        """Follow a daemon of ours, from its first answer on."""
        found: Any = properties(result[0], "events")
        self._begin(services_of([found["services"]]))
        log, serial = found["log"], found["serial"]
        while True:
            begin = monotonic()
            [answer] = self._ask("events", [serial, _PATIENCE])
            found = properties(answer, "events")
            if found["log"] != log:
                raise FatalError("shepherd has been started anew")
            if found["lost"]:
                self._lost(found["lost"])
            changes = [_change(sexp) for sexp in found["changes"]]
            serial = found["serial"]
            self._note_end(changes)
            self._show(changes)
            if not changes and monotonic() - begin < _PAUSE:
                sleep(_PAUSE)  # it has too many followers, or replaces itself

    def _poll(self) -> None:
        """Follow a daemon that has to be asked for the status."""
        services = services_of(self._ask("status", []))
        self._begin(services)
        while True:
            known = {service.provides[0]: service.status_changes for service in services}
            sleep(_PAUSE)
            services = services_of(self._ask("status", []))
            changes: list[Change] = []
            for service in services:
                old = known.get(service.provides[0], [])
                number = _news(old, service.status_changes)
                changes += reversed(service_changes(service)[:number])
            changes.sort(key=lambda change: change.time)
            self._note_end(changes)
            self._show(changes)


def _is_action_missing(error: object) -> bool:
    match error:
        case [Symbol(name="error"), [Symbol(name="version"), 0, *_],
              Symbol(name="action-not-found"), *_]:  # fmt: skip
            return True
    return False


def _news(old: list[tuple[Symbol, int]], new: list[tuple[Symbol, int]]) -> int:
    """How many of the newest changes came after ``old``; both are cut off at some length."""
    for number in range(len(new)):
        rest = new[number:]
        if rest == old[: len(rest)]:
            return number
    return len(new)


def _change(sexp: object) -> Change:
    found: Any = properties(sexp, "change")
    return Change(
        found["service"].name, found["status"].name, found["time"],
        found["failed?"], found["one-shot?"], found["transient?"],
    )  # fmt: skip
