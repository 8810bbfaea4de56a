"""The nodes of the system in memory: who serves them, and what they remember.

A server is a program of the fake's table like any other: it is started as a test has planned
(`FakeSystem.plan`), ends when it is told to go away, and then the node is not served any more.
"""

from __future__ import annotations

import errno
import os

from hurd.system.base import SpawnError, SpawnSpec
from hurd.system.fake_machine import FakeMachine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.system.nodes import ServerSpec


class FakeNodes(FakeMachine):
    """`served` are the process ids of servers by their nodes; `records` and `options` likewise."""

    def __init__(self) -> None:
        super().__init__()
        self.served: dict[str, int] = {}
        self.records: dict[str, list[str]] = {}
        self.options: dict[str, list[str]] = {}
        self.missing: set[str] = set()

    def has_servers(self) -> bool:
        return True

    def start_server(self, node: str, server: ServerSpec, *, output: int = 2) -> int:
        command = list(server.command)
        self._note("start_server", node, *command)
        if server.create:
            self.missing.discard(node)
        self._require(node)
        try:
            pid = self.spawn(SpawnSpec(command, [], stdout=output, stderr=output))
        except SpawnError as error:
            raise OSError(error.errno, error.strerror, command[0]) from error
        self.served[node] = pid
        self.options[node] = command[1:]
        if server.record:
            self.records[node] = command
        return pid

    def stop_server(self, node: str, *, force: bool = False) -> None:
        self._note("stop_server", node)
        self._require(node)
        if self.is_served(node):
            self.kill(self.served.pop(node), 9)

    def is_served(self, node: str) -> bool:
        self._require(node)
        return bool(self.process_command(self.served.get(node, 0)))

    def server_record(self, node: str) -> list[str] | None:
        self._require(node)
        return self.records.get(node)

    def set_server_record(self, node: str, command: Sequence[str] | None) -> None:
        self._note("set_server_record", node, *(command or ()))
        self._require(node)
        if command:
            self.records[node] = list(command)
        else:
            self.records.pop(node, None)

    def server_options(self, node: str) -> list[str]:
        self._require(node)
        return list(self.options.get(node, ()))

    def set_server_options(self, node: str, options: Sequence[str]) -> None:
        self._note("set_server_options", node, *options)
        self._require(node)
        self.options[node] = list(options)

    def _require(self, node: str) -> None:
        if node in self.missing:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), node)
