"""``herd --json``: what a command gave, as one line of JSON (the schema is in docs/json.md).

Everything goes to standard output, errors too; the exit status is that of the same command
without ``--json``.  Text is ASCII, other characters are escaped, so that no locale can spoil it.
"""

from __future__ import annotations

import json

from pid1.herd import ROOT, UNREADABLE, fetch, is_success, unreadable
from pid1.herd.services import properties, services_of
from pid1.herd.terminal import FatalError, Terminal
from pid1.sexp import Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pid1.herd import CommandLine
    from pid1.herd.talk import Reply

VERSION = 1
"""Of the schema; it changes when a property goes away or changes its meaning."""


class _Failure(Exception):
    """A command that failed though the daemon has answered; ``details`` describe the error."""

    def __init__(self, kind: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = {"kind": kind, "message": message, **details}


def put_document(terminal: Terminal, **parts: object) -> None:
    """Print one document: a line of JSON."""
    terminal.put(json.dumps({"version": VERSION, **parts}, allow_nan=False) + "\n")


def put_error(
    terminal: Terminal, kind: str, message: str, messages: list[str] | None = None
) -> int:
    """Print an error that is not the daemon's; return the exit status, 1."""
    put_document(terminal, messages=messages or [], error={"kind": kind, "message": message})
    return 1


def run_json(terminal: Terminal, line: CommandLine) -> int:
    """Carry out a command and print its result; return the exit status."""
    try:
        reply = fetch(line)
    except FatalError as error:
        return put_error(terminal, "connection", str(error))
    if reply is None:
        put_document(terminal, messages=[])
        return 0
    messages = reply.messages
    try:
        if reply.error is not False:
            from pid1.herd.errors import error_details

            put_document(terminal, messages=messages, error=error_details(reply.error))
            return 1
        parts = _parts(reply, line)
        put_document(terminal, messages=messages, **parts)
    except _Failure as failure:
        put_document(terminal, messages=messages, error=failure.details)
        return 1
    except (*UNREADABLE, RecursionError) as error:
        # Parts that no property of ours can have, or nested deeper than Python goes.
        return put_error(terminal, "reply", str(unreadable(error)), messages)
    if "result" not in parts or (line.action in ("eval", "help") and line.service in ROOT):
        return 0
    return 0 if is_success(reply.result) else 1  # type: ignore[arg-type]


def _parts(reply: Reply, line: CommandLine) -> dict[str, object]:
    """The properties of the document that the action is answered with."""
    from pid1.herd.json_values import json_value, service_object
    from pid1.herd.printing import written

    result, action = reply.result, line.action
    if action == "start":
        if result is False:
            raise _Failure(
                "start-failed", f"failed to start service {line.service}", service=line.service
            )
        return {"service": service_object(result, line.limit)}
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    if action == "stop" and all(isinstance(one, Symbol) for one in result):
        return {"stopped": [one.name for one in result]}
    if line.is_local or (action == "status" and line.service in ROOT):
        return _overview(result, line)
    if action == "status":
        return {"service": service_object(result[0], line.limit)}
    if action == "analyze" and line.service in ROOT:
        from pid1.herd.analyze import Boot

        return {"boot": Boot(result[0]).to_json()}
    value = result[0] if len(result) == 1 else result
    return {"result": json_value(value), "printed": written(value)}


def _overview(result: list[object], line: CommandLine) -> dict[str, object]:
    """What is made from the status of all services."""
    from pid1.herd.json_values import service_object

    [sexps] = result
    if not isinstance(sexps, list):
        raise TypeError("no list of services")
    if line.action == "log":
        from pid1.herd.eventlog import changes_of

        return {"events": [change.to_json() for change in changes_of(services_of(result))]}
    if line.action == "graph":
        return _graph(result)
    if line.service is None:
        return {"services": [service_object(sexp, line.limit) for sexp in sexps]}
    for sexp in sexps:
        if Symbol("root") in properties(sexp, "service")["provides"]:  # type: ignore[operator]
            return {"service": service_object(sexp, line.limit)}
    raise ValueError("no service 'root'")


def _graph(result: list[object]) -> dict[str, object]:
    from pid1.herd.graph import MissingServiceError, edges

    services = services_of(result)
    try:
        found = [{"from": one, "to": other} for one, other in edges(services)]
    except MissingServiceError as error:
        raise _Failure("inconsistent-graph", str(error), service=error.name) from None
    names = [service.provides[0] for service in services]
    return {"nodes": names, "edges": found}
