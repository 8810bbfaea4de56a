"""The second stage in a real Debian: packages that were unpacked here are configured there.

There is no Hurd in it: the architecture is this machine's, so that the packages' own scripts can
run.  They come from this machine's mirror and are kept in ~/.cache/drover.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from image.accounts import apply_users
from image.cache import Cache
from image.errors import ImageError
from image.second_stage import STATE, add_second_stage
from image.settings import DebianSource, PackageArchive, User
from image.sources.debian import read_packages
from image.tree import Tree
from tests.image.archive import EPOCH
from tests.image.conftest import _KEYRING, _mirror

_INSIDE = """
set -e
cd "$1"
for node in null zero random urandom; do
    : >dev/$node
    mount --bind /dev/$node dev/$node
done
mount -t proc proc proc
shift
exec chroot . "$@"
"""


def write(tree: Tree, root: Path) -> None:
    """Write a tree as it is, with its owners: only root can do that."""
    for path, node in tree.items():
        file = root / path.lstrip("/")
        if node.link:
            continue
        if node.kind == "directory":
            file.mkdir(exist_ok=True)
        elif node.kind == "symlink":
            file.symlink_to(node.target)
            continue
        elif isinstance(node.content, Path):
            shutil.copyfile(node.content, file)
        else:
            file.write_bytes(node.content or b"")
        os.chown(file, node.uid, node.gid)
        file.chmod(node.mode)
    for path, node in tree.items():
        if node.link:
            (root / path.lstrip("/")).hardlink_to(root / node.link.lstrip("/"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minimal Debian, unpacked, with its second stage before it."""
    if os.getuid() != 0:
        pytest.skip("only root can make files of others")
    if not _KEYRING.exists():
        pytest.skip(f"no {_KEYRING}")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    if probe.returncode:
        pytest.skip(f"no namespaces here: {probe.stderr.decode().strip()}")
    own = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    source = DebianSource(
        (PackageArchive(_mirror(), ("trixie",)),), (_KEYRING,), "essential", ("passwd", "mawk")
    )
    cache = Cache(Path.home() / ".cache" / "drover" / "second-stage")
    try:
        tree, packages = read_packages(source, own, cache)
    except ImageError as error:
        pytest.skip(f"Debian's packages cannot be had: {error}")
    apply_users(tree, [User("root", ""), User("ann", "$6$salt$hash", home="/home/ann")], EPOCH)
    add_second_stage(tree, packages, None, EPOCH, service=False)
    root = tmp_path_factory.mktemp("debian")
    write(tree, root)
    return root


def inside(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _INSIDE, "inside", root, *words],
        capture_output=True, text=True, env={}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
def test_a_real_debian_is_configured_by_its_second_stage(root: Path) -> None:
    state = root / STATE.lstrip("/")
    # A script that fails is tried again at the next boot, and nothing is marked as done.
    broken = root / "var/lib/dpkg/info/mawk.postinst"
    script = broken.read_text()
    broken.write_text("#!/bin/sh\nexit 1\n")
    done = inside(root, f"{STATE}/run")
    assert done.returncode == 1
    assert "second-stage: dpkg could not configure all packages" in done.stderr
    assert not (state / "done").exists()
    broken.write_text(script)

    done = inside(root, f"{STATE}/run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (state / "done").exists()
    states = inside(root, "/usr/bin/dpkg-query", "-W", "-f", "${db:Status-Abbrev}\n").stdout
    assert set(states.split()) == {"ii"}
    assert inside(root, "/usr/bin/dpkg", "--verify").stdout == ""
    assert inside(root, "/usr/bin/dpkg", "--audit").stdout == ""
    assert (root / "usr/bin/awk").readlink() == Path("/etc/alternatives/awk")
    assert not (root / "usr/sbin/policy-rc.d").exists()
    assert "ann:$6$salt$hash:" in (root / "etc/shadow").read_text()
    # It is done once.
    again = inside(root, f"{STATE}/run")
    assert (again.returncode, again.stdout) == (0, "")
