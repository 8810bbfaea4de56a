"""``(shepherd args)``: the real one's programs read their command lines with it."""

from __future__ import annotations

from services.api.written import unavailable
from services.scheme.primitives import Library

LIBRARY = Library()
unavailable(LIBRARY, "its programs read their own options", "option", "option?", "process-args")
