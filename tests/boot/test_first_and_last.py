"""The first decisions of PID 1, services that complete themselves, an end that others ask for."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace
from typing import Any

import pytest

from boot import ending, stage0
from boot.late import late_service
from boot.steps import cleaning, mounting, upkeep
from hurd.system.fake import FakeSystem
from pid1.service import RUNNING, STARTING


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    fake = FakeSystem()
    for module in (stage0, ending, cleaning, mounting, upkeep):
        monkeypatch.setattr(module, "system", fake)
    monkeypatch.setattr(stage0, "prepare_process", lambda: None)
    monkeypatch.delenv("DROVER_REEXEC_FD", raising=False)
    monkeypatch.delenv("DROVER_REEXEC_CHECK", raising=False)
    return fake


def test_only_pid_1_starts_a_machine(
    machine: FakeSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.pid = 77
    with pytest.raises(SystemExit) as ended:
        stage0.main([])
    assert ended.value.code == 1
    assert "only PID 1 runs it (try 'shepherd')" in capsys.readouterr().err
    assert machine.calls == [("adapt_process",)]


def test_an_image_that_is_only_tried_starts_nothing(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_REEXEC_CHECK", "1")
    monkeypatch.setattr("boot.shepherd.run", lambda _words: 3)
    with pytest.raises(SystemExit) as ended:
        stage0.main([])
    assert ended.value.code == 3


class Ended(Exception):
    """Ends what never ends."""


def test_a_later_image_goes_on_even_without_local_sockets(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DROVER_REEXEC_FD", "9")
    monkeypatch.setattr(stage0, "begin", lambda _arguments: pytest.fail("began again"))
    machine.fail("start_local_sockets", OSError(errno.EIO, os.strerror(errno.EIO)))
    reasons: list[str] = []

    def run_shell(reason: str) -> int:
        reasons.append(reason)
        if len(reasons) > 1:
            raise Ended
        return 0

    monkeypatch.setattr(stage0, "_supervise", lambda _arguments: "the supervisor ended")
    monkeypatch.setattr(stage0, "run_shell", run_shell)
    monkeypatch.setattr(stage0, "_start_again", lambda: None)
    with pytest.raises(Ended):
        stage0.main([])
    assert reasons == ["the supervisor ended"] * 2
    said = capsys.readouterr().err
    assert "cannot start the server of local sockets: Input/output error" in said


def test_a_late_service_is_completed_once_and_has_its_actions_while_it_runs() -> None:
    service = late_service("timer", ("root",))
    late: Any = service.start
    assert list(late) == []
    completed = late.complete()
    assert completed is service
    start = service.start
    assert start is not late
    assert late.complete().start is start
    service.transition(STARTING)
    service.transition(RUNNING)
    assert [action.name for action in late] == [action.name for action in service.actions]


async def test_an_end_goes_on_though_services_cannot_be_stopped(machine: FakeSystem) -> None:
    async def stop_services() -> None:
        raise RuntimeError("out of order")

    daemon: Any = SimpleNamespace(
        ending=None,
        shutdown_deadline=100.0,
        stop_services=stop_services,
        supervisor=SimpleNamespace(root=None),
    )
    await ending.give_way(daemon)
    assert (daemon.ending, daemon.shutdown_deadline) == ("halt", ending.DEADLINE)
    assert machine.calls == [("allow_machine_end",)]
    # Another request comes while that one is being granted.
    ending._begin(daemon)


async def test_what_cannot_be_paged_back_stays_in_use(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(mounting, "say", said.append)
    machine.swap = ["/dev/a", "/dev/b"]
    machine.fail("swap_off", OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
    await mounting.swap_off(["/dev/a", "/dev/b", "/dev/never-used"])
    assert machine.swap == ["/dev/a"]
    assert said == ["Still paging to '/dev/a': Cannot allocate memory."]


async def test_a_process_that_cannot_be_signalled_is_named_unless_it_has_just_ended(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(upkeep, "log", logged.append)
    machine.fail("kill", OSError(errno.EPERM, os.strerror(errno.EPERM)))
    upkeep._signal(77, 15)
    upkeep._signal(77, 15)  # there is no such process
    assert logged == ["Cannot signal process 77: Operation not permitted."]


def test_a_directory_that_is_not_there_is_named(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(cleaning, "log", logged.append)
    assert cleaning.clean_directory("/no/such") == 0
    assert logged == ["Cannot clean '/no/such': No such file or directory."]
