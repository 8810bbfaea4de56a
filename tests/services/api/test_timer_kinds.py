"""Calendar events, commands, timers and transient services, as configurations make them."""

from __future__ import annotations

from pathlib import Path

import pytest
from configured import Configured
from running import eventually

from pid1.errors import KeyedError
from pid1.service import STOPPED
from pid1.sexp import Symbol, write
from pid1.timer import Timer
from pid1.values import encode
from services.scheme import SchemeError
from services.scheme.printer import write as print_value


async def test_calendar_events(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define e (calendar-event #:hours '(9 3) #:days-of-week '(sunday friday)))
        (list (calendar-event? e) (calendar-event-seconds e) (calendar-event-hours e)
              (calendar-event-days-of-week e) (command? e)
              (calendar-event-minutes (cron-string->calendar-event "*/20 3 * jan mon"))
              (seconds-to-wait (calendar-event #:months '(2) #:days-of-month '(30))))
        """
    )
    assert print_value(value) == "(#t (0) (3 9) (0 5) #f (0 20 40) +inf.0)"


async def test_the_next_date_of_an_event(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer) (srfi srfi-19))
        (date->string (next-calendar-event
                        (calendar-event #:months '(2) #:days-of-month '(29) #:hours '(0)
                                        #:minutes '(0))
                        (string->date "2026-11-23" "~Y-~m-~d"))
                      "~Y-~m-~d ~H:~M:~S")
        """
    )
    assert value == "2028-02-29 00:00:00"


@pytest.mark.parametrize(
    "form, message",
    [
        ("(calendar-event #:minutes '(60))", "minutes: 60: value out of range (0-59)"),
        ("(calendar-event #:days-of-week '(mon))", "calendar-event: mon: invalid day of week"),
        (
            '(cron-string->calendar-event "60 * * * *")',
            '\\"60 * * * *\\": invalid minutes cron field',
        ),
    ],
)
async def test_calendar_errors_are_message_conditions(
    scheme: Configured, form: str, message: str
) -> None:
    with pytest.raises(SchemeError) as error:
        await scheme.load(f"(use-modules (shepherd service timer)) {form}")
    assert error.value.key == "%exception"
    assert message in print_value(error.value.arguments[0])


async def test_commands_and_their_accessors(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define c (command '("sleep" "1") #:user "nobody" #:directory "/tmp"
                           #:environment-variables '("A=b")
                           #:resource-limits '((nofile 10 20))))
        (list (command? c) (command-arguments c) (command-user c) (command-group c)
              (command-directory c) (command-environment-variables c)
              (command-resource-limits c))
        """
    )
    assert print_value(value) == ('(#t ("sleep" "1") "nobody" #f "/tmp" ("A=b") ((nofile 10 20)))')


async def test_a_timer_with_a_command_and_one_with_a_procedure(scheme: Configured) -> None:
    await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define count 0)
        (register-services
          (list (service '(tmr)
                  #:start (make-timer-constructor
                            (calendar-event #:seconds (iota 60))
                            (command '("sh" "-c" "echo tick; exit 3"))
                            #:occurrences 1)
                  #:stop (make-timer-destructor)
                  #:actions (list timer-trigger-action))
                (service '(proc)
                  #:start (make-timer-constructor
                            (calendar-event #:hours '(3) #:minutes '(0))
                            (lambda () (sleep 0.01) (set! count (+ 1 count)) (error "bad" 42)))
                  #:stop (make-timer-destructor)
                  #:actions (list timer-trigger-action))))
        """
    )
    timer = await scheme.start("tmr")
    assert isinstance(timer, Timer)
    await eventually(lambda: scheme.service("tmr").status == STOPPED)
    assert timer.past_runs[0][0] == 768
    proc = await scheme.start("proc")
    await scheme.perform("proc", "trigger")
    await eventually(lambda: proc.past_runs)
    assert write(proc.past_runs[0][0]) == '(exception misc-error #f "~A ~S" ("bad" 42) #f)'
    assert await scheme.load("count") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        '12 (command \'("true"))',
        "(calendar-event) 12",
        "(calendar-event) (lambda () 1) #:occurrences 0",
        "(calendar-event) (lambda () 1) #:max-duration 'x",
    ],
)
async def test_a_wrong_timer_loads_and_fails_to_start(scheme: Configured, arguments: str) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service timer))
        (register-services
          (list (service '(tmr) #:start (make-timer-constructor {arguments})
                                #:stop (make-timer-destructor))))
        """
    )
    with pytest.raises(KeyedError) as error:
        await scheme.start("tmr")
    assert error.value.key == "wrong-type-arg"


async def test_schedule_and_spawn_use_the_configured_defaults(
    scheme: Configured, tmp_path: Path
) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service timer) (shepherd service transient))
        (default-environment-variables (list "PATH=/bin:/usr/bin" "COLOUR=blue"))
        (default-service-directory "{tmp_path}")
        (register-services (list (timer-service) (transient-service '(spawner other))))
        """
    )
    try:
        name = await scheme.perform("spawner", "spawn", "sh", "-c", "echo $COLOUR; pwd; sleep 9")
        assert isinstance(name, Symbol)
        service = scheme.service(name.name)
        await eventually(lambda: len(service.messages()) == 2)
        assert [line for _, line in service.messages()] == [str(tmp_path), "blue"]
        assert service.requirement == ("spawner",)
        timer = await scheme.perform("timer", "schedule", "at", "23:59", "true")
        assert '"COLOUR=blue"' in write(encode(timer))
    finally:
        import os

        from pid1.forkexec import default_directory
        from services.api import parameters
        from services.scheme.parameters import set_value
        from services.scheme.types import scheme_list

        set_value(
            parameters.environment_variables,
            scheme_list([f"{k}={v}" for k, v in os.environ.items()]),
        )
        set_value(parameters.service_directory, default_directory())
