"""The ``root`` service: actions on the daemon itself (SHEPHERD.md 5.2).

Loading and evaluating configurations is the language's business; it is handed in as two
functions, so that this module knows no Scheme.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hurd.system import system
from pid1.errors import KeyedError, ServiceNotFound
from pid1.log import say
from pid1.service import RUNNING, STARTING, STOPPED, Action, Service
from pid1.values import Process, WireData

if TYPE_CHECKING:
    from pid1.daemon import Daemon

_HELP: Final = """\
This is the help message for the 'root' service of the Shepherd.  The 'root'
service is used to control the Shepherd itself and it supports several
actions.  For instance, running 'herd status root' shows information about the
Shepherd, and running 'herd status' returns a summary of each service.

Try 'herd doc root list-actions' to see the list of available actions.
Run 'info shepherd' to access the user manual."""

# Interface text of the real one, which `herd doc root list-actions` prints.
_DOCUMENTATION: Final = {
    "help": "Show the help message for the 'root' service.",
    "status": "Return an s-expression showing information about all the services.\n"
    "Clients such as 'herd' can read it and format it in a human-readable way.",
    "halt": "Halt the system.",
    "power-off": "Halt the system and turn it off.",
    "kexec": "Reboot the system and run kexec.",
    "load": "Load the Scheme code from FILE into shepherd.  This is potentially\n"
    "dangerous.  You have been warned.",
    "eval": "Evaluate the given Scheme expression into the shepherd.  This is\n"
    "potentially dangerous, be careful.",
    "unload": "Unload the service identified by SERVICE-NAME or all services\n"
    "except for 'root' if SERVICE-NAME is 'all'.  Stop services before\n"
    "removing them if needed.",
    "reload": "Unload all services, then load from FILE-NAME into shepherd.  This\n"
    "is potentially dangerous.  You have been warned.",
    "daemonize": "Go into the background.  Be careful, this means that a new\n"
    "process will be created, so shepherd will not get SIGCHLD signals anymore\n"
    "if previously spawned children terminate.  Therefore, this action should\n"
    "usually only be used (if at all) *before* children get spawned for which\n"
    "we want to receive these signals.",
    "restart": "This does not work for the 'root' service.",
    "reexec": "Replace the running daemon by a fresh copy of itself, keeping all\n"
    "services, their processes and their state.",
}


class RootActions:
    """The actions; each takes root's running value and the command's arguments."""

    def __init__(
        self,
        daemon: Daemon,
        load: Callable[[str], Any],
        evaluate: Callable[[str], Any],
    ) -> None:
        self.daemon = daemon
        self.load = load
        self.evaluate = evaluate

    def help(self, _value: Any) -> str:
        return _HELP

    def status(self, _value: Any) -> WireData:
        return WireData([service.to_wire() for service in self.daemon.supervisor.registry])

    async def halt(self, _value: Any) -> None:
        await self.daemon.power("halt")

    async def power_off(self, _value: Any) -> None:
        await self.daemon.power("power-off")

    async def kexec(self, _value: Any) -> None:
        loaded = system.kexec_loaded()
        if loaded is None:
            say("Rebooting with kexec is not supported; doing nothing.")
        elif not loaded:
            say("No kexec image loaded; doing nothing.")
        else:
            await self.daemon.power("kexec")

    async def load_file(self, _value: Any, file: str) -> Any:
        say(f"Loading {file}.")
        return await _result(self.load(file))

    async def eval(self, _value: Any, expression: str) -> Any:
        return await _result(self.evaluate(expression))

    async def unload(self, _value: Any, name: str) -> Any:
        supervisor = self.daemon.supervisor
        if name == "all":
            await self._unload_all()
            return True
        service = supervisor.registry.get(name)
        if service is None:
            raise ServiceNotFound(name)
        if service.name == name:
            say(f"Removing service '{name}'...")
        else:
            say(f"Removing service '{service.name}' providing '{name}'...")
        await self._remove(service)
        say("Done.")
        return None

    async def _remove(self, service: Service) -> None:
        supervisor = self.daemon.supervisor
        service.replacement = None
        await supervisor.stop(service)
        if service.status == STOPPED:
            supervisor.registry.unregister(service)
        else:
            say(f"Cannot unregister service {service.name}, which is still running")

    async def _unload_all(self) -> None:
        supervisor = self.daemon.supervisor
        # Newest first; `unload` of a running one stops what depends on it, so look again.
        for service in reversed(list(supervisor.registry)):
            if service is not supervisor.root and supervisor.registry.get(service.name) is service:
                await self._remove(service)

    async def reload(self, _value: Any, file: str) -> Any:
        await self._unload_all()
        return await self.load_file(_value, file)

    async def daemonize(self, _value: Any) -> bool | None:
        supervisor = self.daemon.supervisor
        if os.getpid() == 1:
            say("Running as PID 1, so not daemonizing.")
            return None
        others = [s for s in supervisor.registry if s is not supervisor.root]
        if any(s.status in (RUNNING, STARTING) for s in others):
            say("Services already running, so not daemonizing.")
            return False
        say("Daemonizing...")
        self.daemon.daemonize()
        say("Restarting signal handler.")
        assert supervisor.root is not None
        supervisor.root.set_value(Process(os.getpid()))
        for callback in self.daemon.daemonized:
            await callback()
        say(f"Now running as process {os.getpid()}.")
        return True

    def restart(self, _value: Any, *_arguments: object) -> None:
        say("You must be kidding.")

    async def reexec(self, _value: Any) -> bool:
        await self.daemon.reexec()
        return True


async def _result(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


def _checked(name: str, procedure: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """Answer a wrong number of arguments as a Scheme procedure would."""

    def call(value: Any, *arguments: object) -> Any:
        if len(arguments) != arity:
            raise KeyedError(
                "wrong-number-of-args",
                [False, "Wrong number of arguments to ~A", [f"#<procedure {name} (running)>"],
                 False],
            )  # fmt: skip
        for argument in arguments:
            if type(argument) is not str:
                raise KeyedError(
                    "wrong-type-arg",
                    [name, "Wrong type argument in position 1: ~S", [argument], [argument]],
                )
        return procedure(value, *arguments)

    return call


def make_root(
    daemon: Daemon, load: Callable[[str], Any], evaluate: Callable[[str], Any]
) -> Service:
    """Return the root service of ``daemon``; its running value is the daemon's process."""
    actions = RootActions(daemon, load, evaluate)
    procedures: list[tuple[str, Callable[..., Any], int]] = [
        ("help", actions.help, 0),
        ("status", actions.status, 0),
        ("halt", actions.halt, 0),
        ("power-off", actions.power_off, 0),
        ("kexec", actions.kexec, 0),
        ("load", actions.load_file, 1),
        ("eval", actions.eval, 1),
        ("unload", actions.unload, 1),
        ("reload", actions.reload, 1),
        ("daemonize", actions.daemonize, 0),
        ("reexec", actions.reexec, 0),
    ]
    table = [
        Action(name, _checked(name, procedure, arity), _DOCUMENTATION[name])
        for name, procedure, arity in procedures
    ]
    table.insert(-1, Action("restart", actions.restart, _DOCUMENTATION["restart"]))

    async def stop(_value: Any, *_arguments: object) -> bool:
        await daemon.shutdown()
        return False

    return Service(
        ("root", "shepherd"),
        documentation="The root service is used to operate on shepherd itself.",
        start=lambda *_arguments: Process(os.getpid()),
        stop=stop,
        actions=tuple(table),
    )
