"""Directories of control groups, on an ordinary file system: names, locks, and what is in the way.

With real groups, and what the kernel does with processes in them, is `test_cgroup`.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from pathlib import Path

import pytest

from hurd.system import cgroup
from hurd.system.cgroup import Groups, own_group, remove


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(cgroup, "_PAUSE", 0.0)


@pytest.fixture
def groups(tmp_path):
    made = Groups(str(tmp_path))
    yield made
    made.close()


def test_a_name_that_is_taken_gets_a_number_until_there_are_too_many(groups, monkeypatch):
    monkeypatch.setattr(cgroup, "_MOST", 3)
    names = [Path(groups.make("a")).name for _ in range(3)]
    assert names == ["a.service", "a-1.service", "a-2.service"]
    with pytest.raises(FileExistsError):
        groups.make("a")


def test_so_does_the_name_of_the_daemons_own_group(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "_MOST", 2)
    others = [Groups(str(tmp_path)) for _ in range(3)]
    for one in others[:2]:
        one.make("a")
    with pytest.raises(FileExistsError):
        others[2].make("a")
    for one in others:
        one.close()


def test_only_a_group_of_ours_that_is_there_is_adopted(groups, tmp_path):
    other = tmp_path / "drover-1"
    for carried in ("/elsewhere/drover-1", str(other)):
        groups.adopt(carried)
        assert groups.carry() is None
    other.mkdir()
    groups.adopt(str(other))
    assert groups.carry() == str(other)


def test_a_group_that_does_not_become_empty_is_left_at_the_end(tmp_path):
    groups = Groups(str(tmp_path))
    directory = Path(groups.make("a"))
    (directory / "member").touch()
    groups.leave(str(directory))
    groups.close()
    assert directory.exists()
    groups.close()  # again: nothing is left to do


def test_what_is_gone_already_counts_as_removed(tmp_path):
    assert remove(str(tmp_path / "nowhere"))
    inner = tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    (inner / "member").touch()
    assert not remove(str(tmp_path / "outer"))
    (inner / "member").unlink()
    assert remove(str(tmp_path / "outer"))


def test_a_process_that_cannot_be_put_into_a_group_costs_nothing(groups):
    containment = groups.containment("a")
    directory = Path(containment.entrance())
    containment.add(os.getpid())  # there is no cgroup.procs to write to
    assert containment.members() == []
    assert containment.kill(signal.SIGKILL) == 0
    containment.discard(12345)  # never added
    containment.discard(os.getpid())
    assert containment.sweep() == 0
    assert not directory.exists()
    assert containment.sweep() == 0


def test_one_that_is_not_empty_is_removed_later(groups):
    containment = groups.containment("a")
    directory = Path(containment.entrance())
    (directory / "member").touch()
    containment.close()
    assert directory.exists()
    (directory / "member").unlink()
    groups.retry()
    assert not directory.exists()


@pytest.fixture
def proc(monkeypatch):
    """The files that tell where this process's group is, as a test has them."""
    files: dict[str, str] = {}
    real = builtins.open

    def opened(path, *arguments, **named):
        if not str(path).startswith("/proc/self/"):
            return real(path, *arguments, **named)
        if str(path) not in files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return io.StringIO(files[str(path)])

    monkeypatch.setattr(builtins, "open", opened)
    return files


def test_a_group_is_found_through_its_mount(proc, tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "_is_ours", lambda _: True)
    assert own_group() is None
    proc["/proc/self/cgroup"] = "4:memory:/other\n0::/user/one\n"
    proc["/proc/self/mountinfo"] = (
        f"30 24 0:27 / /proc rw - proc proc rw\n"
        f"31 24 0:26 / {tmp_path}/absent rw - cgroup2 cgroup2 rw\n"
        f"32 24 0:26 /user {tmp_path} rw - cgroup2 cgroup2 rw\n"
    )
    assert own_group() is None
    (tmp_path / "one").mkdir()
    (tmp_path / "one/cgroup.procs").touch()
    assert own_group() == f"{tmp_path}/one"
    monkeypatch.setattr(cgroup, "_is_ours", lambda _: False)
    assert own_group() is None


def test_a_group_that_cannot_be_looked_at_is_not_ours(monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/run/systemd/system")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not cgroup._is_ours(str(tmp_path / "nowhere"))
