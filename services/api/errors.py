"""Service errors as Scheme conditions, and what Scheme code raises as errors of ``pid1``."""

from __future__ import annotations

from pid1.errors import ActionNotFound, KeyedError, ServiceError, ServiceNotFound
from pid1.service import Service
from pid1.sexp import Symbol, write
from services.convert import from_wire, keyed_as_scheme, to_wire
from services.scheme.errors import SchemeError, wrong_type
from services.scheme.primitives import Library
from services.scheme.types import Record, RecordType, Value

LIBRARY = Library()

SERVICE_ERROR = RecordType("&service-error", ("service",))
MISSING_SERVICE = RecordType("&missing-service-error", ("service", "name"), SERVICE_ERROR)
UNKNOWN_ACTION = RecordType("&unknown-action-error", ("service", "action"), SERVICE_ERROR)
ACTION_RUNTIME = RecordType(
    "&action-runtime-error", ("service", "action", "key", "arguments"), SERVICE_ERROR
)

for _type in (SERVICE_ERROR, MISSING_SERVICE, UNKNOWN_ACTION, ACTION_RUNTIME):
    LIBRARY.bind(_type.name, _type)


def as_scheme(error: ServiceError) -> SchemeError:
    """Return an error of ``pid1`` as Scheme code sees it."""
    if isinstance(error, KeyedError):
        scheme = keyed_as_scheme(error)
        scheme.service = error.service
        return scheme
    if isinstance(error, ServiceNotFound):
        name = error.name
        value = Symbol(name) if isinstance(name, str) else from_wire(name)
        record = Record(MISSING_SERVICE, [False, value])
    elif isinstance(error, ActionNotFound):
        record = Record(UNKNOWN_ACTION, [from_wire(error.service), from_wire(error.action)])
    else:
        record = Record(SERVICE_ERROR, [False])
    return SchemeError("%exception", (record,))


def from_scheme(error: SchemeError) -> ServiceError | None:
    """Return the service error that a raised condition stands for, None for any other."""
    if error.key != "%exception" or not error.arguments:
        return None
    record = error.arguments[0]
    if not isinstance(record, Record):
        return None
    if record.type is MISSING_SERVICE:
        name = record.values[1]
        return ServiceNotFound(name.name if isinstance(name, Symbol) else to_wire(name))
    if record.type is UNKNOWN_ACTION:
        service, action = record.values
        if isinstance(service, Service):
            service = Symbol(service.name)
        return ActionNotFound(to_wire(action), to_wire(service))
    return None


def _is_a(value: Value, type: RecordType) -> bool:
    if not isinstance(value, Record):
        return False
    current: RecordType | None = value.type
    while current is not None and current is not type:
        current = current.parent
    return current is type


def _define_predicate(name: str, type: RecordType) -> None:
    @LIBRARY.primitive(name, 1)
    def predicate(value: Value) -> bool:
        return _is_a(value, type)


def _define_accessor(name: str, type: RecordType, field: str) -> None:
    index = type.fields.index(field)

    @LIBRARY.primitive(name, 1)
    def accessor(value: Value) -> Value:
        if not _is_a(value, type):
            raise wrong_type(name, 1, value)
        return value.values[index]


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

    error = from_scheme(SchemeError("%exception", (condition,)))
    return from_wire(error_to_wire(error or ServiceError(), Symbol("?"), Symbol("?")))


def describe(error: SchemeError) -> str:
    """Return an error as ``(key args…)``, for log lines."""
    return write([Symbol(error.key), *(to_wire(argument) for argument in error.arguments)])
