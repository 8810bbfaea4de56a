"""``(shepherd service transient)``: the service behind ``herd spawn``, for configurations."""

from __future__ import annotations

from pid1 import transient
from services.api.arguments import built_in
from services.scheme.primitives import Library

LIBRARY = Library()

built_in(LIBRARY, "transient", transient.transient_service)
