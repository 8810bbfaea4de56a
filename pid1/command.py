"""A program to run for a timer, a connection or ``herd spawn``: what, as whom, where.

The value that configurations call a command, and that ``herd status`` shows.  Starting it
is the business of ``forkexec``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

from hurd.system import SpawnSpec
from pid1.sexp import Symbol, write

# (name in lower case, soft, hard); None for a limit means unlimited.
ResourceLimit: TypeAlias = tuple[str, int | None, int | None]


class Command:
    """A program, its arguments and the state of the process that shall run it.

    ``environment`` is complete: a list of "NAME=VALUE".  User, group and supplementary
    groups are names or numbers; None leaves them the daemon's.
    """

    __slots__ = (
        "arguments", "create_session", "directory", "environment", "group", "resource_limits",
        "supplementary_groups", "umask", "user",
    )  # fmt: skip

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Sequence[str],
        directory: str,
        user: str | int | None = None,
        group: str | int | None = None,
        supplementary_groups: Sequence[str | int] = (),
        resource_limits: Sequence[ResourceLimit] = (),
        umask: int | None = None,
        create_session: bool = True,
    ) -> None:
        self.arguments = list(arguments)
        self.environment = list(environment)
        self.directory = directory
        self.user = user
        self.group = group
        self.supplementary_groups = list(supplementary_groups)
        self.resource_limits = list(resource_limits)
        self.umask = umask
        self.create_session = create_session

    @property
    def program(self) -> str:
        """The base name of the program."""
        return os.path.basename(self.arguments[0])

    def _fields(self) -> list[tuple[str, Any]]:
        limits = [
            [Symbol(name), *(False if limit is None else limit for limit in pair)]
            for name, *pair in self.resource_limits
        ]
        return [
            ("arguments", self.arguments),
            ("user", False if self.user is None else self.user),
            ("group", False if self.group is None else self.group),
            ("supplementary-groups", self.supplementary_groups),
            ("environment-variables", self.environment),
            ("directory", self.directory),
            ("resource-limits", limits),
        ]

    def __str__(self) -> str:
        return f"#<<command> {' '.join(f'{name}: {write(v)}' for name, v in self._fields())}>"

    def to_wire(self) -> object:
        """Return the record as SHEPHERD.md 11.4 has it."""
        fields: list[object] = [[Symbol(name), value] for name, value in self._fields()]
        return [Symbol("command"), [Symbol("version"), 0], *fields]

    def spec(self) -> SpawnSpec:
        """Return how to start it, for ``forkexec.fork_exec``."""
        return SpawnSpec(
            self.arguments,
            self.environment,
            directory=self.directory,
            create_session=self.create_session,
            user=self.user,
            group=self.group,
            supplementary_groups=self.supplementary_groups,
            umask=self.umask,
            resource_limits=self.resource_limits,
        )
