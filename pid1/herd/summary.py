"""``herd status``: the names of all services, grouped by what they are doing."""

from __future__ import annotations

from time import time

from pid1.herd.services import Service
from pid1.herd.status import long_transition_painter
from pid1.herd.terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def show_summary(terminal: Terminal, services: list[Service]) -> None:
    """Print the groups in the order of SHEPHERD.md 10.3, each sorted by name."""
    groups: dict[str, list[Service]] = {}
    for service in services:
        group = service.status
        if group == "running" and service.is_timer:
            group = "timer"
        elif group == "stopped" and service.one_shot:
            group = "one-shot"
        elif group == "stopped" and service.startup_failures:
            group = "failing"
        groups.setdefault(group, []).append(service)
    now = time()
    for group, heading, bullet in (
        ("running", "Started:", "+"),
        ("timer", "Running timers:", "+"),
        ("starting", "Starting:", "^"),
        ("stopped", "Stopped:", "-"),
        ("stopping", "Stopping:", "v"),
        ("one-shot", "One-shot:", "*"),
        ("failing", "Failed to start:", "!"),
    ):
        members = groups.get(group)
        if members:
            paint = terminal.failure if group == "failing" else terminal.bold
            terminal.put(paint(heading + "\n"))
            for service in sorted(members, key=_sort_key):
                terminal.put(f" {bullet} {_painter(terminal, service, now)(service.provides[0])}\n")


def _sort_key(service: Service) -> str:
    return service.provides[0]


def _painter(terminal: Terminal, service: Service, now: float) -> Callable[[str], str]:
    if service.pending_replacement:
        return terminal.bold
    if service.transient:
        return terminal.dim
    return long_transition_painter(terminal, service, now)
