"""The options of ``hurd-image build``: each stands for a key of the configuration, and beats it.

What can be repeated is added to what the file says; other options take its place.
"""

from __future__ import annotations

import argparse
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from image.configuration import check_values, read_values
from image.errors import ConfigurationError
from image.keys import KEYS
from image.layers import Layer, Value, refuse_unknown
from image.settings import Configuration
from image.values import ssh_key_text

# Option, metavar, key, help; the value is text.
_SINGLE: Final = (
    ("--output", "FILE", "image.output", "write the image to FILE (hurd.img)"),
    ("--format", "FORMAT", "image.format", "raw, qcow2 or iso (what FILE's name says, or raw)"),
    ("--size", "SIZE", "image.size", "make the disk so large: 2G, 800M"),
    ("--label", "LABEL", "image.label", "label of the filesystem"),
    ("--architecture", "NAME", "architecture", "hurd-i386 (default) or hurd-amd64"),
    ("--from", "PATH", "source.path", "make the root from a directory or a tarball"),
    ("--owners", "WHOSE", "source.owners", "owners of a directory's files: keep, or root for all"),
    ("--variant", "NAME", "source.variant",
     "packages that come by themselves: none, essential, required, important, standard"),
    ("--hostname", "NAME", "hostname", "the machine's name"),
    ("--timezone", "ZONE", "timezone", "time zone, such as Europe/Lisbon"),
    ("--console", "KIND", "console", "serial (default) or vga"),
    ("--init", "WHICH", "init", "drover (default), or native for what the root has"),
    ("--root-password", "PASSWORD", "root.password", "let root log in; '' for no password"),
    ("--root-password-file", "FILE", "root.password-file", "the same, from FILE's first line"),
)  # fmt: skip
_REPEATED: Final = (
    ("--archive", "URL", "source.archive", "get packages from URL, or 'URL SUITE COMPONENT...'"),
    ("--suite", "NAME", "source.suites", "suite of the archives"),
    ("--component", "NAME", "source.components", "component of the archives"),
    ("--keyring", "FILE", "source.keyring", "keys that sign the archives"),
    ("--package", "NAME", "packages", "put one more package in"),
    ("--service", "FILE", "services", "put a file that registers services in"),
    ("--kernel-argument", "WORD", "image.kernel-arguments", "one more word for the kernel"),
    ("--root-ssh-key", "KEY", "root.ssh-keys", "let root log in with KEY, or those in a file"),
)
_ADDED: Final = {"packages", "services", "image.kernel-arguments", "root.ssh-keys", "user", "file"}
"""Keys whose options add to the file's list."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options and the operand of ``hurd-image build``."""
    parser.add_argument("config", metavar="CONFIG", nargs="?", type=Path)
    for option, metavar, key, meaning in _SINGLE:
        names = ("-o", option) if option == "--output" else (option,)
        parser.add_argument(*names, dest=key, metavar=metavar, help=meaning)
    for option, metavar, key, meaning in _REPEATED:
        parser.add_argument(
            option, dest=key, metavar=metavar, action="append", help=f"{meaning}; may be repeated"
        )
    parser.add_argument(
        "--user", dest="user", metavar="NAME[:PASSWORD]", action="append",
        help="make a login; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--file", dest="file", metavar="FILE:TARGET[:MODE]", action="append",
        help="put a file or directory in; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--network", metavar="HOW", help="dhcp (default), none, or ADDRESS/BITS[,GATEWAY]"
    )
    parser.add_argument(
        "--offline", action="store_true", help="use the package lists of the last build"
    )
    parser.add_argument(
        "--set", dest="settings", metavar="KEY=VALUE", action="append", default=[],
        help="set any key of the configuration, VALUE as in TOML; may be repeated",
    )  # fmt: skip
    parser.add_argument("--list-keys", action="store_true", help="list the keys and end")
    parser.add_argument("--cache", metavar="DIRECTORY", type=Path, help="keep the cache there")
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")
    parser.add_argument(
        "--json", action="store_true", help="print what was built as one JSON object"
    )
    parser.add_argument("--uefi", action="store_true", help=argparse.SUPPRESS)


def read_options(options: argparse.Namespace) -> Configuration:
    """Return the configuration that the options and the file they name describe."""
    file = read_values(options.config)
    layer = option_layer(options, file)
    return check_values({**replaced(file, layer), **layer})


def option_layer(options: argparse.Namespace, file: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that options give; ``file`` are those that some of them add to."""
    here = Path.cwd()
    layer: dict[str, Value] = {}
    given = vars(options)
    for option, _, key, _ in _SINGLE:
        if given[key] is not None:
            layer[key] = Value(given[key], option, here)
    for option, _, key, _ in _REPEATED:
        if given[key] is not None:
            values = [_absolute(key, one) for one in given[key]]
            layer[key] = Value(values, option, here)
    if options.user:
        rows: list[Mapping[str, Value]] = [_user(one, here) for one in options.user]
        layer["user"] = Value(rows, "--user", here)
    if options.file:
        layer["file"] = Value([_file(one, here) for one in options.file], "--file", here)
    if options.network is not None:
        layer |= _network(options.network, here)
    if options.offline:
        layer["source.offline"] = Value(True, "--offline", here)
    for one in options.settings:
        key, value = _setting(one, here)
        layer[key] = value
    for key in _ADDED & layer.keys() & file.keys():
        layer[key] = _sum(file[key], layer[key])
    return layer


def replaced(file: Layer, layer: Layer) -> dict[str, Value]:
    """Return a file's values without those that contradict an option, rather than differ."""
    dropped: set[str] = set()
    if any(key.startswith("root.password") for key in layer):
        dropped |= {"root.password", "root.password-hash", "root.password-file"}
    if "network.method" in layer:
        dropped |= {"network.address", "network.netmask", "network.gateway", "network.method"}
    if "source.path" in layer:
        dropped |= {"source.type", "packages"}
    if "source.archive" in layer and "source.path" not in layer:
        dropped |= {"source.type", "source.path", "source.owners"}
    return {key: value for key, value in file.items() if key not in dropped}


def key_list() -> str:
    """Return the keys with what they are for, a line for each."""
    width = max(map(len, KEYS)) + 2
    return "".join(f"{name:<{width}}{key.help}\n" for name, key in KEYS.items())


def _absolute(key: str, text: str) -> str:
    """Return a file's name so that it means the same beside those of a configuration file."""
    if key in ("services", "source.keyring") or (key == "root.ssh-keys" and not ssh_key_text(text)):
        # As the shell would; a user that is not known stays, and is complained of later.
        return os.path.abspath(os.path.expanduser(text))
    return text


def _sum(file: Value, option: Value) -> Value:
    known = file.value if isinstance(file.value, list) else [file.value]
    # Where in the two lists a mistake is, the value itself tells.
    return Value([*known, *option.value], f"{file.where} and {option.where}", file.base)


def _user(text: str, here: Path) -> dict[str, Value]:
    name, colon, password = text.partition(":")
    row = {"name": Value(name, "--user", here)}
    if colon:
        row["password"] = Value(password, "--user", here)
    return row


def _file(text: str, here: Path) -> dict[str, Value]:
    found = re.fullmatch(r"(.+?):(/[^:]*)(?::([0-7]{3,5}))?", text)
    if found is None:
        raise ConfigurationError("--file", f"{text!r} is not FILE:TARGET or FILE:TARGET:MODE")
    row = {"source": Value(found[1], "--file", here), "target": Value(found[2], "--file", here)}
    if found[3]:
        row["mode"] = Value(found[3], "--file", here)
    return row


def _network(text: str, here: Path) -> dict[str, Value]:
    if text in ("dhcp", "none"):
        return {"network.method": Value(text, "--network", here)}
    address, comma, gateway = text.partition(",")
    layer = {
        "network.method": Value("static", "--network", here),
        "network.address": Value(address, "--network", here),
    }
    if comma:
        layer["network.gateway"] = Value(gateway, "--network", here)
    return layer


def _setting(text: str, here: Path) -> tuple[str, Value]:
    key, equals, value = text.partition("=")
    key = key.strip()
    where = f"--set {key}"
    if not equals:
        raise ConfigurationError("--set", f"{text!r} is not KEY=VALUE")
    refuse_unknown(key, where, KEYS)
    if key in ("user", "file"):
        raise ConfigurationError(where, f"is a list of tables: use --{key}, or a file")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        # Quotes that the shell has eaten.
        parsed = value.strip()
    return key, Value(parsed, where, here)
