"""What an image is to be, as plain data: the result of reading a configuration file and options.

Nothing here is checked; `image.configuration` makes these from what users write and checks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Architecture = Literal["hurd-i386", "hurd-amd64"]
Format = Literal["raw", "qcow2", "iso"]
Variant = Literal["essential", "required", "important", "standard", "none"]


@dataclass(frozen=True)
class PackageArchive:
    """One archive of packages."""

    url: str
    suites: tuple[str, ...] = ("unstable",)
    components: tuple[str, ...] = ("main",)


@dataclass(frozen=True)
class DebianSource:
    """A root from Debian packages."""

    archives: tuple[PackageArchive, ...]
    keyrings: tuple[Path, ...] = ()
    variant: Variant = "required"
    packages: tuple[str, ...] = ()
    foreign_architectures: tuple[str, ...] = ()
    recommends: bool = False
    trusted: bool = False
    """Take archives without looking at signatures."""
    check_valid_until: bool = True
    overwrite: bool = False
    """Of files that are in several packages take the last one's, instead of refusing them."""
    update: bool = True
    """Ask the archive for its lists, instead of using those of the last time."""


@dataclass(frozen=True)
class DirectorySource:
    """A root from a directory; ``owners`` as in `image.sources.directory`."""

    path: Path
    owners: Literal["keep", "root"] | None = None


@dataclass(frozen=True)
class TarballSource:
    """A root from a tarball."""

    path: Path


Source = DebianSource | DirectorySource | TarballSource


@dataclass(frozen=True)
class User:
    """A login; ``password`` is a hash, or "" for none needed.

    With None it stays as it is in the source of the root: with packages, and for users that are
    new, there is none that fits.
    """

    name: str
    password: str | None = None
    ssh_keys: tuple[str, ...] = ()
    uid: int | None = None
    groups: tuple[str, ...] = ()
    shell: str = "/bin/bash"
    home: str = ""
    comment: str = ""


@dataclass(frozen=True)
class ExtraFile:
    """A file to put into the image; directories come with all they hold."""

    target: str
    content: bytes | Path
    mode: int | None = None
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class Network:
    """One interface; addresses as text, of IPv4."""

    method: Literal["dhcp", "static", "none"] = "dhcp"
    interface: str = "/dev/eth0"
    address: str = ""
    netmask: str = ""
    gateway: str = ""
    nameservers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """Everything about an image."""

    source: Source
    architecture: Architecture = "hurd-i386"
    hostname: str = "hurd"
    timezone: str = "UTC"
    init: Literal["drover", "native"] = "drover"
    bytecode: Literal["auto", "require", "none"] = "auto"
    services: tuple[Path, ...] = ()
    files: tuple[ExtraFile, ...] = ()
    root: User = field(default_factory=lambda: User("root", home="/root"))
    users: tuple[User, ...] = ()
    network: Network = Network()
    console: Literal["serial", "vga"] = "serial"
    kernel_arguments: tuple[str, ...] = ()
    label: str = "hurd"
    size: int | None = None
    """Bytes of the disk; None for as much as the content needs, and some."""
    format: Format = "raw"
    output: Path = Path("hurd.img")
    epoch: int | None = None
    """SOURCE_DATE_EPOCH; None for the time of the build."""
