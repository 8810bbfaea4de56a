"""What ``herd disable`` disables stays disabled: the file, and the commands that change it."""

from __future__ import annotations

import asyncio
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from running import eventually, logged, running_supervisor

from hurd.system import SpawnSpec
from pid1 import disabled
from pid1.actions import KEPT, UNSPECIFIED, perform
from pid1.awaiting import is_awaitable
from pid1.disabled import DisabledServices
from pid1.forkexec import ForkExec, Kill
from pid1.log import Output, client_output
from pid1.service import RUNNING, STOPPED, Service
from pid1.sexp import Symbol
from pid1.supervisor import Supervisor


@pytest.fixture
def manager(manager: Supervisor, tmp_path: Path) -> Supervisor:
    manager.disabled = DisabledServices(str(tmp_path / "state/disabled"))
    return manager


async def command(manager: Supervisor, action: str, name: str) -> list[str]:
    """Carry out a command; return its messages."""
    output = Output()
    token = client_output.set(output)
    try:
        result: Any = perform(manager, Symbol(action), Symbol(name), [])
        if is_awaitable(result):
            result = await result
    finally:
        client_output.reset(token)
    assert result == [UNSPECIFIED]
    return output.lines


async def test_the_next_daemon_knows(tmp_path: Path, log: list[str]) -> None:
    file = tmp_path / "state/disabled"
    async with running_supervisor() as manager:
        manager.disabled = DisabledServices(str(file))
        manager.register([Service(("a", "alias")), Service(("b",)), Service(("c",))])
        assert await command(manager, "disable", "alias") == ["Disabled service a.", KEPT]
        assert await command(manager, "disable", "b") == ["Disabled service b.", KEPT]
        assert file.read_text() == "a\nb\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert await command(manager, "enable", "b") == ["Enabled service b.", KEPT]
        assert file.read_text() == "a\n"
    async with running_supervisor() as later:
        later.disabled = DisabledServices(str(file))
        later.register([Service(("a", "alias")), Service(("b",))])
        assert not later.registry.lookup("a").enabled
        assert "Service a is disabled, as it was before." in log
        assert later.registry.lookup("b").enabled
        assert await later.start(later.registry.lookup("a")) is False
        # Also under its other names.
        await command(later, "enable", "alias")
        assert file.read_text() == ""
        assert await later.start(later.registry.lookup("a"))
    assert list(file.parent.iterdir()) == [file]


async def test_a_name_of_another_service_counts_too(manager: Supervisor, tmp_path: Path) -> None:
    """The configuration may have given it another first name meanwhile."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state/disabled").write_text("old\n")
    manager.disabled = DisabledServices(str(tmp_path / "state/disabled"))
    manager.register([Service(("new", "old"))])
    assert not manager.registry.lookup("new").enabled
    await command(manager, "enable", "new")
    assert (tmp_path / "state/disabled").read_text() == ""


async def test_what_a_crash_has_disabled_is_not_kept(manager: Supervisor, tmp_path: Path) -> None:
    spec = SpawnSpec(["false"], ["PATH=/usr/bin:/bin"])
    one = Service(("crashing",), start=ForkExec(spec), stop=Kill())
    manager.register([one])
    await manager.start(one)
    await eventually(lambda: not one.enabled)
    await asyncio.sleep(0.05)
    assert not (tmp_path / "state").exists()
    # Unless somebody disables it as well.
    await command(manager, "disable", "crashing")
    assert (tmp_path / "state/disabled").read_text() == "crashing\n"


async def test_nothing_is_written_when_nothing_changes(manager: Supervisor, tmp_path: Path) -> None:
    manager.register([Service(("a",)), Service(("passing",), transient=True)])
    assert await command(manager, "enable", "a") == ["Enabled service a.", KEPT]
    assert await command(manager, "disable", "passing") == ["Disabled service passing."]
    assert not (tmp_path / "state").exists()


async def test_root_is_never_kept(tmp_path: Path) -> None:
    """Or the next daemon would not start."""
    (tmp_path / "disabled").write_text("root\nshepherd\n")
    async with running_supervisor() as manager:
        manager.disabled = DisabledServices(str(tmp_path / "disabled"))
        manager.root = Service(("root", "shepherd"))
        manager.register([manager.root])
        assert manager.root.enabled
        assert await command(manager, "disable", "root") == ["Disabled service root."]
        manager.root = None
    assert (tmp_path / "disabled").read_text() == "root\nshepherd\n"


async def test_a_state_that_cannot_be_written_is_said_and_the_command_succeeds(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    async with running_supervisor() as manager:
        path = f"{tmp_path}/file/disabled"
        async with logged() as log:
            manager.disabled = DisabledServices(path)
            assert log == [
                f"Cannot read which services are disabled from '{path}': Not a directory."
            ]
        manager.register([Service(("a",))])
        assert await command(manager, "disable", "a") == [
            "Disabled service a.",
            f"Not kept beyond the end of the daemon: '{path}': Not a directory.",
        ]
        assert not manager.registry.lookup("a").enabled
        manager.register([Service(("two\nlines",))])
        assert await command(manager, "disable", "two\nlines") == [
            "Disabled service two\nlines.",
            "Not kept beyond the end of the daemon: its name has several lines.",
        ]


async def test_a_file_system_that_hangs_keeps_nobody_waiting(
    manager: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = disabled._change

    def slow(path: str, add: set[str], remove: set[str]) -> None:
        time.sleep(0.4)
        write(path, add, remove)

    monkeypatch.setattr(disabled, "_change", slow)
    monkeypatch.setattr(disabled, "PATIENCE", 0.1)
    manager.register([Service(("a",)), Service(("b",))])
    before = time.monotonic()
    waiting = asyncio.ensure_future(command(manager, "disable", "a"))
    # The loop goes on at once.
    await asyncio.sleep(0.02)
    assert time.monotonic() - before < 0.1
    assert (await waiting)[1:] == [
        f"Not kept beyond the end of the daemon: '{tmp_path}/state/disabled' does not answer."
    ]
    # What is asked for later is done later.
    await command(manager, "disable", "b")
    await command(manager, "enable", "a")
    await eventually(
        lambda: (
            (tmp_path / "state/disabled").exists()
            and (tmp_path / "state/disabled").read_text() == "b\n"
        )
    )
    await asyncio.sleep(0.1)
    assert (tmp_path / "state/disabled").read_text() == "b\n"


async def test_changes_of_others_are_kept(manager: Supervisor, tmp_path: Path) -> None:
    """As when /var is mounted after the daemon has started."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state/disabled").write_text("other\n")
    manager.register([Service(("a",))])
    await command(manager, "disable", "a")
    assert (tmp_path / "state/disabled").read_text() == "a\nother\n"


async def test_a_replacement_is_disabled_as_well(manager: Supervisor) -> None:
    manager.register([Service(("a",))])
    await command(manager, "disable", "a")
    manager.register([Service(("a",))])
    assert not manager.registry.lookup("a").enabled


async def test_a_running_service_goes_on(manager: Supervisor) -> None:
    one = Service(("a",))
    manager.register([one])
    await manager.start(one)
    await command(manager, "disable", "a")
    assert one.status == RUNNING
    await manager.stop(one)
    assert await manager.start(one) is False
    assert one.status == STOPPED
