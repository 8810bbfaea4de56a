"""Operations on services: start, stop, restart, respawn, unload and shutdown.

All state changes happen on the event loop's thread, here, through
``Service.transition``.  An operation that a client began goes on when the client goes
away.  Graphs of any depth are handled without recursion.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from hurd.system import system
from pid1 import values
from pid1.awaiting import is_awaitable
from pid1.capture import Capture
from pid1.errors import KeyedError, ServiceNotFound, ServiceQuit, keyed
from pid1.log import client_output, log, say
from pid1.process import Children, ending
from pid1.registry import Registry, start_order
from pid1.service import RUNNING, STARTING, STOPPED, STOPPING, Service
from pid1.values import Process

if TYPE_CHECKING:
    from pid1.disabled import DisabledServices

# Services started in one turn of the loop, so that a large start leaves clients their turn.
_BATCH: Final = 8

# The service whose start, stop or action is running; follows tasks.
current_service: ContextVar[Service | None] = ContextVar("current_service", default=None)


class Replay:
    """Definitions that are evaluated again after re-execution: their starts have happened.

    ``requested`` are the services whose start was left out.
    """

    def __init__(self) -> None:
        self.active = True
        self.requested: list[str] = []


# The replay that the running code is part of; what clients ask meanwhile is not.
current_replay: ContextVar[Replay | None] = ContextVar("current_replay", default=None)
# The names of services registered by the evaluation that the running code is part of.
registering: ContextVar[set[str] | None] = ContextVar("registering", default=None)


def replay() -> Replay | None:
    """Return the replay that is going on in this context, if any."""
    found = current_replay.get()
    return found if found is not None and found.active else None


def detached(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function``; what it sets going acts for no client and no service.

    For readers, timers and tasks that outlive the command in which they are set up.
    """
    context = contextvars.copy_context()
    context.run(client_output.set, None)
    context.run(current_service.set, None)
    return context.run(function, *arguments)


class Supervisor:
    """The services of one daemon and the processes they own."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.children = Children()
        self.root: Service | None = None
        # Names that stay disabled when the daemon is started again; None if none are kept.
        self.disabled: DisabledServices | None = None
        _current[:] = [self]
        # Only for those who ask: entering a control group makes each start wait for the
        # kernel, some 10 ms, where starting the process takes 0.1.
        self.control_groups = (
            os.environ.get("DROVER_CONTROL_GROUPS") == "1" and system.has_control_groups()
        )
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

    # Tasks

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

    # Registration

    def register(self, services: Iterable[Service]) -> None:
        """Register each service; raises KeyedError for a requirement cycle, after the rest."""
        refused: KeyedError | None = None
        names = registering.get()
        for service in services:
            if names is not None:
                names.update(service.names)
            try:
                old = self.registry.register(service)
            except KeyedError as error:
                log(str(error.arguments[2][0]) if error.arguments[2:] else str(error))  # type: ignore[index]
                refused = refused or error
                continue
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

    async def unregister(self, services: Iterable[Service]) -> None:
        """Stop each service and remove it; one that will not stop is kept."""
        for service in services:
            if service.status != STOPPED:
                await self.stop(service)
            if service.status == STOPPED:
                self.registry.unregister(service)
            else:
                say(f"Cannot unregister service {service.name}, which is still running")

    # Starting

    async def start(self, service: Service, arguments: tuple[object, ...] = ()) -> Any:
        """Start ``service`` and what it requires; return its running value, False on failure.

        Raises ServiceNotFound for an unknown requirement, and what the service's own start
        procedure raised, as a KeyedError.
        """
        again = replay()
        if again is not None:
            again.requested.append(service.name)
            return service.value if service.status == RUNNING else True
        if all(r.status == RUNNING for r in self.registry.requirements(service)):
            return await self._request_start(service, arguments)
        order = start_order([service], self.registry)
        order.pop()
        outcomes = self._start_tree(order)
        if not await self._requirements_met(service, outcomes):
            return False
        return await self._request_start(service, arguments)

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
            return await self._request_start(service, ())
        except KeyedError as error:
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
                await self._settled(service)
                # Its replacement may have taken its place.
                service = self.registry.get(service.name) or service
                continue
            return await self._run_start(service, arguments)

    def _settled(self, service: Service) -> Awaitable[Any]:
        """Wait for the end of the current transition; the outcome of a start is its result."""
        if service.settled is None:
            service.settled = asyncio.get_running_loop().create_future()
        return asyncio.shield(service.settled)

    def _settle(self, service: Service, outcome: Any) -> None:
        settled, service.settled = service.settled, None
        if settled is not None and not settled.done():
            settled.set_result(outcome)

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
        for pid in service.children:
            self.spawn_task(self._terminate_stray(pid))

    async def _terminate_stray(self, pid: int) -> None:
        from pid1.process import signal_target, terminate

        try:
            await terminate(self.children, signal_target(pid), wait_for=pid)
        except OSError as error:
            log(f"Cannot terminate process {pid}: {error.strerror}.")

    def _start_failed(self, service: Service) -> None:
        service.deaths = None
        service.record_failure()
        service.transition(STOPPED)
        log(f"Service {service.name} failed to start.")
        self._forget_output(service)
        self._settle(service, False)

    def _started(self, service: Service, value: Any) -> None:
        log(f"Service {service.name} started.")
        deaths, service.deaths = service.deaths or [], None
        if service.one_shot:
            service.transition(STOPPED)
            self._release(value)
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
        try:
            outcomes = await self._start_many(services)
        except ServiceNotFound:
            # One broken requirement must not keep the others down: go one by one.
            outcomes = {}
        for service in services:
            try:
                if service in outcomes:
                    value = await outcomes[service]
                elif service.status == RUNNING:
                    continue
                else:
                    value = await self.start(service)
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

    # Stopping

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
        if service.transient and self.registry.get(service.name) is service:
            self.registry.unregister(service)
            say(f"Transient service {service.name} unregistered.")
        return self._replace(service)

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

    # Restarting

    async def restart(self, service: Service, arguments: tuple[object, ...] = ()) -> bool:
        """Stop ``service``, then start it and the dependents that were stopped with it.

        Returns whether all of them started.
        """
        stopped = await self.stop(service)
        succeeded = True
        for index, one in enumerate(stopped):
            if one.transient:
                continue
            current = self.registry.get(one.name) or one
            if (await self.start(current, arguments if index == 0 else ())) is False:
                succeeded = False
        return succeeded

    # Processes

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

    def contain(self, service: Service) -> str | None:
        """Where a new process of ``service`` enters its control group; None without one."""
        if not self.control_groups:
            return None
        if service.containment is None:
            service.containment = system.containment(service.name, control_group=True)
        return service.containment.entrance()

    def attach_output(self, service: Service, capture: Capture) -> None:
        """What a new process of ``service`` prints is the service's output from now on."""
        if service.capture is not None:
            log(f"Registering new logger for {service.name}.")
        service.capture = capture
        service.touch()

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

    # Shutting down

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


_current: list[Supervisor] = []


def supervisor() -> Supervisor:
    """The supervisor of this daemon; raises IndexError before there is one."""
    return _current[-1]


async def _await(work: Awaitable[Any]) -> Any:
    return await work
