"""``(shepherd service log-rotation)``, for configurations."""

from __future__ import annotations

import os
from typing import Any

from pid1.calendar import CalendarEvent
from pid1.rotation import DEFAULT_EXPIRY, DEFAULT_THRESHOLD, Rotation, old_copies
from pid1.service import Service
from pid1.timer import TRIGGER_ACTION, TimerStart, timer_destructor
from services import keywords
from services.api.arguments import optional, symbols
from services.convert import Host
from services.scheme.errors import wrong_type
from services.scheme.parameters import Parameter, value_of
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import NIL, Procedure, Symbol, Value, scheme_list

LIBRARY = Library()


size_threshold = LIBRARY.parameter("%default-rotation-size-threshold", DEFAULT_THRESHOLD)
log_expiry = LIBRARY.parameter("%default-log-expiry", DEFAULT_EXPIRY)
log_compression = LIBRARY.parameter("%default-log-compression", Symbol("gzip"))

_KEYWORDS = frozenset(
    {
        "provision", "requirement", "external-log-files", "compression", "expiry",
        "rotation-size-threshold",
    }
)  # fmt: skip
_SUNDAY_EVENING = CalendarEvent(minutes=(0,), hours=(22,), days_of_week=(0,))


def _compression(who: str, value: Value) -> Any:
    if isinstance(value, Procedure):
        return Host(value)
    if isinstance(value, Symbol) and value.name in ("gzip", "zstd", "none"):
        return value.name
    raise keywords.wrong_type(who, "compression", value)


@LIBRARY.primitive("log-rotation-service", 0, None)
def log_rotation_service(*arguments: Value) -> Service:
    who = "log-rotation-service"
    event, rest = optional(arguments, _SUNDAY_EVENING)
    if not isinstance(event, CalendarEvent):
        raise keywords.wrong_type(who, "event", event)
    options = keywords.split(rest, _KEYWORDS)

    def option(name: str, parameter: Parameter) -> Value:
        return options[name] if name in options else value_of(parameter)

    rotation = Rotation(
        keywords.strings(who, "external-log-files", options.get("external-log-files", NIL)),
        _compression(who, option("compression", log_compression)),
        keywords.number(who, "expiry", option("expiry", log_expiry)),
        int(
            keywords.number(
                who, "rotation-size-threshold", option("rotation-size-threshold", size_threshold)
            )
        ),
    )
    return Service(
        symbols(who, "provision", options.get("provision", scheme_list([Symbol("log-rotation")]))),
        symbols(who, "requirement", options.get("requirement", NIL)),
        start=TimerStart(event, rotation),
        stop=timer_destructor,
        actions=(TRIGGER_ACTION, rotation.action()),
        documentation="Periodically rotate the log files of services.",
    )


@LIBRARY.procedure("rotate-past-logs", 1, 2)
def rotate_past_logs(path: Value, rotate: Value = None) -> Steps:
    if not isinstance(path, str):
        raise wrong_type("rotate-past-logs", 1, path)
    for old, new in old_copies(path):
        if rotate is None:
            os.rename(old, new)
        else:
            yield Call(rotate, (old, new))
