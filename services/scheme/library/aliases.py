"""Modules whose names are all in the default environment.

Importing one adds nothing, but its names can be selected: a look-up in its bindings
finds what the default environment has.
"""

from __future__ import annotations

from typing import Any

from services.scheme.primitives import Library


class _Everything(dict[str, Any]):
    """Empty to iterate over; looks names up in the default environment."""

    def __missing__(self, name: str) -> Any:
        from services.scheme.library import MISSING, lookup

        value = lookup(name)
        if value is MISSING:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        from services.scheme.library import MISSING, lookup

        return dict.__contains__(self, name) or (
            isinstance(name, str) and lookup(name) is not MISSING
        )


def everything() -> Library:
    """A library that has every default name, to which more may be bound."""
    library = Library()
    library.bindings = _Everything()
    return library


LIBRARY = everything()
