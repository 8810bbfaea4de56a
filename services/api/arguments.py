"""What the built-in services' procedures have in common: optional lists of names."""

from __future__ import annotations

from collections.abc import Callable

from pid1.service import Service
from services import keywords
from services.api import parameters
from services.keywords import strings
from services.scheme.conditions import MESSAGE
from services.scheme.errors import SchemeError
from services.scheme.parameters import value_of
from services.scheme.primitives import Library
from services.scheme.types import NIL, Keyword, Record, Symbol, Value, scheme_list


def optional(arguments: tuple[Value, ...], default: Value) -> tuple[Value, tuple[Value, ...]]:
    """Return the optional positional argument in front of keywords, and the keywords."""
    if arguments and not isinstance(arguments[0], Keyword):
        return arguments[0], arguments[1:]
    return default, arguments


def symbols(who: str, argument: str, value: Value) -> tuple[str, ...]:
    """Return the names in a list of symbols."""
    items = keywords.list_of(Symbol, value)
    if items is None:
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


def built_in(
    library: Library, name: str, make: Callable[[tuple[str, ...], tuple[str, ...]], Service]
) -> None:
    """Bind ``NAME-service``, which takes names (or else NAME) and requirements.

    Its programs, those of ``herd spawn`` and ``herd schedule``, get the configured defaults.
    """
    who = f"{name}-service"

    def service(*arguments: Value) -> Service:
        provision, rest = optional(arguments, scheme_list([Symbol(name)]))
        options = keywords.split(rest, frozenset({"requirement"}))
        use_parameters()
        return make(
            symbols(who, "provision", provision),
            symbols(who, "requirement", options.get("requirement", NIL)),
        )

    library.primitive(who, 0, None)(service)
