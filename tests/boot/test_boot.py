"""A whole boot over a machine in memory: every step fails once, for ever, hangs or dies later."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hurd.system.fake import FakeSystem, dies, exits, hangs, refuses
from pid1.supervisor import Supervisor
from tests.boot.fakeboot import fake_boot

_CLEAN = "/dev/hd0s1 / ext2 defaults 0 1\n"
_GETTY = "/libexec/getty"


def _io_error() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))


async def test_a_boot_ends_in_a_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("multi-user", "running")
        await boot.until("networking", "running")
        await boot.until("procfs", "running")
        assert boot.status("term-console") == "running"
        assert ["/sbin/e2fsck", "-p", "/dev/hd0s1"] in system.started
        assert boot.calls("remount") == [("/", ("rw",))]
        assert system.is_served("/proc")
        assert boot.calls("set_hostname") == [("testbed",)]


async def test_the_order_of_the_steps_is_that_of_the_hurd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    """HURD-BOOT.md section 3: what a step depends on has been done before it."""
    fstab = _CLEAN + "/dev/hd0s2 /home ext2 defaults 0 2\n"
    async with fake_boot(monkeypatch, tmp_path, system, fstab=fstab) as boot:
        await boot.until("multi-user", "running")
        order = [(call[0], *map(str, call[1:3])) for call in system.calls]

        def at(*start: str) -> int:
            return next(i for i, call in enumerate(order) if call[: len(start)] == start)

        assert at("remount", "/") < at("mount", "/dev/hd0s2")
        assert at("remount", "/") < at("set_hostname")
        checks = [c for c in system.started if c[0] == "/sbin/e2fsck"]
        assert [c[-1] for c in checks] == ["/dev/hd0s1", "/dev/hd0s2"]
        getty = next(i for i, c in enumerate(system.started) if c[0] == _GETTY)
        assert system.started.index(checks[1]) < getty


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (exits(4), "has damage that was not repaired"),
        (exits(8), "has damage that was not repaired"),
        (dies(), "was ended by signal 11"),
        (refuses(), "has damage that was not repaired"),
    ],
)
async def test_a_root_that_cannot_be_repaired_ends_in_a_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem,
    status: object, message: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    system.plan("/sbin/e2fsck", status)  # type: ignore[arg-type]
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("emergency-shell", "running")
        assert boot.calls("remount") == []
        assert boot.status("root-file-system") == "stopped"
        assert any(c[0] == "/bin/sh" for c in system.started)
        # Once it is mended, leaving the shell is enough.
        system.plan("/sbin/e2fsck", exits(1))
        [shell] = [p for p in system.programs.values() if p.spec.command == ["/bin/sh"]]
        system.exit(shell.pid)
        await boot.until("multi-user", "running")


@pytest.mark.parametrize("code", [0, 1])
async def test_all_damage_is_repaired_if_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, code: int
) -> None:
    """The root's server has seen what it was before: it is not used after such a repair."""
    system.plan("/sbin/e2fsck", exits(4), exits(code))
    system.reboot_errno = errno.EPERM  # the fake goes on, where a machine would not
    words = ["drover.repair=all"]
    async with fake_boot(monkeypatch, tmp_path, system, words=words, fstab=_CLEAN) as boot:
        await boot.until("emergency-shell", "running")
        checks = [c[1:] for c in system.started if c[0] == "/sbin/e2fsck"]
        assert checks == [["-p", "/dev/hd0s1"], ["-y", "-f", "/dev/hd0s1"]]
        assert boot.calls("reboot")[0] == ("reboot",)
        assert boot.calls("remount") == []


async def test_damage_of_another_file_system_is_repaired_without_a_reboot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    system.plan("/sbin/e2fsck", exits(0), exits(4), exits(1))
    fstab = _CLEAN + "/dev/hd0s2 /home ext2 defaults 0 2\n"
    words = ["drover.repair=all"]
    async with fake_boot(monkeypatch, tmp_path, system, words=words, fstab=fstab) as boot:
        await boot.until("multi-user", "running")
        checks = [c[1:] for c in system.started if c[0] == "/sbin/e2fsck"]
        assert checks == [["-p", "/dev/hd0s1"], ["-p", "/dev/hd0s2"], ["-y", "-f", "/dev/hd0s2"]]
        assert boot.calls("reboot") == []


async def test_damage_that_resists_every_repair_ends_in_a_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    system.plan("/sbin/e2fsck", exits(4), exits(4))
    words = ["drover.repair=all"]
    async with fake_boot(monkeypatch, tmp_path, system, words=words, fstab=_CLEAN) as boot:
        await boot.until("emergency-shell", "running")
        assert boot.calls("reboot") == []
        assert boot.status("root-file-system") == "stopped"


@pytest.mark.parametrize("code", [2, 3])
async def test_a_repaired_root_reboots_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, code: int
) -> None:
    system.plan("/sbin/e2fsck", exits(code))
    system.reboot_errno = errno.EPERM  # the fake goes on, where a machine would not
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("emergency-shell", "running")
        assert boot.calls("reboot")[0] == ("reboot",)
        assert boot.calls("remount") == []


async def test_a_root_that_its_server_opened_for_writing_is_clean(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    system.mounted[0].options = ("--writable",)
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("multi-user", "running")
        assert not any(c[0] == "/sbin/e2fsck" for c in system.started)


async def test_pid_1_is_essential_once_somebody_can_log_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("multi-user", "running")
        while not system.essential:
            await asyncio.sleep(0.01)
        assert system.essential == ["init"]


async def test_fastboot_checks_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    words = ("root=device:hd0s1", "fastboot")
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN, words=words) as boot:
        await boot.until("multi-user", "running")
        assert not any(c[0] == "/sbin/e2fsck" for c in system.started)


async def test_single_user_mode_ends_in_multi_user_operation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    words = ("root=device:hd0s1", "single")
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN, words=words) as boot:
        await boot.until("single-user", "running")
        assert boot.status("control-socket") == "running"
        assert boot.status("root-file-system") == "running"
        assert boot.status("multi-user") == "stopped"
        [shell] = [p for p in system.programs.values() if p.spec.command == ["/bin/sh"]]
        system.exit(shell.pid)
        await boot.until("multi-user", "running")


async def test_a_machine_that_was_busy_is_given_time_to_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    start = Supervisor._start_many

    async def slowly(self: Supervisor, services: Any) -> Any:
        # As if modules were imported on a slow machine: longer than the guard waits for a change.
        time.sleep(1.0)  # noqa: ASYNC251
        await asyncio.sleep(0)
        return await start(self, services)

    monkeypatch.setattr(Supervisor, "_start_many", slowly)
    words = ("root=device:hd0s1", "single")
    async with fake_boot(monkeypatch, tmp_path, system, words=words) as boot:
        await boot.until("single-user", "running")
        assert boot.status("emergency-shell") == "stopped"


async def test_emergency_mode_touches_no_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    words = ("root=device:hd0s1", "emergency")
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN, words=words) as boot:
        await boot.until("single-user", "running")
        assert boot.status("control-socket") == "running"
        assert boot.status("root-file-system") == "stopped"
        assert boot.calls("remount") == []
        assert [call[1] for call in boot.calls("mount")] == ["/run"]


# Every call of the machine that a boot makes, and whether the boot ends in a login if that call
# never succeeds; if not, it ends in the shell of the emergency.
_STEPS = [
    ("mounts", False),
    ("remount", False),
    ("mount", False),
    ("set_hostname", False),
    ("start_server", True),
    ("record_boot", False),
    ("lstat", True),
    ("add_entropy", True),
    ("swap_on", True),
]
_FSTAB = _CLEAN + "/dev/hd0s2 /home ext2 defaults 0 2\n/dev/hd0s3 none swap sw 0 0\n"


@pytest.mark.parametrize(("call", "login"), _STEPS)
async def test_a_step_that_always_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, call: str, login: bool
) -> None:
    system.fail(call, _io_error(), times=None)
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        await boot.until("multi-user" if login else "emergency-shell", "running")


@pytest.mark.parametrize(("call", "_login"), _STEPS)
async def test_a_step_that_fails_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, call: str, _login: bool
) -> None:
    system.fail(call, _io_error())
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        for _ in range(5):
            await boot.settle()
            if boot.status("multi-user") == "running":
                return
            assert boot.status("emergency-shell") == "running"
            [shell] = [p for p in system.programs.values() if p.spec.command == ["/bin/sh"]]
            system.exit(shell.pid)
        raise AssertionError("no login after five attempts")


@pytest.mark.parametrize("call", ["mounts", "remount", "mount", "set_hostname"])
async def test_a_step_that_hangs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, call: str
) -> None:
    system.hang(call, times=None)
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB, patience=1.0) as boot:
        await boot.until("emergency-shell", "running")


async def test_a_check_that_hangs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    system.plan("/sbin/e2fsck", hangs())
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN, patience=1.0) as boot:
        await boot.until("emergency-shell", "running")


async def test_a_getty_that_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    system.plan(_GETTY, refuses())
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("emergency-shell", "running")


async def test_what_dies_later_comes_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("networking", "running")
        await boot.until("procfs", "running")
        for program in ("/hurd/procfs", _GETTY, "/hurd/pfinet"):
            [running] = [p for p in system.programs.values() if p.spec.command[0] == program]
            system.exit(running.pid)
            while len([c for c in system.started if c[0] == program]) < 2:
                await asyncio.sleep(0.01)
        for name in ("procfs", "term-console", "networking"):
            await boot.until(name, "running")
        assert system.is_served("/proc")


async def test_no_shell_is_offered_before_the_services_of_the_last_image_are_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, init="", grace=0.05) as boot:
        boot.daemon.taking_over = True
        await asyncio.sleep(0.5)
        assert boot.status("emergency-shell") == "stopped"
        boot.daemon.taking_over = False
        await boot.until("emergency-shell", "running")


async def test_memory_comes_back_from_the_disk_when_swap_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        await boot.until("swap", "running")
        assert system.swap == ["/dev/hd0s3"]
        swap = boot.daemon.supervisor.registry.get("swap")
        assert swap is not None
        await boot.daemon.supervisor.stop(swap)
        assert system.swap == []
        await boot.daemon.supervisor.start(swap)
        assert system.swap == ["/dev/hd0s3"]
        # Nobody needs that of a machine that ends, and there may be no room for it.
        boot.daemon.ending = "halt"
        await boot.daemon.supervisor.stop(swap)
        assert system.swap == ["/dev/hd0s3"]


async def test_the_end_is_the_beginning_backwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_FSTAB) as boot:
        await boot.until("networking", "running")
        await boot.until("random-seed", "running")
        system.calls.clear()
        await boot.daemon.stop_services()
        names = [call[0] for call in system.calls]
        assert boot.calls("unmount")[0][0] == "/home"
        assert boot.calls("remount")[-1] == ("/", ("ro",))
        assert names.index("record_shutdown") < names.index("unmount") < names.index("remount")
        assert [p for p in system.programs.values() if p.status is None] == []


async def test_what_nobody_waits_for_is_there_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("root-file-system", "running")
        registry = boot.daemon.supervisor.registry
        # Known from the start, though their modules are not.
        assert registry.lookup("syslogd").name == "system-log"
        for name in ("system-log", "log-rotation", "timer", "transient"):
            await boot.until(name, "running")
        assert [a.name for a in registry.lookup("transient").actions] == ["spawn"]
        assert [a.name for a in registry.lookup("timer").actions] == ["schedule"]
        assert "trigger" in [a.name for a in registry.lookup("log-rotation").actions]


async def test_others_who_end_the_machine_wait_for_the_services(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("multi-user", "running")
        async with asyncio.timeout(6):
            while system.end_told is None:
                await asyncio.sleep(0.01)
        system.calls.clear()
        await asyncio.to_thread(system.end_told)  # as from the thread that is told
        async with asyncio.timeout(6):
            while not boot.calls("allow_machine_end"):
                await asyncio.sleep(0.01)
        assert boot.calls("remount")[-1] == ("/", ("ro",))
        assert boot.calls("reboot") == []  # that is for others to do
        assert [p for p in system.programs.values() if p.status is None] == []
        assert boot.status("term-console") == "stopped"
        # The daemon stays: its death would be taken for a crash.
        await asyncio.sleep(0.5)
        assert not boot.daemon.finished.done()
        assert boot.status("emergency-shell") == "stopped"


async def test_without_a_network_the_machine_still_talks_to_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    node = "/servers/socket/2"
    system.records[node] = ["/hurd/pfinet", "-i", "/dev/eth0"]
    system.nodes[node] = os.stat("/dev/null")
    plugged: list[bool] = []
    system.fail(
        "start_server", _io_error(), times=None,
        when=lambda _node, *words: "-i" in words and not plugged,
    )  # fmt: skip
    async with fake_boot(monkeypatch, tmp_path, system, fstab=_CLEAN) as boot:
        await boot.until("multi-user", "running")
        await boot.until("loopback", "running")
        assert boot.status("networking") == "stopped"
        assert boot.daemon.supervisor.registry.lookup("networking").failures
        # Somebody plugs it in.
        supervisor = boot.daemon.supervisor
        plugged.append(True)
        assert await supervisor.start(supervisor.registry.lookup("networking"))
        assert boot.status("loopback") == "stopped"
        assert system.options[node] == ["-i", "/dev/eth0"]
