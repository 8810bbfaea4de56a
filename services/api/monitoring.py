"""``(shepherd service monitoring)``, for configurations."""

from __future__ import annotations

from pid1 import monitoring
from services import keywords
from services.scheme.parameters import Parameter, value_of
from services.scheme.primitives import Library
from services.scheme.types import Value

LIBRARY = Library()

default_period = Parameter(monitoring.DEFAULT_PERIOD, None, "default-monitoring-period")
LIBRARY.bind("default-monitoring-period", default_period)


@LIBRARY.primitive("monitoring-service", 0, None)
def monitoring_service(*arguments: Value) -> Value:
    options = keywords.split(arguments, frozenset({"period"}))
    period = options.get("period", value_of(default_period))
    seconds = keywords.number("monitoring-service", "period", period)
    if seconds <= 0:
        raise keywords.wrong_type("monitoring-service", "period", period)
    return monitoring.monitoring_service(seconds)
