"""The harness itself: it skips without a Hurd root, and writes the disk that a guest needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import machine
import pytest


def test_no_root_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DROVER_HURD_ROOT", raising=False)
    assert machine.find_root() == (None, "DROVER_HURD_ROOT is not set")


def test_a_root_without_a_hurd_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DROVER_HURD_ROOT", str(tmp_path))
    root, reason = machine.find_root()
    assert root is None
    assert str(tmp_path) in reason


def test_the_disk_holds_the_package_the_program_and_the_records(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip("mke2fs is not installed")
    monkeypatch.setattr(machine, "PARTITION_SIZE", "32M")
    root, disk = tmp_path / "root", tmp_path / "disk.img"
    for name in ("hurd/ext2fs.static", "usr/bin/python3"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    machine.build_disk(root, Path(__file__).parent / "guest_program.py", ["7"], disk)
    assert disk.read_bytes()[510:512] == b"\x55\xaa"
    runsystem = machine.read_file(disk, "/libexec/runsystem").decode()
    assert "/usr/bin/python3 -B /drover/program.py 7\n" in runsystem
    assert machine.read_file(disk, "/drover/hurd/argz.py")
    assert machine.read_file(disk, "/drover/guest_cases.py")
    attributes = machine._run("debugfs", "-R", "ea_list /dev/tty", f"{disk}?offset=1048576")
    assert b"/hurd/magic\0tty\0".hex(" ") in attributes
    # The root itself is left as it was.
    assert sorted(path.name for path in root.iterdir()) == ["hurd", "usr"]
