"""What the built-in services' procedures have in common: optional lists of names."""

from __future__ import annotations

from services import keywords
from services.api import parameters
from services.keywords import strings
from services.scheme.conditions import MESSAGE
from services.scheme.errors import SchemeError
from services.scheme.parameters import value_of
from services.scheme.types import Keyword, Record, Symbol, Value, is_list, iterate


def optional(arguments: tuple[Value, ...], default: Value) -> tuple[Value, tuple[Value, ...]]:
    """Return the optional positional argument in front of keywords, and the keywords."""
    if arguments and not isinstance(arguments[0], Keyword):
        return arguments[0], arguments[1:]
    return default, arguments


def symbols(who: str, argument: str, value: Value) -> tuple[str, ...]:
    """Return the names in a list of symbols."""
    items = list(iterate(value)) if is_list(value) else None
    if items is None or not all(isinstance(item, Symbol) for item in items):
        raise keywords.wrong_type(who, argument, value)
    return tuple([item.name for item in items])


def message_error(text: str) -> SchemeError:
    """Raise-able: a ``&message`` condition."""
    return SchemeError("%exception", (Record(MESSAGE, [text]),))


def use_parameters() -> None:
    """Let programs of ``herd spawn`` and ``herd schedule`` have the configured defaults."""
    from pid1.transient import Defaults

    Defaults.environment = staticmethod(
        lambda: strings(
            "spawn", "environment-variables", value_of(parameters.environment_variables)
        )
    )
    Defaults.directory = staticmethod(lambda: str(value_of(parameters.service_directory)))
