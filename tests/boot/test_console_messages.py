"""What is said on the console of a machine that boots slowly, or has no shell to offer."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from boot import api, boot_log, guard, places, rescue, running
from hurd.system.fake import FakeSystem
from pid1.service import RUNNING, STARTING, Service
from services.scheme.errors import SchemeError


class Services(dict[str, Service]):
    """The services of a daemon by their names."""

    def __iter__(self) -> Any:
        return iter(self.values())

    def add(self, name: str, *states: str) -> Service:
        service = self[name] = Service((name,))
        for state in states:
            service.transition(state)
        return service


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(boot_log, "print_line", lines.append)
    return lines


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_what_takes_long_is_named_again_and_again_until_somebody_can_log_in(
    console: list[str],
) -> None:
    services = Services()
    daemon: Any = SimpleNamespace(
        ending=None, loop=asyncio.get_running_loop(), supervisor=SimpleNamespace(registry=services)
    )
    boot_log.watch_slow_starts(daemon, patience=0.01)
    await asyncio.sleep(0.05)
    assert console == []  # nothing is being started
    services.add("networking", STARTING)
    services.add("swap", STARTING)
    await until(lambda: len(console) >= 2)
    assert set(console) == {"Waiting for networking, swap."}
    services.add("term-console", STARTING, RUNNING)
    await asyncio.sleep(0.03)
    console.clear()
    await asyncio.sleep(0.05)
    assert console == []


async def test_an_end_of_the_machine_is_not_waited_for(console: list[str]) -> None:
    services = Services()
    services.add("networking", STARTING)
    daemon: Any = SimpleNamespace(
        ending="halt",
        loop=asyncio.get_running_loop(),
        supervisor=SimpleNamespace(registry=services),
    )
    boot_log.watch_slow_starts(daemon, patience=0.005)
    await asyncio.sleep(0.03)
    assert console == []


@pytest.fixture
def the_console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | None], None]]:
    """Put a file, or nothing, in the place of /dev/console."""
    real = os.open

    def put(path: str | None) -> None:
        def opened(name: str, flags: int, *mode: int) -> int:
            if name != "/dev/console":
                return real(name, flags, *mode)
            if path is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            return real(path, flags)

        monkeypatch.setattr(os, "open", opened)

    yield put
    monkeypatch.undo()


def test_lines_go_to_the_console_and_a_broken_one_costs_nothing(
    the_console: Callable[[str | None], None], tmp_path: Path
) -> None:
    (tmp_path / "console").touch()
    the_console(str(tmp_path / "console"))
    boot_log.print_line("a step failed")
    assert (tmp_path / "console").read_text() == "drover: a step failed\n"
    the_console("/dev/full")
    boot_log.print_line("a step failed")
    the_console(None)
    boot_log.print_line("a step failed")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setattr(guard, "system", fake)
    monkeypatch.setattr(places, "root", str(tmp_path))
    (tmp_path / "bin").mkdir()
    return fake


def test_a_system_without_a_shell_says_so(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(guard, "log", logged.append)
    assert guard.start_shell() is False
    assert logged == ["There is no shell."]
    assert machine.started == []


def test_a_console_that_cannot_be_reset_gets_its_shell_all_the_same(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(guard, "log", logged.append)
    started: list[list[str]] = []

    def fork_exec(_supervisor: object, _service: object, spec: Any) -> int:
        started.append(spec.command)
        return 77

    monkeypatch.setattr(guard, "fork_exec", fork_exec)
    monkeypatch.setattr(guard, "supervisor", lambda: None)
    monkeypatch.setattr(guard, "current_service", SimpleNamespace(get=lambda: None))
    (tmp_path / rescue.SHELLS[1].lstrip("/")).touch(0o755)
    machine.fail("reset_terminal", OSError(errno.EIO, os.strerror(errno.EIO)))
    process: Any = guard.start_shell()
    assert process.command == ["/bin/sh"]
    assert started == [["/bin/sh"]]
    assert logged == ["Cannot reset the console: Input/output error."]


def call(name: str, *arguments: object) -> object:
    """What a procedure of ``(drover hurd)`` returns."""
    binding: Any = api.LIBRARY.bindings[name]
    return binding.fn(*arguments)


def test_a_control_socket_that_cannot_be_opened_is_an_error_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "daemon", None)
    assert call("open-control-socket") is True
    daemon: Any = SimpleNamespace(open_control_socket=lambda: False, socket_path="/run/socket")
    monkeypatch.setattr(running, "daemon", daemon)
    with pytest.raises(Exception, match="cannot open the control socket '/run/socket'"):
        call("open-control-socket")
    daemon.open_control_socket = lambda: True
    assert call("open-control-socket") is True


def test_only_services_that_there_are_may_come_late() -> None:
    with pytest.raises(SchemeError, match="there is no late service"):
        call("late-service", api.Symbol("nonsense"), api.scheme_list([]))
    with pytest.raises(SchemeError):
        call("program-installed?", 7)


def test_a_daemon_that_starts_no_machine_was_asked_for_nothing_special(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "arguments", None)
    assert call("boot-mode") is api.Symbol("multi-user")
    assert call("serial-console?") is False
