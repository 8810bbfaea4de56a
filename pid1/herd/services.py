"""Services as the daemon describes them in a reply (SHEPHERD.md 11.4).

Properties are found by name and may be absent, so that older daemons are understood, too.
"""

from __future__ import annotations

from pid1.sexp import Symbol, write_symbol


class Service:
    """A service at the time of the reply; times are seconds of the epoch, newest first."""

    __slots__ = (
        "actions", "enabled", "exit_statuses", "last_respawns", "log_files", "one_shot",
        "pending_replacement", "provides", "recent_messages", "requires", "respawn", "running",
        "startup_failures", "status", "status_changes", "transient",
    )  # fmt: skip

    def __init__(self, sexp: object) -> None:
        """Read ``(service (version 0) (provides (...)) ...)``; raises ValueError for anything else.

        Parts that turn out malformed when they are used raise TypeError and its relatives.
        """
        found = properties(sexp, "service")
        get = found.get
        self.provides: list[str] = [name.name for name in get("provides")]  # type: ignore[attr-defined]
        self.requires: list[str] = [name.name for name in get("requires") or ()]  # type: ignore[attr-defined]
        self.running = get("running", False)
        status = get("status", False)
        if status is False:
            self.status = "running" if self.running is not False else "stopped"
        else:
            self.status = status.name  # type: ignore[attr-defined]
        self.enabled = get("enabled?", False) is not False
        self.respawn = get("respawn?", False) is not False
        self.one_shot = get("one-shot?", False) is not False
        self.transient = get("transient?", False) is not False
        self.pending_replacement = get("pending-replacement?", False) is not False
        self.actions: list[Symbol] = get("actions") or []  # type: ignore[assignment]
        self.status_changes: list[tuple[Symbol, int]] = get("status-changes") or []  # type: ignore[assignment]
        self.last_respawns: list[int] = get("last-respawns") or []  # type: ignore[assignment]
        self.startup_failures: list[int] = get("startup-failures") or []  # type: ignore[assignment]
        self.exit_statuses: list[tuple[int, int]] = get("exit-statuses") or []  # type: ignore[assignment]
        self.recent_messages: list[tuple[int, str]] = get("recent-messages") or []  # type: ignore[assignment]
        self.log_files: list[str] = get("log-files") or []  # type: ignore[assignment]

    @property
    def name(self) -> str:
        """The canonical name, as it is printed."""
        return write_symbol(self.provides[0])

    @property
    def is_timer(self) -> bool:
        return kind_of(self.running) == "timer"

    @property
    def is_failing(self) -> bool:
        return self.status == "stopped" and bool(self.startup_failures)

    def seconds_in_status(self, now: float) -> float:
        """Return how long the status has been what it is; 0 if that is unknown."""
        return now - self.status_changes[0][1] if self.status_changes else 0


def kind_of(value: object) -> str | None:
    """Return the type of a record sexp such as ``(process (version 0) ...)``, or None."""
    if isinstance(value, list) and value and isinstance(value[0], Symbol):
        return value[0].name
    return None


def properties(sexp: object, kind: str) -> dict[str, object]:
    """Return the properties of a record sexp of type ``kind``; ValueError if it is not one."""
    if not isinstance(sexp, list) or len(sexp) < 2 or kind_of(sexp) != kind or sexp[1][1] != 0:
        raise ValueError(f"not a {kind}")
    return {entry[0].name: entry[1] for entry in sexp[2:]}


def services_of(result: list[object]) -> list[Service]:
    """Return all services from the result of ``status root``, a list of one list."""
    [sexps] = result
    if not isinstance(sexps, list):
        raise TypeError("no list of services")
    return [Service(sexp) for sexp in sexps]


def service_of(result: list[object], root: bool) -> Service:
    """Return the service from the result of ``status``; for root it is among all the others."""
    if not root:
        return Service(result[0])
    for sexp in result[0]:  # type: ignore[attr-defined]
        service = Service(sexp)
        if "root" in service.provides:
            return service
    raise ValueError("no service 'root'")
