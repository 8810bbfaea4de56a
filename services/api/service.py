"""``(shepherd service)``: services and the operations on them, for configurations.

Every configuration sees these names without importing them.  A service of ``pid1`` is a
Scheme value as it is; each procedure here is a thin translation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pid1 import actions
from pid1.awaiting import is_awaitable
from pid1.capture import Capture
from pid1.errors import ActionNotFound
from pid1.log import log, say
from pid1.service import RUNNING, STOPPED, Action, Service
from pid1.sexp import Symbol
from pid1.supervisor import current_service, supervisor
from services.api import activation, definition, endpoints, errors, parameters, processes
from services.convert import Host, from_wire, to_wire
from services.scheme.errors import SchemeError, not_a_record, wrong_type
from services.scheme.primitives import Await, Call, Library, Steps
from services.scheme.types import NIL, Pair, Value, is_list, iterate, scheme_list

_RARE = frozenset(
    {"%precious-signals", "%post-daemonize-hook", "get-message*", "essential-task-thunk"}
)


class _Bindings(dict[str, Value]):
    """The names of the module; those that are rarely used are imported when asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        if name in _RARE and name not in self:
            from services.api import internals

            self.update(internals.LIBRARY.bindings)
        return dict.get(self, name, default)


LIBRARY = Library()
LIBRARY.bindings = _Bindings()
for _library in (
    parameters.LIBRARY,
    processes.LIBRARY,
    definition.LIBRARY,
    errors.LIBRARY,
    endpoints.LIBRARY,
    activation.LIBRARY,
):
    LIBRARY.bindings.update(_library.bindings)


# Looking at services


def _service(value: Value) -> Service:
    if not isinstance(value, Service):
        raise not_a_record(value)
    return value


def _accessor(name: str, read: Any) -> None:
    @LIBRARY.primitive(name, 1)
    def accessor(value: Value) -> Value:
        return read(_service(value))


def _symbol_list(names: Iterable[str]) -> Value:
    return scheme_list([Symbol(name) for name in names])


def _pairs(entries: Iterable[tuple[Any, Any]]) -> Value:
    return scheme_list([Pair(first, second) for first, second in entries])


_accessor("service-provision", lambda s: _symbol_list(s.names))
_accessor("service-canonical-name", lambda s: Symbol(s.name))
_accessor("service-requirement", lambda s: _symbol_list(s.requirement))
_accessor("one-shot-service?", lambda s: s.one_shot)
_accessor("transient-service?", lambda s: s.transient)
_accessor("respawn-service?", lambda s: s.respawn)
_accessor("service-respawn-limit", lambda s: Pair(*s.respawn_limit))
_accessor("service-respawn-delay", lambda s: s.respawn_delay)
_accessor("service-documentation", lambda s: s.documentation)
_accessor("service-running-value", lambda s: s.value)
_accessor("service-status", lambda s: Symbol(s.status))
_accessor("service-running?", lambda s: s.status != STOPPED)
_accessor("service-stopped?", lambda s: s.status == STOPPED)
_accessor("service-enabled?", lambda s: s.enabled)
_accessor("service-respawn-times", lambda s: scheme_list(s.respawns))
_accessor("service-startup-failures", lambda s: scheme_list(s.failures))
_accessor("service-status-changes", lambda s: _pairs((Symbol(n), t) for n, t in s.changes))
_accessor("service-process-exit-statuses", lambda s: _pairs(s.exits))
_accessor("service-replacement", lambda s: s.replacement or False)
_accessor("service-logger", lambda s: s.capture or False)
_accessor("service-recent-messages", lambda s: _pairs(s.messages()))
_accessor("service-log-files", lambda s: scheme_list(s.log_files()))
_accessor("service-action-list", lambda s: _symbol_list(a.name for a in s.actions))


LIBRARY.predicate("service?", Service)


@LIBRARY.primitive("lookup-service-action", 2)
def lookup_service_action(value: Value, name: Value) -> Value:
    return _service(value).action(name.name if isinstance(name, Symbol) else name) or False


@LIBRARY.primitive("service-defines-action?", 2)
def service_defines_action(value: Value, name: Value) -> bool:
    return lookup_service_action(value, name) is not False


LIBRARY.predicate("action?", Action)


def _action(value: Value) -> Action:
    if not isinstance(value, Action):
        raise not_a_record(value)
    return value


@LIBRARY.primitive("action-name", 1)
def action_name(value: Value) -> Symbol:
    return Symbol(_action(value).name)


@LIBRARY.primitive("action-procedure", 1)
def action_procedure(value: Value) -> Value:
    procedure = _action(value).procedure
    if isinstance(procedure, Host):
        return procedure.procedure
    from services.convert import Constructor

    return Constructor("action", procedure)


@LIBRARY.primitive("action-documentation", 1)
def action_documentation(value: Value) -> str:
    return _action(value).documentation


# The registry


@LIBRARY.primitive("lookup-service", 1)
def lookup_service(name: Value) -> Value:
    if not isinstance(name, Symbol):
        return False
    return supervisor().registry.get(name.name) or False


@LIBRARY.primitive("lookup-running", 1)
def lookup_running(name: Value) -> Value:
    found = lookup_service(name)
    return found if found is not False and found.status == RUNNING else False


@LIBRARY.procedure("for-each-service", 1)
def for_each_service(procedure: Value) -> Steps:
    for one in list(supervisor().registry):
        yield Call(procedure, (one,))


@LIBRARY.primitive("service-name-count", 0)
def service_name_count() -> int:
    return len(supervisor().registry)


@LIBRARY.primitive("current-service", 0)
def current_service_() -> Value:
    return current_service.get() or False


def _service_list(who: str, arguments: tuple[Value, ...]) -> list[Service]:
    if len(arguments) == 1 and not isinstance(arguments[0], Service):
        (value,) = arguments
        if not is_list(value):
            raise SchemeError(
                "wrong-type-arg",
                ("for-each", "Wrong type argument: ~S", scheme_list((value,)), NIL),
            )
        items = list(iterate(value))
    else:
        items = list(arguments)
        log(f"Passing '{who}' services as a rest list is now deprecated.")
    for item in items:
        if not isinstance(item, Service):
            raise not_a_record(item)
    return items


@LIBRARY.primitive("register-services", 0, None)
def register_services(*arguments: Value) -> None:
    supervisor().register(_service_list("register-services", arguments))


@LIBRARY.procedure("unregister-services", 0, None)
def unregister_services(*arguments: Value) -> Steps:
    services = _service_list("unregister-services", arguments)
    for one in services:
        if one.status == STOPPED:
            say(f"Service {one.name} is not running.")
    yield Await(supervisor().unregister(services))
    return True


# Operations


@LIBRARY.procedure("start-service", 1, None)
def start_service(value: Value, *arguments: Value) -> Steps:
    target = _service(value)
    work = supervisor().start(target, tuple([to_wire(argument) for argument in arguments]))
    return (yield Await(work))


@LIBRARY.procedure("stop-service", 1, None)
def stop_service(value: Value, *arguments: Value) -> Steps:
    target = _service(value)
    work = supervisor().stop(target, tuple([to_wire(argument) for argument in arguments]))
    return scheme_list((yield Await(work)))


@LIBRARY.primitive("start-in-the-background", 1)
def start_in_the_background(names: Value) -> None:
    items = [one.names[0] if isinstance(one, Service) else one for one in iterate(names)]
    supervisor().start_in_background(
        [item.name if isinstance(item, Symbol) else str(item) for item in items]
    )


@LIBRARY.procedure("perform-service-action", 2, None)
def perform_service_action(value: Value, name: Value, *arguments: Value) -> Steps:
    target = _service(value)
    if not isinstance(name, Symbol) or name.name in ("start", "stop"):
        raise ActionNotFound(to_wire(name), Symbol(target.name))
    if name.name == "status" and target is supervisor().root and not arguments:
        return scheme_list(list(supervisor().registry))
    wire = [to_wire(argument) for argument in arguments]
    custom = target.action(name.name)
    if custom is not None:
        result = actions.run(target, custom, wire)
        return (yield Await(result)) if is_awaitable(result) else result
    if name.name == "status" and not arguments:
        return target
    result = actions.perform(supervisor(), name, Symbol(target.name), wire)
    if is_awaitable(result):
        result = yield Await(result)
    value = from_wire(result)
    return value.car if type(value) is Pair and value.cdr is NIL else value


@LIBRARY.primitive("enable-service", 1)
def enable_service(value: Value) -> None:
    _service(value).set_enabled(True)


@LIBRARY.primitive("disable-service", 1)
def disable_service(value: Value) -> None:
    _service(value).set_enabled(False)


@LIBRARY.procedure("respawn-service", 1)
def respawn_service(value: Value) -> Steps:
    yield Await(supervisor().respawn(_service(value)))


@LIBRARY.primitive("handle-SIGCHLD", 0, 1)
def handle_sigchld(_signal: Value = 0) -> bool:
    supervisor().children.reap()
    return True


@LIBRARY.primitive("register-service-logger", 2)
def register_service_logger(value: Value, logger: Value) -> None:
    target = _service(value)
    if logger is not False and not isinstance(logger, Capture):
        raise wrong_type("register-service-logger", 2, logger)
    target.capture = None if logger is False else logger
    target.touch()


@LIBRARY.procedure("with-service-registry", 1)
def with_service_registry(thunk: Value) -> Steps:
    """The registry is always there: call the thunk."""
    return (yield Call(thunk))


LIBRARY.alias("with-process-monitor", "with-service-registry")


def bind_root() -> None:
    """Bind ``root-service``, once the daemon has made it, and put the parameters in force."""
    LIBRARY.bind("root-service", supervisor().root)
    parameters.install()
