"""What the running code acts for: a service, a client, a replay of definitions.

Context variables, so that they follow tasks and callbacks.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pid1.log import client_output
from pid1.service import Service

# The service whose start, stop or action is running; follows tasks.
current_service: ContextVar[Service | None] = ContextVar("current_service", default=None)


class Replay:
    """Definitions that are evaluated again after re-execution: their starts have happened.

    ``requested`` are the services whose start was left out.
    """

    def __init__(self) -> None:
        self.active = True
        self.requested: list[str] = []


# The replay that the running code is part of; what clients ask meanwhile is not.
current_replay: ContextVar[Replay | None] = ContextVar("current_replay", default=None)


class Registrations:
    """The ``names`` of the services that one evaluation registers.

    What it leaves running, such as a listener or a timer, still has it in its context: from
    then on it is not ``active``, and takes no more.
    """

    def __init__(self) -> None:
        self.active = True
        self.names: set[str] = set()


# Those of the evaluation that the running code is part of, or was begun by.
registering: ContextVar[Registrations | None] = ContextVar("registering", default=None)


def registrations() -> Registrations | None:
    """Return those of the evaluation that is going on in this context, if any."""
    found = registering.get()
    return found if found is not None and found.active else None


def replay() -> Replay | None:
    """Return the replay that is going on in this context, if any."""
    found = current_replay.get()
    return found if found is not None and found.active else None


def detached(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function``; what it sets going acts for no client and no service.

    For readers, timers and tasks that outlive the command in which they are set up.
    """
    context = contextvars.copy_context()
    context.run(client_output.set, None)
    context.run(current_service.set, None)
    return context.run(function, *arguments)
