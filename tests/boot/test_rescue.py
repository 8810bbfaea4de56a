"""A shell for whoever has to mend the machine: which one, where, and what if there is none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from boot import places, rescue
from hurd.system import SpawnError
from hurd.system.fake import FakeSystem


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setattr(rescue, "system", fake)
    monkeypatch.setattr(rescue, "_PAUSE", 0.0)
    monkeypatch.setattr(rescue, "wait_for", lambda pid: fake.programs[pid].status or 0)
    monkeypatch.setattr(places, "root", str(tmp_path))
    (tmp_path / "bin").mkdir()
    return fake


def test_the_first_shell_there_is_gets_the_console(
    machine: FakeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin/dash").touch(0o755)
    (tmp_path / "bin/csh").touch(0o755)
    monkeypatch.setenv("TERM", "mach")
    assert rescue.run_shell("out of order") == 0
    [program] = machine.programs.values()
    assert program.spec.command == ["/bin/dash"]
    assert "TERM=mach" in program.spec.environment
    assert program.spec.tty is not None
    (tmp_path / "bin/bash").touch(0o755)
    rescue.run_shell("out of order")
    assert machine.started[-1] == ["/bin/bash", "-l"]


def test_without_any_shell_it_says_so_and_goes_on(
    machine: FakeSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rescue.run_shell("out of order") == 127 << 8
    said = capsys.readouterr().err
    assert "drover: out of order\n" in said
    assert "cannot start a shell: there is none of /bin/bash, /bin/sh" in said


def test_on_a_console_that_is_no_terminal_the_shell_has_none(
    machine: FakeSystem, tmp_path: Path
) -> None:
    (tmp_path / "bin/sh").touch(0o755)
    machine.fail("spawn", SpawnError("tty", errno.ENOTTY, "0"))
    machine.fail("reset_terminal", OSError(errno.ENOTTY, os.strerror(errno.ENOTTY)))
    assert rescue.run_shell("out of order") == 0
    [program] = machine.programs.values()
    assert program.spec.tty is None


def test_a_shell_that_cannot_be_started_is_named(
    machine: FakeSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin/sh").touch(0o755)
    machine.failures["/bin/sh"] = SpawnError("exec", errno.ENOEXEC, "/bin/sh")
    assert rescue.run_shell("out of order") == 127 << 8
    assert 'exec of "/bin/sh" failed' in capsys.readouterr().err


def test_a_broken_console_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr("sys.stderr", broken)
        rescue.say("is anybody there?")
        with pytest.raises(BrokenPipeError):
            broken.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


def test_children_that_end_meanwhile_are_reaped() -> None:
    # In a process of its own, for it waits for all children.
    tester = os.fork()
    if tester == 0:
        status = 1
        try:
            other = os.posix_spawn("/bin/true", ["true"], {})
            slow = ["sh", "-c", "sleep 0.1; exit 3"]
            pid = os.posix_spawn("/bin/sh", slow, {"PATH": os.environ["PATH"]})
            assert os.waitstatus_to_exitcode(rescue.wait_for(pid)) == 3
            with pytest.raises(ChildProcessError):
                os.waitpid(other, os.WNOHANG)
            assert rescue.wait_for(pid) == 0  # nobody is left
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(tester, 0)[1] == 0
