"""Service errors as Scheme conditions, and what Scheme code raises as errors of ``pid1``.

A start, stop or action procedure that raises does so as an ``&action-runtime-error`` for
whoever called ``start-service`` and its relatives, as in the GNU Shepherd: it names the
service and the action, and holds the key and arguments that were thrown.
"""

from __future__ import annotations

from hurd.system import SpawnError
from pid1.errors import ActionNotFound, KeyedError, ServiceError, ServiceNotFound
from pid1.service import Service
from pid1.sexp import Symbol, write
from pid1.supervisor import supervisor
from services.convert import from_wire, to_keyed, to_wire
from services.scheme.conditions import ERROR, component, components, wrong_kind
from services.scheme.errors import SchemeError, host_errors, system_error
from services.scheme.primitives import Library
from services.scheme.types import Record, RecordType, Value, iterate

LIBRARY = Library()

SERVICE_ERROR = RecordType("&service-error", (), ERROR)
MISSING_SERVICE = RecordType("&missing-service-error", ("name",), SERVICE_ERROR)
UNKNOWN_ACTION = RecordType("&unknown-action-error", ("service", "action"), SERVICE_ERROR)
ACTION_RUNTIME = RecordType(
    "&action-runtime-error", ("service", "action", "key", "arguments"), SERVICE_ERROR
)

for _type in (SERVICE_ERROR, MISSING_SERVICE, UNKNOWN_ACTION, ACTION_RUNTIME):
    LIBRARY.bind(_type.name, _type)


def _service_of(name: object) -> Value:
    """The service of that name, or the name itself if there is none any more."""
    if isinstance(name, Symbol):
        name = name.name
    if isinstance(name, str):
        return supervisor().registry.get(name) or Symbol(name)
    return from_wire(name)


def as_scheme(error: ServiceError) -> SchemeError:
    """Return an error of ``pid1`` as Scheme code sees it."""
    if isinstance(error, ServiceNotFound):
        name = error.name
        value = Symbol(name) if isinstance(name, str) else from_wire(name)
        record = Record(MISSING_SERVICE, [value])
    elif isinstance(error, ActionNotFound):
        record = Record(UNKNOWN_ACTION, [_service_of(error.service), from_wire(error.action)])
    elif isinstance(error, KeyedError):
        arguments = from_wire(error.arguments)
        if error.service is None or error.action is None:
            return SchemeError(error.key, tuple(iterate(arguments)))
        record = Record(
            ACTION_RUNTIME,
            [_service_of(error.service), Symbol(error.action), Symbol(error.key), arguments],
        )
    else:
        record = Record(SERVICE_ERROR, [])
    return SchemeError("%exception", (record,))


def of_host(error: Exception) -> SchemeError | None:
    """How an exception of ``pid1`` looks to the code that called a primitive."""
    if isinstance(error, ServiceError):
        return as_scheme(error)
    if isinstance(error, SpawnError):
        return system_error(error.step, error, error.detail)
    if isinstance(error, OSError) and hasattr(error, "step"):
        return system_error(error.step, error)
    return None


if of_host not in host_errors:
    host_errors.append(of_host)


def _name(value: Value) -> object:
    """The name under which an error reports a service or an action."""
    if isinstance(value, Service):
        return Symbol(value.name)
    return to_wire(value)


def _text(name: object) -> str:
    return name.name if isinstance(name, Symbol) else str(name)


def from_condition(value: Value) -> ServiceError | None:
    """Return the service error that a condition stands for, None for any other value."""
    for record in components(value):
        if record.type is MISSING_SERVICE:
            name = _name(record.values[0])
            return ServiceNotFound(name.name if isinstance(name, Symbol) else name)
        if record.type is UNKNOWN_ACTION:
            service, action = record.values
            return ActionNotFound(_name(action), _name(service))
        if record.type is ACTION_RUNTIME:
            service, action, key, arguments = record.values
            error = KeyedError(_text(key), [to_wire(item) for item in iterate(arguments)])
            return error.raised_by(_text(_name(service)), _text(action))
        if record.type.is_a(SERVICE_ERROR):
            return ServiceError("service error")
    return None


def from_scheme(error: SchemeError) -> ServiceError | None:
    """Return the service error that was raised as a condition, None for any other error."""
    if error.key != "%exception" or not error.arguments:
        return None
    return from_condition(error.arguments[0])


def translate(error: SchemeError) -> BaseException:
    """Return any Scheme error as ``pid1`` reports it to a client."""
    return from_scheme(error) or to_keyed(error)


def describe(error: SchemeError) -> str:
    """Return an error as ``(key args…)``, for log lines."""
    return write([Symbol(error.key), *[to_wire(argument) for argument in error.arguments]])


def _define_predicate(name: str, type: RecordType) -> None:
    LIBRARY.primitive(name, 1)(lambda value: component(value, type) is not None)


def _define_accessor(name: str, type: RecordType, field: str) -> None:
    index = type.fields.index(field)

    @LIBRARY.primitive(name, 1)
    def accessor(value: Value) -> Value:
        part = component(value, type)
        if part is None:
            raise wrong_kind(value, type)
        return part.values[index]


_define_predicate("service-error?", SERVICE_ERROR)
_define_predicate("missing-service-error?", MISSING_SERVICE)
_define_predicate("unknown-action-error?", UNKNOWN_ACTION)
_define_predicate("action-runtime-error?", ACTION_RUNTIME)
_define_accessor("missing-service-name", MISSING_SERVICE, "name")
_define_accessor("unknown-action-name", UNKNOWN_ACTION, "action")
_define_accessor("unknown-action-service", UNKNOWN_ACTION, "service")
_define_accessor("action-runtime-error-service", ACTION_RUNTIME, "service")
_define_accessor("action-runtime-error-action", ACTION_RUNTIME, "action")
_define_accessor("action-runtime-error-key", ACTION_RUNTIME, "key")
_define_accessor("action-runtime-error-arguments", ACTION_RUNTIME, "arguments")


@LIBRARY.primitive("condition->sexp", 1)
def condition_to_sexp(condition: Value) -> Value:
    """Return a service error as the wire protocol writes it."""
    from pid1.wire import error_to_wire

    error = from_condition(condition)
    if error is None:
        raise SchemeError("match-error", ("match", "no matching pattern", condition))
    return from_wire(error_to_wire(error, Symbol("?"), Symbol("?")))
