"""Somebody changes a file between two steps of the daemon, at the very moment that they need."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
from running import eventually

from hurd.system import SpawnSpec, system
from hurd.system.base import Process
from pid1 import reexec
from pid1.addresses import UNIX, Address
from pid1.control import SocketError, check_directory
from pid1.endpoints import Endpoint, open_socket
from pid1.errors import KeyedError
from pid1.files import open_carefully, read_small_file
from pid1.forkexec import ForkExec, Kill
from pid1.notify import belongs
from pid1.process import is_alive
from pid1.rotation import Rotation
from pid1.service import Service
from pid1.supervisor import Supervisor

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="attackers are other users")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory of another user's."""
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, NOBODY, NOBODY)
    return directory


def untouched(secret: Path) -> bool:
    status = secret.stat()
    text = secret.read_text()
    return (status.st_uid, stat.S_IMODE(status.st_mode), text) == (0, 0o600, "root only\n")


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
async def test_a_socket_replaced_by_a_link_gives_away_nothing(
    theirs: Path, secret: Path, kind: str
) -> None:
    """Or the owner of the socket's directory would be given any file of root's."""
    path = theirs / "socket"

    def bind(sock: socket.socket, address: Address) -> None:
        sock.bind(address.to_python())
        path.unlink()
        if kind == "hard":
            path.hardlink_to(secret)
        else:
            path.symlink_to(secret)

    endpoint = Endpoint(Address(UNIX, str(path)), owner=NOBODY, group=NOBODY)
    with pytest.raises(OSError, match="replaced by something that is not our socket"):
        await open_socket(endpoint, bind)
    assert untouched(secret)


async def test_a_socket_is_given_to_its_owner_in_a_directory_of_theirs(theirs: Path) -> None:
    path = theirs / "socket"
    mask = os.umask(0o077)
    try:
        with await open_socket(Endpoint(Address(UNIX, str(path)), owner=NOBODY, group=NOBODY)):
            status = path.stat()
            assert (status.st_uid, status.st_gid) == (NOBODY, NOBODY)
            assert stat.S_IMODE(status.st_mode) == 0o666
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)


async def test_a_directory_replaced_by_a_link_gives_away_nothing(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory of a socket, which was made just before, and is given to somebody."""
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    plain = os.mkdir

    def mkdir(path: str, mode: int) -> None:
        plain(path, mode)
        os.rename(path, f"{path}-away")
        os.symlink(target, path)

    monkeypatch.setattr(os, "mkdir", mkdir)
    address = Address(UNIX, str(theirs / "run" / "socket"))
    with pytest.raises(NotADirectoryError):
        await open_socket(Endpoint(address, owner=NOBODY, group=NOBODY, permissions=0o777))
    status = target.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o700)


async def test_no_socket_is_removed_elsewhere(tmp_path: Path) -> None:
    """By a link in place of the directory, such as one to that of the control socket."""
    run, public = tmp_path / "run", tmp_path / "public"
    run.mkdir()
    public.mkdir()
    public.chmod(0o1777)
    (public / "app").symlink_to(run)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(run / "socket"))
        with pytest.raises(OSError, match="in a directory that others can write to"):
            await open_socket(Endpoint(Address(UNIX, str(public / "app" / "socket"))))
        assert (run / "socket").is_socket()


class Interrupted(Rotation):
    """Somebody puts a link in the way as soon as the old copies have been moved."""

    link: tuple[Path, Path]

    def move_old(self, path: str) -> None:
        super().move_old(path)
        link, target = self.link
        link.unlink(missing_ok=True)
        link.symlink_to(target)


@pytest.mark.parametrize("name", ["log", "log.1"])
async def test_rotation_reads_and_writes_through_no_link_of_others(
    manager: Supervisor, theirs: Path, secret: Path, name: str
) -> None:
    """Or they would get a copy of any file, or have any file overwritten and made theirs."""
    log = theirs / "log"
    log.write_text("text\n" * 100)
    os.chown(log, NOBODY, NOBODY)
    rotation = Interrupted([str(log)], threshold=100)
    rotation.link = theirs / name, secret
    with pytest.raises(KeyedError):
        await rotation()
    assert untouched(secret)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
@pytest.mark.parametrize("program", ["gzip", "zstd"])
async def test_compressors_follow_no_links(
    manager: Supervisor, theirs: Path, secret: Path, program: str, kind: str
) -> None:
    """gzip and zstd see to that themselves; here it is noticed if they no longer do."""
    copy = theirs / "log.1"
    if kind == "hard":
        copy.hardlink_to(secret)
    else:
        copy.symlink_to(secret)
    suffix = {"gzip": "gz", "zstd": "zst"}[program]
    (theirs / f"log.1.{suffix}").symlink_to(secret)
    await Rotation(compression=program)._compress(str(copy))
    assert untouched(secret)


def test_what_the_next_image_has_to_know_is_in_nobodys_reach(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel has no files in memory, as on the Hurd: a file without a name."""
    monkeypatch.delattr(os, "memfd_create")
    place = tmp_path / "run"
    place.mkdir()
    (place / f".drover-state-{os.getpid()}").symlink_to(secret)
    file = reexec._unnamed_file(str(place))
    try:
        status = os.fstat(file)
        assert (status.st_nlink, stat.S_IMODE(status.st_mode)) == (0, 0o600)
        assert not os.get_inheritable(file)
        assert list(place.iterdir()) == []
    finally:
        os.close(file)
    assert untouched(secret)


def test_where_a_group_owns_files_its_user_counts_as_another(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the Hurd, where what root makes in a user's directory belongs to both."""
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    (place / "log").symlink_to(secret)
    (place / "pid").write_text("1\n")
    for name in (place, place / "pid"):
        os.chown(name, 0, NOBODY)
    assert read_small_file(str(place / "pid"), 9) == (b"1\n", [])
    check_directory(str(place))
    monkeypatch.setattr(system, "owners", lambda status: (status.st_uid, status.st_gid))
    assert read_small_file(str(place / "pid"), 9) == (b"1\n", [NOBODY])
    with pytest.raises(OSError, match="a symbolic link in a directory that others can write to"):
        open_carefully(str(place / "log"), os.O_WRONLY)
    with pytest.raises(SocketError, match="insecure permissions"):
        check_directory(str(place))
    assert untouched(secret)


async def test_a_number_that_was_used_again_is_not_signalled(
    manager: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of the service has ended meanwhile, and its number is that of somebody else's."""
    manager.control_groups = False
    script = "setsid sleep 1000 & exec sleep 1000"
    spec = SpawnSpec(["sh", "-c", script], [f"PATH={os.environ['PATH']}"])
    service = Service(("one",), start=ForkExec(spec), stop=Kill(grace_period=0.3))
    manager.register([service])
    main = (await manager.start(service)).pid
    await eventually(lambda: system.descendants(main))
    (other,) = system.descendants(main)
    await eventually(lambda: os.getsid(other) == other)
    plain = system.process

    def process(pid: int) -> Process | None:
        found = plain(pid)
        if found is not None and pid == other and not is_alive(main):
            found.started = "later"
        return found

    monkeypatch.setattr(system, "process", process)
    await manager.stop(service)
    try:
        assert not is_alive(main)
        assert (found := plain(other)) is not None and found.state != "Z"
    finally:
        os.kill(other, signal.SIGKILL)


def test_a_sender_is_looked_for_among_its_parents_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which it has few: with a thousand children a program could keep the daemon busy."""
    nested = "setsid sh -c 'sleep 1000 & wait' & wait"
    trees = [subprocess.Popen(["sh", "-c", nested], start_new_session=True) for _ in range(2)]
    try:
        main, other = [tree.pid for tree in trees]
        found = [_two_below(pid) for pid in (main, other)]
        monkeypatch.setattr(system, "descendants", lambda pid: pytest.fail("all were looked at"))
        monkeypatch.setattr(system, "process_table", lambda: pytest.fail("all were looked at"))
        assert [belongs(pid, main) for pid in found[0]] == [True] * 2
        assert [belongs(pid, main) for pid in found[1]] == [False] * 2
        # It has lost its parent, or never had one: nothing tells.
        assert belongs(other, main) is None
    finally:
        monkeypatch.undo()
        for tree in trees:
            for pid in [*system.descendants(tree.pid), tree.pid]:
                os.kill(pid, signal.SIGKILL)
            tree.wait(10)


def _two_below(pid: int) -> list[int]:
    deadline = time.monotonic() + 10
    while len(found := system.descendants(pid)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found
