"""Checking single values of a configuration: each function takes what TOML gave and returns the
plain value, or raises ValueError with a sentence that says what is wanted.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_LABEL_BYTES: Final = 16  # of an ext2 superblock
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?([=/][A-Za-z0-9.+:~-]+)?-?")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._/-]*")
_ZONE: Final = re.compile(r"[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*")
_SIZE: Final = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_HASH: Final = re.compile(r"\$[0-9A-Za-z]{1,8}\$[./0-9A-Za-z$=,*-]{8,}|[./0-9A-Za-z]{13}|[!*].*")
_KEY_TYPE: Final = re.compile(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ ")
_SMALLEST: Final = 8 << 20  # bytes of a disk


def text(value: Any) -> str:
    """Any text on one line."""
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_named(value)}")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError(f"{value!r} has control characters")
    return value


def boolean(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_named(value)}")
    return value


def choice(*known: str) -> Callable[[Any], str]:
    """Return the check for one of ``known``."""

    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(known)}")
        return str(value)

    return check


def many(check: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the check for a list; one value alone is a list of one."""

    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            value = [value]
        return tuple(check(one) for one in value)

    return check_all


def pattern(known: re.Pattern[str], what: str) -> Callable[[Any], str]:
    """Return the check for text of a form; ``what`` says which in a sentence."""

    def check(value: Any) -> str:
        if not known.fullmatch(text(value)):
            raise ValueError(f"{value!r} is not {what}")
        return str(value)

    return check


package = pattern(_PACKAGE, "a package name")
word = pattern(_WORD, "a word of letters, digits and + - . _ /")
user_name = pattern(_USER, "a user name (small letters, digits, - and _, at most 32)")
timezone = pattern(_ZONE, "the name of a time zone, such as Europe/Lisbon")


def hostname(value: Any) -> str:
    """A host name, with or without domain (RFC 1123)."""
    if len(text(value)) > 253 or not all(_HOST.fullmatch(part) for part in value.split(".")):
        raise ValueError(f"{value!r} is not a host name (letters, digits and -, parts by dots)")
    return str(value)


def label(value: Any) -> str:
    """The label of a filesystem."""
    if len(text(value).encode()) > _LABEL_BYTES:
        raise ValueError(f"{value!r} is longer than {_LABEL_BYTES} bytes")
    return str(value)


def kernel_argument(value: Any) -> str:
    """A word of the kernel's command line, which has no quoting."""
    if not text(value) or any(char.isspace() or char in "'\"\\" for char in value):
        raise ValueError(f"{value!r} is not one word without quotes: the kernel splits at blanks")
    if re.fullmatch(r"-[a-z]*f[a-z]*", value):
        raise ValueError(
            f"{value!r} makes /hurd/startup only pretend to reboot (fastboot skips the check)"
        )
    return str(value)


def size(value: Any) -> int:
    """A size in bytes, or with K, M, G or T (powers of 1024), in whole MiB."""
    number = value
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is not a size, such as 2G or 500M")
        number = int(match[1]) * _UNITS[match[2].upper()]
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"must be a size, such as 2G or 500M, not {_named(value)}")
    if number < _SMALLEST:
        raise ValueError(f"{value} is less than 8M")
    return -(-number // _UNITS["M"]) * _UNITS["M"]


def mode(value: Any) -> int:
    """Permission bits: 0o644, or "0644"."""
    if isinstance(value, str) and re.fullmatch(r"(0o)?[0-7]{3,5}", value):
        value = int(value.removeprefix("0o"), 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
        raise ValueError(f"{value!r} is not a mode, such as 0o644 or '0644'")
    return int(value)


def user_number(value: Any) -> int:
    """A user's number."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65535:
        raise ValueError(f"{value!r} is not a number from 1 to 65534")
    return int(value)


def target(value: Any) -> str:
    """An absolute and clean path in the image."""
    parts = text(value).split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]):
        raise ValueError(f"{value!r} is not an absolute path without . and ..")
    return str(value)


def address(value: Any) -> str:
    """An IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(text(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 address") from None


def interface_address(value: Any) -> str:
    """An IPv4 address, with or without ``/BITS``."""
    try:
        return str(ipaddress.IPv4Interface(value)) if "/" in text(value) else address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 address, or one with /BITS") from None


def netmask(value: Any) -> str:
    """A mask such as 255.255.255.0."""
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{text(value)}").netmask)
    except ValueError:
        raise ValueError(f"{value!r} is not a netmask") from None


def password_hash(value: Any) -> str:
    """What crypt(3) made of a password, or ``!`` or ``*`` for none that fits."""
    if not _HASH.fullmatch(text(value)) or ":" in value:
        raise ValueError("is not the hash of a password, as in /etc/shadow ($6$…)")
    return str(value)


def password(value: Any) -> str:
    """A password in plain text; "" means that none is needed."""
    return text(value)


def url(value: Any) -> str:
    """The address of an archive."""
    known = ("http://", "https://", "file:/", "copy:/")
    if not text(value).startswith(known) or any(char.isspace() or char in "[]" for char in value):
        raise ValueError(f"{value!r} does not begin with http://, https:// or file:/")
    return str(value).rstrip("/")


def ssh_keys(value: str, base: Path) -> tuple[str, ...]:
    """Public keys: the text of one, or a file (below ``base`` if relative) with one per line."""
    if ssh_key_text(text(value)):
        return (_ssh_key(value),)
    path = existing_file(value, base)
    lines = path.read_text("utf-8", "replace").splitlines()
    keys = [line for line in map(str.strip, lines) if line and not line.startswith("#")]
    if not keys:
        raise ValueError(f"{path} holds no key")
    try:
        return tuple(_ssh_key(key) for key in keys)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def ssh_key_text(text: str) -> bool:
    """Whether this is to be a public key itself, and not the name of a file."""
    return _KEY_TYPE.match(text) is not None


def _ssh_key(line: str) -> str:
    if "PRIVATE KEY" in line:
        raise ValueError("this is a private key; the public one has the same name and .pub")
    parts = line.split()
    try:
        data = base64.b64decode(parts[1], validate=True)
        length = int.from_bytes(data[:4])
        if data[4 : 4 + length].decode() != parts[0]:
            raise ValueError
    except (IndexError, binascii.Error, ValueError):
        raise ValueError(f"{line[:40]!r} is not a public key of OpenSSH") from None
    return line.strip()


def existing_file(value: Any, base: Path) -> Path:
    """A file that is there; relative names are below ``base``."""
    return _existing(value, base, "file", Path.is_file)


def existing(value: Any, base: Path) -> Path:
    """A file or directory that is there; relative names are below ``base``."""
    return _existing(value, base, "file or directory", Path.exists)


def _existing(value: Any, base: Path, kind: str, is_one: Callable[[Path], bool]) -> Path:
    try:
        path = base / Path(text(value)).expanduser()
    except RuntimeError:
        raise ValueError(f"{value!r}: the home directory is not known") from None
    try:
        if not is_one(path):
            raise ValueError(f"{path}: {'not a' if path.exists() else 'no such'} {kind}")
    except OSError as error:  # its name is too long, say
        raise ValueError(f"{path}: {error.strerror}") from None
    return path


def _named(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list",
             dict: "a table", str: "text"}  # fmt: skip
    return names.get(type(value), f"a {type(value).__name__}")
