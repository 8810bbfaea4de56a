"""Services and values of Scheme as JSON has them (the schema is in docs/json.md)."""

from __future__ import annotations

import posix
from math import isfinite
from time import time

from pid1.herd.printing import written
from pid1.herd.services import Service, kind_of, properties
from pid1.sexp import Keyword, Raw, Symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNSPECIFIED = "#<unspecified>"
_ALARMS_SHOWN = 5


def json_value(value: object) -> object:
    """Return wire data as JSON: symbols are strings, pairs ``{"car": …, "cdr": …}``.

    Numbers that JSON lacks are strings, as Scheme writes them; what has no value is null.
    """
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, tuple):
        return {"car": json_value(value[0]), "cdr": json_value(value[1])}
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, str):
        return None if value == UNSPECIFIED else value
    if isinstance(value, float) and not isfinite(value):
        return written(value)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Raw | Keyword):
        return written(value)
    return written(value)  # a fraction


def service_object(sexp: object, limit: int | None) -> dict[str, object]:
    """Return a service; ``limit`` is how many messages, exits and runs are told (None: all).

    Raises ValueError and its relatives for what is not a service.
    """
    service = Service(sexp)
    found: Any = properties(sexp, "service")
    changes = service.status_changes
    return {
        "name": service.provides[0],
        "provides": service.provides,
        "requires": service.requires,
        "status": service.status,
        "since": changes[0][1] if changes else None,
        "enabled": service.enabled,
        "failing": service.is_failing,
        "one_shot": service.one_shot,
        "transient": service.transient,
        "respawn": service.respawn,
        "respawn_limit": _limit(found.get("respawn-limit", False)),
        "respawn_delay": found.get("respawn-delay"),
        "replacement_pending": service.pending_replacement,
        "documentation": found.get("docstring"),
        "actions": [action.name for action in service.actions],
        "running": None if service.running is False else _running(service.running, limit),
        "status_changes": [{"time": at, "status": status.name} for status, at in changes],
        "startup_failures": service.startup_failures,
        "respawns": service.last_respawns,
        "exits": [_exit(status, at) for status, at in service.exit_statuses[:limit]],
        "messages": [{"time": at, "line": line} for at, line in service.recent_messages[:limit]],
        "log_files": service.log_files,
    }


def _limit(value: object) -> object:
    match value:
        case (int() | float() as times, int() | float() as seconds):
            return {"times": json_value(times), "seconds": json_value(seconds)}
    return None


def _how(status: int) -> dict[str, object]:
    """How a process ended, from what ``waitpid`` said."""
    if posix.WIFEXITED(status):
        return {"code": posix.WEXITSTATUS(status), "signal": None}
    return {"code": None, "signal": posix.WTERMSIG(status)}


def _exit(status: int, at: int) -> dict[str, object]:
    return {"time": at, **_how(status)}


def _running(value: object, limit: int | None) -> dict[str, object]:
    kind = kind_of(value)
    if kind == "process":
        found: Any = properties(value, "process")
        return {"type": kind, "pid": found["id"], "command": json_value(found["command"])}
    if kind == "timer":
        return _timer(value, limit)
    if kind in ("inetd-service", "systemd-service", "system-log"):
        return _listener(value, kind)
    return {"type": "value", "value": json_value(value), "printed": written(value)}


def _listener(value: object, kind: str) -> dict[str, object]:
    from pid1.herd.values import address_text

    found: Any = properties(value, kind)
    out: dict[str, object] = {"type": kind, "endpoints": []}
    endpoints = []
    for sexp in found["endpoints"]:
        endpoint: Any = properties(sexp, "endpoint")
        endpoints.append({"name": endpoint["name"], "address": address_text(endpoint["address"])})
    out["endpoints"] = endpoints
    if "command" in found:
        out["command"] = json_value(found["command"])
    if kind == "system-log":
        out["kernel_log_file"] = found["kernel-log-file"] or None
    return out


def _timer(value: object, limit: int | None) -> dict[str, object]:
    from pid1.herd.timers import alarms

    found: Any = properties(value, "timer")
    remaining = found.get("remaining-occurrences")
    runs = found.get("past-runs") or []
    return {
        "type": "timer",
        "event": _record(found.get("event")),
        "action": _record(found.get("action")),
        "processes": [{"pid": pid, "since": since} for pid, since in found.get("processes") or ()],
        "remaining": remaining if isinstance(remaining, int) else None,
        "past_runs": [_run(*run) for run in runs[:limit]],
        "upcoming": [int(moment) for moment in alarms(value, time(), _ALARMS_SHOWN)],
    }


def _record(value: object) -> object:
    """An event or an action: a symbol, or a type with properties that are simple."""
    if isinstance(value, Symbol):
        return {"type": value.name}
    kind = kind_of(value)
    if kind is None:
        return json_value(value)
    found = properties(value, kind)
    return {"type": kind} | {
        name.replace("-", "_"): None if item is False else json_value(item)
        for name, item in found.items()
    }


def _run(status: object, end: int, start: int) -> dict[str, object]:
    run: dict[str, object] = {"start": start, "end": end, "code": None, "signal": None}
    run["error"] = None
    if isinstance(status, int):
        run |= _how(status)
    elif isinstance(status, list) and kind_of(status) == "exception":
        from pid1.herd.errors import exception_text

        run["error"] = exception_text(status[1], status[2:]).rstrip()
    return run
