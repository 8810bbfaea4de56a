"""Fixtures for image builds: an archive of stand-ins, Debian's real GNU Mach, a guest's disk."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.cache import Cache
from image.errors import ImageError
from image.progress import Step
from image.settings import DebianSource, PackageArchive
from image.sources.archive import Archive
from tests.image import guests
from tests.image.archive import Signer, StandInArchive, stand_ins

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SUITES = ("trixie", "sid")


def _needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def signer() -> Iterator[Signer]:
    """The key of the archives."""
    _needs("gpg", "dpkg-deb", "apt-get")
    # gpg's agent has a socket in there, and names of sockets are short.
    with tempfile.TemporaryDirectory(prefix="gpg-", dir="/tmp") as directory:
        signer = Signer(Path(directory))
        signer.keyring.chmod(0o644)
        Path(directory).chmod(0o755)
        yield signer
        signer.close()


@pytest.fixture(scope="session")
def gnumach_packages() -> list[Path]:
    """Debian's own packages of GNU Mach for i386."""
    return gnumach("i386")


def gnumach(architecture: str) -> list[Path]:
    """Debian's own packages of GNU Mach, from this machine's mirror; kept for later."""
    _needs("dpkg-deb", "apt-get")
    kept = Path.home() / ".cache" / "drover" / "gnumach"
    found = sorted(kept.glob(f"gnumach-*_{architecture}.deb"))
    if found:
        return found
    if not _KEYRING.exists():
        pytest.skip(f"no {_KEYRING}")
    reasons = []
    package = {"i386": "gnumach-image-1-486", "amd64": "gnumach-image-1-amd64"}[architecture]
    for suite in _SUITES:
        source = DebianSource(
            (PackageArchive(_mirror(), (suite,)),), (_KEYRING,), "none", (package,),
            check_valid_until=False,  # a mirror may be a snapshot, whose lists have expired
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as directory:
            archive = Archive(source, architecture, Cache(Path(directory) / "cache"))
            try:
                archive.update()
                wanted = archive.resolve(source.packages)
                archive.download(wanted, Path(directory), Step())
            except ImageError as error:
                reasons.append(str(error))
                continue
            kept.mkdir(parents=True, exist_ok=True)
            for one in wanted:
                partial = kept / f".{one.file}"
                shutil.copyfile(Path(directory) / one.file, partial)
                partial.rename(kept / one.file)
            return sorted(kept.glob(f"gnumach-*_{architecture}.deb"))
    pytest.skip(f"Debian's GNU Mach cannot be had: {reasons[-1]}")


def _mirror() -> str:
    """Return where this machine gets Debian from."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for line in targets:
        uri, component = line.rsplit(" ", 1)
        if component == "main" and uri.rstrip("/").endswith("/debian"):
            return uri.rstrip("/")
    pytest.skip("apt knows no mirror of Debian")


@pytest.fixture(scope="session")
def stand_in_archive(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer, gnumach_packages: list[Path]
) -> Iterator[StandInArchive]:
    """A signed archive with a small system and the real kernel."""
    archive = StandInArchive(tmp_path_factory.mktemp("archive") / "debian", signer)
    archive.add(*stand_ins(), *gnumach_packages)
    archive.publish()
    with archive:
        yield archive


@pytest.fixture
def small(tmp_path: Path, signer: Signer) -> Iterator[StandInArchive]:
    """An archive of one test."""
    with StandInArchive(tmp_path / "small", signer) as archive:
        yield archive


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw disk whose guest comes up with a login for root without a password."""
    guests.require("qemu-system-i386", "mke2fs", "grub-mkimage")
    path = tmp_path_factory.mktemp("vm") / "stand-in.img"
    return guests.boot_disk(path, guests.stand_in_kernel(), "nopassword")
