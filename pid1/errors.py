"""The errors that operations on services raise, as the control socket reports them.

Every one of them can be written as the ``error`` part of a reply (SHEPHERD.md
11.5).  Code of users fails with ``KeyedError``, which has the shape of a Guile
exception: a key and arguments in wire data.
"""

from __future__ import annotations

import os

from pid1.sexp import Symbol, write


class ServiceError(Exception):
    """Base of what can go wrong with a service."""


class ServiceNotFound(ServiceError):
    """No registered service has this name (a string, or other wire data as it was sent)."""

    def __init__(self, name: object) -> None:
        super().__init__(f"service '{name}' could not be found")
        self.name = name


class ActionNotFound(ServiceError):
    """The service has no such action; both names as they shall be reported."""

    def __init__(self, action: object, service: object) -> None:
        super().__init__(f"service '{service}' does not have an action '{action}'")
        self.action = action
        self.service = service


class KeyedError(ServiceError):
    """An exception with a key and arguments (wire data), as thrown by a configuration."""

    def __init__(self, key: str, arguments: list[object]) -> None:
        super().__init__(write([Symbol(key), *arguments]))
        self.key = key
        self.arguments = arguments
        # Which action of which service raised it, once that is known.
        self.service: str | None = None
        self.action: str | None = None

    def raised_by(self, service: str, action: str) -> KeyedError:
        """Note where it comes from, unless that is known already; return it."""
        if self.service is None:
            self.service, self.action = service, action
        return self


class ServiceQuit(BaseException):
    """Code of a configuration called ``exit``: the daemon ends at once with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def misc_error(message: str, *irritants: object) -> KeyedError:
    """An error as Scheme's ``(error MESSAGE IRRITANT…)`` makes it."""
    pattern = " ".join(["~A", *("~S" for _ in irritants)])
    return KeyedError("misc-error", [False, pattern, [message, *irritants], False])


def system_error(who: str, error: OSError, subject: object = None) -> KeyedError:
    """An ``OSError`` as Guile reports a failing system call."""
    number = error.errno or 0
    reason = os.strerror(number) if number else str(error)
    if subject is None:
        return KeyedError("system-error", [who, "~A", [reason], [number]])
    return KeyedError("system-error", [who, "~A: ~S", [reason, subject], [number]])


def keyed(error: Exception) -> KeyedError:
    """Return any exception of a start, stop or action procedure as a ``KeyedError``."""
    if isinstance(error, KeyedError):
        return error
    if isinstance(error, OSError):
        return system_error(getattr(error, "step", None) or "system", error)
    return KeyedError("misc-error", [False, "~A", [f"{type(error).__name__}: {error}"], False])
