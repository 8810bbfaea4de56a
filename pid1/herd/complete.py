"""``herd --complete WORD...``: what the last word may become, for the completions of shells.

The words are those of the command line after ``herd``.  Prints one candidate a line, some with a
tab and a description.  The exit status is 0, or 3 if a file name is wanted.  Names come from the
daemon; where it cannot be reached, there are the actions that all have.
"""

from __future__ import annotations

from pid1.herd import OPTIONS, OVERVIEWS
from pid1.herd.services import Service, services_of
from pid1.herd.talk import ask, default_socket
from pid1.herd.terminal import FatalError, Terminal
from pid1.options import OptionError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FILE_WANTED = 3
"""Exit status that asks the shell for file names."""

_EVERY = ("start", "stop", "restart", "status", "enable", "disable", "doc")
_ROOT_ACTIONS = (
    "halt", "power-off", "kexec", "load", "eval", "unload", "reload", "daemonize", "reexec",
)  # fmt: skip
_FILES = (("load", "root"), ("reload", "root"), ("spawn", "transient"))


def complete(terminal: Terminal, words: Sequence[str]) -> int:
    """Print the candidates; return the exit status."""
    socket, before, prefix = _operands(words)
    if len(before) > 1 and tuple(before[:2]) in _FILES:
        return FILE_WANTED
    services = _services(socket)
    for name, description in _candidates(before, services):
        if name.startswith(prefix):
            terminal.put(f"{name}\t{description}\n" if description else f"{name}\n")
    return 0


def _operands(words: Sequence[str]) -> tuple[str | None, list[str], str]:
    """Return the socket, the operands before the last word, and that word."""
    socket = None
    operands: list[str] = []
    try:
        for name, value in parse(words[:-1], OPTIONS):
            if name is None:
                operands.append(str(value))
            elif name == "socket":
                socket = value
    except OptionError:
        pass  # said when the command is run
    return socket, operands, words[-1] if words else ""


def _services(socket: str | None) -> list[Service]:
    """All services; none if the daemon does not tell."""
    try:
        reply = ask(socket if socket is not None else default_socket(), "status", "root", [])
        if reply is not None and isinstance(reply.result, list):
            return services_of(reply.result)
    except (FatalError, AttributeError, LookupError, TypeError, ValueError):
        pass
    return []


def _candidates(before: list[str], services: list[Service]) -> list[tuple[str, str]]:
    if not before:
        return _actions(services)
    action, *rest = before
    if not rest:
        if action in _ROOT_ACTIONS:
            return [("root", "")]
        return _names(action, services)
    if action == "unload" and len(rest) == 1:
        return [("all", "all services"), *_names("unload", services)]
    if action == "doc":
        return _doc(rest, services)
    return []


def _actions(services: list[Service]) -> list[tuple[str, str]]:
    found = dict.fromkeys((*_EVERY, *OVERVIEWS, *_ROOT_ACTIONS), "")
    for service in services:
        for action in service.actions:
            # Those of root have no description: they are everybody's.
            if action.name not in found:
                found[action.name] = f"of {service.name}"
    return list(found.items())


def _names(action: str, services: list[Service]) -> list[tuple[str, str]]:
    """The names of services that an action makes sense for."""
    return [
        (name, service.status if name == service.provides[0] else service.provides[0])
        for service in services
        if _suits(action, service)
        for name in service.provides
    ]


def _suits(action: str, service: Service) -> bool:
    if action == "start":
        return service.status in ("stopped", "stopping")
    if action == "stop":
        return service.status in ("running", "starting")
    if action == "enable":
        return not service.enabled
    if action == "disable":
        return service.enabled
    if action in (*_EVERY, *OVERVIEWS, "unload"):
        return True
    return any(one.name == action for one in service.actions)


def _doc(rest: list[str], services: list[Service]) -> list[tuple[str, str]]:
    name, *more = rest
    if not more:
        return [("list-actions", "all actions"), ("action", "one action")]
    if more[0] == "action":
        for service in services:
            if name in service.provides:
                return [(action.name, "") for action in service.actions]
    return []
