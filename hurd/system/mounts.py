"""What is mounted, read from /proc, and the mount options of fstab(5) as flags of mount(2).

The flags are those of Linux (linux/mount.h).
"""

from __future__ import annotations

import os

from hurd.system.machine import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

REMOUNT = 32
BIND = 4096
_RECURSIVE = 16384

# Each may stand in /etc/fstab as itself, or negated as the second word.
_FLAGS = (
    ("ro", "rw", 1),
    ("nosuid", "suid", 2),
    ("nodev", "dev", 4),
    ("noexec", "exec", 8),
    ("sync", "async", 16),
    ("mand", "nomand", 64),
    ("dirsync", "", 128),
    ("nosymfollow", "symfollow", 256),
    ("noatime", "atime", 1024),
    ("nodiratime", "diratime", 2048),
    ("silent", "loud", 32768),
    ("relatime", "norelatime", 1 << 21),
    ("strictatime", "nostrictatime", 1 << 24),
    ("lazytime", "nolazytime", 1 << 25),
    ("remount", "", REMOUNT),
    ("bind", "", BIND),
    ("rbind", "", BIND | _RECURSIVE),
    ("move", "", 8192),
)
_PROPAGATION = {"unbindable": 1 << 17, "private": 1 << 18, "slave": 1 << 19, "shared": 1 << 20}
# For mount(8), or for who decides whether to mount at all.
_NOTHING = {
    "defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "fail", "nofail",
    "_netdev",
}  # fmt: skip


class MountFlags:
    """Options taken apart: `flags` to set and `cleared` ones, `data` for the file system, and
    `propagation`, which is a call of its own.
    """

    __slots__ = ("cleared", "data", "flags", "propagation")

    def __init__(self, options: Iterable[str]) -> None:
        self.flags = 0
        self.cleared = 0
        self.propagation: list[int] = []
        data = []
        setting = {yes: flag for yes, _, flag in _FLAGS}
        clearing = {no: flag for _, no, flag in _FLAGS if no}
        for option in for_the_file_system(options):
            recursive = option.startswith("r") and option[1:] in _PROPAGATION
            if option in setting:
                self.flags |= setting[option]
                self.cleared &= ~setting[option]
            elif option in clearing:
                self.flags &= ~clearing[option]
                self.cleared |= clearing[option]
            elif option in _PROPAGATION or recursive:
                flag = _PROPAGATION[option[1:] if recursive else option]
                self.propagation.append(flag | (_RECURSIVE if recursive else 0))
            else:
                data.append(option)
        self.data = ",".join(data)


def for_the_file_system(options: Iterable[str]) -> list[str]:
    """The single options without those for mount(8) alone."""
    words = [word for text in options for word in text.split(",")]
    return [w for w in words if w and w not in _NOTHING and not w.startswith(("x-", "comment="))]


def unescaped(field: bytes) -> str:
    """A field of a table in /proc: blanks and the like are three octal digits there."""
    first, *rest = field.split(b"\\")
    for part in rest:
        digits = part[:3]
        if len(digits) == 3 and all(c in b"01234567" for c in digits):
            first += bytes((int(digits, 8) & 0xFF,)) + part[3:]
        else:
            first += b"\\" + part
    return os.fsdecode(first)


def of_mountinfo(lines: Sequence[bytes]) -> list[Mount]:
    """The lines of Linux's /proc/self/mountinfo: proc(5)."""
    result = []
    for line in lines:
        fields = line.split()
        if b"-" not in fields[6:]:
            continue
        end = fields.index(b"-", 6)
        kind, source, options = fields[end + 1 : end + 4]
        words = [*unescaped(fields[5]).split(","), *unescaped(options).split(",")]
        result.append(
            Mount(
                unescaped(source),
                unescaped(fields[4]),
                unescaped(kind),
                tuple(dict.fromkeys(words)),
            )
        )
    return _sorted(result)


def of_table(lines: Sequence[bytes]) -> list[Mount]:
    """The lines of a table like /etc/mtab and the Hurd's /proc/mounts."""
    result = []
    for line in lines:
        fields = line.split()
        if len(fields) >= 4 and not fields[0].startswith(b"#"):
            source, target, kind, options = map(unescaped, fields[:4])
            result.append(Mount(source, target, kind, tuple(options.split(","))))
    return _sorted(result)


def read(path: str) -> list[bytes]:
    """The lines of a table; none without it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.readlines()
    except OSError:
        return []


def _sorted(mounts: list[Mount]) -> list[Mount]:
    # Stable: of two at one place the later one covers the earlier.
    return sorted(mounts, key=lambda mount: [p for p in mount.target.split("/") if p])
