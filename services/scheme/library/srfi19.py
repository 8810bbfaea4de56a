"""To come."""

from services.scheme.primitives import Library

LIBRARY = Library()
