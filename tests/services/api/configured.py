"""A supervisor with the language connected, for tests that evaluate configurations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from running import running_supervisor

from pid1.daemon import Daemon
from pid1.log import write_output
from pid1.service import Service
from pid1.supervisor import Supervisor, supervisor
from services import configuration
from services.scheme import evaluate, user_module
from services.scheme.ports import write_output as port_output
from services.scheme.reader import read_all
from services.scheme.types import Value


class Configured:
    """Evaluates forms in one module, like a configuration file."""

    def __init__(self, manager: Supervisor) -> None:
        self.manager = manager
        self.module = user_module()

    async def load(self, text: str) -> Value:
        """Evaluate every form; return the value of the last."""
        value: Any = None
        for datum in read_all(text):
            value = evaluate(datum, self.module)
            if hasattr(value, "__await__"):
                value = await value
        return value

    def service(self, name: str) -> Service:
        """The registered service of that name."""
        return supervisor().registry.lookup(name)

    async def start(self, name: str) -> Any:
        """Start it and return its running value."""
        return await self.manager.start(self.service(name))

    async def perform(self, name: str, action: str, *arguments: object) -> Any:
        """Perform one of its own actions; the arguments are wire data."""
        service = self.service(name)
        found = service.action(action)
        assert found is not None
        value = found.procedure(service.value, *arguments)
        return await value if hasattr(value, "__await__") else value


@asynccontextmanager
async def configured() -> AsyncIterator[Configured]:
    """A running supervisor whose configuration is what ``load`` is given."""
    async with running_supervisor() as manager:
        daemon = Daemon.__new__(Daemon)
        daemon.journal = []
        daemon.daemonized = []
        configuration.install(daemon)
        port_output.set(write_output)
        yield Configured(manager)
