"""Starting programs from a configuration: constructors, destructors, spawning and waiting."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hurd.system import SpawnSpec, system
from pid1 import forkexec
from pid1.errors import KeyedError
from pid1.log import log
from pid1.process import terminate
from pid1.supervisor import current_service, supervisor
from pid1.values import Process
from services import keywords
from services.api import parameters
from services.api.parameters import environment_list
from services.convert import Constructor
from services.keywords import optional_string, strings
from services.scheme.errors import (
    SchemeError,
    misc_error,
    not_a_record,
    wrong_type,
    wrong_type_expecting,
)
from services.scheme.parameters import value_of
from services.scheme.primitives import Await, Library, Steps
from services.scheme.types import NIL, Symbol, Value, Values, is_list, iterate, scheme_list

if TYPE_CHECKING:
    from pid1.readiness import Readiness

LIBRARY = Library()

_PROCESS = frozenset(
    {
        "user", "group", "supplementary-groups", "directory", "file-creation-mask",
        "create-session?", "environment-variables", "resource-limits", "log-file",
    }
)  # fmt: skip
_FORKEXEC = _PROCESS | {"pid-file", "pid-file-timeout", "input-port", "notify", "watchdog"}
_FORK = _PROCESS | {
    "log-encoding", "extra-ports", "listen-pid-variable?", "input-port", "log-port",
}  # fmt: skip


def _identity(who: str, name: str, value: Value) -> str | int | None:
    if value is False:
        return None
    if isinstance(value, str) or (type(value) is int and value >= 0):
        return value
    raise keywords.mismatch(who, name, value, "string-or-integer?")


def _limits(who: str, value: Value) -> list[tuple[str, int | None, int | None]]:
    limits = []
    if value is not False and not is_list(value):
        raise keywords.mismatch(who, "resource-limits", value, "list-of-limits?")
    for entry in iterate(value):
        items = list(iterate(entry))
        if (
            len(items) != 3
            or not isinstance(items[0], Symbol)
            or not all(item is False or type(item) is int for item in items[1:])
        ):
            raise keywords.mismatch(who, "resource-limits", value, "list-of-limits?")
        name, soft, hard = items
        limits.append((name.name, None if soft is False else soft, None if hard is False else hard))
    return limits


def _descriptor(who: str, name: str, value: Value) -> int | None:
    if value is False:
        return None
    fd = getattr(value, "fd", value)
    if type(fd) is not int or fd < 0:
        raise keywords.mismatch(who, name, value, "port?")
    return fd


def read_spec(who: str, command: Value, options: dict[str, Value]) -> SpawnSpec:
    """Return how to start ``command`` (a Scheme list) with the process keywords of 4.1."""
    words = strings(who, "command", command)
    if not words:
        raise keywords.mismatch(who, "command", command, "non-empty-list?")
    environment = options.get("environment-variables")
    directory = options.get("directory")
    mask = options.get("file-creation-mask", False)
    if mask is not False and type(mask) is not int:
        raise keywords.mismatch(who, "file-creation-mask", mask, "integer?")
    if environment is None:
        environment = value_of(parameters.environment_variables)
    return SpawnSpec(
        words,
        environment_list(who, environment),
        directory=optional_string(who, "directory", directory)
        if directory is not None
        else value_of(parameters.service_directory),
        stdin=_descriptor(who, "input-port", options.get("input-port", False)),
        extra_descriptors=tuple(
            [
                fd
                for port in iterate(options.get("extra-ports", False))
                if (fd := _descriptor(who, "extra-ports", port)) is not None
            ]
        ),
        create_session=options.get("create-session?", True) is not False,
        user=_identity(who, "user", options.get("user", False)),
        group=_identity(who, "group", options.get("group", False)),
        supplementary_groups=tuple(
            [
                name
                for value in iterate(options.get("supplementary-groups", False))
                if (name := _identity(who, "supplementary-groups", value)) is not None
            ]
        ),
        umask=mask if mask is not False else None,
        resource_limits=tuple(_limits(who, options.get("resource-limits", False))),
        pid_variables=["LISTEN_PID"]
        if options.get("listen-pid-variable?", False) is not False
        else (),
    )


def _constructor_spec(who: str, arguments: Sequence[Value], allowed: frozenset[str]) -> Any:
    options = keywords.split(arguments[1:], allowed)
    return read_spec(who, arguments[0], options), options


@LIBRARY.primitive("make-forkexec-constructor", 1, None)
def make_forkexec_constructor(*arguments: Value) -> Constructor:
    who = "make-forkexec-constructor"
    spec, options = _constructor_spec(who, arguments, _FORKEXEC)
    timeout = options.get("pid-file-timeout")
    if timeout is None:
        timeout = value_of(parameters.pid_file_timeout)
    return Constructor(
        "forkexec-constructor",
        forkexec.ForkExec(
            spec,
            optional_string(who, "log-file", options.get("log-file", False)),
            optional_string(who, "pid-file", options.get("pid-file", False)),
            keywords.number(who, "pid-file-timeout", timeout),
            value_of(parameters.exec_failure_is_exit) is not False,
            _readiness(who, options),
        ),
    )


def _readiness(who: str, options: dict[str, Value]) -> Readiness | None:
    """What ``#:notify`` and ``#:watchdog`` ask for."""
    if "notify" not in options and "watchdog" not in options:
        return None
    from services.api.readiness import read_readiness

    return read_readiness(who, options)


@LIBRARY.primitive("make-kill-destructor", 0, None)
def make_kill_destructor(*arguments: Value) -> Constructor:
    number: Value = signal.SIGTERM
    rest = arguments
    if rest and type(rest[0]) is int:
        number, rest = rest[0], rest[1:]
    options = keywords.split(rest, frozenset({"grace-period"}))
    period = options.get("grace-period")
    if period is None:
        period = value_of(parameters.grace_period)
    return Constructor(
        "kill-destructor",
        forkexec.Kill(int(number), keywords.number("make-kill-destructor", "grace-period", period)),
    )


class _SystemCommand:
    """What make-system-constructor and -destructor give: run a string with the shell."""

    __slots__ = ("command", "expected")

    def __init__(self, command: str, expected: bool) -> None:
        self.command = command
        # The value that exit code 0 gives.
        self.expected = expected

    async def __call__(self, *_arguments: object) -> bool:
        status = await forkexec.spawn_command(forkexec.shell_command(self.command))
        if not os.WIFEXITED(status):
            raise KeyedError(
                "wrong-type-arg",
                ["=", "Wrong type argument in position ~A: ~S", [1, False], [False]],
            )
        return self.expected if os.WEXITSTATUS(status) == 0 else not self.expected


@LIBRARY.primitive("make-system-constructor", 0, None)
def make_system_constructor(*command: Value) -> Constructor:
    return Constructor("system-constructor", _SystemCommand(_concatenate(command), True))


@LIBRARY.primitive("make-system-destructor", 0, None)
def make_system_destructor(*command: Value) -> Constructor:
    return Constructor("system-destructor", _SystemCommand(_concatenate(command), False))


def _concatenate(parts: Sequence[Value]) -> str:
    for part in parts:
        if not isinstance(part, str):
            raise wrong_type_expecting("string-append", "string", part)
    return "".join(parts)


def _fork(who: str, arguments: Sequence[Value]) -> int:
    spec, options = _constructor_spec(who, arguments, _FORK)
    log_file = optional_string(who, "log-file", options.get("log-file", False))
    port = _descriptor(who, "log-port", options.get("log-port", False))
    if port is not None:
        spec.stdout = spec.stderr = port
    return forkexec.fork_exec(supervisor(), current_service.get(), spec, log_file)


@LIBRARY.primitive("fork+exec-command", 1, None)
def fork_exec_command(*arguments: Value) -> int:
    return _fork("fork+exec-command", arguments)


@LIBRARY.procedure("start-command", 1, None)
def start_command(*arguments: Value) -> Steps:
    from services.api.fibers import Channel

    pid = _fork("fork+exec-command", arguments)
    channel = Channel()
    supervisor().children.watch(pid, channel.offer)
    return Values((pid, channel))
    yield  # a generator procedure, as its relatives are


@LIBRARY.procedure("spawn-command", 1, None)
def spawn_command(command: Value, *arguments: Value) -> Steps:
    who = "fork+exec-command"
    if isinstance(command, str):
        log(
            "This 'spawn-command' form is deprecated; "
            'use (spawn-command \'("PROGRAM" "ARGS"...)).'
        )
        words = [command]
        while arguments and isinstance(arguments[0], str):
            words.append(arguments[0])
            arguments = arguments[1:]
        command = scheme_list(words)
    options = keywords.split(arguments, _PROCESS)
    spec = read_spec(who, command, options)
    log_file = optional_string(who, "log-file", options.get("log-file", False))
    return (yield Await(forkexec.spawn_command(spec, log_file)))


@LIBRARY.procedure("spawn-shell-command", 1)
def spawn_shell_command(command: Value) -> Steps:
    if not isinstance(command, str):
        words = scheme_list(("/bin/sh", "-c", command))
        raise keywords.mismatch("fork+exec-command", "command", words, "list-of-strings?")
    return (yield Await(forkexec.spawn_command(forkexec.shell_command(command))))


LIBRARY.alias("system", "spawn-shell-command")


@LIBRARY.procedure("system*", 0, None)
def system_star(*command: Value) -> Steps:
    words = strings("fork+exec-command", "command", scheme_list(command))
    if not words:
        raise match_error(NIL)
    return (yield Await(forkexec.spawn_command(forkexec.program_command(words))))


@LIBRARY.primitive("exec-command", 1, None)
def exec_command(*arguments: Value) -> None:
    """Replace the daemon by a program; returns only by an error."""
    spec, _options = _constructor_spec("exec-command", arguments, _FORK)
    try:
        if spec.directory is not None:
            os.chdir(spec.directory)
        environment = dict(v.partition("=")[::2] for v in spec.environment)
        os.execvpe(spec.command[0], spec.command, environment)
    except OSError as error:
        from services.scheme.errors import system_error

        raise system_error("execlp", error) from error


@LIBRARY.procedure("terminate-process", 2, None)
def terminate_process(pid: Value, number: Value, *rest: Value) -> Steps:
    who = "terminate-process"
    options = keywords.split(rest, frozenset({"grace-period"}))
    if type(pid) is not int or type(number) is not int:
        raise wrong_type(who, 1, pid) if type(pid) is not int else wrong_type(who, 2, number)
    period = options.get("grace-period")
    if period is None:
        period = value_of(parameters.grace_period)
    work = terminate(
        supervisor().children, pid, number, keywords.number(who, "grace-period", period)
    )
    return (yield Await(work))


@LIBRARY.procedure("read-pid-file", 1, None)
def read_pid_file(file: Value, *rest: Value) -> Steps:
    from pid1 import pid_file

    who = "read-pid-file"
    options = keywords.split(rest, frozenset({"max-delay", "validate-pid?"}))
    if not isinstance(file, str):
        raise wrong_type_expecting(None, "string", file)
    delay = options.get("max-delay")
    if delay is None:
        delay = value_of(parameters.pid_file_timeout)
    pid = yield Await(
        pid_file.read_pid_file(
            file,
            keywords.number(who, "max-delay", delay),
            options.get("validate-pid?", False) is not False,
        )
    )
    return False if pid is None else pid


def match_error(value: Value) -> SchemeError:
    """What the GNU Shepherd raises for values that it takes apart without checking them."""
    return SchemeError("match-error", ("match", "no matching pattern", value))


LIBRARY.predicate("process?", Process)


def _process(value: Value) -> Process:
    if not isinstance(value, Process):
        raise not_a_record(value)
    return value


@LIBRARY.primitive("process-id", 1)
def process_id(value: Value) -> int:
    return _process(value).pid


@LIBRARY.primitive("process-command", 1)
def process_command(value: Value) -> Value:
    process = _process(value)
    command = process.command
    if command is None:
        command = system.process_command(process.pid)
    return False if command is None else scheme_list(command)


@LIBRARY.primitive("user-environment-variables", 0, 2)
def user_environment_variables(user: Value = False, variables: Value = None) -> Value:
    who = "user-environment-variables"
    if variables is None:
        variables = value_of(parameters.environment_variables)
    try:
        environment = parameters.user_environment(
            _identity(who, "user", user), strings(who, "environment-variables", variables)
        )
    except KeyError:
        raise misc_error("getpw", "entry not found") from None
    return scheme_list(environment)


@LIBRARY.procedure("sleep", 1)
def sleep(seconds: Value) -> Steps:
    if isinstance(seconds, bool) or not hasattr(seconds, "__float__"):
        raise wrong_type("*", 1, seconds)
    yield Await(asyncio.sleep(max(0.0, float(seconds))))


@LIBRARY.procedure("usleep", 1)
def usleep(microseconds: Value) -> Steps:
    if type(microseconds) is not int:
        raise wrong_type_expecting(None, "exact integer", microseconds)
    yield Await(asyncio.sleep(max(0.0, microseconds / 1e6)))
    return 0


@LIBRARY.primitive("check-for-dead-services", 0)
def check_for_dead_services() -> None:
    """Look for ended children now; the daemon does so by itself."""
    supervisor().children.reap()
