"""What users write about an image, read and checked: files in TOML, and options that mean the same.

Later ones go before earlier ones: the site's file, the environment, the user's file, options.
Every mistake is a ConfigurationError with the place (file and line, or option), the key and what
is wanted.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from image import keys, values
from image.account_settings import read_root, read_users
from image.errors import ConfigurationError
from image.keys import FILE_KEYS, KEYS
from image.layers import Layer, Value, merged, read_file, refuse_unknown, tables
from image.settings import (
    Configuration,
    DebianSource,
    DirectorySource,
    ExtraFile,
    Network,
    PackageArchive,
    Source,
    TarballSource,
)

SITE_FILE: Final = Path("/etc/drover/image.toml")
KEYRINGS: Final = Path("/usr/share/keyrings")
_KERNELS: Final = {"hurd-i386": "gnumach-image-1-486", "hurd-amd64": "gnumach-image-1-amd64"}
_VARIABLES: Final = {"DROVER_ARCHIVE": "source.archive", "DROVER_KEYRING": "source.keyring"}
_SUFFIXES: Final = {"raw": ".img", "qcow2": ".qcow2", "iso": ".iso"}


def read_values(
    file: Path | None, *, environment: Mapping[str, str] | None = None, site: Path = SITE_FILE
) -> dict[str, Value]:
    """Return the values of the site's file, the environment and the user's file by their keys."""
    variables = os.environ if environment is None else environment
    layers: list[Layer] = []
    if site.exists():
        layers.append(read_file(site))
    for name, key in _VARIABLES.items():
        if variables.get(name):
            layers.append({key: Value(variables[name], name, Path.cwd())})
    if file is not None:
        layers.append(read_file(file))
    return merged(layers, KEYS)


def check_values(
    found: Mapping[str, Value], environment: Mapping[str, str] | None = None
) -> Configuration:
    """Return the configuration that values make; ConfigurationError for mistakes."""
    for key, value in found.items():
        refuse_unknown(key, value.where, KEYS)
        # Also of those that this image has no use for.
        checked(KEYS[key].check, value)
    return _Reader(found, os.environ if environment is None else environment).read()


class _Reader:
    """Makes a Configuration from the values that count."""

    def __init__(self, found: Mapping[str, Value], variables: Mapping[str, str]) -> None:
        self.values = found
        self.variables = variables

    def take(self, key: str, default: Any = None) -> Any:
        """Return the checked value of a key, or the default if nobody gave one."""
        value = self.values.get(key)
        return default if value is None else checked(KEYS[key].check, value)

    def where(self, key: str) -> str:
        """Return the place of a key for messages."""
        return self.values[key].where if key in self.values else key

    def read(self) -> Configuration:
        epoch = self._epoch()
        hostname = self.take("hostname", "hurd")
        salt = None if epoch is None else f"{hostname} {epoch}"
        architecture = self.take("architecture", "hurd-i386")
        init = self.take("init", "drover")
        output, kind = self._output(hostname)
        return Configuration(
            source=self._source(architecture, init),
            architecture=architecture,
            hostname=hostname,
            timezone=self.take("timezone", "UTC"),
            init=init,
            bytecode=self.take("bytecode", "auto"),
            services=self._services(init),
            files=self._files(),
            root=read_root(self.values, salt),
            users=read_users(self.values.get("user"), salt),
            network=self._network(),
            console=self.take("console", "serial"),
            kernel_arguments=self.take("image.kernel-arguments", ()),
            label=self.take("image.label", "hurd"),
            size=self.take("image.size"),
            format=kind,
            output=output,
            epoch=epoch,
        )

    def _epoch(self) -> int | None:
        text = self.variables.get("SOURCE_DATE_EPOCH")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or int(text) > 0xFFFF_FFFF:
            raise ConfigurationError(
                "SOURCE_DATE_EPOCH", f"{text!r} is not a number of seconds since 1970"
            )
        return int(text)

    def _output(self, hostname: str) -> tuple[Path, Any]:
        name = self.take("image.output")
        known = {suffix: kind for kind, suffix in _SUFFIXES.items()}
        guessed = known.get(Path(name).suffix, "raw") if name else "raw"
        kind = self.take("image.format", guessed)
        base = self.values["image.output"].base if name else Path()
        return base / (name or f"{hostname}{_SUFFIXES[kind]}"), kind

    def _services(self, init: str) -> tuple[Path, ...]:
        found: tuple[Path, ...] = self.take("services", ())
        names: dict[str, Path] = {}
        for path in found:
            if path.suffix != ".scm":
                raise ConfigurationError(self.where("services"), f"{path}: not a .scm file")
            if path.name in names:
                raise ConfigurationError(
                    self.where("services"), f"{path}: has the same name as {names[path.name]}"
                )
            names[path.name] = path
        if found and init == "native":
            raise ConfigurationError(self.where("services"), "only drover can run them")
        return found

    def _source(self, architecture: str, init: str) -> Source:
        path: Path | None = self.take("source.path")
        kind = self.take("source.type")
        if path is None and kind in ("directory", "tarball"):
            raise ConfigurationError("source.path", f"required for a {kind}")
        if path is None:
            return self._debian(architecture, init)
        where = self.where("source.path")
        if kind == "debian":
            raise ConfigurationError(where, "is for directories and tarballs, not for packages")
        if "packages" in self.values:
            raise ConfigurationError(
                self.where("packages"), "only a root from packages (source.archive) takes them"
            )
        if path.is_dir():
            if kind == "tarball":
                raise ConfigurationError(where, f"{path}: is a directory, not a tarball")
            return DirectorySource(path, self.take("source.owners"))
        if kind == "directory":
            raise ConfigurationError(where, f"{path}: is not a directory")
        return TarballSource(path)

    def _debian(self, architecture: str, init: str) -> DebianSource:
        lines: tuple[str, ...] = self.take("source.archive", ())
        if not lines:
            raise ConfigurationError(
                "source.archive",
                "required: the address of a package archive for the Hurd (or --archive, or "
                f"DROVER_ARCHIVE, or {SITE_FILE}); for another root see source.path",
            )
        ports = any("debian-ports" in line for line in lines)
        suites = self.take("source.suites", ("unstable", "unreleased") if ports else ("unstable",))
        components = self.take("source.components", ("main",))
        where = self.where("source.archive")
        archives = tuple(_archive(line, suites, components, where) for line in lines)
        trusted = self.take("source.trusted", False)
        name = "debian-ports-archive-keyring.gpg" if ports else "debian-archive-keyring.gpg"
        default = () if trusted else (KEYRINGS / name,)
        packages = self.take("source.packages")
        if packages is None:
            packages = ("hurd", _KERNELS[architecture], "apt", "netbase", "tzdata")
            if init == "drover":
                packages += ("python3", "python3-cffi-backend", "python3-sexpdata")
        return DebianSource(
            archives=archives,
            keyrings=self.take("source.keyring", default),
            variant=self.take("source.variant", "required"),
            packages=tuple(dict.fromkeys([*packages, *self.take("packages", ())])),
            foreign_architectures=self.take("source.foreign-architectures", ()),
            recommends=self.take("source.recommends", False),
            trusted=trusted,
            check_valid_until=self.take("source.check-valid-until", True),
            overwrite=self.take("source.overwrite", False),
            update=not self.take("source.offline", False),
        )

    def _files(self) -> tuple[ExtraFile, ...]:
        value = self.values.get("file")
        if value is None:
            return ()
        return tuple(_extra_file(row, value) for row in tables(value, FILE_KEYS, "file"))

    def _network(self) -> Network:
        method = self.take("network.method", "static" if "network.address" in self.values
                           else "dhcp")  # fmt: skip
        interface = self.take("network.interface", "/dev/eth0")
        nameservers = self.take("network.nameservers", ())
        if method != "static":
            for key in ("network.address", "network.netmask", "network.gateway"):
                if key in self.values:
                    raise ConfigurationError(self.where(key), f"has no use with method {method}")
            return Network(method, interface, nameservers=nameservers)
        given: str | None = self.take("network.address")
        if given is None:
            raise ConfigurationError("network.address", "required with network.method 'static'")
        mask = self.take("network.netmask")
        if "/" not in given and mask is None:
            raise ConfigurationError(
                self.where("network.address"), f"{given!r}: add /BITS, or set network.netmask"
            )
        if "/" in given and mask is not None:
            raise ConfigurationError(
                self.where("network.netmask"), "network.address says it already"
            )
        address = ipaddress.IPv4Interface(given if mask is None else f"{given}/{mask}")
        gateway = self.take("network.gateway", "")
        if gateway and ipaddress.IPv4Address(gateway) not in address.network:
            raise ConfigurationError(
                self.where("network.gateway"), f"{gateway} is not in {address.network}"
            )
        return Network(
            "static", interface, str(address.ip), str(address.netmask), gateway, nameservers
        )


def checked(check: Callable[[Value], Any], value: Value) -> Any:
    """Return a checked value; ConfigurationError, with its place, if it does not do."""
    try:
        return check(value)
    except ValueError as error:
        raise ConfigurationError(value.where, str(error)) from None


def _archive(
    line: str, suites: Sequence[str], components: Sequence[str], where: str
) -> PackageArchive:
    words = line.split()
    try:
        address = values.url(words[0] if words else "")
        named = [values.word(one) for one in words[1:]]
    except ValueError as error:
        raise ConfigurationError(where, str(error)) from None
    return PackageArchive(
        address, tuple(named[:1]) or tuple(suites), tuple(named[1:]) or tuple(components)
    )


def _extra_file(row: Mapping[str, Value], whole: Value) -> ExtraFile:
    if "target" not in row:
        place = next(iter(row.values())).where if row else whole.where
        raise ConfigurationError(place, "this file has no target")
    where = row["target"].where
    if ("source" in row) == ("text" in row):
        raise ConfigurationError(where, "exactly one of source and text is needed beside target")

    def take(name: str, check: Callable[[Value], Any], default: Any) -> Any:
        return checked(check, row[name]) if name in row else default

    content: bytes | Path
    if "text" in row:
        if not isinstance(row["text"].value, str):
            raise ConfigurationError(row["text"].where, "must be text")
        content = row["text"].value.encode()
    else:
        content = checked(keys.file(values.existing), row["source"])
    return ExtraFile(
        target=checked(keys.plain(values.target), row["target"]),
        content=content,
        mode=take("mode", keys.plain(values.mode), None),
        owner=take("owner", keys.plain(values.user_name), "root"),
        group=take("group", keys.plain(values.user_name), "root"),
    )
