"""``herd log``: the status changes of all services in the order they happened."""

from __future__ import annotations

from heapq import merge
from time import localtime, strftime

from pid1.herd.services import Service
from pid1.herd.terminal import Terminal

_FAILED = "startup-failure"


def show_log(terminal: Terminal, services: list[Service]) -> int:
    """Print the changes, oldest first; return the exit status (1 if none are known)."""
    # Changes in the same second keep their order within a service, and between services that of
    # the GNU herd, which merges the lists from the last service to the first, newest change first.
    changes = merge(
        *[_changes(service) for service in reversed(services)],
        key=lambda change: change[0],
        reverse=True,
    )
    ordered = list(changes)
    if not ordered:
        terminal.error("event log is missing (shepherd is too old?)")
        return 1
    for moment, status, service in reversed(ordered):
        date = strftime("%e %b %Y %H:%M:%S", localtime(moment))
        terminal.put(f"{date}\t{_text(terminal, status, service)}")
    return 0


def _changes(service: Service) -> list[tuple[int, str, Service]]:
    changes = [(moment, status.name, service) for status, moment in service.status_changes]
    for index in range(len(changes) - 1):
        moment, status, _ = changes[index]
        if status == "stopped" and changes[index + 1][1] == "starting" and not service.one_shot:
            changes[index] = (moment, _FAILED, service)
    return changes


def _text(terminal: Terminal, status: str, service: Service) -> str:
    name = service.name
    if status == "running":
        return terminal.bold(f"service {name} is running\n")
    if status == _FAILED:
        return terminal.failure(f"service {name} failed to start\n")
    if status == "starting":
        return f"service {name} is being started\n"
    if status == "stopping":
        return f"service {name} is being stopped\n"
    if status != "stopped":
        return f"service {name} is entering state '{status}'\n"
    if service.one_shot:
        return f"service {name} is done (one-shot)\n"
    if service.transient:
        return terminal.warning(f"service {name} is done (transient)\n")
    return terminal.warning(f"service {name} is stopped\n")
