"""Watches over a machine that boots: where nobody can log in, there is a shell on the console.

A configuration that does not load, a service that hangs, gettys that all have died: whatever the
reason, once no service offers a login and none is about to, the service ``emergency-shell`` is
started and says what is wrong.  When that shell ends, the boot is tried again.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any, Final

from boot import bundled, running
from boot.ending import watch_for_the_end
from boot.rescue import shell_command, shell_environment
from hurd.offload import off_loop
from hurd.system import SpawnSpec, system
from pid1.errors import KeyedError, ServiceError
from pid1.events import the_events
from pid1.forkexec import Kill, fork_exec
from pid1.log import log
from pid1.service import RUNNING, STARTING, STOPPING, Service
from pid1.supervisor import current_service, supervisor
from pid1.values import Process
from services.scheme import host_modules

if TYPE_CHECKING:
    from pid1.daemon import Daemon

NAME: Final = "emergency-shell"
TARGET: Final = "multi-user"
"""The service that stands for the whole boot."""

# Services that a person can log in with: the others of that kind are called "term-…".
_LOGINS: Final = frozenset({NAME, "single-user", "console-shell"})
# Seconds without any change after which the boot is taken to be over.
GRACE: Final = 4.0
# Seconds that the loop comes too late by when it was not idle before.
LATENESS: Final = 0.5
# Seconds after which somebody wants to look, though services are still starting.
PATIENCE: Final = 90.0


def offers_login(service: Service) -> bool:
    """Whether a person can work at the console, or soon will, thanks to this service."""
    if service.name not in _LOGINS and not service.name.startswith("term-"):
        return False
    return service.status == RUNNING


def install(daemon: Daemon) -> None:
    """Watch over this daemon's services, and let its configuration use ``(drover hurd)``."""
    running.daemon = daemon
    host_modules[("drover", "hurd")] = "boot.api"
    Guard(daemon)
    from boot.boot_log import watch_slow_starts

    watch_slow_starts(daemon)


class Guard:
    """One daemon's; ``since`` is when there was no login for the first time, in the loop's time."""

    def __init__(self, daemon: Daemon, grace: float = GRACE, patience: float = PATIENCE) -> None:
        self.daemon = daemon
        self.grace = grace
        self.patience = patience
        self.since = daemon.loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._settled = False
        daemon.supervisor.register([self._emergency_shell()])
        the_events.listeners.append(self._changed)
        self._changed()

    def _changed(self) -> None:
        """Look once there has been no change for a while."""
        if self._timer is not None:
            self._timer.cancel()
        latest = self.since + self.patience
        when = min(self.daemon.loop.time() + self.grace, latest)
        self._timer = self.daemon.loop.call_at(when, self._look, when)

    def _look(self, when: float) -> None:
        self._timer = None
        daemon, loop = self.daemon, self.daemon.loop
        if daemon.ending is not None or daemon.finished.done():
            return
        if daemon.taking_over:
            # Whoever is logged in is known in a moment.
            self._timer = loop.call_later(self.grace, self._look, loop.time() + self.grace)
            return
        if when + LATENESS < loop.time() < self.since + self.patience:
            # Nothing has changed because the loop was busy, with a configuration for instance: what
            # that has started is to come.
            self._changed()
            return
        services = list(daemon.supervisor.registry)
        if any(offers_login(service) for service in services):
            self.since = float("inf")
            if not self._settled:
                self._settled = True
                daemon.supervisor.spawn_task(self._settle(), name="after the login")
            return
        if self.since == float("inf"):
            self.since = loop.time()
        late = loop.time() >= self.since + self.patience
        busy = [one.name for one in services if one.status in (STARTING, STOPPING)]
        if (busy or daemon.loading) and not late:
            # Somebody is at it: look again when that is done, or when it takes too long.
            latest = self.since + self.patience
            self._timer = loop.call_at(latest, self._look, latest)
            return
        log("Nobody can log in: starting a shell on the console.")
        for line in self._reasons(services, busy):
            log(f"  {line}")
        self.since = loop.time()
        daemon.supervisor.spawn_task(self._start_shell(), name=NAME)

    async def _settle(self) -> None:
        """What nobody waits for at the login: to be heard of when we die, and of the end."""
        bundled.started()
        if running.arguments is not None and running.arguments.essential:
            try:
                await off_loop(system.register_essential, "init")
            except OSError as error:
                log(f"If PID 1 dies the machine will not reboot: {error.strerror or error}.")
        await watch_for_the_end(self.daemon)

    def _reasons(self, services: list[Service], busy: list[str]) -> list[str]:
        lines = []
        if self.daemon.loading:
            lines.append(f"'{self.daemon.configuration}' is still being loaded.")
        if all(service.name != TARGET for service in services):
            lines.append(f"The configuration defines no service '{TARGET}'.")
        if busy:
            lines.append(f"Still starting or stopping: {', '.join(busy)}.")
        failed = [one.name for one in services if one.failures and one.status != RUNNING]
        if failed:
            lines.append(f"Failed: {', '.join(failed)}.")
        disabled = [one.name for one in services if not one.enabled]
        if disabled:
            lines.append(f"Disabled: {', '.join(disabled)}.")
        return lines

    async def _start_shell(self) -> None:
        shell = self.daemon.supervisor.registry.get(NAME)
        if shell is None:
            shell = self._emergency_shell()
            self.daemon.supervisor.register([shell])
        shell.set_enabled(True)
        try:
            await self.daemon.supervisor.start(shell)
        except (KeyedError, ServiceError) as error:
            log(f"Cannot start a shell on the console: {error}")

    def _emergency_shell(self) -> Service:
        return Service(
            (NAME,),
            start=start_shell,
            stop=Kill(signal.SIGHUP),  # an interactive shell ignores SIGTERM
            termination_handler=self._shell_ended,
            documentation="A shell on the console, for when nobody can log in.",
        )

    async def _shell_ended(self, _service: Service, _value: Any, _status: int) -> None:
        """Try the boot again."""
        if self.daemon.ending is not None:
            return
        target = self.daemon.supervisor.registry.get(TARGET)
        if target is None:
            log(f"Loading '{self.daemon.configuration}' again.")
            from services.configuration import load_configuration

            await load_configuration(self.daemon.configuration)
        else:
            log("The shell has ended; going on with the boot.")
            for service in self.daemon.supervisor.registry:
                if not service.enabled and service.failures:
                    service.set_enabled(True)
            self.daemon.supervisor.start_in_background([TARGET])
        self._changed()


def start_shell(*_arguments: object) -> Process | bool:
    """Start a shell on the console; a start procedure."""
    command = shell_command()
    if command is None:
        log("There is no shell.")
        return False
    console = system.open_console()
    try:
        _reset(console)
        spec = SpawnSpec(
            command, shell_environment(), directory="/",
            stdin=console, stdout=console, stderr=console, tty=console,
        )  # fmt: skip
        return Process(fork_exec(supervisor(), current_service.get(), spec), command)
    finally:
        os.close(console)


def _reset(console: int) -> None:
    try:
        system.reset_terminal(console)
    except OSError as error:
        log(f"Cannot reset the console: {error.strerror}.")
