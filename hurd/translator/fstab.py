"""/etc/fstab and /etc/mtab: reading them, finding an entry, choosing those to mount or unmount.

The format is that of getmntent(3). Where the Hurd's own reader drops one of two entries that name
the same device, both are kept: `tmpfs` may well be mounted twice.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FSTAB = "/etc/fstab"

# Names in the first field that are no device, and in the second that are no directory
# (fstab_find_device and fstab_find_mount of sutils/fstab.c).
_NO_DEVICES = frozenset({"none", "proc", "procfs"})
_NO_DIRECTORIES = frozenset({"-", "none", "ignore"})


class MountEntry:
    """One line of a table: what is mounted where, and how. Not to be changed once made."""

    __slots__ = ("device", "directory", "frequency", "options", "pass_number", "type")

    def __init__(
        self,
        device: str,
        directory: str,
        type: str = "auto",
        options: Sequence[str] = (),
        frequency: int = 0,
        pass_number: int = 0,
    ) -> None:
        self.device = device
        self.directory = directory
        self.type = type
        self.options = tuple(options)
        self.frequency = frequency
        self.pass_number = pass_number

    def _key(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in MountEntry.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MountEntry) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return (
            f"MountEntry({self.device!r}, {self.directory!r}, {self.type!r}, {self.options!r},"
            f" {self.frequency}, {self.pass_number})"
        )

    def resolved(self) -> MountEntry:
        """The entry with the symbolic links in its names followed, where the files exist."""
        return MountEntry(
            _resolve(self.device),
            _resolve(self.directory),
            self.type,
            self.options,
            self.frequency,
            self.pass_number,
        )

    def matches(self, tests: Iterable[str]) -> bool:
        """Whether the options pass `--test-opts`: `foo` has to be there, of `nobar` no bar."""
        for test in tests:
            if test.startswith("no"):
                if test[2:] in self.options:
                    return False
            elif test not in self.options:
                return False
        return True


def _resolve(name: str) -> str:
    try:
        return os.path.realpath(name, strict=True)
    except (OSError, ValueError):  # ValueError: a NUL
        return name


# The escapes that getmntent(3) undoes, by the text after the backslash.
_ESCAPES = {"040": " ", "011": "\t", "012": "\n", "134": "\\", "\\": "\\"}


def _unescape(field: str) -> str:
    if "\\" not in field:
        return field
    text = ""
    while field:
        before, backslash, field = field.partition("\\")
        text += before
        length = 1 if field.startswith("\\") else 3
        if backslash and field[:length] in _ESCAPES:
            text += _ESCAPES[field[:length]]
            field = field[length:]
        else:
            text += backslash
    return text


def _number(field: str) -> int:
    return int(field) if field.isascii() and field.isdigit() else 0


def parse(text: str) -> list[MountEntry]:
    """The entries of a table's text, in its order; comments and empty lines are left out."""
    entries = []
    for line in text.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        fields += [""] * (6 - len(fields))
        device, directory, kind, options = (_unescape(field) for field in fields[:4])
        entries.append(
            MountEntry(
                device,
                directory,
                kind,
                [option for option in options.split(",") if option],
                _number(fields[4]),
                _number(fields[5]),
            )
        )
    return entries


class MountTable:
    """The entries of a table, with symbolic links followed; one for each directory."""

    def __init__(self, entries: Iterable[MountEntry] = ()) -> None:
        self.entries: list[MountEntry] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: MountEntry) -> MountEntry:
        """Add an entry; an earlier one for the same directory gives way. Returns it, resolved."""
        entry = entry.resolved()
        old = self.find_directory(entry.directory)
        if old is None:
            self.entries.append(entry)
        else:
            self.entries[self.entries.index(old)] = entry
        return entry

    def find_device(self, name: str) -> MountEntry | None:
        if name in _NO_DEVICES:
            return None
        name = _resolve(name)
        return next((entry for entry in self.entries if entry.device == name), None)

    def find_directory(self, name: str) -> MountEntry | None:
        if name in _NO_DIRECTORIES:
            return None
        name = _resolve(name)
        return next((entry for entry in self.entries if entry.directory == name), None)

    def find(self, name: str) -> MountEntry | None:
        """The entry with this device or, failing that, this directory."""
        return self.find_device(name) or self.find_directory(name)

    def choose(self, types: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[MountEntry]:
        """The entries of certain types that lie in no excluded directory, without swap space.

        `types` lists the types to take or, if the first starts with "no", those not to take (only
        the first carries the "no"). `exclude` holds patterns of the shell for directories.
        """
        refuse = bool(types) and types[0][:2].lower() == "no"
        named = {types[0][2:], *types[1:]} if refuse else set(types)
        chosen = []
        for entry in self.entries:
            if entry.type == "swap":
                continue
            if types and (entry.type in named) == refuse:
                continue
            if exclude and _excluded(entry.directory, exclude):
                continue
            chosen.append(entry)
        return chosen


def _excluded(directory: str, patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(directory, pattern) for pattern in patterns)


def read(path: str = FSTAB) -> MountTable:
    """The table in the file `path`; raises OSError if it cannot be read."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        return MountTable(parse(file.read()))
