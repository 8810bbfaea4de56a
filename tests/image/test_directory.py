"""Roots from directories: owners, links, special files, and what cannot be read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from image.errors import ImageError
from image.sources.directory import read_directory
from tests.image.users import as_ordinary_user


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "motd").write_text("hello\n")
    (root / "etc" / "motd").chmod(0o640)
    os.utime(root / "etc" / "motd", (1_600_000_000, 1_600_000_000))
    (root / "etc" / "same").hardlink_to(root / "etc" / "motd")
    (root / "bin").symlink_to("usr/bin")
    os.mkfifo(root / "pipe", 0o600)
    return root


def test_a_directory_becomes_a_tree(root: Path) -> None:
    tree = read_directory(root, "root")
    motd = tree["/etc/motd"]
    assert (motd.kind, motd.mode, motd.mtime) == ("file", 0o640, 1_600_000_000)
    assert (motd.uid, motd.gid) == (0, 0)
    assert motd.content == root / "etc" / "motd"
    assert tree["/etc/same"].link == "/etc/motd"
    assert tree["/bin"].target == "usr/bin"
    assert tree["/pipe"].kind == "fifo"
    tree.validate()


def test_names_may_be_any_bytes(root: Path) -> None:
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe name"))).write_bytes(b"x")
    tree = read_directory(root, "root")
    assert "/\udcff\udcfe name" in tree
    tree.validate()


def test_sockets_are_kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("talk")
        assert read_directory(root, "root")["/talk"].kind == "socket"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can have files of others")
def test_root_keeps_the_owners(root: Path) -> None:
    os.chown(root / "etc" / "motd", 1234, 56)
    assert read_directory(root)["/etc/motd"].uid == 1234
    assert read_directory(root)["/etc/motd"].gid == 56
    assert read_directory(root, "root")["/etc/motd"].uid == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make devices")
def test_devices_are_nodes(root: Path) -> None:
    try:
        os.mknod(root / "null", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this container lets nobody make devices")
    os.chmod(root / "null", 0o666)
    node = read_directory(root)["/null"]
    assert (node.kind, node.mode) == ("character", 0o666)


def test_an_ordinary_users_files_become_roots(root: Path) -> None:
    code = (
        "from pathlib import Path; from image.sources.directory import read_directory\n"
        f"node = read_directory(Path({str(root)!r}))['/etc/motd']\n"
        "print(node.uid, node.gid)\n"
    )
    (root / "etc" / "motd").chmod(0o644)
    assert as_ordinary_user(code, root) == (0, "0 0\n", "")


def test_a_file_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "etc" / "secret").write_text("x")
    (root / "etc" / "secret").chmod(0)
    code = (
        "from pathlib import Path; from image.sources.directory import read_directory\n"
        "from image.errors import ImageError\n"
        f"try: read_directory(Path({str(root)!r}))\n"
        "except ImageError as error: print(error)\n"
    )
    (root / "etc" / "motd").chmod(0o644)
    _, printed, _ = as_ordinary_user(code, root)
    assert printed == f"{root}/etc/secret: cannot be read (Permission denied)\n"


@pytest.mark.parametrize("name", ["nothing", "root/etc/motd"])
def test_what_is_no_directory_is_named(root: Path, name: str) -> None:
    with pytest.raises(ImageError, match=f"{name}: (no such|not a) directory"):
        read_directory(root.parent / name)
