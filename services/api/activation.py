"""Services that drover listens for: the inetd and systemd constructors and destructors."""

from __future__ import annotations

import os
from typing import Any

from services import keywords
from services.api.endpoints import bind, endpoint_list, make_endpoint
from services.api.processes import read_spec
from services.convert import Constructor
from services.keywords import optional_string
from services.scheme.parameters import Parameter, value_of
from services.scheme.primitives import Library
from services.scheme.types import Symbol, Value, is_list, iterate

LIBRARY = Library()

max_connections = Parameter(100, None, "default-inetd-max-connections")
LIBRARY.bind("default-inetd-max-connections", max_connections)

_PROCESS = frozenset(
    {
        "user", "group", "supplementary-groups", "directory", "file-creation-mask",
        "create-session?", "environment-variables", "resource-limits",
    }
)  # fmt: skip
_INETD = _PROCESS | {
    "service-name-stem", "requirements", "max-connections", "max-connections-per-source",
    "socket-style", "socket-owner", "socket-group", "socket-directory-permissions",
    "listen-backlog",
}  # fmt: skip
_SYSTEMD = _PROCESS | {"lazy-start?", "log-file"}
_LISTEN_BACKLOG = 10


@LIBRARY.primitive("make-inetd-constructor", 2, None)
def make_inetd_constructor(command: Value, endpoints: Value, *rest: Value) -> Constructor:
    from pid1.inetd import InetdStart

    who = "make-inetd-constructor"
    options = keywords.split(rest, _INETD)
    spec = read_spec(who, command, options)
    if type(endpoints) is list:
        # The old form: a bare socket address.
        old = {
            key.replace("socket-style", "style").replace("listen-backlog", "backlog"): value
            for key, value in {"listen-backlog": _LISTEN_BACKLOG, **options}.items()
        }
        listening = [make_endpoint(who, endpoints, old)]
    else:
        listening = endpoint_list(who, endpoints)
    stem = options.get("service-name-stem")
    if stem is None:
        stem = os.path.basename(spec.command[0])
    limit = options.get("max-connections")
    per_source = options.get("max-connections-per-source", False)
    return Constructor(
        "inetd-constructor",
        InetdStart(
            spec,
            listening,
            stem=stem.name if isinstance(stem, Symbol) else _string(who, "service-name-stem", stem),
            requirements=_names(who, "requirements", options.get("requirements", False)),
            max_connections=keywords.number(
                who, "max-connections", value_of(max_connections) if limit is None else limit
            ),
            max_per_source=None
            if per_source is False
            else keywords.number(who, "max-connections-per-source", per_source),
            bind=bind,
        ),
    )


def _string(who: str, argument: str, value: Value) -> str:
    if not isinstance(value, str):
        raise keywords.wrong_type(who, argument, value)
    return value


def _names(who: str, argument: str, value: Value) -> tuple[str, ...]:
    if value is False:
        return ()
    items: list[Any] = list(iterate(value)) if is_list(value) else [value]
    if not all(isinstance(item, Symbol) for item in items):
        raise keywords.wrong_type(who, argument, value)
    return tuple([item.name for item in items])


@LIBRARY.primitive("make-inetd-destructor", 0)
def make_inetd_destructor() -> Constructor:
    from pid1.inetd import inetd_destructor

    return Constructor("inetd-destructor", inetd_destructor)


@LIBRARY.primitive("make-systemd-constructor", 2, None)
def make_systemd_constructor(command: Value, endpoints: Value, *rest: Value) -> Constructor:
    from pid1.activation import Activation

    who = "make-systemd-constructor"
    options = keywords.split(rest, _SYSTEMD)
    return Constructor(
        "systemd-constructor",
        Activation(
            read_spec(who, command, options),
            endpoint_list(who, endpoints),
            lazy=options.get("lazy-start?", True) is not False,
            log_file=optional_string(who, "log-file", options.get("log-file", False)),
            bind=bind,
        ),
    )


@LIBRARY.primitive("make-systemd-destructor", 0)
def make_systemd_destructor() -> Constructor:
    from pid1.activation import activation_destructor

    return Constructor("systemd-destructor", activation_destructor)
