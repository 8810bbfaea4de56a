"""``herd spawn`` and ``herd schedule``: services made from a command line, gone when done.

The actions of the transient and the timer service (SHEPHERD.md 6.3 and 6.4), and the
options of ``herd`` that both understand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

from hurd.system import SpawnSpec
from pid1.calendar import CalendarError, CalendarEvent
from pid1.command import Command
from pid1.errors import KeyedError, misc_error
from pid1.forkexec import ForkExec, Kill, default_directory, default_environment
from pid1.log import say
from pid1.service import Action, Service
from pid1.sexp import Keyword, Symbol, write
from pid1.supervisor import supervisor
from pid1.timer import TRIGGER_ACTION, TimerStart, timer_destructor

_OPTIONS = frozenset(
    {"name", "directory", "extra-environment-variables", "log-file", "user", "group"}
)
_numbers: Iterator[int] = count(1)


class Defaults:
    """What a program gets that its command line does not say; a configuration changes it."""

    environment: Callable[[], list[str]] = staticmethod(default_environment)
    directory: Callable[[], str] = staticmethod(default_directory)


def transient_service(names: tuple[str, ...], requirement: tuple[str, ...] = ()) -> Service:
    """Return the service whose action ``spawn`` runs a program as a transient service."""
    return _maker(
        names,
        requirement,
        "spawn",
        _spawn,
        "Spawn the given program as a transient service, running in\nthe background.",
        "Spawn programs to run as services in the background.",
    )


def timer_service(names: tuple[str, ...], requirement: tuple[str, ...] = ()) -> Service:
    """Return the service whose action ``schedule`` runs a program once at a time of day."""
    return _maker(
        names,
        requirement,
        "schedule",
        _schedule,
        "Schedule a program to run at a specific time.  For example,\n"
        "'herd schedule timer at 10:00 -- mpg123 alarm.mp3' schedules the command that\n"
        "follows '--' to run at 10AM.",
        "Spawn programs at specified times.",
    )


def _maker(
    names: tuple[str, ...],
    requirement: tuple[str, ...],
    name: str,
    make: Callable[[str, tuple[object, ...]], Awaitable[object]],
    help_text: str,
    documentation: str,
) -> Service:
    """A service that does nothing but make others, with one action."""

    async def act(_value: object, *arguments: object) -> object:
        return await make(names[0], arguments)

    return Service(
        names,
        requirement,
        start=lambda *_arguments: True,
        stop=lambda *_arguments: False,
        actions=(Action(name, act, help_text),),
        documentation=documentation,
    )


async def _spawn(maker: str, arguments: tuple[object, ...]) -> object:
    words, options = split_arguments(arguments)
    say(f"Spawning transient service for {write(words)}.")
    if not words:
        raise invalid_argument("Transient service spec lacks a command to run.")
    spec = _spec(words, options)
    service = Service(
        (_name(options, "transient"),),
        (maker,),
        transient=True,
        start=ForkExec(spec, log_file=options.get("log-file")),
        stop=Kill(),
    )
    return await _start(service) and Symbol(service.name)


async def _schedule(maker: str, arguments: tuple[object, ...]) -> object:
    words, options = split_arguments(arguments)
    parse_timer(words)
    name = _name(options, "timer")
    return await _start(scheduled([name], [maker, words, {**options, "name": None}]))


def scheduled(names: list[str], origin: list[Any]) -> Service:
    """Return the service of a timer for one occasion.

    ``origin`` is the service that made it, the words and the options of the command line:
    JSON data, for re-creating it after re-execution.
    """
    maker, words, options = origin
    event, command = parse_timer(words)
    spec = _spec(command, options, at_home=True)
    service = Service(
        tuple(names),
        (maker,),
        transient=True,
        start=TimerStart(event, Command(spec), occurrences=1, log_file=options.get("log-file")),
        stop=timer_destructor,
        actions=(TRIGGER_ACTION,),
        documentation="Run the given command at the specified time\nand terminate.",
    )
    service.origin = ["pid1.transient", "scheduled", origin]
    return service


async def _start(service: Service) -> Any:
    """Register and start a service; one that will not start is forgotten again."""
    manager = supervisor()
    if manager.registry.get(service.name) is not None:
        raise misc_error(f"a service named '{service.name}' exists already")
    manager.register([service])
    value: Any = False
    try:
        value = await manager.start(service)
    finally:
        if value is False:
            manager.registry.unregister(service)
    return value


def split_arguments(arguments: tuple[object, ...]) -> tuple[list[str], dict[str, Any]]:
    """Return the command line and the options of an action's arguments.

    Raises KeyedError for options that are unknown or have a value of the wrong kind.
    """
    words: list[str] = []
    position = 0
    while position < len(arguments) and isinstance(word := arguments[position], str):
        words.append(word)
        position += 1
    options: dict[str, Any] = {}
    while position < len(arguments):
        key = arguments[position]
        if not isinstance(key, Keyword):
            raise KeyedError("keyword-argument-error", [False, "Invalid keyword", [], [key]])
        if key.name not in _OPTIONS:
            raise KeyedError("keyword-argument-error", [False, "Unrecognized keyword", [], [key]])
        if position + 1 == len(arguments):
            raise KeyedError(
                "keyword-argument-error", [False, "Keyword argument has no value", [], [key]]
            )
        options.setdefault(key.name, _checked(key.name, arguments[position + 1]))
        position += 2
    return words, options


def _checked(name: str, value: object) -> object:
    if name == "name":
        valid = isinstance(value, Symbol)
    elif name == "extra-environment-variables":
        valid = isinstance(value, list) and all(isinstance(v, str) for v in value)
    else:
        valid = isinstance(value, str) or (name in ("user", "group") and isinstance(value, int))
    if not valid:
        raise KeyedError(
            "wrong-type-arg",
            [False, "Wrong type for argument '~a': ~S", [Symbol(name), value], [value]],
        )
    return value


def _name(options: dict[str, Any], stem: str) -> str:
    if "name" in options:
        return str(options["name"].name)
    while True:
        name = f"{stem}-{next(_numbers)}"
        if supervisor().registry.get(name) is None:
            return name


def _spec(words: list[str], options: dict[str, Any], at_home: bool = False) -> SpawnSpec:
    """Return how to run a command line.

    A user's program has that user's HOME and USER, groups, and with ``at_home`` starts in
    the home directory.
    """
    environment = [*options.get("extra-environment-variables", ()), *Defaults.environment()]
    directory = options.get("directory")
    user = options.get("user")
    if user is not None:
        entry = _user(user)
        environment = [v for v in environment if not v.startswith(("HOME=", "USER="))]
        environment += [f"HOME={entry.pw_dir}", f"USER={entry.pw_name}"]
        if at_home and directory is None:
            directory = entry.pw_dir
    return SpawnSpec(
        words,
        environment,
        directory=directory or Defaults.directory(),
        user=user,
        group=options.get("group"),
    )


def _user(user: str | int) -> Any:
    import pwd

    try:
        return pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except KeyError:
        raise KeyedError("misc-error", ["getpw", "entry not found", [], False]) from None


def invalid_argument(message: str, *arguments: object) -> KeyedError:
    """The error of an action whose arguments make no sense."""
    return KeyedError("wrong-type-arg", [False, message, list(arguments)])


def parse_timer(words: list[str]) -> tuple[CalendarEvent, list[str]]:
    """Return the event and the command of ``at TIME COMMAND…``; raises KeyedError."""
    if words[:1] != ["at"] or len(words) < 2:
        raise invalid_argument("Timer spec lacks 'at TIME'.")
    event = parse_time_of_day(words[1])
    if not words[2:]:
        raise invalid_argument("Timer spec lacks a command to run.")
    return event, words[2:]


def parse_time_of_day(text: str) -> CalendarEvent:
    """Return the event of a time such as ``17:14`` or ``17:14:30``; raises KeyedError."""
    parts = text.split(":")
    try:
        if len(parts) in (2, 3) and all(p.isascii() and p.isdigit() for p in parts):
            hour, minute, second = (*map(int, parts), 0)[:3]
            return CalendarEvent(seconds=(second,), minutes=(minute,), hours=(hour,))
    except CalendarError:
        pass
    raise invalid_argument("~a: invalid calendar time specification", text)
