"""``(shepherd service system-log)``, for configurations."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable
from typing import Any

from hurd.system import system
from pid1.addresses import UNIX, Address
from pid1.awaiting import is_awaitable
from pid1.endpoints import Endpoint
from pid1.log import LINE_FORMAT
from pid1.service import Service
from pid1.syslog import FACILITIES, PRIORITIES, Message, default_destination, parse
from pid1.system_log import DEFAULT_MAX_SILENCE, SystemLogStart, system_log_destructor
from services import keywords
from services.api import directories, parameters
from services.api.arguments import optional, symbols
from services.api.endpoints import bind, endpoint_list
from services.convert import Host
from services.scheme import Macro
from services.scheme.errors import syntax_error
from services.scheme.modules import core
from services.scheme.parameters import value_of
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import (
    EOF,
    NIL,
    Pair,
    Procedure,
    Symbol,
    Value,
    is_list,
    iterate,
    scheme_list,
)

LIBRARY = Library()


kernel_log_file = LIBRARY.parameter("kernel-log-file", system.kernel_log_file() or False)
max_silent_time = LIBRARY.parameter("default-max-silent-time", int(DEFAULT_MAX_SILENCE))
system_log_file = LIBRARY.parameter("system-log-file", "/dev/log")

_KEYWORDS = frozenset(
    {
        "provision", "requirement", "kernel-log-file", "message-destination", "history-size",
        "max-silent-time", "date-format",
    }
)  # fmt: skip


# Messages


LIBRARY.predicate("system-log-message?", Message)


LIBRARY.accessor("system-log-message-facility", Message, lambda m: m.facility)
LIBRARY.accessor("system-log-message-priority", Message, lambda m: m.priority)
LIBRARY.accessor("system-log-message-content", Message, lambda m: m.content)
LIBRARY.accessor(
    "system-log-message-sender",
    Message,
    lambda m: False if m.sender is None else list(m.sender.to_vector()),
)


def _names(name: str, table: dict[str, int]) -> None:
    """Bind a macro that turns an unevaluated name into its number."""

    def expand(form: Value) -> Value:
        rest = form.cdr
        if type(rest) is Pair and rest.cdr is NIL:
            # What a macro made may be an alias of the symbol.
            found = table.get(getattr(rest.car, "name", ""))
            if found is not None:
                return found
        raise syntax_error(name, "source expression failed to match any pattern", form)

    LIBRARY.bind(name, Macro(name, expand))


_names("system-log-priority", PRIORITIES)
_names("system-log-facility", FACILITIES)


@LIBRARY.procedure("read-system-log-message", 1, None)
def read_system_log_message(port: Value, *rest: Value) -> Steps:
    sender, rest = optional(rest, False)
    options = keywords.split(rest, frozenset({"kernel?"}))
    reader = core.find("read-line")
    line = yield Call(reader.value if reader is not None else None, (port,))
    if line is EOF:
        return EOF
    address = Address.from_vector(sender) if type(sender) is list else None
    return parse(line, address, options.get("kernel?", False) is not False)


# Destinations


def _default(message: Message) -> list[str]:
    return default_destination(message) if os.getuid() == 0 else [f"{directories.logs()}/syslog"]


def _paths(value: Value) -> list[str]:
    """Return the files that a destination procedure named; none for anything else."""
    items = list(iterate(value)) if is_list(value) else []
    return items if all(isinstance(item, str) for item in items) else []


class Destination(Host):
    """A message destination written in Scheme."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> Any:
        result = self.run(arguments)
        return self._names(result) if is_awaitable(result) else _paths(result)

    @staticmethod
    async def _names(work: Awaitable[Value]) -> list[str]:
        return _paths(await work)


@LIBRARY.primitive("default-message-destination-procedure", 0)
def default_message_destination_procedure() -> Value:
    from services.scheme.primitives import Primitive

    return Primitive("message-destination", lambda m: scheme_list(_default(m)), 1, 1)


# The service


@LIBRARY.primitive("system-log-service", 0, None)
def system_log_service(*arguments: Value) -> Service:
    who = "system-log-service"
    sources, rest = optional(arguments, None)
    options = keywords.split(rest, _KEYWORDS)
    if sources is None:
        path = keywords.optional_string(who, "system-log-file", value_of(system_log_file))
        endpoints = [
            Endpoint(
                Address(UNIX, path or "/dev/log"),
                name="Unix-domain system log endpoint",
                style=socket.SOCK_DGRAM,
            )
        ]
    else:
        endpoints = endpoint_list(who, sources)
    kernel = options.get("kernel-log-file")
    if kernel is None:
        kernel = value_of(kernel_log_file) if os.getuid() == 0 else False
    destination = options.get("message-destination")
    if destination is not None and not isinstance(destination, Procedure):
        raise keywords.wrong_type(who, "message-destination", destination)
    silence = options.get("max-silent-time", value_of(max_silent_time))
    history = options.get("history-size", value_of(parameters.log_history_size))
    date_format = options.get("date-format", LINE_FORMAT)
    if not isinstance(date_format, str):
        raise keywords.wrong_type(who, "date-format", date_format)
    default_names = scheme_list([Symbol("system-log"), Symbol("syslogd")])
    return Service(
        symbols(who, "provision", options.get("provision", default_names)),
        symbols(who, "requirement", options.get("requirement", NIL)),
        start=SystemLogStart(
            endpoints,
            _default if destination is None else Destination(destination),
            _default,
            kernel_log_file=keywords.optional_string(who, "kernel-log-file", kernel),
            history_size=int(keywords.number(who, "history-size", history)),
            max_silence=None
            if silence is False
            else keywords.number(who, "max-silent-time", silence),
            date_format=date_format,
            bind=bind,
        ),
        stop=system_log_destructor,
        documentation="Listen for syslogd-style messages from\n"
        "applications, by default on /dev/log, and log them to files.",
    )
