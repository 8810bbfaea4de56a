"""What is done with the file systems of a machine, and said when it fails: steps, one by one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from boot import places
from boot.steps import checking, mounting
from hurd.system.fake import FakeSystem
from hurd.system.machine import Mount
from hurd.translator.fstab import MountEntry


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for module in (checking, mounting):
        monkeypatch.setattr(module, "say", lines.append)
        monkeypatch.setattr(module, "log", lines.append)
    return lines


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setattr(checking, "system", fake)
    monkeypatch.setattr(mounting, "system", fake)
    monkeypatch.setattr(checking, "_PAUSE", 0.0)
    fake.mounted = [Mount("/dev/hd0s1", "/", "ext2", ("rw",))]
    return fake


def error(code: int) -> OSError:
    return OSError(code, os.strerror(code))


async def test_outer_directories_are_mounted_first(machine: FakeSystem) -> None:
    await mounting.mount_all(
        [
            MountEntry("/dev/hd0s3", "/home/ann", "ext2"),
            MountEntry("/dev/hd0s2", "/home", "ext2"),
            MountEntry("/dev/hd0s1", "/", "ext2"),
            MountEntry("/dev/hd0s9", "none", "swap"),
            MountEntry("/dev/hd0s8", "/later", "ext2", ["noauto"]),
        ]
    )
    assert [mount.target for mount in machine.mounted] == ["/", "/home", "/home/ann"]


async def test_what_is_mounted_already_is_left(machine: FakeSystem) -> None:
    entries = [MountEntry("/dev/hd0s2", "/home", "ext2")]
    await mounting.mount_all(entries)
    await mounting.mount_all(entries)
    assert len([call for call in machine.calls if call[0] == "mount"]) == 1


async def test_all_are_tried_before_it_is_an_error(machine: FakeSystem, said: list[str]) -> None:
    machine.fail("mount", error(errno.EIO), times=None, when=lambda source, *_: "s3" not in source)
    with pytest.raises(mounting.MountError, match=r"not mounted: /home$"):
        await mounting.mount_all(
            [
                MountEntry("/dev/hd0s2", "/home", "ext2"),
                MountEntry("/dev/hd0s4", "/cd", "iso9660", ["nofail"]),
                MountEntry("/dev/hd0s3", "/srv", "ext2"),
            ]
        )
    assert [mount.target for mount in machine.mounted] == ["/", "/srv"]
    assert "Cannot mount '/dev/hd0s4' on '/cd': Input/output error." in said


async def test_everything_but_the_root_is_unmounted_inner_directories_first(
    machine: FakeSystem,
) -> None:
    machine.mounted += [
        Mount("/dev/hd0s2", "/home", "ext2", ()),
        Mount("/dev/hd0s3", "/home/ann", "ext2", ()),
        Mount("tmpfs", "/run", "tmpfs", ()),
    ]
    await mounting.unmount_all()
    unmounted = [call[1] for call in machine.calls if call[0] == "unmount"]
    assert unmounted == ["/home/ann", "/home"]


async def test_what_is_in_use_becomes_read_only(machine: FakeSystem, said: list[str]) -> None:
    machine.mounted += [
        Mount("/dev/hd0s2", "/home", "ext2", ()),
        Mount("/dev/hd0s3", "/srv", "ext2", ()),
        Mount("/dev/hd0s4", "/var", "ext2", ()),
    ]
    machine.fail("unmount", error(errno.EBUSY), times=None, when=lambda path, _: path != "/var")
    machine.fail("unmount", error(errno.EIO), when=lambda path, _: path == "/var")
    machine.fail("remount", error(errno.EBUSY), when=lambda path, _: path == "/srv")
    await mounting.unmount_all()
    assert ("remount", "/home", ("ro",)) in machine.calls
    assert ("remount", "/var", ("ro",)) not in machine.calls
    assert sorted(said) == [
        "Cannot unmount '/srv': Device or resource busy.",
        "Cannot unmount '/var': Input/output error.",
    ]


async def test_the_root_is_closed_to_changes_before_the_end(
    machine: FakeSystem, said: list[str]
) -> None:
    assert await mounting.make_root_read_only()
    assert machine.is_read_only("/")
    assert said == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.EBUSY, "there are files open for writing"), (errno.EIO, "Input/output error")],
)
async def test_a_root_that_stays_writable_until_the_end_is_said(
    machine: FakeSystem, said: list[str], code: int, reason: str
) -> None:
    machine.fail("remount", error(code), times=None)
    assert not await mounting.make_root_read_only()
    assert said == [f"The root file system stays writable until the end: {reason}."]


async def test_somebody_who_is_just_closing_a_file_is_waited_for(machine: FakeSystem) -> None:
    machine.fail("remount", error(errno.EBUSY), times=2)
    assert await checking.make_read_only()


async def test_swapping_that_fails_is_said_and_costs_nothing_else(
    machine: FakeSystem, said: list[str]
) -> None:
    machine.fail("swap_on", error(errno.EIO), when=lambda device: device == "/dev/hd0s5")
    await mounting.swap_on(["/dev/hd0s5", "/dev/hd0s6"])
    assert machine.swap == ["/dev/hd0s6"]
    assert said == ["Cannot page to '/dev/hd0s5': Input/output error."]


async def test_a_root_in_use_is_not_checked_though_that_was_asked_for(
    machine: FakeSystem, said: list[str]
) -> None:
    machine.fail("remount", error(errno.EBUSY), times=None)
    assert await checking.check_root("force", None) == checking.CLEAN
    assert said == ["The root file system is in use, and therefore not checked."]
    assert machine.started == []


async def test_a_read_only_root_that_nobody_wants_checked_is_not(machine: FakeSystem) -> None:
    machine.mounted[0].options = ("ro",)
    entry = MountEntry("/dev/hd0s1", "/", "ext2", ["defaults"], 0, 0)
    assert await checking.check_root("auto", entry) == checking.CLEAN
    assert await checking.check_root("skip", None) == checking.CLEAN
    assert machine.started == []


async def test_a_kind_without_a_checker_has_nothing_to_check(
    machine: FakeSystem, said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "root", str(tmp_path))
    assert await checking.check("/dev/cd0", "isofs") == checking.CLEAN
    assert said == ["No program to check '/dev/cd0' (isofs)."]
    assert not await checking.repair("/dev/cd0", "isofs")


@pytest.mark.parametrize(
    ("source", "device"),
    [
        ("part:1:device:hd0", "/dev/hd0s1"),
        ("device:hd0s2", "/dev/hd0s2"),
        ("/dev/wd0s1", "/dev/wd0s1"),
        ("hd0s1", "/dev/hd0s1"),
    ],
)
async def test_the_node_of_a_root_without_an_entry_is_told_from_its_source(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch, source: str, device: str
) -> None:
    checked: list[str] = []

    async def check(device: str, *_: object, **__: object) -> str:
        checked.append(device)
        return checking.CLEAN

    monkeypatch.setattr(checking, "check", check)
    machine.mounted[0] = Mount(source, "/", "ext2", ("ro",))
    assert await checking.check_root("auto", None) == checking.CLEAN
    assert checked == [device]


async def test_the_root_is_made_writable_only_if_it_is_not(machine: FakeSystem) -> None:
    await checking.make_root_writable()
    assert machine.calls == []
    machine.mounted[0].options = ("ro",)
    await checking.make_root_writable()
    assert machine.calls == [("remount", "/", ("rw",))]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What checks of devices result in, where it is not that they are clean."""
    found: dict[str, str] = {}

    async def check(device: str, *_: object, **__: object) -> str:
        return found.get(device, checking.CLEAN)

    monkeypatch.setattr(checking, "check", check)
    return found


ENTRIES = [
    MountEntry("/dev/hd0s1", "/", "ext2", [], 0, 1),
    MountEntry("/dev/hd0s2", "/home", "ext2", [], 0, 2),
    MountEntry("/dev/hd0s3", "/srv", "ext2", ["nofail"], 0, 2),
    MountEntry("/dev/hd1", "/data", "ext2", [], 0, 3),
    MountEntry("/dev/hd0s4", "/later", "ext2", ["noauto"], 0, 2),
]


@pytest.mark.parametrize(
    ("found", "worst"),
    [
        ({}, checking.CLEAN),
        ({"/dev/hd0s1": checking.FAILED, "/dev/hd0s4": checking.FAILED}, checking.CLEAN),
        ({"/dev/hd0s2": checking.FIXED}, checking.FIXED),
        ({"/dev/hd0s2": checking.REBOOT, "/dev/hd1": checking.FIXED}, checking.REBOOT),
        ({"/dev/hd0s3": checking.FAILED}, checking.CLEAN),
        ({"/dev/hd0s2": checking.FIXED, "/dev/hd0s3": checking.FAILED}, checking.FIXED),
    ],
)
async def test_the_worst_of_all_checks_counts(
    machine: FakeSystem, results: dict[str, str], found: dict[str, str], worst: str
) -> None:
    results.update(found)
    assert await checking.check_others(ENTRIES, "auto") == worst
    assert await checking.check_others(ENTRIES, "skip") == checking.CLEAN


async def test_damage_that_is_not_repaired_is_named_with_its_directory(
    machine: FakeSystem, results: dict[str, str]
) -> None:
    results["/dev/hd1"] = checking.FAILED
    with pytest.raises(checking.CheckFailedError, match="'/dev/hd1' for '/data' has damage"):
        await checking.check_others(ENTRIES, "auto")


def test_fstab_is_read_and_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "root", str(tmp_path))
    assert mounting.read_fstab() == []
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(
        "/dev/hd0s1 / ext2 defaults 0 1\n/dev/hd0s5 none swap sw 0 0\n/dev/hd0s6 none swap noauto\n"
    )
    entries = mounting.read_fstab()
    root = mounting.root_entry(entries)
    assert root is not None
    assert root.device == "/dev/hd0s1"
    assert mounting.root_entry(entries[1:]) is None
    assert mounting.swap_entries(entries) == ["/dev/hd0s5"]
