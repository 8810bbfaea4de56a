"""Values as text, through the language's printer, which is loaded at first use."""

from __future__ import annotations

from services.scheme.types import Value


def displayed(value: Value) -> str:
    """``value`` as ``display`` shows it."""
    if type(value) is str:
        return value
    from services.scheme.printer import display

    return display(value)


def written(value: Value) -> str:
    """``value`` as ``write`` shows it."""
    from services.scheme.printer import write

    return write(value)
