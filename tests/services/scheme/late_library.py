"""A library of the host, for the tests of modules."""

from __future__ import annotations

from typing import Any

from services.scheme import Macro
from services.scheme.library import lookup
from services.scheme.primitives import Library
from services.scheme.types import scheme_list

LIBRARY = Library()


@LIBRARY.primitive("late-name", 0)
def _late_name() -> Any:
    from services.scheme.types import Symbol

    return Symbol("late")


LIBRARY.bind("facility", Macro("facility", lambda form: form.cdr.car.name))
LIBRARY.bind(
    "twice",
    Macro("twice", lambda form: scheme_list([lookup("list"), form.cdr.car, form.cdr.car])),
)
