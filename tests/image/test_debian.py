"""Roots from Debian packages: real apt and dpkg-deb, a real signed archive on loopback."""

from __future__ import annotations

from image.cache import Cache
from image.sources.debian import read_packages
from tests.image.archive import PACKAGES, StandInArchive


def test_packages_become_a_tree(stand_in_archive: StandInArchive, cache: Cache) -> None:
    source = stand_in_archive.source("gnumach-image-1-486", *PACKAGES)
    tree, packages = read_packages(source, "hurd-i386", cache)
    assert tree["/hurd/ext2fs.static"].mode == 0o755
    print(list(tree), [p.name for p in packages])
