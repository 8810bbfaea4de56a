"""``herd spawn`` and ``herd schedule``."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from pathlib import Path
from typing import Any

import pytest
from running import eventually

from pid1.errors import KeyedError
from pid1.log import Output
from pid1.process import is_alive
from pid1.service import RUNNING, Service
from pid1.sexp import Keyword, Symbol, write
from pid1.supervisor import Supervisor
from pid1.timer import Timer
from pid1.transient import (
    parse_time_of_day,
    split_arguments,
    timer_service,
    transient_service,
)


async def perform(service: Service, name: str, *arguments: object) -> Any:
    action = service.action(name)
    assert action is not None
    return await action.procedure(service.value, *arguments)


def option(name: str) -> Keyword:
    return Keyword(name)


async def test_spawn_runs_a_program_as_a_transient_service(
    manager: Supervisor, output: Output
) -> None:
    maker = transient_service(("transient",))
    manager.register([maker])
    name = await perform(
        maker, "spawn", "sh", "-c", "echo $FOO; pwd; sleep 100",
        option("name"), Symbol("trans1"), option("directory"), "/usr",
        option("extra-environment-variables"), ["FOO=bar"],
    )  # fmt: skip
    assert name is Symbol("trans1")
    service = manager.registry.lookup("trans1")
    assert (service.status, service.transient, service.requirement) == (
        RUNNING,
        True,
        ("transient",),
    )
    assert maker.status == RUNNING
    await eventually(lambda: len(service.messages()) == 2)
    assert [line for _, line in service.messages()] == ["/usr", "bar"]
    assert output.lines == [
        'Spawning transient service for ("sh" "-c" "echo $FOO; pwd; sleep 100").',
        "Service transient has been started.",
        "Service trans1 has been started.",
    ]
    pid = service.value.pid
    await manager.stop(maker)
    assert manager.registry.get("trans1") is None
    assert not is_alive(pid)


async def test_spawned_services_are_named_one_after_the_other(manager: Supervisor) -> None:
    maker = transient_service(("transient",))
    manager.register([maker])
    names = [(await perform(maker, "spawn", "sleep", "50")).name for _ in range(2)]
    first, second = (int(name.removeprefix("transient-")) for name in names)
    assert second == first + 1


async def test_a_program_that_cannot_run_leaves_nothing(
    manager: Supervisor, output: Output
) -> None:
    maker = transient_service(("transient",))
    manager.register([maker])
    before = len(manager.registry)
    assert await perform(maker, "spawn", "/no/such/program") is False
    assert len(manager.registry) == before
    assert any("No such file" in line for line in output.lines)


async def test_a_name_that_is_taken_is_refused(manager: Supervisor) -> None:
    maker = transient_service(("transient",))
    manager.register([maker, Service(("taken",))])
    with pytest.raises(KeyedError, match="exists already"):
        await perform(maker, "spawn", "true", option("name"), Symbol("taken"))


async def test_an_unknown_user_is_an_error(manager: Supervisor, output: Output) -> None:
    maker = transient_service(("transient",))
    manager.register([maker])
    with pytest.raises(KeyedError) as error:
        await perform(maker, "spawn", "sleep", "50", option("user"), "nosuch")
    assert error.value.key == "misc-error"
    assert error.value.arguments == ["getpw", "entry not found", [], False]
    assert output.lines == ['Spawning transient service for ("sleep" "50").']


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
async def test_a_user_has_a_home(manager: Supervisor, tmp_path: Path) -> None:
    maker = timer_service(("timer",))
    manager.register([maker])
    timer = await perform(
        maker, "schedule", "at", "23:59", "sh", "-c", "id -un; echo $HOME $USER",
        option("user"), "nobody", option("directory"), "/", option("name"), Symbol("t"),
        option("log-file"), str(log := tmp_path / "log"),
    )  # fmt: skip
    timer.trigger()
    await eventually(lambda: manager.registry.get("t") is None)
    home = pwd.getpwnam("nobody").pw_dir
    lines = [line[20:] for line in log.read_text().splitlines()]
    assert lines[:2] == ["nobody", f"{home} nobody"]


async def test_schedule_makes_a_timer_for_one_occasion(manager: Supervisor, tmp_path: Path) -> None:
    maker = timer_service(("timer",))
    manager.register([maker])
    timer = await perform(
        maker, "schedule", "at", "23:59", "echo", "hello world",
        option("name"), Symbol("at-test"), option("log-file"), str(tmp_path / "at.log"),
    )  # fmt: skip
    assert isinstance(timer, Timer)
    text = write(timer.to_wire())
    assert "(seconds (0)) (minutes (59)) (hours (23))" in text
    assert '(arguments ("echo" "hello world"))' in text
    assert "(remaining-occurrences 1)" in text
    service = manager.registry.lookup("at-test")
    assert service.requirement == ("timer",)
    assert service.documentation == "Run the given command at the specified time\nand terminate."
    timer.trigger()
    await eventually(lambda: manager.registry.get("at-test") is None)
    assert (tmp_path / "at.log").read_text().endswith(" hello world\n")


async def test_it_runs_when_the_time_has_come(manager: Supervisor, tmp_path: Path) -> None:
    maker = timer_service(("timer",))
    manager.register([maker])
    target = time.localtime(time.time() + 1.5)
    at = time.strftime("%H:%M:%S", target)
    await perform(maker, "schedule", "at", at, "touch", str(tmp_path / "done"))
    await eventually(lambda: (tmp_path / "done").exists())
    assert abs((tmp_path / "done").stat().st_mtime - time.mktime(target)) < 0.5
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "words, message",
    [
        (["echo", "x"], "(#f \"Timer spec lacks 'at TIME'.\" ())"),
        (["at"], "(#f \"Timer spec lacks 'at TIME'.\" ())"),
        (["at", "12:00"], '(#f "Timer spec lacks a command to run." ())'),
        (["at", "99:99", "x"], '(#f "~a: invalid calendar time specification" ("99:99"))'),
    ],
)
async def test_timers_that_make_no_sense(
    manager: Supervisor, words: list[str], message: str
) -> None:
    maker = timer_service(("timer",))
    manager.register([maker])
    with pytest.raises(KeyedError) as error:
        await perform(maker, "schedule", *words)
    assert error.value.key == "wrong-type-arg"
    assert write(error.value.arguments) == message


@pytest.mark.parametrize(
    "text", ["", "12", "24:00", "12:60", "12:00:60", "1:2:3:4", "a:b", "-1:00"]
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(KeyedError):
        parse_time_of_day(text)


def test_times_of_day() -> None:
    event = parse_time_of_day("7:05:09")
    assert (event.hours, event.minutes, event.seconds) == ((7,), (5,), (9,))


@pytest.mark.parametrize(
    "rest",
    [
        (Keyword("bogus"), 1),
        (Keyword("name"),),
        (Keyword("name"), "a string"),
        (Keyword("directory"), Symbol("x")),
        (Keyword("extra-environment-variables"), [1]),
        (Symbol("no-keyword"), 1),
    ],
)
def test_options_are_checked(rest: tuple[object, ...]) -> None:
    with pytest.raises(KeyedError):
        split_arguments(("word", *rest))
