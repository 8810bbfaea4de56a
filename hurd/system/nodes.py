"""The part of the operating-system interface that concerns nodes and the servers on them.

On the Hurd a program can serve a node of the file system, as its translator; other kernels have
nothing like it: there `has_servers` is false and the rest raises NotImplementedError.  Failures are
OSError, with the file they concern.  Every call may block for as long as a server does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

START_TIMEOUT = 60.0
"""Seconds that a server may take to start, as settrans(1) has it."""


class ServerSpec:
    """How to start a program that serves a node.

    With `record` the node also remembers the command, to start it by itself when nobody does; with
    `create` a plain file is made where there is none.  The `timeout` is in seconds.
    """

    __slots__ = ("command", "create", "record", "timeout")

    def __init__(
        self,
        command: Sequence[str],
        *,
        timeout: float = START_TIMEOUT,
        record: bool = False,
        create: bool = False,
    ) -> None:
        self.command = command
        self.timeout = timeout
        self.record = record
        self.create = create


class Nodes:
    """See `hurd.system.base.System`."""

    def has_servers(self) -> bool:
        """Whether programs can serve nodes here."""
        return False

    def may_be_served(self, mode: int) -> bool:
        """Whether a node whose `lstat` has this mode has a server, or would start one."""
        return self.has_servers()

    def start_server(self, node: str, server: ServerSpec, *, output: int = 2) -> int:
        """Start a program that serves `node`; it does when this returns.  Its process id.

        The process is our child.  What served the node before is asked to go away, and has to.
        What the program has to say goes to the descriptor `output`.  Nothing is left running, and
        the node as it was, if this fails.
        """
        raise NotImplementedError("start_server")

    def stop_server(self, node: str, *, force: bool = False) -> None:
        """Ask what serves `node` to go away; nothing happens if nothing does.

        EBUSY if it is in use and is not told to go by `force`.
        """
        raise NotImplementedError("stop_server")

    def is_served(self, node: str) -> bool:
        """Whether a server runs for `node`; looking starts none."""
        raise NotImplementedError("is_served")

    def server_record(self, node: str) -> list[str] | None:
        """The command that `node` remembers, None if there is none."""
        raise NotImplementedError("server_record")

    def set_server_record(self, node: str, command: Sequence[str] | None) -> None:
        """Have `node` remember a command, or none; a server that runs goes on."""
        raise NotImplementedError("set_server_record")

    def server_options(self, node: str) -> list[str]:
        """The options that the server of `node` runs with."""
        raise NotImplementedError("server_options")

    def set_server_options(self, node: str, options: Sequence[str]) -> None:
        """Change options of the server of `node`."""
        raise NotImplementedError("set_server_options")
