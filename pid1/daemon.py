"""The daemon: its start, its take-over, shutdown, and what must never kill it.

Everything that goes wrong in a callback of the loop is logged and survived.  The
daemon ends by an orderly stop of ``root``, by ``exit`` in a configuration, or never.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hurd.system import RebootError, system
from pid1.chart import the_chart
from pid1.control import ControlServer, open_socket
from pid1.errors import ServiceQuit, misc_error, system_error
from pid1.events import the_events
from pid1.log import client_output, log, say, the_log
from pid1.process import send_signal, signal_target
from pid1.root import make_root
from pid1.service import RUNNING, STOPPED, STOPPING
from pid1.sexp import Symbol
from pid1.signals import Signals
from pid1.socket_file import SocketFile
from pid1.supervisor import Replay, Supervisor, current_replay, replay
from pid1.values import Process, text

# Seconds that services may take to stop at shutdown before they are killed.
SHUTDOWN_DEADLINE: Final = 60.0
# Seconds that killed ones may take to disappear.
_AFTER_KILL: Final = 2.0
# Seconds in which the same unexpected error is logged once.
_SAME_ERROR: Final = 1.0
# Seconds that the configuration may take to be evaluated again before clients are served, and what
# it defines is taken to be lost. It takes one where nothing else runs, and ten on a busy Hurd.
_RELOAD_PATIENCE: Final = 30.0
# Objects that are made before the collector looks for garbage, while a configuration is loaded.
_MANY_OBJECTS: Final = 100_000
_FAREWELLS: Final = {
    "halt": "Halting...",
    "power-off": "Shutting down...",
    "kexec": "Rebooting with kexec...",
}


class Daemon:
    """One daemon; ``run`` returns its exit status.

    ``listener`` is None if the control socket cannot be opened yet, which PID 1 lives with;
    ``open_listener`` opens it and raises SocketError with the reason.
    """

    def __init__(
        self,
        listener: socket.socket | None,
        socket_path: str,
        load: Callable[[str], Any],
        evaluate: Callable[[str], Any],
        shutdown_deadline: float = SHUTDOWN_DEADLINE,
        open_listener: Callable[[str], socket.socket] = open_socket,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._on_exception)
        self.shutdown_deadline = shutdown_deadline
        self.socket_path = socket_path
        self.pid_file: str | None = None
        # That of children, which is not the daemon's own: (soft, hard).
        self.descriptor_limit: tuple[int, int] | None = None
        self.configuration = ""
        self.supervisor = Supervisor()
        self.server = ControlServer(self.supervisor, listener)
        self.finished: asyncio.Future[int] = self.loop.create_future()
        self.rebooting = False
        # How root is being stopped ("stop", "halt", …), None while it is not.
        self.ending: str | None = None
        # Whether the configuration is still being evaluated for the first time.
        self.loading = False
        # Until the services of the previous image are known again, and whether to stop then.
        self.taking_over = False
        self._stop_at_once = False
        # Called in the child after it has gone into the background.
        self.daemonized: list[Callable[[], Awaitable[None]]] = []
        # What has to be evaluated again for the definitions: kind, text or file name, and the
        # services that it registered.
        self.journal: list[tuple[str, str, list[str]]] = []
        self.supervisor.root = make_root(self, load, evaluate)
        self.supervisor.root.capture = the_log  # type: ignore[assignment]
        self.supervisor.register([self.supervisor.root])
        self._signals = Signals(self.loop, self.supervisor.children.reap, self._on_stop)
        self._last_error: tuple[str, float] = ("", 0.0)
        self._socket_file = SocketFile(
            self.server, socket_path, open_listener, self.finished, self._on_stop
        )

    async def run(self, ready: Callable[[], Any], state: dict[str, Any] | None = None) -> int:
        """Serve until the end; ``ready`` is called once the daemon can be talked to.

        ``state`` is what the previous image left, when this one was re-executed.
        """
        if state is None:
            await self._begin(ready)
        else:
            await self._take_over(ready, state)
        self._socket_file.watch()
        # What start-up made lives for ever: keep the collector from walking it.
        gc.freeze()
        return await self.serve()

    async def serve(self) -> int:
        """Serve until the end; return the exit status."""
        gc.enable()
        the_log.defer = self.loop.call_soon
        status = await self.finished
        the_events.release()
        if self.server.busy:
            await self.tick()  # who follows the events is answered
        self._leave()
        return status

    async def _begin(self, ready: Callable[[], Any]) -> None:
        root = self.supervisor.root
        assert root is not None
        self.install_signal_handlers()
        await self.supervisor.start(root)
        self.server.resume()
        self.loading = True
        self.supervisor.spawn_task(self._configure(ready), name="configuration")

    async def _configure(self, ready: Callable[[], Any]) -> None:
        # A configuration makes little garbage. One that never ends may make a lot.
        thresholds = gc.get_threshold()
        gc.set_threshold(_MANY_OBJECTS, *thresholds[1:])
        try:
            work = ready()
            if work is not None:
                await work
        finally:
            self.loading = False
            gc.set_threshold(*thresholds)
            gc.freeze()  # what it made stays

    async def _take_over(self, ready: Callable[[], Any], state: dict[str, Any]) -> None:
        """Go on where the previous image was; clients wait until that is done."""
        from pid1.adoption import adopt

        children = self.supervisor.children
        children.keeping = self.taking_over = True
        try:
            self._resume_self(state)
            self.install_signal_handlers()
            # Code that does not come to an end keeps nobody waiting for ever.
            again = Replay()
            work = self.supervisor.spawn_task(self._replay(ready, again), name="configuration")
            done, _ = await asyncio.wait({work}, timeout=_RELOAD_PATIENCE)
            if not done:
                log(f"Not evaluated again within {_RELOAD_PATIENCE:g} seconds; going on.")
            adopt(self, state, again)
        finally:
            children.keeping = self.taking_over = False
            self.server.resume()
            if self._stop_at_once:
                self._on_stop()

    def _resume_self(self, state: dict[str, Any]) -> None:
        root = self.supervisor.root
        assert root is not None
        self.pid_file = state["pid_file"]
        self.configuration = state["configuration"]
        the_events.adopt(state.get("events"))
        the_chart.adopt(state.get("chart"))
        the_log.history = [(when, line) for when, line in state["log"]]
        root.status = RUNNING
        root.value = Process(os.getpid())
        root.changes = [(status, when) for status, when in state["root"]["changes"]]
        root.enabled = state["root"]["enabled"]

    async def _replay(self, ready: Callable[[], Any], again: Replay) -> None:
        current_replay.set(again)
        try:
            await ready()
        except ServiceQuit:
            log("Not leaving: this is not the first time the configuration is evaluated.")
        finally:
            again.active = False

    def quit(self, status: int) -> None:
        """End at once, without stopping services; PID 1 stops them first."""
        if os.getpid() == 1 and self.ending is None:
            self._on_stop()
        elif not self.finished.done():
            self.finished.set_result(status)

    # Signals

    def install_signal_handlers(self) -> None:
        """React to the end of children and to requests to stop."""
        self._signals.watch()

    def stop_wanted(self) -> str | None:
        """How the daemon is being stopped, or is about to be."""
        return self.ending or ("stop" if self._signals.stop_noted else None)

    def end(self, how: str) -> None:
        """Stop in one of the ways of ``stop_wanted``."""
        if how == "stop":
            self._on_stop()
        else:
            self.supervisor.spawn_task(self.power(how), name=how)

    def _on_stop(self) -> None:
        root = self.supervisor.root
        assert root is not None
        if self.taking_over:
            # Who is not known yet would not be stopped, and run on.
            self._stop_at_once = True
        elif root.status == RUNNING:
            self.ending = "stop"
            self.supervisor.spawn_task(self.supervisor.stop(root), name="shutdown")

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, ServiceQuit):
            self.quit(error.status)
            return
        with contextlib.suppress(Exception):
            what = f"{type(error).__name__}: {error}" if error is not None else ""
            line = f"Unexpected error: {context.get('message')} {what}".rstrip()
            # A callback that fails each time it is called would fill the log.
            last, until = self._last_error
            if line != last or self.loop.time() >= until:
                self._last_error = (line, self.loop.time() + _SAME_ERROR)
                log(line)

    # The end

    async def shutdown(self) -> None:
        """Stop every service, then end the daemon; PID 1 of root reboots."""
        self.ending = "stop"
        say("Exiting shepherd...")
        try:
            await self.stop_services()
        except Exception as error:
            # Whoever asked for the end shall get it.
            log(f"Unexpected error while stopping services: {type(error).__name__}: {error}")
        self.rebooting = os.getpid() == 1 and os.getuid() == 0
        self.quit(0)

    async def stop_services(self) -> None:
        """Stop all services in order; kill what is left at the deadline, and say which."""
        loop = self.loop
        end = loop.time() + self.shutdown_deadline
        late = await self.supervisor.stop_all(self.shutdown_deadline)
        if not late:
            return
        for service in late:
            log(f"Service {service.name} did not stop in time; killing it.")
            pids = set(service.children)
            if service.main_pid is not None:
                pids.add(service.main_pid)
            for pid in pids:
                with contextlib.suppress(PermissionError):
                    send_signal(signal_target(pid), signal.SIGKILL)
            if service.containment is not None:
                service.containment.kill(signal.SIGKILL)
        end += _AFTER_KILL
        while loop.time() < end and any(service.children for service in late):
            await asyncio.sleep(0.02)

    async def power(self, how: str) -> None:
        """Stop everything and "halt", "power-off" or "kexec"; if that is refused, go on working.

        Raises KeyedError with the reason.
        """
        root = self.supervisor.root
        assert root is not None
        if root.status != RUNNING:
            raise misc_error("the daemon is stopping already")
        self.ending = how
        say("Exiting shepherd...")
        root.transition(STOPPING)
        log("Stopping service root...")
        try:
            await self.stop_services()
            say(_FAREWELLS[how])
            the_events.release()
            await self.tick()
            the_log.flush()
            system.reboot(how)
        except RebootError as error:
            await self._resume_root()
            raise system_error("reboot", error, Symbol(error.operation)) from error
        except NotImplementedError as error:
            await self._resume_root()
            raise misc_error(f"this system cannot {how}") from error
        except Exception:
            await self._resume_root()
            raise
        self.quit(0)

    async def _resume_root(self) -> None:
        """Go on working after the kernel refused to end the machine."""
        root = self.supervisor.root
        assert root is not None
        self.ending = None
        root.transition(STOPPED)
        output = client_output.set(None)
        try:
            await self.supervisor.start(root)
        finally:
            client_output.reset(output)

    def _leave(self) -> None:
        # From here on each line is written at once: some of what follows does not return.
        the_log.defer = None
        the_log.flush()
        self.server.close()
        for path in (self.socket_path, self.pid_file):
            if path is not None:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        groups = system.control_groups()
        if groups is not None:
            groups.close()
        if not self.rebooting:
            log("Exiting.")
            return
        log("Rebooting...")
        try:
            system.reboot("reboot")
        except OSError as error:
            log(f"Cannot reboot: {error.strerror}.")

    def open_control_socket(self) -> bool:
        """Open the control socket if it is not open; whether it is now."""
        return self._socket_file.open()

    # Changing the process

    def daemonize(self) -> None:
        """Go on in a child that leads its own session; the parent exits.

        Raises KeyedError when the process cannot be forked.
        """
        if replay() is not None:
            return  # the previous image has done that
        task = asyncio.current_task(self.loop)
        try:
            pid = os.fork()
        except OSError as error:
            raise system_error("fork", error) from error
        if pid:
            os._exit(0)
        # The child is in the middle of the same loop and task, but asyncio has forgotten them.
        asyncio._set_running_loop(self.loop)
        if task is not None and asyncio.current_task(self.loop) is None:
            asyncio.tasks._enter_task(self.loop, task)
        os.setsid()
        system.become_subreaper()
        self.install_signal_handlers()
        assert self.supervisor.root is not None
        process = Process(os.getpid())
        self.supervisor.root.set_value(process)
        log(f"Running value of service root changed to {text(process)}.")

    async def reexec(self) -> None:
        """Re-execute once the command that asks for it is answered; raises KeyedError."""
        from pid1.reexec import check_image, reexecute

        if replay() is not None:
            return  # asked for by the configuration itself
        if self.ending is not None:
            raise misc_error("the daemon is stopping")
        await check_image(self.supervisor)
        self.supervisor.spawn_task(reexecute(self), name="re-execution")

    async def tick(self) -> None:
        """Let other work proceed for a moment."""
        await asyncio.sleep(0.005)
