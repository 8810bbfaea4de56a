"""What all operations on services share: the registry, tasks, the end of a transition."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

from hurd.system import system
from pid1.capture import Capture
from pid1.context import registrations
from pid1.errors import KeyedError, ServiceQuit
from pid1.log import log, say
from pid1.process import Children
from pid1.registry import Registry
from pid1.service import STOPPED, Service

if TYPE_CHECKING:
    from pid1.disabled import DisabledServices


class Manager:
    """The services of one daemon and the processes they own, before there are operations."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.children = Children()
        self.root: Service | None = None
        # Names that stay disabled when the daemon is started again; None if none are kept.
        self.disabled: DisabledServices | None = None
        # Whether to use control groups: None for where that costs nothing.
        self.control_groups = _wanted_control_groups()
        self._refusals: set[str] = set()
        # Kept for re-execution: what is under way without a transition that shows it.
        self.background: list[list[str]] = []
        self.respawning: set[Service] = set()
        # Services that are started again, unless somebody stops them meanwhile.
        self.retrying: set[Service] = set()
        # Processes that a computation waits for, by number, and the service that it is part of.
        self.commands: dict[int, Service | None] = {}
        # Ends of main processes that their handler has not seen to yet: value, status, and
        # whether it has begun.
        self.ends: dict[Service, tuple[Any, int, bool]] = {}
        # References to running tasks: the loop itself keeps only weak ones.
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn_task(self, work: Any, name: str | None = None) -> asyncio.Task[Any]:
        """Run a coroutine in the background; what it raises is logged, never lost."""
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ServiceQuit):
            task.get_loop().call_exception_handler({"message": "exit", "exception": error})
        elif error is not None:
            log(f"Unexpected error in task {task.get_name()}: {type(error).__name__}: {error}")

    def register(self, services: Iterable[Service]) -> None:
        """Register each service; raises KeyedError for a requirement cycle, after the rest."""
        refused: KeyedError | None = None
        registered = registrations()
        for service in services:
            try:
                old = self.registry.register(service)
            except KeyedError as error:
                log(str(error.arguments[2][0]) if error.arguments[2:] else str(error))  # type: ignore[index]
                refused = refused or error
                continue
            if registered is not None:
                registered.names.update(service.names)
            if old is not None:
                log(f"Recording replacement for {old.name}.")
            elif self.disabled is not None and service is not self.root and service.enabled:
                self._disable_again(service, self.disabled)
        if refused is not None:
            raise refused

    @staticmethod
    def _disable_again(service: Service, disabled: DisabledServices) -> None:
        if any(name in disabled for name in service.names):
            service.set_enabled(False)
            log(f"Service {service.name} is disabled, as it was before.")

    def _settled(self, service: Service) -> Awaitable[Any]:
        """Wait for the end of the current transition; the outcome of a start is its result."""
        if service.settled is None:
            service.settled = asyncio.get_running_loop().create_future()
        return asyncio.shield(service.settled)

    def _settle(self, service: Service, outcome: Any) -> None:
        settled, service.settled = service.settled, None
        if settled is not None and not settled.done():
            settled.set_result(outcome)

    def _replace(self, service: Service) -> Service:
        replacement, service.replacement = service.replacement, None
        if replacement is None:
            return service
        try:
            self.register([replacement])
        except KeyedError:
            return service
        return replacement

    def _forget_output(self, service: Service) -> None:
        if service.capture is not None and service is not self.root:
            service.capture.forget()
            service.capture = None
            service.touch()

    def contain(self, service: Service) -> str | None:
        """Where a new process of ``service`` enters its control group; None without one."""
        if self.control_groups is False:
            return None
        groups = system.control_groups()
        if groups is None:
            if self.control_groups:
                self._refused("there is none (of version 2) that this process may use")
            return None
        if not self.control_groups and not groups.entered_at_birth:
            self.control_groups = False
            return None
        if service.containment is None:
            service.containment = groups.containment(service.name)
        try:
            return service.containment.entrance()
        except OSError as error:
            self.not_contained(service, error.errno or 0)
            return None

    def not_contained(self, service: Service, code: int) -> None:
        """A process of ``service`` runs outside of its control group, for the reason ``code``."""
        if service.containment is not None:
            service.containment.close()
            service.containment = None
        self._refused(os.strerror(code))

    def _refused(self, reason: str) -> None:
        """Say once why control groups are not used; services start all the same."""
        if reason not in self._refusals:
            self._refusals.add(reason)
            log(f"Cannot use control groups: {reason}; looking for descendants instead.")

    @staticmethod
    def contain_again(service: Service, carried: str) -> None:
        """After re-execution: what is in the service's control group belongs to it."""
        groups = system.control_groups()
        if groups is not None:
            service.containment = groups.containment(service.name, carried)

    def let_go(self, service: Service) -> None:
        """``service`` has stopped: its control group goes as soon as it is empty."""
        if service.containment is not None:
            service.containment.close()

    def attach_output(self, service: Service, capture: Capture) -> None:
        """What a new process of ``service`` prints is the service's output from now on.

        Not for root: its output is the daemon's log, where such lines stand as well.
        """
        if service is self.root:
            return
        if service.capture is not None:
            log(f"Registering new logger for {service.name}.")
        service.capture = capture
        service.touch()

    @staticmethod
    def _release(value: Any) -> None:
        """Let go of what a running value may hold on to, whatever the stop procedure did."""
        release = getattr(value, "release", None)
        if release is not None:
            release()

    def _after_stop(self, service: Service) -> Service:
        """Put the replacement in place of a stopped service, or forget a transient one."""
        if service.status != STOPPED:
            return service
        self.let_go(service)
        if service.transient and self.registry.get(service.name) is service:
            self.registry.unregister(service)
            say(f"Transient service {service.name} unregistered.")
        return self._replace(service)

    async def start(self, service: Service, arguments: tuple[object, ...] = ()) -> Any:
        """Start ``service``; see ``pid1.starting``."""
        raise NotImplementedError("start")


def _wanted_control_groups() -> bool | None:
    wanted = os.environ.get("DROVER_CONTROL_GROUPS", "")
    if wanted not in ("", "0", "1"):
        log(f"DROVER_CONTROL_GROUPS is '{wanted}', neither 0 nor 1; ignoring it.")
    return {"0": False, "1": True}.get(wanted)
