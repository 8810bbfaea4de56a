"""Loading configuration files and evaluating expressions for ``root``'s actions.

A file is evaluated form by form in a fresh module; an error ends that file, never the
daemon, and is logged with file, line and column.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pid1.errors import KeyedError, ServiceError
from pid1.log import log, say, write_output
from pid1.sexp import Symbol, write
from pid1.supervisor import Registrations, registering, registrations, supervisor
from services import convert
from services.api.errors import from_scheme, translate
from services.scheme import default_imports, evaluate, host_modules, load, user_module
from services.scheme.errors import SchemeError
from services.scheme.ports import write_output as port_output
from services.scheme.types import Value, Values

if TYPE_CHECKING:
    from pid1.daemon import Daemon

_API = "services.api."
# Modules that a configuration may name, and what supplies them.
_MODULES = {
    ("shepherd", "service"): "service",
    ("shepherd", "support"): "support",
    ("shepherd", "comm"): "comm",
    ("shepherd", "config"): "config",
    ("shepherd", "endpoints"): "endpoints",
    ("shepherd", "logger"): "logger",
    ("shepherd", "system"): "system",
    ("shepherd", "colors"): "colors",
    ("shepherd", "args"): "args",
    ("shepherd", "service", "timer"): "timer",
    ("shepherd", "service", "system-log"): "system_log",
    ("shepherd", "service", "log-rotation"): "log_rotation",
    ("shepherd", "service", "transient"): "transient",
    ("shepherd", "service", "monitoring"): "monitoring",
    ("shepherd", "service", "repl"): "repl",
    ("drover", "translator"): "translator",
    ("ice-9", "popen"): "popen",
    ("fibers",): "operations",
    ("fibers", "channels"): "operations",
    ("fibers", "operations"): "operations",
    ("fibers", "conditions"): "operations",
    ("fibers", "timers"): "operations",
    ("fibers", "scheduler"): "operations",
    ("fibers", "io-wakeup"): "operations",
}


_journal: list[tuple[str, str, list[str]]] = []


def direct_output() -> None:
    """Send what Scheme code prints to the client that is served, or else to the log.

    This holds in the current context and those made from it: call it before the daemon is made.
    """
    port_output.set(write_output)


def install(daemon: Daemon) -> None:
    """Connect the language to the daemon: modules, output, the way values are shown."""
    global _journal
    _journal = daemon.journal
    for name, module in _MODULES.items():
        host_modules[name] = _API + module
    if ("shepherd", "service") not in default_imports:
        default_imports.append(("shepherd", "service"))
    convert.install()
    daemon.daemonized.append(_run_hook)
    from services.api.service import bind_root

    bind_root()


async def _run_hook() -> None:
    """Run ``%post-daemonize-hook``, if any code has asked for it."""
    internals = sys.modules.get(f"{_API}internals")
    if internals is not None:
        await internals.run_post_daemonize()


def error_message(error: SchemeError) -> str:
    """Return an error as Guile prints it."""
    from pid1.herd.errors import exception_text
    from services.scheme.exceptions import message_of

    if error.key == "read-error":
        return message_of(error)
    wire = [convert.to_wire(argument) for argument in error.arguments]
    return exception_text(Symbol(error.key), wire).rstrip("\n")


def _hint(error: SchemeError) -> str:
    """What is known about a module that does not exist; empty for other errors."""
    hint = getattr(error, "hint", None)
    return hint() if hint is not None else ""


async def _value(result: Value | Awaitable[Value]) -> Value:
    """Await what suspended, and take the first of several values."""
    value = await result if hasattr(result, "__await__") else result
    if isinstance(value, Values):
        return value.items[0] if value.items else None
    return value


class _Recorded:
    """Remembers an evaluation that registers services, for re-execution.

    One that is part of another, or of the configuration, comes back with that.
    """

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.registrations = Registrations()
        self.outermost = registrations() is None

    def __enter__(self) -> None:
        if self.outermost:
            registering.set(self.registrations)

    def __exit__(self, *_error: object) -> None:
        if self.outermost:
            self.registrations.active = False
            if self.registrations.names:
                _remember(self.kind, self.text, self.registrations.names)


@contextmanager
def _of_the_configuration() -> Iterator[None]:
    """What is registered meanwhile is not remembered: it comes back with the configuration."""
    registrations = Registrations()
    token = registering.set(registrations)
    try:
        yield
    finally:
        registrations.active = False
        registering.reset(token)


def _remember(kind: str, text: str, names: set[str]) -> None:
    """Note an evaluation for re-execution, in place of what it makes superfluous.

    An earlier one is wanted for services that are still registered and were not registered anew.
    """
    registry = supervisor().registry
    kept = []
    for earlier_kind, earlier_text, earlier in _journal:
        left = [name for name in earlier if name not in names and registry.get(name) is not None]
        if left:
            kept.append((earlier_kind, earlier_text, left))
    _journal[:] = [*kept, (kind, text, sorted(names))]


async def load_file(file: str) -> Any:
    """Evaluate a file for the ``load`` action; return the value of its last form."""
    with _Recorded("load", os.path.abspath(file)):  # noqa: ASYNC240 - no I/O
        try:
            return await _value(load(file, user_module()))
        except SchemeError as error:
            if error.location is not None:
                for line in f"{error.location}: {error_message(error)}".splitlines():
                    say(line)
            if hint := _hint(error):
                say(hint)
            raise translate(error) from error


async def evaluate_text(text: str) -> Any:
    """Evaluate the first datum of ``text`` for the ``eval`` action, in a fresh module."""
    with _Recorded("eval", text):
        try:
            from services.scheme.reader import Reader

            reader = Reader(text)
            datum = reader.read()
            from services.scheme.truncated import truncated

            say(f"Evaluating user expression {truncated(datum)}.")
            return await _value(evaluate(datum, user_module(), reader))
        except SchemeError as error:
            if hint := _hint(error):
                say(hint)
            raise translate(error) from error


async def load_again(path: str, state: dict[str, Any]) -> None:
    """Bring back the definitions after re-execution; nothing is started meanwhile."""
    log(f"Loading '{path}' again after re-execution.")
    with _of_the_configuration():
        await load_configuration(path)
        for kind, text, _names in state["journal"]:
            try:
                await (load_file(text) if kind == "load" else evaluate_text(text))
            except ServiceError as error:
                log(f"Cannot repeat '{kind}' after re-execution: {error}")


async def load_configuration(path: str) -> None:
    """Evaluate the configuration file at start-up; errors are logged and survived."""
    try:
        with _of_the_configuration():
            await _value(load(path, user_module()))
    except SchemeError as error:
        if error.key == "quit":
            # Ours: the real one reports it as an error and goes on.
            raise convert.to_keyed(error) from error
        _report(path, error)
    except ServiceError as error:
        log(f"Error while loading configuration file '{path}': {error}")
    except RecursionError as error:
        log(f"Error while loading configuration file '{path}': {error}")
    else:
        log(f"Configuration successfully loaded from '{path}'.")
        return
    sys.stderr.write(
        f'shepherd: error: "{path}": exception thrown while loading configuration file\n'
    )


def _report(path: str, error: SchemeError) -> None:
    from services.scheme.conditions import MESSAGE, component
    from services.scheme.printer import display

    raised = from_scheme(error)
    where = f"{error.location}: " if error.location is not None else ""
    if isinstance(raised, KeyedError):
        log(f"{where}action '{raised.action}' on service '{raised.service}' failed: {raised}")
    elif error.key == "%exception":
        value = error.arguments[0] if error.arguments else None
        message = component(value, MESSAGE)
        if message is not None and raised is None:
            text = display(message.values[0])
            log(f"Error while loading configuration file '{path}': {where}{text}")
        else:
            text = convert.text_of(value)
            log(f"Uncaught exception while loading configuration file '{path}': {where}{text}")
    else:
        text = error_message(error)
        # A syntax error may name the place itself, and a read error always does.
        named = error.location is not None and text.find(error.location.file) in range(20)
        if where and not named:
            text = where + text
        if hint := _hint(error):
            text = f"{text} ({hint})"
        log(f"While loading configuration file '{path}': {write(text)}")
