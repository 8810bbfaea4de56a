"""Services that nobody waits for at the login: their modules are imported when they are started.

What such a service is called and needs is known from the start, so that it is listed, stopped and
carried over a re-execution like all others; the rest of its definition comes with its module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from pid1.service import RUNNING, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pid1.service import Action


KINDS: Final = {
    "system-log": (
        "system_log",
        "Write what programs and the kernel have to say to files in /var/log.",
        "syslogd",
    ),
    "log-rotation": ("log_rotation", "Periodically rotate the log files of services."),
    "timer": ("timer", "Spawn programs at specified times."),
    "transient": ("transient", "Spawn programs to run as services in the background."),
}
"""Module, documentation and further names of each service."""


class Late:
    """The start procedure, and the actions, of a service whose definition is not complete.

    ``function`` of the library in ``module`` makes the complete service, of which everything but
    the names, the requirements and the documentation is taken over.
    """

    __slots__ = ("function", "module", "service")

    def __init__(self, module: str, function: str, service: Service) -> None:
        self.module = module
        self.function = function
        self.service = service

    def complete(self) -> Service:
        """Complete the definition, if it is not yet."""
        service = self.service
        if service.start is self:
            made = import_module(self.module).LIBRARY.bindings[self.function].fn()
            service.start, service.stop, service.actions = made.start, made.stop, made.actions
        return service

    def __call__(self, *arguments: object) -> Any:
        return self.complete().start(*arguments)

    def adopt(self, state: dict[str, Any], service: Service) -> Any:
        """What the previous image of the daemon carried over."""
        start: Any = self.complete().start
        return start.adopt(state, service)

    def __iter__(self) -> Iterator[Action]:
        """The actions: those of a service that is not running are of no use to anybody."""
        return iter(self.complete().actions if self.service.status == RUNNING else ())


def late_service(name: str, requirement: tuple[str, ...]) -> Service:
    """Make a service of the library that is complete when it is started; one of ``KINDS``."""
    module, documentation, *others = KINDS[name]
    service = Service((name, *others), requirement, documentation=documentation)
    late = Late(f"services.api.{module}", f"{name}-service", service)
    service.start = late
    service.actions = cast("tuple[Action, ...]", late)
    return service
