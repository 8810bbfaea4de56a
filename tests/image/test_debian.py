"""Roots from Debian packages: real apt and dpkg, a real signed archive on loopback."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from image.cache import Cache
from image.errors import ArchiveError
from image.settings import PackageArchive
from image.sources.debian import configuration_order, read_packages
from image.sources.package import Package
from image.tree import Tree
from tests.image.archive import (
    HURD,
    PACKAGES,
    Recipe,
    StandInArchive,
    build_by_hand,
    build_package,
)
from tests.image.refusals import refused
from tests.image.trees import content, unpack
from tests.image.users import as_ordinary_user


@pytest.fixture(scope="module")
def whole(
    stand_in_archive: StandInArchive, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tree, list[Package]]:
    cache = Cache(tmp_path_factory.mktemp("whole") / "cache")
    source = stand_in_archive.source("gnumach-image-1-486", *PACKAGES)
    return read_packages(source, HURD, cache)


def test_packages_and_what_they_need_become_a_tree(whole: tuple[Tree, list[Package]]) -> None:
    tree, packages = whole
    names = {package.name for package in packages}
    assert {"hurd", "dash", "base-files", "gnumach-image-1.8-486-up", "python3"} <= names
    assert tree["/hurd/ext2fs.static"].mode == 0o755
    assert tree["/boot/gnumach-1.8-486-up.gz"].size > 100_000
    assert all((node.uid, node.gid) == (0, 0) for node in tree.values())
    tree.validate()


def test_files_go_through_the_links_of_a_merged_usr(whole: tuple[Tree, list[Package]]) -> None:
    tree, _ = whole
    assert tree["/bin"] == replace(tree["/bin"], kind="symlink", target="usr/bin")
    assert content(tree, "/usr/bin/uname") == b"uname\n"  # /bin/uname in its package
    assert tree.resolve("/bin/sh") == "/usr/bin/dash"


def test_what_scripts_would_make_and_nothing_can_do_without_is_there(
    whole: tuple[Tree, list[Package]],
) -> None:
    tree, _ = whole
    assert content(tree, "/etc/passwd").startswith(b"root:*:0:0:")
    assert (tree["/tmp"].mode, tree["/root"].mode) == (0o1777, 0o700)


def test_packages_come_after_what_they_need(whole: tuple[Tree, list[Package]]) -> None:
    names = [package.name for package in whole[1]]
    assert names[0] == "base-files"
    for first, later in (("dash", "hurd"), ("hurd", "python3"), ("base-files", "dash"),
                         ("python3", "python3-cffi-backend")):  # fmt: skip
        assert names.index(first) < names.index(later)


def test_circles_of_dependencies_have_an_end() -> None:
    def package(name: str, needs: str) -> Package:
        return Package({"Package": name, "Architecture": "all", "Depends": needs}, {}, (), {})

    found = configuration_order(
        [package("a", "b"), package("b", "c | x"), package("c", "a (>= 1)")]
    )
    assert sorted(one.name for one in found) == ["a", "b", "c"]


def dpkg(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["dpkg", f"--root={root}", "--force-not-root", "--force-script-chrootless",
         "--log=/dev/null", *arguments],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dpkg_sees_the_packages_as_unpacked_and_finishes_them(
    whole: tuple[Tree, list[Package]], tmp_path: Path
) -> None:
    tree, packages = whole
    unpack(tree, tmp_path)
    states = ["-f", "${Package} ${db:Status-Status}\n", "-W"]
    query = ["dpkg-query", f"--admindir={tmp_path}/var/lib/dpkg"]
    before = subprocess.run([*query, *states], capture_output=True, text=True, check=True)
    assert before.stderr == ""
    names = sorted(package.name for package in packages)
    assert before.stdout.split("\n")[:-1] == [f"{name} unpacked" for name in names]
    dpkg(tmp_path, "--configure", "-a")
    after = subprocess.run([*query, *states], capture_output=True, text=True, check=True)
    assert after.stdout.split("\n")[:-1] == [f"{name} installed" for name in names]
    # Conffiles are as they came, and known as such.
    assert dpkg(tmp_path, "--verify") == ""
    (tmp_path / "etc/hurd/rc.conf").write_text("edited\n")
    assert "c /etc/hurd/rc.conf" in dpkg(tmp_path, "--verify", "hurd")
    assert dpkg(tmp_path, "--search", "/hurd/null") == "hurd:hurd-i386: /hurd/null\n"


def test_conffiles_survive_the_next_version_when_edited(
    whole: tuple[Tree, list[Package]], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    unpack(whole[0], root)
    dpkg(root, "--configure", "-a")
    (root / "etc/debian_version").write_text("mine\n")
    newer = Recipe("base-files", {"/etc/debian_version": "theirs\n"}, "2.0-1", "all",
                   {"Essential": "yes"}, {"conffiles": "/etc/debian_version\n"})  # fmt: skip
    package = build_package(newer, tmp_path)
    dpkg(root, "--unpack", str(package))
    dpkg(root, "--force-confold", "--configure", "base-files")
    assert (root / "etc/debian_version").read_text() == "mine\n"


def test_the_second_build_downloads_nothing(stand_in_archive: StandInArchive, cache: Cache) -> None:
    source = stand_in_archive.source(*PACKAGES)
    first, _ = read_packages(source, HURD, cache)
    stand_in_archive.requests.clear()
    second, _ = read_packages(source, HURD, cache)
    assert dict(first) == dict(second)
    assert not [path for path in stand_in_archive.requests if "pool" in path]


def test_offline_builds_ask_nobody(stand_in_archive: StandInArchive, cache: Cache) -> None:
    source = stand_in_archive.source(*PACKAGES)
    with pytest.raises(ArchiveError, match="not in the cache"):
        read_packages(replace(source, update=False), HURD, cache)
    first, _ = read_packages(source, HURD, cache)
    stand_in_archive.requests.clear()
    second, _ = read_packages(replace(source, update=False), HURD, cache)
    assert dict(first) == dict(second)
    assert stand_in_archive.requests == []


def test_packages_can_be_read_as_an_ordinary_user(
    stand_in_archive: StandInArchive, tmp_path: Path
) -> None:
    source = stand_in_archive.source(*PACKAGES)
    code = (
        "from pathlib import Path, PosixPath\n"
        "from image.settings import *\n"
        "from image.cache import Cache\n"
        "from image.sources.debian import read_packages\n"
        f"tree, _ = read_packages({source!r}, 'hurd-i386', Cache(Path('cache')))\n"
        "print(tree['/hurd/exec'].uid, len(tree) > 50)\n"
    )
    status, printed, errors = as_ordinary_user(code, tmp_path)
    assert (status, printed) == (0, "0 True\n"), errors


def test_owners_modes_and_devices_are_those_of_the_package(
    small: StandInArchive, cache: Cache, tmp_path: Path
) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, kind, mode, uid, gid in (
            ("./", tarfile.DIRTYPE, 0o755, 0, 0),
            ("./var/games", tarfile.DIRTYPE, 0o2775, 0, 60),
            ("./var/games/score", tarfile.REGTYPE, 0o664, 5, 60),
            ("./dev/null", tarfile.CHRTYPE, 0o666, 0, 0),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
            archive.addfile(info)
    small.add(build_by_hand(Recipe("games"), tmp_path, data.getvalue()))
    small.publish()
    tree, _ = read_packages(small.source("games"), HURD, cache)
    assert (tree["/var/games"].mode, tree["/var/games"].gid) == (0o2775, 60)
    assert (tree["/var/games/score"].uid, tree["/var/games/score"].mode) == (5, 0o664)
    assert tree["/dev/null"].kind == "character"


@pytest.mark.parametrize("replacing", ["one", "two"])
def test_a_package_that_replaces_another_wins(
    small: StandInArchive, cache: Cache, replacing: str
) -> None:
    other = {"one": "two", "two": "one"}[replacing]
    small.add(
        Recipe(replacing, {"/usr/bin/tool": "new\n"}, fields={"Replaces": f"{other} (<< 9)"}),
        Recipe(other, {"/usr/bin/tool": "old\n"}),
    )
    small.publish()
    tree, _ = read_packages(small.source("one", "two"), HURD, cache)
    assert content(tree, "/usr/bin/tool") == b"new\n"


def test_the_image_can_get_packages_from_where_it_came(
    whole: tuple[Tree, list[Package]], stand_in_archive: StandInArchive
) -> None:
    tree, _ = whole
    keyring = "/etc/apt/keyrings/archive.gpg"
    line = f"deb [signed-by={keyring}] {stand_in_archive.url} unstable main\n"
    assert content(tree, "/etc/apt/sources.list").decode() == line
    assert stand_in_archive.signer is not None
    assert content(tree, keyring) == stand_in_archive.signer.keyring.read_bytes()


def test_a_local_archive_works_too(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd", {"/hurd/null": "null\n"}))
    small.publish()
    url = f"file:{small.directory}"
    source = replace(small.source("hurd"), archives=(PackageArchive(url),))
    tree, _ = read_packages(source, HURD, cache)
    assert content(tree, "/hurd/null") == b"null\n"
    assert "/etc/apt/sources.list" not in tree
    shutil.rmtree(small.directory)
    assert url in refused(source, cache, "cannot be reached")
