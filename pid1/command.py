"""A program to run, as a value that configurations make and ``herd status`` shows.

A command is a ``SpawnSpec`` with a face: how the Shepherd writes it.  Starting one is the
business of ``forkexec``.
"""

from __future__ import annotations

from typing import Any

from hurd.system import SpawnSpec
from pid1.sexp import Symbol, write


class Command:
    """What a timer runs; ``spec`` says it all."""

    __slots__ = ("spec",)

    def __init__(self, spec: SpawnSpec) -> None:
        self.spec = spec

    def _fields(self) -> list[tuple[str, Any]]:
        spec = self.spec
        limits = [
            [Symbol(name), *(False if limit is None else limit for limit in pair)]
            for name, *pair in spec.resource_limits
        ]
        return [
            ("arguments", list(spec.command)),
            ("user", False if spec.user is None else spec.user),
            ("group", False if spec.group is None else spec.group),
            ("supplementary-groups", list(spec.supplementary_groups)),
            ("environment-variables", list(spec.environment)),
            ("directory", spec.directory or "/"),
            ("resource-limits", limits),
        ]

    def __str__(self) -> str:
        return f"#<<command> {' '.join(f'{name}: {write(v)}' for name, v in self._fields())}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        fields: list[object] = [[Symbol(name), value] for name, value in self._fields()]
        return [Symbol("command"), [Symbol("version"), 0], *fields]


def varied(spec: SpawnSpec, **changes: Any) -> SpawnSpec:
    """Return a copy of ``spec`` with some attributes changed."""
    copy = SpawnSpec.__new__(SpawnSpec)
    for name in SpawnSpec.__slots__:
        setattr(copy, name, changes.get(name, getattr(spec, name)))
    return copy
