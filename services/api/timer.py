"""``(shepherd service timer)``: calendar events, commands and timers, for configurations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from pid1 import timer, transient
from pid1.calendar import CalendarError, CalendarEvent, cron_event, next_occurrence
from pid1.command import Command
from pid1.service import Service
from services import keywords
from services.api.arguments import built_in, message_error
from services.api.processes import read_spec
from services.convert import Constructor, Host, to_keyed
from services.keywords import optional_string
from services.scheme.errors import SchemeError, wrong_type
from services.scheme.primitives import Library
from services.scheme.types import (
    NIL,
    Procedure,
    Symbol,
    Value,
    Values,
    is_list,
    iterate,
    scheme_list,
)

LIBRARY = Library()

_DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
_FIELDS = frozenset({"seconds", "minutes", "hours", "days-of-month", "days-of-week", "months"})
_COMMAND = frozenset(
    {
        "user", "group", "supplementary-groups", "environment-variables", "directory",
        "resource-limits",
    }
)  # fmt: skip
_TIMER = frozenset(
    {
        "occurrences", "log-file", "max-duration", "termination-signal", "wait-for-termination?",
        "catch-up?",
    }
)  # fmt: skip
_NANO = 1_000_000_000


def _list(value: Value) -> list[Value]:
    if not is_list(value):
        raise SchemeError(
            "wrong-type-arg",
            ("for-each", "Wrong type argument: ~S", scheme_list((value,)), NIL),
        )
    return list(iterate(value))


def _day(value: Value) -> int:
    if isinstance(value, Symbol) and value.name in _DAYS:
        return _DAYS.index(value.name)
    from services.scheme.printer import display

    raise message_error(f"calendar-event: {display(value)}: invalid day of week")


def _numbers(key: str, value: Value) -> tuple[int, ...]:
    items = _list(value)
    for item in items:
        if type(item) is not int:
            raise keywords.wrong_type("calendar-event", key, item)
    return tuple(items)


@LIBRARY.primitive("calendar-event", 0, None)
def calendar_event(*rest: Value) -> CalendarEvent:
    options = keywords.split(rest, _FIELDS)
    fields = {
        key.replace("-", "_"): tuple(map(_day, _list(value)))
        if key == "days-of-week"
        else _numbers(key, value)
        for key, value in options.items()
    }
    try:
        return CalendarEvent(**fields)
    except CalendarError as error:
        raise message_error(str(error)) from error


@LIBRARY.primitive("cron-string->calendar-event", 1)
def cron_string_to_calendar_event(text: Value) -> CalendarEvent:
    if not isinstance(text, str):
        raise wrong_type("cron-string->calendar-event", 1, text)
    try:
        return cron_event(text)
    except CalendarError as error:
        raise message_error(str(error)) from error


LIBRARY.predicate("calendar-event?", CalendarEvent)


def _event(who: str, value: Value) -> CalendarEvent:
    if not isinstance(value, CalendarEvent):
        raise wrong_type(who, 1, value)
    return value


def _event_accessor(field: str) -> None:
    attribute = field.replace("-", "_")
    LIBRARY.accessor(
        f"calendar-event-{field}",
        CalendarEvent,
        lambda event: scheme_list(getattr(event, attribute)),
    )


for _field in sorted(_FIELDS):
    _event_accessor(_field)


def _properties(who: str, sexp: Value, kind: str) -> dict[str, Value]:
    """Return the properties of ``(KIND (version 0) (NAME VALUE) …)``."""
    items = list(iterate(sexp)) if is_list(sexp) else []
    if not items or items[0] is not Symbol(kind):
        raise wrong_type(who, 1, sexp)
    found = {}
    for item in items[1:]:
        pair = list(iterate(item)) if is_list(item) else []
        if len(pair) == 2 and isinstance(pair[0], Symbol):
            found[pair[0].name] = pair[1]
    return found


@LIBRARY.primitive("sexp->calendar-event", 1)
def sexp_to_calendar_event(sexp: Value) -> Value:
    found = _properties("sexp->calendar-event", sexp, "calendar-event")
    try:
        return CalendarEvent(
            **{key.replace("-", "_"): _numbers(key, found[key]) for key in _FIELDS if key in found}
        )
    except CalendarError as error:
        raise message_error(str(error)) from error


@LIBRARY.primitive("next-calendar-event", 2)
def next_calendar_event(event: Value, date: Value) -> Value:
    """The date after ``date``; ``#f`` where the GNU Shepherd raises: there is none."""
    from services.scheme.library.srfi19 import date_at, date_total

    who = "next-calendar-event"
    found = next_occurrence(_event(who, event), date_total(date, who) / _NANO)
    if found is None:
        return False
    return date_at(int(found) * _NANO, time.localtime(found).tm_gmtoff)


@LIBRARY.primitive("seconds-to-wait", 1, 2)
def seconds_to_wait(event: Value, now: Value = None) -> Value:
    moment = time.time()
    if now is not None:
        from services.scheme.library.srfi19 import date_total

        moment = date_total(now, "seconds-to-wait") / _NANO
    found = next_occurrence(_event("seconds-to-wait", event), moment)
    return math.inf if found is None else found - moment


# Commands


@LIBRARY.primitive("command", 1, None)
def command(arguments: Value, *rest: Value) -> Command:
    return Command(read_spec("command", arguments, keywords.split(rest, _COMMAND)))


LIBRARY.predicate("command?", Command)


def _command_accessor(field: str, read: Callable[[Any], Value]) -> None:
    LIBRARY.accessor(f"command-{field}", Command, lambda command: read(command.spec))


def _limits(spec: Any) -> Value:
    return scheme_list(
        [
            scheme_list([Symbol(name), *(False if limit is None else limit for limit in pair)])
            for name, *pair in spec.resource_limits
        ]
    )


_command_accessor("arguments", lambda spec: scheme_list(spec.command))
_command_accessor("user", lambda spec: False if spec.user is None else spec.user)
_command_accessor("group", lambda spec: False if spec.group is None else spec.group)
_command_accessor("supplementary-groups", lambda spec: scheme_list(spec.supplementary_groups))
_command_accessor("environment-variables", lambda spec: scheme_list(spec.environment))
_command_accessor("directory", lambda spec: spec.directory or "/")
_command_accessor("resource-limits", _limits)


@LIBRARY.primitive("sexp->command", 1)
def sexp_to_command(sexp: Value) -> Command:
    found = _properties("sexp->command", sexp, "command")
    options = {key: value for key, value in found.items() if key in _COMMAND}
    return Command(read_spec("sexp->command", found.get("arguments", NIL), options))


# Timers


@LIBRARY.primitive("make-timer-constructor", 2, None)
def make_timer_constructor(event: Value, action: Value, *rest: Value) -> Constructor:
    return Constructor("timer-constructor", _Start(event, action, keywords.split(rest, _TIMER)))


class _Start:
    """Checks its arguments when it is called: a mistake does not keep a file from loading."""

    def __init__(self, event: Value, action: Value, options: dict[str, Value]) -> None:
        self._arguments = (event, action, options)

    def _checked(self) -> timer.TimerStart:
        try:
            return _timer_start(*self._arguments)
        except SchemeError as error:
            raise to_keyed(error) from error

    def __call__(self, *arguments: object) -> Any:
        return self._checked()(*arguments)

    def adopt(self, state: dict[str, Any], service: Service) -> Any:
        """Take the timer over from the previous image of the daemon."""
        return self._checked().adopt(state, service)


def _timer_start(event: Value, action: Value, options: dict[str, Value]) -> timer.TimerStart:
    who = "make-timer-constructor"
    if not isinstance(event, CalendarEvent):
        raise keywords.wrong_type(who, "event", event)
    if not isinstance(action, (Command, Procedure)):
        raise keywords.wrong_type(who, "action", action)
    occurrences = options.get("occurrences", math.inf)
    if occurrences != math.inf and (type(occurrences) is not int or occurrences < 1):
        raise keywords.wrong_type(who, "occurrences", occurrences)
    duration = options.get("max-duration", False)
    chosen: dict[str, Any] = {
        "occurrences": occurrences,
        "log_file": optional_string(who, "log-file", options.get("log-file", False)),
        "max_duration": None
        if duration is False
        else keywords.number(who, "max-duration", duration),
        "wait_for_termination": options.get("wait-for-termination?", False) is not False,
        "catch_up": options.get("catch-up?", False) is not False,
    }
    if "termination-signal" in options:
        number = options["termination-signal"]
        if type(number) is not int:
            raise keywords.wrong_type(who, "termination-signal", number)
        chosen["termination_signal"] = number
    runs = action if isinstance(action, Command) else Host(action)
    return timer.TimerStart(event, runs, **chosen)


@LIBRARY.primitive("make-timer-destructor", 0)
def make_timer_destructor() -> Constructor:
    return Constructor("timer-destructor", timer.timer_destructor)


@LIBRARY.primitive("trigger-timer", 1)
def trigger_timer(value: Value) -> None:
    timer.trigger(value)


LIBRARY.bind("timer-trigger-action", timer.TRIGGER_ACTION)


@LIBRARY.primitive("timer-arguments->calendar-event+command", 1)
def timer_arguments(words: Value) -> Values:
    event, rest = transient.parse_timer(
        keywords.strings("timer-arguments->calendar-event+command", "spec", words)
    )
    return Values((event, scheme_list(rest)))


built_in(LIBRARY, "timer", transient.timer_service)
