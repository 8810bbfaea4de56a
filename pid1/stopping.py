"""Stopping services: each after everything that requires it, side by side where possible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pid1.awaiting import is_awaitable
from pid1.context import current_service
from pid1.errors import KeyedError, keyed
from pid1.log import log, say
from pid1.service import STARTING, STOPPED, STOPPING, Service
from pid1.starting import Starting


class Stopping(Starting):
    """Stops services."""

    async def stop(self, service: Service, arguments: tuple[object, ...] = ()) -> list[Service]:
        """Stop ``service`` after everything that requires it.

        Returns the services stopped: this one (or its replacement) first, then the
        dependents.  Raises what the service's own stop procedure raised, as a KeyedError.
        """
        if service.status == STOPPED:
            say(f"Service {service.name} is not running.")
            return [service]
        stopped = await self._stop_dependents(service)
        error = await self._request_stop(service, arguments)
        current = self._after_stop(service)
        if error is not None:
            raise error
        return [current, *stopped]

    def _running_dependents(self, service: Service) -> list[Service]:
        return [d for d in self.registry.dependents(service) if d.status != STOPPED]

    async def _stop_dependents(self, service: Service) -> list[Service]:
        """Stop everything that needs ``service``, each after its own dependents."""
        stopped: list[Service] = []
        # A service may be started while others stop: look again until none is left.
        while True:
            order = self._stop_order([service])[1:]
            if not order:
                return stopped
            outcomes: dict[Service, asyncio.Future[Any]] = {}
            # Dependents first, so that each finds the outcomes it has to wait for.
            for dependent in reversed(order):
                outcomes[dependent] = self.spawn_task(self._stop_dependent(dependent, outcomes))
            for dependent in order:
                stopped.append(await outcomes[dependent])

    def _stop_order(self, services: Iterable[Service]) -> list[Service]:
        """``services`` and everything running that needs them, each before its dependents."""
        finished: dict[Service, None] = {}
        entered: set[Service] = set()
        for service in services:
            if service in entered:
                continue
            entered.add(service)
            stack = [(service, iter(self._running_dependents(service)))]
            while stack:
                current, remaining = stack[-1]
                dependent = next(remaining, None)
                if dependent is None:
                    stack.pop()
                    finished[current] = None
                elif dependent not in entered:
                    entered.add(dependent)
                    stack.append((dependent, iter(self._running_dependents(dependent))))
        return list(finished)[::-1]

    async def _stop_dependent(
        self, service: Service, outcomes: dict[Service, asyncio.Future[Any]]
    ) -> Service:
        for dependent in self.registry.dependents(service):
            outcome = outcomes.get(dependent)
            if outcome is not None:
                await outcome
        error = await self._request_stop(service, ())
        if error is not None:
            log(f"Ignoring error while stopping {service.name}: {error}")
        return self._after_stop(service)

    async def _request_stop(
        self, service: Service, arguments: tuple[object, ...]
    ) -> KeyedError | None:
        while True:
            if service.status == STOPPED:
                return None
            if service.status == STOPPING:
                await self._settled(service)
                return None
            if service.status == STARTING:
                settled = self._settled(service)
                self.retrying.discard(service)
                if service.job is not None:
                    service.job.cancel()
                else:
                    log(f"Waiting for {service.name} to start...")
                await settled
                continue
            if self._running_dependents(service):
                # Started while others were being stopped.
                await self._stop_dependents(service)
                continue
            return await self._run_stop(service, arguments)

    async def _run_stop(self, service: Service, arguments: tuple[object, ...]) -> KeyedError | None:
        service.transition(STOPPING)
        log(f"Stopping service {service.name}...")
        error: KeyedError | None = None
        result: Any = False
        token = current_service.set(service)
        try:
            result = service.stop(service.value, *arguments)
            if is_awaitable(result):
                result = await result
        except Exception as reason:
            error = keyed(reason).raised_by(service.name, "stop")
        finally:
            current_service.reset(token)
            self._stopped(service)
        if error is not None or result is not False:
            log(f"Service {service.name} might have failed to stop.")
        else:
            log(f"Service {service.name} stopped.")
        log(f"Service {service.name} is now stopped.")
        return error

    def _stopped(self, service: Service) -> None:
        self._release(service.value)
        service.set_value(False)
        service.forget_failures()
        service.transition(STOPPED)
        self._forget_output(service)
        self._settle(service, False)

    async def unregister(self, services: Iterable[Service]) -> None:
        """Stop each service and remove it; one that will not stop is kept."""
        for service in services:
            if service.status != STOPPED:
                await self.stop(service)
            if service.status == STOPPED:
                self.registry.unregister(service)
            else:
                say(f"Cannot unregister service {service.name}, which is still running")

    async def stop_all(self, deadline: float | None = None) -> list[Service]:
        """Stop every service but root, dependents first, in parallel where that is possible.

        Returns those that were still not stopped ``deadline`` seconds later.
        """
        services = [s for s in self.registry if s is not self.root and s.status != STOPPED]
        outcomes: dict[Service, asyncio.Future[Any]] = {}
        for service in reversed(self._stop_order(services)):
            outcomes[service] = self.spawn_task(self._stop_dependent(service, outcomes))
        if outcomes:
            _, pending = await asyncio.wait(outcomes.values(), timeout=deadline)
            for task in pending:
                task.cancel()
        return [s for s in self.registry if s is not self.root and s.status != STOPPED]
