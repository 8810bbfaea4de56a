"""``(shepherd colors)``: written in Scheme, in ``services/definitions/colors.scm``."""

from __future__ import annotations

from services.api.written import add_definitions
from services.scheme.primitives import Library

LIBRARY = Library()
add_definitions(LIBRARY, "colors")
