"""The small steps of the boot, on real files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boot.nodes import SystemNode
from boot.steps import cleaning, upkeep
from hurd.system.fake import FakeSystem
from hurd.system.nodes import ServerSpec


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    fake = FakeSystem()
    monkeypatch.setattr(fake, "lstat", os.lstat)
    monkeypatch.setattr(upkeep, "system", fake)
    monkeypatch.setattr(cleaning, "system", fake)
    return fake


def _fill(directory: Path) -> None:
    (directory / "lock/inner").mkdir(parents=True)
    for name in ("file", "lock/file", "lock/inner/file"):
        (directory / name).touch()
    (directory / "link").symlink_to("/etc/passwd")


def test_a_directory_is_emptied_and_the_disk_brought_up_to_date(
    machine: FakeSystem, tmp_path: Path
) -> None:
    _fill(tmp_path)
    assert cleaning.clean_directory(str(tmp_path)) == 6
    assert list(tmp_path.iterdir()) == []
    assert ("sync",) in machine.calls
    assert Path("/etc/passwd").exists()


def test_directories_that_come_back_at_each_boot_are_kept(
    machine: FakeSystem, tmp_path: Path
) -> None:
    _fill(tmp_path)
    assert cleaning.clean_directory(str(tmp_path), keep_directories=True) == 4
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        "lock", "lock/inner",
    ]  # fmt: skip
    assert ("sync",) in machine.calls


def test_files_are_empty_on_the_disk_before_they_are_removed(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A checker just removes an empty file that no directory knows; another one it asks about."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "file").write_text("content")
    (place / "empty").touch()
    (tmp_path / "elsewhere").write_text("kept")
    (place / "link").symlink_to("../elsewhere")
    (place / "name").hardlink_to(tmp_path / "elsewhere")
    seen = []
    monkeypatch.setattr(
        machine, "sync", lambda: seen.append({p.name: p.lstat().st_size for p in place.iterdir()})
    )
    assert cleaning.clean_directory(str(place)) == 4
    assert seen == [{"file": 0, "empty": 0, "link": 12, "name": 4}, {}]
    assert (tmp_path / "elsewhere").read_text() == "kept"


def test_a_file_that_is_in_use_is_kept(machine: FakeSystem, tmp_path: Path) -> None:
    _fill(tmp_path)
    kept = tmp_path / "lock/inner/file"
    assert cleaning.clean_directory(str(tmp_path), True, [str(kept)]) == 3
    assert kept.exists()


def test_what_cannot_be_removed_is_named_and_all_else_goes(
    machine: FakeSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(4):
        (tmp_path / f"d/inner{number}").mkdir(parents=True)
        for name in ("file", "other"):
            (tmp_path / f"d/inner{number}" / name).touch()
    # Stand-ins for what a broken disk refuses, and for what somebody else was quicker to remove.
    broken, unseen = str(tmp_path / "d/inner1/file"), str(tmp_path / "d/inner2/file")
    gone = str(tmp_path / "d/inner3/file")

    def refuse(number: int, paths: tuple[str, ...], function: Callable[[str], Any]) -> Any:
        def call(path: str) -> Any:
            if path in paths:
                raise OSError(number, os.strerror(number), path)
            return function(path)

        return call

    lines: list[str] = []
    monkeypatch.setattr(cleaning, "log", lines.append)
    monkeypatch.setattr(os, "unlink", refuse(errno.EIO, (broken,), os.unlink))
    monkeypatch.setattr(os, "unlink", refuse(errno.ENOENT, (gone,), os.unlink))
    monkeypatch.setattr(machine, "lstat", refuse(errno.EIO, (unseen,), os.lstat))
    assert cleaning.clean_directory(str(tmp_path)) == 6
    assert sorted(str(p) for p in tmp_path.rglob("file")) == sorted([broken, unseen, gone])
    assert list(tmp_path.rglob("other")) == []
    assert sorted(lines) == [
        f"Cannot remove '{path}': Input/output error." for path in (broken, unseen)
    ]


def test_an_empty_directory_costs_nothing(machine: FakeSystem, tmp_path: Path) -> None:
    assert cleaning.clean_directory(str(tmp_path)) == 0
    assert machine.calls == []


def test_translators_are_sent_away_before_their_nodes_are_removed(
    machine: FakeSystem, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    node.touch()
    machine.start_server(str(node), ServerSpec(["/hurd/hello"]))
    machine.set_server_record(str(node), ["/hurd/hello"])
    cleaning.clean_directory(str(tmp_path))
    assert not node.exists()
    assert machine.records == {}
    assert machine.programs[machine.served.get(str(node), 1000)].status == 9


def test_missing_nodes_are_made_with_their_records(
    machine: FakeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = str(tmp_path)
    (tmp_path / "there").touch()
    nodes = [
        SystemNode(f"{base}/directory", "directory", 0o711),
        SystemNode(f"{base}/file", "file", 0o604, "/hurd/null"),
        SystemNode(f"{base}/link", "symlink", 0o777, target="file"),
        SystemNode(f"{base}/there", "file", 0o600, "/hurd/null"),
        SystemNode(f"{base}/optional", "file", 0o600, "/no/such/program", optional=True),
    ]
    assert upkeep.make_nodes(nodes) == 3
    asked = len(machine.calls)
    assert upkeep.make_nodes(nodes) == 0
    assert [call for call in machine.calls[asked:] if call[0] == "lstat"] == []
    assert stat.S_IMODE(os.lstat(f"{base}/directory").st_mode) == 0o711
    assert stat.S_IMODE(os.lstat(f"{base}/file").st_mode) == 0o604
    assert os.readlink(f"{base}/link") == "file"
    assert machine.records == {f"{base}/file": ["/hurd/null"]}
    assert not os.path.exists(f"{base}/optional")


def test_a_node_that_cannot_be_made_does_not_keep_the_others_back(
    machine: FakeSystem, tmp_path: Path
) -> None:
    nodes = [
        SystemNode(f"{tmp_path}/none/file", "file", 0o600),
        SystemNode(f"{tmp_path}/file", "file", 0o600),
    ]
    assert upkeep.make_nodes(nodes) == 1


def test_a_seed_is_never_used_twice(machine: FakeSystem, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    upkeep.restore_seed(str(seed))
    assert machine.entropy == b""
    first = seed.read_bytes()
    assert len(first) == 512
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    inode = seed.stat().st_ino
    upkeep.restore_seed(str(seed))
    assert machine.entropy == first
    assert seed.read_bytes() != first
    # No other file takes its place: that is what a power failure would spoil.
    assert seed.stat().st_ino == inode
    assert [file.name for file in tmp_path.iterdir()] == ["seed"]


def test_a_seed_of_another_size_or_mode_is_put_right(machine: FakeSystem, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_bytes(bytes(1000))
    seed.chmod(0o644)
    upkeep.save_seed(str(seed))
    assert seed.stat().st_size == 512
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "name"),
    [("box\n", "box"), ("# comment\n\n  box  # ours\n", "box"), ("", None), ("#\n", None)],
)
def test_the_host_name_is_the_first_word(tmp_path: Path, text: str, name: str | None) -> None:
    file = tmp_path / "hostname"
    file.write_text(text)
    assert upkeep.read_name(str(file)) == name


def test_no_host_name_without_a_file(tmp_path: Path) -> None:
    assert upkeep.read_name(str(tmp_path / "none")) is None


async def test_processes_that_do_not_obey_are_killed(machine: FakeSystem) -> None:
    from hurd.system.base import SpawnSpec

    obeys, ignores, kept = (machine.start(SpawnSpec([name], []), 1) for name in "abc")
    ignores.ignored.add(15)
    assert await upkeep.end_processes(0.1, [kept.pid]) == 1
    assert (obeys.status, ignores.status, kept.status) == (15, 9, None)
