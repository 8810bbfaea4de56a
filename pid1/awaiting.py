"""Telling what has to be awaited, without ``inspect``, which takes milliseconds to import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any, TypeGuard


def is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    """Whether ``value`` is a coroutine, a future or another object that can be awaited."""
    return hasattr(value, "__await__")
