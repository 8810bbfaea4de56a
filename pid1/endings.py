"""The end of processes: whose it was, what the service becomes, whether it starts again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pid1 import values
from pid1.awaiting import is_awaitable
from pid1.context import current_service
from pid1.errors import KeyedError, ServiceNotFound, keyed
from pid1.log import client_output, log
from pid1.manager import Manager
from pid1.process import ending
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.values import Process


class Endings(Manager):
    """Hears of the end of every process that a service owns."""

    def own(self, service: Service, pid: int) -> None:
        """The process belongs to ``service``: hear of its death."""
        if pid in service.children:
            return
        service.children = (*service.children, pid)
        self.children.watch(pid, lambda status: self._child_died(service, pid, status))

    def change_value(self, service: Service, value: Any) -> None:
        """Give a running service another running value."""
        service.set_value(value)
        if isinstance(value, Process):
            self.own(service, value.pid)
            if service.capture is not None:
                service.capture.pid = value.pid
        log(f"Running value of service {service.name} changed to {values.text(value)}.")

    def _child_died(self, service: Service, pid: int, status: int) -> None:
        service.children = tuple([child for child in service.children if child != pid])
        if service.status == STARTING:
            if service.deaths is None:
                service.deaths = []
            service.deaths.append((pid, status))
        else:
            self._main_process_died(service, pid, status)

    def _main_process_died(self, service: Service, pid: int, status: int) -> None:
        if service.status != RUNNING:
            return
        tell = getattr(service.value, "process_ended", None)
        if tell is not None:
            # Which process is the main one may depend on what this one said before.
            tell(pid)
        main = service.main_pid
        if main is not None and main != pid:
            return
        value = service.value
        service.transition(STOPPED)
        service.set_value(False)
        service.record_exit(status)
        self._forget_output(service)
        self.let_go(service)
        self.handle_end(service, value, status)

    def handle_end(self, service: Service, value: Any, status: int) -> None:
        """Run the termination handler of a service whose main process has ended."""
        self.ends[service] = (value, status, False)
        self.spawn_task(self._run_handler(service, value, status), name=f"end of {service.name}")

    async def _run_handler(self, service: Service, value: Any, status: int) -> None:
        # The handler acts for nobody's command.
        client_output.set(None)
        token = current_service.set(service)
        handler = service.termination_handler or self.default_termination_handler
        self.ends[service] = (value, status, True)
        try:
            result = handler(service, value, status)
            if is_awaitable(result):
                await result
        except Exception as error:
            log(f"Error in the termination handler of {service.name}: {keyed(error)}")
        finally:
            current_service.reset(token)
            self.ends.pop(service, None)

    async def default_termination_handler(self, service: Service, value: Any, status: int) -> None:
        """Respawn the service if it may be, else disable it (SHEPHERD.md 3.3)."""
        if status:
            pid = value.pid if isinstance(value, Process) else None
            of = f"{service.name} (PID {pid})" if pid is not None else service.name
            log(f"Service {of} {ending(status)}.")
        self._replace(service)
        if self.root is not None and self.root.status not in (RUNNING, STARTING):
            return
        await self.respawn(service)

    async def respawn(self, service: Service) -> None:
        """Start the service again after its delay, unless it did so too often: then disable."""
        if service.respawn and not self._respawns_too_fast(service):
            if service.respawn_delay > 0:
                self.respawning.add(service)
                try:
                    await asyncio.sleep(service.respawn_delay)
                finally:
                    self.respawning.discard(service)
            current = self.registry.get(service.name)
            if current is None or current.status != STOPPED:
                return
            log(f"Respawning {current.name}.")
            current.record_respawn()
            exits = current.exits
            started: Any = True
            self.retrying.add(current)
            try:
                started = await self.start(current)
            except (KeyedError, ServiceNotFound) as error:
                log(f"Exception caught while starting {current.name}: {error}")
            wanted = current in self.retrying
            self.retrying.discard(current)
            if started is False and wanted and current.exits is not exits:
                # Its process ended before the start was complete: an end like any other.
                await self.respawn(current)
            return
        log(f"Service {service.name} has been disabled.")
        if service.respawn:
            log("  (Respawning too fast.)")
        service.set_enabled(False)
        if service.transient and self.registry.get(service.name) is service:
            self.registry.unregister(service)
            log(f"Transient service {service.name} terminated, now unregistered.")

    @staticmethod
    def _respawns_too_fast(service: Service) -> bool:
        limit, period = service.respawn_limit
        since = time.time() - period
        return sum(1 for when in service.respawns if when > since) >= limit
