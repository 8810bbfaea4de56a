"""``service`` and ``action``: how a configuration defines services.

What a definition is given is checked here, and its procedures become what ``pid1`` calls.
"""

from __future__ import annotations

from typing import Any

from pid1.service import NO_DESCRIPTION, Action, Service
from pid1.sexp import Symbol
from pid1.supervisor import supervisor
from pid1.values import Process
from services import keywords
from services.api import errors, parameters
from services.convert import Host, Stop, start_callable, stop_callable
from services.scheme.errors import SchemeError, not_a_record, wrong_type
from services.scheme.parameters import value_of
from services.scheme.primitives import Await, Library, Steps
from services.scheme.syntax import Macro, bad_form
from services.scheme.types import NIL, Pair, Procedure, Value, is_list, iterate, scheme_list

LIBRARY = Library()

_KEYWORDS = frozenset(
    {
        "requirement", "one-shot?", "transient?", "respawn?", "respawn-limit", "respawn-delay",
        "start", "stop", "actions", "termination-handler", "documentation", "start-timeout",
    }
)  # fmt: skip


def _mismatch(argument: str, value: Value, expected: str) -> SchemeError:
    return keywords.mismatch("service", argument, value, expected)


def _symbols(argument: str, value: Value) -> tuple[str, ...]:
    names = keywords.list_of(Symbol, value)
    if names is None:
        raise _mismatch(argument, value, "list-of-symbols?")
    return tuple([name.name for name in names])


def _respawn_limit(value: Value) -> tuple[float, float]:
    if value is False:
        return (float("inf"), 1)
    if type(value) is Pair and all(
        isinstance(part, (int, float)) and not isinstance(part, bool)
        for part in (value.car, value.cdr)
    ):
        return (value.car, value.cdr)
    raise _mismatch("respawn-limit", value, "pair?")


@LIBRARY.primitive("service", 1, None)
def service(provision: Value, *rest: Value) -> Service:
    options = keywords.split(rest, _KEYWORDS)
    names = _symbols("provision", provision)
    if not names:
        raise _mismatch("provision", provision, "list-of-symbols?")
    callables = {}
    for key, wrap in (("start", start_callable), ("stop", stop_callable)):
        procedure = options.get(key)
        if procedure is not None:
            if not isinstance(procedure, Procedure):
                raise _mismatch(key, procedure, "procedure?")
            callables[key] = wrap(procedure)
    respawn = options.get("respawn?", False)
    if not isinstance(respawn, bool):
        raise _mismatch("respawn?", respawn, "boolean?")
    limit = options.get("respawn-limit")
    delay = options.get("respawn-delay")
    timeout = options.get("start-timeout")
    if timeout is None:
        timeout = value_of(parameters.start_timeout)
    handler = options.get("termination-handler")
    documentation = options.get("documentation", NO_DESCRIPTION)
    return Service(
        names,
        _symbols("requirement", options.get("requirement", NIL)),
        one_shot=options.get("one-shot?", False) is not False,
        transient=options.get("transient?", False) is not False,
        respawn=respawn,
        respawn_limit=_respawn_limit(
            value_of(parameters.respawn_limit) if limit is None else limit
        ),
        respawn_delay=_delay(value_of(parameters.respawn_delay) if delay is None else delay),
        actions=_actions(options.get("actions", NIL)),
        termination_handler=None if handler is None else _handler(handler),
        documentation=documentation if isinstance(documentation, str) else NO_DESCRIPTION,
        start_timeout=None
        if timeout is False
        else keywords.number("service", "start-timeout", timeout),
        **callables,
    )


def _delay(value: Value) -> Any:
    keywords.number("service", "respawn-delay", value)
    return value  # shown as it was given


def _actions(value: Value) -> tuple[Action, ...]:
    items = keywords.list_of(Action, value)
    if items is None:
        raise _mismatch("actions", value, "list-of-actions?")
    return tuple(items)


class SchemeAction(Stop):
    """An action's procedure; a service error that it raises is the client's answer."""

    __slots__ = ()

    def translate(self, error: SchemeError) -> BaseException:
        return errors.translate(error)


@LIBRARY.primitive("action", 2, 3)
def action(name: Value, procedure: Value, documentation: Value = None) -> Action:
    if not isinstance(name, Symbol):
        raise keywords.mismatch("action", "name", name, "symbol?")
    if not isinstance(procedure, Procedure):
        raise keywords.mismatch("action", "proc", procedure, "procedure?")
    if isinstance(documentation, str):
        return Action(name.name, SchemeAction(procedure), documentation)
    return Action(name.name, SchemeAction(procedure))


def _expand_actions(form: Value) -> Value:
    """``(actions (name "doc" proc) …)`` is a list of calls of ``action``."""
    clauses = []
    for clause in iterate(form.cdr):
        parts = list(iterate(clause)) if is_list(clause) else []
        if len(parts) not in (2, 3) or not isinstance(parts[0], Symbol):
            raise bad_form(form, True)
        quoted = scheme_list((Symbol("quote"), parts[0]))
        documentation = [parts[1]] if len(parts) == 3 else []
        clauses.append(scheme_list((Symbol("action"), quoted, parts[-1], *documentation)))
    return Pair(Symbol("list"), scheme_list(clauses))


LIBRARY.bind("actions", Macro("actions", _expand_actions))


# Termination handlers


@LIBRARY.procedure("default-service-termination-handler", 3)
def default_service_termination_handler(value: Value, running: Value, status: Value) -> Steps:
    if not isinstance(value, Service):
        raise not_a_record(value)
    if not isinstance(running, Process):
        raise not_a_record(running)
    if type(status) is not int:
        raise wrong_type("default-service-termination-handler", 3, status)
    yield Await(supervisor().default_termination_handler(value, running, status))


_DEFAULT_HANDLER = LIBRARY.bindings["default-service-termination-handler"]


def _handler(value: Value) -> Any:
    if value is _DEFAULT_HANDLER:
        return None
    if not isinstance(value, Procedure):
        raise _mismatch("termination-handler", value, "procedure?")
    return HandlerHost(value)


class HandlerHost(Host):
    """A termination handler: called with Scheme values, not wire data."""

    __slots__ = ()

    def __call__(self, *arguments: object) -> Any:
        return self.run(arguments)
