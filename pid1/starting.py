"""Starting services: requirements first, side by side, each start once.

A start runs in a task of its own as soon as it waits for something, so that it can be
cancelled.  What a requester says reaches its client; what the controller says, the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable
from typing import Any, Final

from pid1 import values
from pid1.awaiting import is_awaitable
from pid1.context import current_service, replay
from pid1.endings import Endings
from pid1.errors import KeyedError, ServiceNotFound, keyed
from pid1.log import log, say
from pid1.registry import start_order
from pid1.service import RUNNING, STARTING, STOPPED, STOPPING, Service
from pid1.values import Process

# Services started in one turn of the loop, so that a large start leaves clients their turn.
_BATCH: Final = 8


class Starting(Endings):
    """Starts services."""

    async def start(self, service: Service, arguments: tuple[object, ...] = ()) -> Any:
        """Start ``service`` and what it requires; return its running value, False on failure.

        Raises ServiceNotFound for an unknown requirement, and what the service's own start
        procedure raised, as a KeyedError.
        """
        again = replay()
        if again is not None:
            again.requested.append(service.name)
            return service.value if service.status == RUNNING else True
        service = self.registry.get(service.name) or service
        known = self._is_registered(service)
        if all(r.status == RUNNING for r in self.registry.requirements(service)):
            return await self._request_start(service, arguments)
        order = start_order([service], self.registry)
        order.pop()
        outcomes = self._start_tree(order)
        if not await self._requirements_met(service, outcomes):
            return False
        if known and not self._is_registered(service):
            return await self._start_successor(service, arguments)
        return await self._request_start(service, arguments)

    def _is_registered(self, service: Service) -> bool:
        return self.registry.get(service.name) is service

    async def _start_successor(self, service: Service, arguments: tuple[object, ...]) -> Any:
        """Go on with a start whose service was replaced or unloaded while it waited."""
        current = self.registry.get(service.name)
        if current is not None:
            return await self.start(current, arguments)
        say(f"Service {service.name} is not started: it is no longer registered.")
        return False

    def _start_tree(self, order: list[Service]) -> dict[Service, asyncio.Future[Any]]:
        """Start services, given requirements first, each as soon as its own are up."""
        outcomes: dict[Service, asyncio.Future[Any]] = {}
        for service in order:
            if service.status != RUNNING:
                outcomes[service] = self.spawn_task(self._start_required(service, outcomes))
        return outcomes

    async def _start_required(
        self, service: Service, outcomes: dict[Service, asyncio.Future[Any]]
    ) -> Any:
        if not await self._requirements_met(service, outcomes):
            return False
        try:
            if not self._is_registered(service):
                return await self._start_successor(service, ())
            return await self._request_start(service, ())
        except (KeyedError, ServiceNotFound) as error:
            say(f"Exception caught while starting {service.name}: {error}")
            return False

    async def _requirements_met(
        self, service: Service, outcomes: dict[Service, asyncio.Future[Any]]
    ) -> bool:
        """Wait for the requirements; say which of them is missing."""
        missing: dict[str, None] = {}
        satisfied: set[Service] = set()
        for name in service.requirement:
            required = self.registry.get(name)
            outcome = outcomes.get(required) if required is not None else None
            if outcome is None:
                continue
            if (await outcome) is False:
                missing[name] = None
            elif required is not None and required.one_shot:
                satisfied.add(required)
        # Looked at together, without waiting: one may have died while another started.
        for name in service.requirement:
            required = self.registry.get(name)
            if required is None or (required.status != RUNNING and required not in satisfied):
                missing[name] = None
        for name in missing:
            required = self.registry.get(name)
            say(f"Service {service.name} depends on {required.name if required else name}.")
        return not missing

    def _supported(self, service: Service) -> bool:
        """Whether everything that ``service`` requires runs, or has done what it is for."""
        required = map(self.registry.get, service.requirement)
        return all(one is not None and (one.one_shot or one.status == RUNNING) for one in required)

    async def _request_start(self, service: Service, arguments: tuple[object, ...]) -> Any:
        while True:
            if service.status == RUNNING:
                return service.value
            if not service.enabled:
                say(f"Service {service.name} is currently disabled.")
                return False
            if self.root is not None and self.root.status == STOPPING:
                say(f"Service {service.name} is not started: the daemon is stopping.")
                return False
            if service.status == STARTING:
                return await self._settled(service)
            if service.status == STOPPING:
                log(f"Waiting for {service.name} to stop...")
                known = self._is_registered(service)
                await self._settled(service)
                # Its replacement may have taken its place, and what it requires been stopped, too.
                if known and not self._is_registered(service):
                    return await self._start_successor(service, arguments)
                if not self._supported(service):
                    return await self.start(service, arguments)
                continue
            return await self._run_start(service, arguments)

    async def _run_start(self, service: Service, arguments: tuple[object, ...]) -> Any:
        service.transition(STARTING)
        log(f"Starting service {service.name}...")
        error: KeyedError | None = None
        value: Any = False
        token = current_service.set(service)
        try:
            value = service.start(*arguments)
            if is_awaitable(value):
                value = await self._await_start(service, value)
        except asyncio.CancelledError:
            self._start_failed(service)
            raise
        except Exception as reason:
            error = keyed(reason)
            value = False
        finally:
            current_service.reset(token)
        if value is False:
            self._start_failed(service)
            if error is not None:
                raise error.raised_by(service.name, "start")
            say(f"Service {service.name} could not be started.")
            return False
        self._started(service, value)
        say(f"Service {service.name} has been started.")
        return value

    async def _await_start(self, service: Service, work: Awaitable[Any]) -> Any:
        """Wait for a start procedure in a task of its own, so that ``stop`` can cancel it."""
        # Not one of spawn_task's: what it raises is reported by who waits here.
        job = asyncio.get_running_loop().create_task(_await(work), name=f"start {service.name}")
        service.job = job
        try:
            done, _ = await asyncio.wait({job}, timeout=service.start_timeout)
            if not done:
                say(
                    f"Service {service.name} did not start within "
                    f"{service.start_timeout:g} seconds; giving up."
                )
                job.cancel()
                await asyncio.wait({job})
            if job.cancelled():
                close = getattr(work, "close", None)
                if close is not None:
                    close()  # it may not even have begun
                say(f"Start of service {service.name} was cancelled.")
                self._abandon_children(service)
                return False
            return job.result()
        finally:
            service.job = None

    def _abandon_children(self, service: Service) -> None:
        """Terminate what a cancelled start procedure left running."""
        from pid1.process import send_signal, signal_target

        for pid in service.children:
            # Asked now: it may have ended when its turn comes, and not what it forked.
            self.spawn_task(self._terminate_stray(service, pid, signal_target(pid)))
        for pid, _status in service.deaths or ():
            # What has gone into the background is in the group of who has started it.
            with contextlib.suppress(OSError):
                send_signal(-pid, signal.SIGKILL)
        if not service.children and service.containment is not None:
            service.containment.sweep()

    async def _terminate_stray(self, service: Service, pid: int, target: int) -> None:
        from pid1.process import send_signal, terminate

        try:
            await terminate(self.children, target, wait_for=pid)
            if target < 0:
                send_signal(target, signal.SIGKILL)
        except OSError as error:
            log(f"Cannot terminate process {pid}: {error.strerror}.")
        if service.containment is not None and service.status == STOPPED:
            service.containment.sweep()

    def _start_failed(self, service: Service) -> None:
        service.deaths = None
        service.record_failure()
        service.transition(STOPPED)
        log(f"Service {service.name} failed to start.")
        self._forget_output(service)
        self.let_go(service)
        self._settle(service, False)

    def _started(self, service: Service, value: Any) -> None:
        log(f"Service {service.name} started.")
        deaths, service.deaths = service.deaths or [], None
        if service.one_shot:
            service.transition(STOPPED)
            self._release(value)
            self.let_go(service)
        else:
            service.transition(RUNNING)
            service.set_value(value)
            if isinstance(value, Process):
                if value.pid != os.getpid() and all(pid != value.pid for pid, _ in deaths):
                    self.own(service, value.pid)
                if service.capture is not None:
                    service.capture.pid = value.pid
        log(f"Service {service.name} running with value {values.text(value)}.")
        self._settle(service, value)
        for pid, status in deaths:
            self._main_process_died(service, pid, status)

    def start_in_background(self, names: list[str]) -> None:
        """Start services by name without waiting; the outcome is logged."""
        again = replay()
        if again is not None:
            again.requested += names
            return
        services = []
        for name in names:
            service = self.registry.get(name)
            if service is None:
                log(f"Service '{name}' is unknown and cannot be started.")
            else:
                services.append(service)
        self.spawn_task(self._start_all(services), name="start-in-the-background")

    async def _start_all(self, services: list[Service]) -> None:
        names = [service.name for service in services]
        self.background.append(names)
        try:
            await self._start_each(services)
        finally:
            self.background.remove(names)

    async def _start_each(self, services: list[Service]) -> None:
        failed: list[str] = []
        outcomes: dict[Service, asyncio.Future[Any]] | None = None
        # One broken requirement must not keep the others down: then go one by one.
        with contextlib.suppress(ServiceNotFound):
            outcomes = await self._start_many(services)
        for service in services:
            try:
                if outcomes is None:
                    known = self.registry.get(service.name) is not None
                    value = known and await self.start(service)
                elif service in outcomes:
                    value = await outcomes[service]
                else:
                    continue  # ran already, and whoever stops it afterwards means it
            except (KeyedError, ServiceNotFound) as error:
                say(f"Exception caught while starting {service.name}: {error}")
                value = False
            if value is False:
                failed.append(service.name)
        if failed:
            say(
                "The following service could not be started in the background: " + failed[0] + "."
                if len(failed) == 1
                else "The following services could not be started in the background: "
                + " ".join(failed)
                + "."
            )
        else:
            count = len(services)
            plural = "service" if count == 1 else "services"
            say(f"Successfully started {count} {plural} in the background.")

    async def _start_many(self, services: list[Service]) -> dict[Service, asyncio.Future[Any]]:
        outcomes: dict[Service, asyncio.Future[Any]] = {}
        order = start_order(services, self.registry)
        for index, service in enumerate(order):
            if service.status != RUNNING:
                outcomes[service] = self.spawn_task(self._start_required(service, outcomes))
            if index % _BATCH == _BATCH - 1:
                await asyncio.sleep(0)
        return outcomes


async def _await(work: Awaitable[Any]) -> Any:
    return await work
