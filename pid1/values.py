"""Running values: what a service's start procedure returned, and how it is shown.

``text`` prints one as the log does, ``encode`` makes wire data of one.  The
language installs its own pair for its own types; here are the defaults and the
process record, the commonest running value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hurd.system import system
from pid1.sexp import Raw, Symbol, write

_SIMPLE = frozenset({bool, int, float, str, list, tuple, Symbol})


class Process:
    """A process of a service: its number and the command it was started with.

    ``command`` is None for a process that drover did not start; it is then read from
    the process table each time it is shown.
    """

    __slots__ = ("command", "pid")

    def __init__(self, pid: int, command: list[str] | None = None) -> None:
        self.pid = pid
        self.command = command

    def __str__(self) -> str:
        command = write(self.command) if self.command else "#f"
        return f"#<<process> id: {self.pid} command: {command}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        command = self.command
        if command is None:
            command = system.process_command(self.pid) or []
        return [
            Symbol("process"),
            [Symbol("version"), 0],
            [Symbol("id"), self.pid],
            [Symbol("command"), list(command)],
        ]


class WireData:
    """A value that is wire data already, not to be taken for one of the language's."""

    __slots__ = ("data",)

    def __init__(self, data: object) -> None:
        self.data = data

    def to_wire(self) -> object:
        return self.data


def _default_encode(value: Any) -> object:
    if value is None:
        return "#<unspecified>"
    if type(value) in _SIMPLE or isinstance(value, Raw):
        return value
    if hasattr(value, "to_wire"):
        return value.to_wire()
    return str(value)


def _default_text(value: Any) -> str:
    if value is None:
        return "#<unspecified>"
    if type(value) in _SIMPLE:
        return write(value)
    return str(value)


def _default_decode(value: object) -> Any:
    return value


class Presentation:
    """How values are shown; the language replaces the functions when it is loaded.

    ``decode`` makes a running value of wire data again, after re-execution.
    """

    encode: Callable[[Any], object] = staticmethod(_default_encode)
    decode: Callable[[object], Any] = staticmethod(_default_decode)
    text: Callable[[Any], str] = staticmethod(_default_text)


def encode(value: Any) -> object:
    """Return a running value or the result of an action as wire data."""
    return Presentation.encode(value)


def text(value: Any) -> str:
    """Return a value as the log shows it (Guile's ``write``)."""
    if isinstance(value, Process):
        return str(value)
    return Presentation.text(value)
