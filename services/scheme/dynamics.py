"""Dynamic extents: what is in force while a call lasts.

Each is a node that points to the one around it: parameter bindings, an exception
handler, a ``dynamic-wind``, or a mask that hides handlers while one of them runs.
The innermost handler and the parameter bindings are copied into every node, so that
finding them does not depend on how deep the extents nest.
"""

from __future__ import annotations

from typing import Any

from services.scheme.types import Value


class Dynamic:
    """An extent that changes nothing; the base of the others."""

    __slots__ = ("bindings", "depth", "handler", "parent")

    def __init__(
        self,
        parent: Dynamic | None,
        bindings: dict[Any, list[Value]] | None = None,
        handler: Handler | None = None,
    ) -> None:
        self.parent: Any = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        if bindings is None:
            bindings = {} if parent is None else parent.bindings
        self.bindings: dict[Any, list[Value]] = bindings
        self.handler = handler

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.depth}>"


class Bindings(Dynamic):
    """Parameters bound to values."""

    __slots__ = ()

    def __init__(self, parent: Dynamic, more: dict[Any, list[Value]]) -> None:
        super().__init__(parent, {**parent.bindings, **more}, parent.handler)


class Handler(Dynamic):
    """An exception handler.

    ``key`` is a symbol's name, or None for every error.  ``procedure`` takes the key and
    the arguments if ``spread``, else the exception object.  If ``height`` is None the
    procedure runs where the error was raised; otherwise the stack is first unwound to that
    height, after ``before`` (which runs in place) has returned.  ``rethrow``: an in-place
    handler that returns passes the error on to the next handler.
    """

    __slots__ = ("before", "height", "key", "kinds", "outer", "procedure", "rethrow", "spread")

    def __init__(
        self,
        parent: Dynamic,
        procedure: Value,
        key: str | None = None,
        height: int | None = None,
        spread: bool = True,
        rethrow: bool = False,
        before: Value = None,
        kinds: Any = None,
    ) -> None:
        super().__init__(parent, None, self)
        self.procedure = procedure
        self.key = key
        self.height = height
        self.spread = spread
        self.rethrow = rethrow
        self.before = before
        self.outer = parent.handler
        # #:unwind-for-type with an exception type: a predicate on the exception object.
        self.kinds = kinds


class Wind(Dynamic):
    """Between the ``before`` and ``after`` thunks of ``dynamic-wind``."""

    __slots__ = ("after", "before")

    def __init__(self, parent: Dynamic, before: Value, after: Value) -> None:
        super().__init__(parent, None, parent.handler)
        self.before = before
        self.after = after


class Mask(Dynamic):
    """While a handler runs in place: errors go to the handlers around it."""

    __slots__ = ()

    def __init__(self, parent: Dynamic, handler: Handler | None) -> None:
        super().__init__(parent, None, handler)
