"""Archives and packages that are refused: what is wrong with them, and which one is named.

Real apt and dpkg read a real archive on loopback, whose lists or packages somebody has changed,
left out, or signed with a key that does not count.
"""

from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from image.cache import Cache
from image.settings import DebianSource, PackageArchive
from image.sources.debian import read_packages
from tests.image.archive import (
    HURD,
    Recipe,
    Signer,
    StandInArchive,
    build_by_hand,
    build_package,
)
from tests.image.refusals import refused
from tests.image.trees import content


def test_an_unsigned_archive_is_refused(tmp_path: Path, cache: Cache, signer: Signer) -> None:
    with StandInArchive(tmp_path / "unsigned", None) as archive:
        archive.add(Recipe("hurd"))
        archive.publish()
        source = replace(archive.source("hurd"), keyrings=(signer.keyring,))
        assert archive.url in refused(source, cache, "signature is not valid")
        trusted = replace(source, keyrings=(), trusted=True, variant="none")
        assert read_packages(trusted, HURD, cache)[1][0].name == "hurd"


def test_an_archive_signed_by_somebody_else_is_refused(small: StandInArchive, cache: Cache) -> None:
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if not keyring.exists():
        pytest.skip(f"no {keyring}")
    small.add(Recipe("hurd"))
    small.publish()
    source = replace(small.source("hurd"), keyrings=(keyring,))
    told = refused(source, cache, "signature is not valid")
    assert "NO_PUBKEY" in told or "Missing key" in told  # apt with gpgv, with sqv


def test_changed_lists_are_refused(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd"))
    small.publish()
    for index in small.directory.rglob("Packages*"):
        index.write_bytes(index.read_bytes().replace(b"a", b"b"))
    refused(small.source("hurd"), cache, "is corrupt")


def test_a_control_archive_without_end_is_refused(
    small: StandInArchive, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image.sources.package._LARGEST_CONTROL", 1000)
    small.add(Recipe("hurd"))
    small.publish()
    assert "more than 1000 bytes" in refused(small.source("hurd"), cache, "is corrupt")


def test_outdated_lists_are_refused_unless_that_is_allowed(
    small: StandInArchive, cache: Cache
) -> None:
    small.valid_until = "Sun, 22 Jun 2025 15:06:40 UTC"
    small.add(Recipe("hurd"))
    small.publish()
    source = small.source("hurd", variant="none")
    refused(source, cache, "out of date")
    assert read_packages(replace(source, check_valid_until=False), HURD, cache)


def test_an_archive_that_cannot_be_reached_is_named(cache: Cache, signer: Signer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    source = DebianSource((PackageArchive(url),), (signer.keyring,), packages=("hurd",))
    assert url in refused(source, cache, "cannot be reached")


def test_a_suite_that_is_not_there_is_named(small: StandInArchive, cache: Cache) -> None:
    small.publish()
    source = replace(small.source("hurd"), archives=(PackageArchive(small.url, ("experimental",)),))
    assert "experimental" in refused(source, cache, "archive")


def test_a_missing_keyring_is_named(small: StandInArchive, cache: Cache, tmp_path: Path) -> None:
    keyring = tmp_path / "debian-ports-archive-keyring.gpg"
    source = replace(small.source("hurd"), keyrings=(keyring,))
    text = refused(source, cache, "no such file")
    assert str(keyring) in text
    assert "install the Debian package debian-ports-archive-keyring" in text


def test_a_package_that_is_not_there_is_named(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd"))
    small.publish()
    assert "hrud" in refused(small.source("hurd", "hrud"), cache, "Unable to locate")


def test_an_unmet_dependency_is_named(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd", fields={"Depends": "libnothing (>= 3)"}))
    small.publish()
    assert "hurd : Depends: libnothing" in refused(small.source("hurd"), cache, "held broken|unmet")


def test_a_package_changed_on_the_way_is_named(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd", {"/hurd/null": "x" * 5000}), Recipe("other"))
    small.publish()
    package = next(small.pool.glob("hurd_*"))
    data = bytearray(package.read_bytes())
    data[-100] ^= 1
    package.write_bytes(data)
    assert "hurd_1.0-1" in refused(small.source("hurd", "other"), cache, "is corrupt")


def test_a_package_that_vanished_is_named(small: StandInArchive, cache: Cache) -> None:
    small.add(Recipe("hurd"), Recipe("other"))
    small.publish()
    next(small.pool.glob("hurd_*")).unlink()
    assert "hurd_1.0-1" in refused(small.source("hurd", "other"), cache, "cannot be reached")


@pytest.mark.parametrize("keep", [30, 200, 600, -3])
def test_a_package_that_is_damaged_at_its_source_is_named(
    small: StandInArchive, cache: Cache, tmp_path: Path, keep: int
) -> None:
    whole = build_package(Recipe("hurd", {"/hurd/null": "x" * 5000}), tmp_path)
    small.add(whole)
    small.publish()
    damaged = whole.read_bytes()[:keep]
    # The lists say what the file is: only the package itself is wrong.
    package = next(small.pool.glob("hurd_*"))
    text = (small.directory / "dists/unstable/main/binary-hurd-i386/Packages").read_text()
    package.write_bytes(damaged)
    _relist(small, text, damaged)
    assert "hurd_1.0-1" in refused(small.source("hurd"), cache, "is corrupt")


def _relist(archive: StandInArchive, text: str, data: bytes) -> None:
    """Publish again with the size and the digest of the file as it is now."""
    text = re.sub(r"(?m)^Size: .*", f"Size: {len(data)}", text)
    text = re.sub(r"(?m)^SHA256: .*", f"SHA256: {hashlib.sha256(data).hexdigest()}", text)
    archive._paragraph = lambda package: (text, HURD)  # type: ignore[method-assign]
    archive.publish()


def test_a_package_with_a_file_outside_the_root_is_named(
    small: StandInArchive, cache: Cache, tmp_path: Path
) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("./../../etc/evil"))
    small.add(build_by_hand(Recipe("hurd"), tmp_path, data.getvalue()))
    small.publish()
    text = refused(small.source("hurd"), cache, "leads out of the root")
    assert "hurd_1.0-1" in text
    assert "etc/evil" in text


def test_a_file_in_two_packages_is_refused_and_both_are_named(
    small: StandInArchive, cache: Cache
) -> None:
    small.add(Recipe("one", {"/usr/bin/tool": "1\n"}), Recipe("two", {"/usr/bin/tool": "2\n"}))
    small.publish()
    source = small.source("one", "two")
    text = refused(source, cache, "/usr/bin/tool")
    assert "package one" in text
    assert "package two" in text
    tree, _ = read_packages(replace(source, overwrite=True), HURD, cache)
    assert content(tree, "/usr/bin/tool") == b"2\n"
