"""What a command does: the front end's start and stop, generic and custom actions.

``perform`` carries out one command and gives the ``result`` part of its reply, at once
or as a coroutine: most commands need no task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any

from pid1.awaiting import is_awaitable
from pid1.chart import the_chart
from pid1.errors import ActionNotFound, KeyedError, ServiceError, ServiceNotFound, keyed
from pid1.events import the_events
from pid1.log import say, say_all
from pid1.service import RUNNING, STOPPED, Action, Service
from pid1.sexp import Raw, Symbol, write
from pid1.supervisor import Supervisor, current_service
from pid1.values import encode

UNSPECIFIED = "#<unspecified>"
# Said of an enabled or disabled service when that is stored.
KEPT = "It stays so when the daemon is started again."


def perform(
    supervisor: Supervisor, action: object, service_name: object, arguments: list[object]
) -> Any:
    """Carry out a command; return wire data for the result, or an awaitable of it.

    Raises ServiceNotFound, ActionNotFound or KeyedError, now or when awaited.
    """
    if not isinstance(service_name, Symbol):
        raise ServiceNotFound(Raw(write(service_name)))
    service = supervisor.registry.lookup(service_name.name)
    if not isinstance(action, Symbol):
        raise ActionNotFound(action, Symbol(service.name))
    if action.name == "start":
        return _start(supervisor, service, arguments)
    if action.name == "stop":
        return _stop(supervisor, service, arguments)
    custom = service.action(action.name)
    if custom is not None:
        return _custom(service, custom, arguments)
    generic = _GENERIC.get(action.name)
    if generic is None:
        raise ActionNotFound(action, Symbol(service.name))
    return generic(supervisor, service, arguments)


def _start(supervisor: Supervisor, service: Service, arguments: list[object]) -> Any:
    if service.status == RUNNING:
        say(f"Service {service.name} is already running.")
        return service.to_wire()
    return _start_now(supervisor, service, arguments)


async def _start_now(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    if (await supervisor.start(service, tuple(arguments))) is False:
        return False
    return (supervisor.registry.get(service.name) or service).to_wire()


def _stop(supervisor: Supervisor, service: Service, arguments: list[object]) -> Any:
    if service.status == STOPPED:
        return []
    return _stop_now(supervisor, service, arguments)


async def _stop_now(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    stopped = await supervisor.stop(service, tuple(arguments))
    return [Symbol(one.name) for one in stopped]


def _custom(service: Service, action: Action, arguments: list[object]) -> Any:
    value = run(service, action, arguments)
    return _encoded(value) if is_awaitable(value) else [encode(value)]


async def _encoded(value: Awaitable[Any]) -> object:
    return [encode(await value)]


def run(service: Service, action: Action, arguments: list[object]) -> Any:
    """Call a custom action; return its value as it is, or an awaitable of it."""
    token = current_service.set(service)
    try:
        value = action.procedure(service.value, *arguments)
        if is_awaitable(value):
            return _run_later(service, action, value)
        return value
    except Exception as error:
        raise _raised_by(service, action, error) from error
    finally:
        current_service.reset(token)


async def _run_later(service: Service, action: Action, value: Awaitable[Any]) -> Any:
    token = current_service.set(service)
    try:
        return await value
    except Exception as error:
        raise _raised_by(service, action, error) from error
    finally:
        current_service.reset(token)


def _raised_by(service: Service, action: Action, error: Exception) -> ServiceError:
    """The error that a custom action's exception is reported as."""
    if isinstance(error, ServiceError) and not isinstance(error, KeyedError):
        return error
    return keyed(error).raised_by(service.name, action.name)


def _no_arguments(name: str, arguments: list[object]) -> None:
    if arguments:
        raise KeyedError(
            "wrong-number-of-args",
            [False, "Wrong number of arguments to ~A", [f"#<procedure {name} (_)>"], False],
        )


def _status(_supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    _no_arguments("status", arguments)
    return [service.to_wire()]


def _enable(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    _no_arguments("enable", arguments)
    service.set_enabled(True)
    say(f"Enabled service {service.name}.")
    return _keep(supervisor, service, [], service.names)


def _disable(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    _no_arguments("disable", arguments)
    service.set_enabled(False)
    say(f"Disabled service {service.name}.")
    return _keep(supervisor, service, [service.name], [])


def _keep(
    supervisor: Supervisor, service: Service, add: Iterable[str], remove: Iterable[str]
) -> Any:
    """Have the daemons to come know what was asked for, and say whether they will."""
    disabled = supervisor.disabled
    if disabled is None or service is supervisor.root or service.transient:
        return [UNSPECIFIED]

    async def store() -> object:
        problem = await disabled.change(add, remove)
        if problem is None:
            say(KEPT)
        else:
            say(f"Not kept beyond the end of the daemon: {problem}.")
        return [UNSPECIFIED]

    return store()


async def _restart(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    return [await supervisor.restart(service, tuple(arguments))]


def _doc(_supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    if not arguments or arguments[0] in ("full", "short"):
        say_all(service.documentation.split("\n"))
    elif arguments[0] == "action":
        for name in arguments[1:]:
            action = service.action(name)
            if action is None:
                raise ActionNotFound(name, Symbol(service.name))
            say_all(f"{name}: {action.documentation}".split("\n"))
    elif arguments[0] == "list-actions":
        for action in service.actions:
            say_all([f"{action.name}:", *f"  {action.documentation}".split("\n"), ""])
    else:
        say("Unknown keyword.  Try 'herd help'.")
    return [UNSPECIFIED]


async def _events(supervisor: Supervisor, service: Service, arguments: list[object]) -> object:
    """The status changes after one of them; without arguments, where to begin."""
    if service is not supervisor.root:
        raise ActionNotFound(Symbol("events"), Symbol(service.name))
    match arguments:
        case []:
            services = [one.to_wire() for one in supervisor.registry]
            return [[*the_events.to_wire(the_events.serial), [Symbol("services"), services]]]
        case [int(serial), int() | float() as seconds]:
            await the_events.wait(serial, seconds)
            return [the_events.to_wire(serial)]
    raise KeyedError(
        "wrong-type-arg", ["events", "Wrong type arguments: ~S", [arguments], [arguments]]
    )


def _analyze(supervisor: Supervisor, service: Service, _arguments: list[object]) -> object:
    """The boot chart."""
    if service is not supervisor.root:
        raise ActionNotFound(Symbol("analyze"), Symbol(service.name))
    return [the_chart.to_wire(supervisor.registry)]


_GENERIC = {
    "restart": _restart,
    "status": _status,
    "enable": _enable,
    "disable": _disable,
    "doc": _doc,
    "events": _events,
    "analyze": _analyze,
}
