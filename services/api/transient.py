"""``(shepherd service transient)``: the service behind ``herd spawn``, for configurations."""

from __future__ import annotations

from pid1 import transient
from services import keywords
from services.api.arguments import optional, symbols, use_parameters
from services.scheme.primitives import Library
from services.scheme.types import NIL, Symbol, Value, scheme_list

LIBRARY = Library()


@LIBRARY.primitive("transient-service", 0, None)
def transient_service(*arguments: Value) -> Value:
    who = "transient-service"
    provision, rest = optional(arguments, scheme_list([Symbol("transient")]))
    options = keywords.split(rest, frozenset({"requirement"}))
    use_parameters()
    return transient.transient_service(
        symbols(who, "provision", provision),
        symbols(who, "requirement", options.get("requirement", NIL)),
    )
