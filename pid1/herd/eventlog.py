"""``herd log``: the status changes of all services in the order they happened."""

from __future__ import annotations

from heapq import merge
from time import localtime, strftime

from pid1.herd.services import Service
from pid1.herd.terminal import Terminal
from pid1.sexp import write_symbol


class Change:
    """One service's status changed; ``status`` is the new one, ``time`` in seconds of the epoch.

    ``failed`` says that it stopped in the middle of its start.
    """

    __slots__ = ("failed", "one_shot", "service", "status", "time", "transient")

    def __init__(
        self, service: str, status: str, time: int, failed: bool, one_shot: bool, transient: bool
    ) -> None:
        self.service = service
        self.status = status
        self.time = time
        self.failed = failed
        self.one_shot = one_shot
        self.transient = transient

    def to_json(self) -> dict[str, object]:
        """Return it as docs/json.md has it."""
        return {
            "time": self.time,
            "service": self.service,
            "status": self.status,
            "failed": self.failed,
            "one_shot": self.one_shot,
            "transient": self.transient,
        }


def show_log(terminal: Terminal, services: list[Service]) -> int:
    """Print the changes, oldest first; return the exit status (1 if none are known)."""
    changes = changes_of(services)
    if not changes:
        terminal.error("event log is missing (shepherd is too old?)")
        return 1
    for change in changes:
        show_change(terminal, change)
    return 0


def show_change(terminal: Terminal, change: Change) -> None:
    """Print the line about one change."""
    date = strftime("%e %b %Y %H:%M:%S", localtime(change.time))
    terminal.put(f"{date}\t{_text(terminal, change)}")


def changes_of(services: list[Service]) -> list[Change]:
    """Return the changes of all services, oldest first."""
    # Changes in the same second keep their order within a service, and between services that of
    # the GNU herd, which merges the lists from the last service to the first, newest change first.
    newest_first = merge(
        *[service_changes(service) for service in reversed(services)],
        key=lambda change: change.time,
        reverse=True,
    )
    return list(newest_first)[::-1]


def service_changes(service: Service) -> list[Change]:
    """Return the changes of one service, newest first."""
    changes = service.status_changes
    found = []
    for index, (status, moment) in enumerate(changes):
        previous = changes[index + 1][0].name if index + 1 < len(changes) else None
        failed = status.name == "stopped" and previous == "starting" and not service.one_shot
        found.append(
            Change(
                service.provides[0], status.name, moment, failed,
                service.one_shot, service.transient,
            )
        )  # fmt: skip
    return found


def _text(terminal: Terminal, change: Change) -> str:
    name = write_symbol(change.service)
    status = change.status
    if status == "running":
        return terminal.bold(f"service {name} is running\n")
    if change.failed:
        return terminal.failure(f"service {name} failed to start\n")
    if status == "starting":
        return f"service {name} is being started\n"
    if status == "stopping":
        return f"service {name} is being stopped\n"
    if status != "stopped":
        return f"service {name} is entering state '{status}'\n"
    if change.one_shot:
        return f"service {name} is done (one-shot)\n"
    if change.transient:
        return terminal.warning(f"service {name} is done (transient)\n")
    return terminal.warning(f"service {name} is stopped\n")
