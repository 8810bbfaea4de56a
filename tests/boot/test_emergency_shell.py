"""The shell on the console, for when nobody can log in: why it comes, and how the boot goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from boot import guard
from hurd.system.fake import FakeSystem, exits
from tests.boot.fakeboot import FakeBoot, fake_boot

_FSTAB = "/dev/hd0s1 / ext2 defaults 0 1\n"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(guard, "log", lines.append)
    return lines


def _leave_shell(boot: FakeBoot) -> None:
    *_, shell = [p for p in boot.system.programs.values() if p.spec.command == ["/bin/sh"]]
    boot.system.exit(shell.pid)


async def test_a_configuration_that_never_ends_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, said: list[str]
) -> None:
    init = "(let loop () (sleep 0.05) (loop))"
    async with fake_boot(monkeypatch, tmp_path, system, init=init, patience=0.3) as boot:
        await boot.until("emergency-shell", "running")
        assert f"  '{tmp_path}/init.scm' is still being loaded." in said
        assert "  The configuration defines no service 'multi-user'." in said


async def test_another_shell_comes_when_the_damage_is_still_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, said: list[str]
) -> None:
    system.plan("/sbin/e2fsck", exits(4), exits(4), exits(0))
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        for shells in (1, 2):
            await boot.until("emergency-shell", "running")
            assert said.count("Nobody can log in: starting a shell on the console.") == shells
            _leave_shell(boot)
            await boot.until("emergency-shell", "stopped")
        await boot.until("multi-user", "running")
        assert said.count("The shell has ended; going on with the boot.") == 2


async def test_what_had_failed_too_often_is_started_again_after_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, said: list[str]
) -> None:
    init = f"""
(register-services
 (list (service '(fragile)
         #:start (lambda _ (if (file-exists? "{tmp_path}/mended") #t (error "broken")))
         #:stop (const #f))
       (service '(multi-user)
         #:requirement '(fragile)
         #:start (const #t)
         #:stop (const #f))))
(start-in-the-background '(multi-user))
"""
    async with fake_boot(monkeypatch, tmp_path, system, init=init) as boot:
        await boot.until("emergency-shell", "running")
        assert "  Failed: fragile." in said
        boot.daemon.supervisor.registry.lookup("fragile").set_enabled(False)
        (tmp_path / "mended").touch()
        _leave_shell(boot)
        await boot.until("multi-user", "running")


async def test_a_shell_that_ends_with_the_machine_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, said: list[str]
) -> None:
    system.plan("/sbin/e2fsck", exits(4))
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        await boot.until("emergency-shell", "running")
        await boot.daemon.shutdown()
        await boot.until("emergency-shell", "stopped")
        assert "The shell has ended; going on with the boot." not in said
