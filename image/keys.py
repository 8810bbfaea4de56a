"""The keys of a configuration: how the value of each is checked, and what it is for.

The one table behind the file format, ``--set`` and ``hurd-image build --list-keys``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from image import values
from image.account_settings import ACCOUNT_KEYS, USER_KEYS
from image.layers import Value

_ARCHITECTURES: Final = ("hurd-i386", "hurd-amd64")
FILE_KEYS: Final = ("target", "source", "text", "mode", "owner", "group")


@dataclass(frozen=True)
class Key:
    """A key: how its value is checked, and what it is for."""

    check: Callable[[Value], Any]
    help: str


def plain(check: Callable[[Any], Any]) -> Callable[[Value], Any]:
    return lambda value: check(value.value)


def _many(check: Callable[[Any], Any]) -> Callable[[Value], Any]:
    return plain(values.many(check))


def file(check: Callable[[Any, Path], Path]) -> Callable[[Value], Any]:
    return lambda value: check(value.value, value.base)


def _files(check: Callable[[Any, Path], Path]) -> Callable[[Value], Any]:
    return lambda value: values.many(lambda one: check(one, value.base))(value.value)


KEYS: Final[Mapping[str, Key]] = {
    "architecture": Key(plain(values.choice(*_ARCHITECTURES)), "hurd-i386 or hurd-amd64"),
    "hostname": Key(plain(values.hostname), "the name of the machine"),
    "timezone": Key(plain(values.timezone), "such as Europe/Lisbon"),
    "console": Key(plain(values.choice("serial", "vga")), "serial, or vga (screen and keyboard)"),
    "init": Key(plain(values.choice("drover", "native")), "drover, or native for the root's own"),
    "bytecode": Key(
        plain(values.choice("auto", "require", "none")),
        "compile drover: auto (here, or else on the first boot), require (here), none",
    ),
    "packages": Key(_many(values.package), "packages besides those of source.packages"),
    "services": Key(_files(values.existing_file), "files that register services (.scm)"),
    "source.type": Key(plain(values.choice("debian", "directory", "tarball")), "where from"),
    "source.path": Key(file(values.existing), "the directory or tarball"),
    "source.owners": Key(
        plain(values.choice("keep", "root")), "owners of a directory's files: keep, or all root"
    ),
    "source.archive": Key(_many(values.text), "'URL', or 'URL SUITE COMPONENT…', of archives"),
    "source.suites": Key(_many(values.word), "suites of archives that name none"),
    "source.components": Key(_many(values.word), "components of archives that name none"),
    "source.keyring": Key(_files(values.existing_file), "keys that sign the archives"),
    "source.variant": Key(
        plain(values.choice("none", "essential", "required", "important", "standard")),
        "packages that come without being asked for: by priority, essential ones only, none",
    ),
    "source.packages": Key(_many(values.package), "the packages of the system"),
    "source.foreign-architectures": Key(_many(values.word), "whose packages may come in, too"),
    "source.recommends": Key(plain(values.boolean), "whether recommended packages come in"),
    "source.trusted": Key(plain(values.boolean), "whether to do without signatures"),
    "source.check-valid-until": Key(plain(values.boolean), "whether to refuse outdated lists"),
    "source.overwrite": Key(
        plain(values.boolean), "whether a file may be in two packages (the last one's counts)"
    ),
    "source.offline": Key(plain(values.boolean), "whether to use the lists of the last build"),
    "image.output": Key(plain(values.text), "the file to write"),
    "image.format": Key(plain(values.choice("raw", "qcow2", "iso")), "raw, qcow2 or iso"),
    "image.size": Key(plain(values.size), "of the disk, such as 2G"),
    "image.label": Key(plain(values.label), "of the filesystem"),
    "image.kernel-arguments": Key(_many(values.kernel_argument), "further words for the kernel"),
    "network.method": Key(plain(values.choice("dhcp", "static", "none")), "dhcp, static or none"),
    "network.interface": Key(plain(values.target), "such as /dev/eth0"),
    "network.address": Key(plain(values.interface_address), "for static: ADDRESS/BITS"),
    "network.netmask": Key(plain(values.netmask), "for an address without /BITS"),
    "network.gateway": Key(plain(values.address), "for static"),
    "network.nameservers": Key(_many(values.address), "addresses of name servers"),
    **{
        f"root.{name}": Key(lambda value: value, text) for name, text in ACCOUNT_KEYS.items()
    },
    "user": Key(lambda value: value, "logins: tables with " + ", ".join(USER_KEYS)),
    "file": Key(lambda value: value, "files: tables with " + ", ".join(FILE_KEYS)),
}  # fmt: skip
