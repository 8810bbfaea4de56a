"""The database of dpkg in the tree: every package unpacked, none configured.

So ``dpkg --configure -a`` on the first boot finishes what was begun here, and from then on the
system's own package management goes on.  A conffile is in its final place with its digest recorded,
which dpkg understands as dealt with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from image.sources.package import Package
from image.tree import Node, Tree, directory

ADMINISTRATION: Final = "/var/lib/dpkg"
_SCRIPTS: Final = {"preinst", "postinst", "prerm", "postrm", "config"}
# The order of fields in the status file is dpkg's; what is not here follows as it came.
_FIRST: Final = ("Package", "Essential", "Protected", "Status", "Priority", "Section")
_DROPPED: Final = {"Conffiles", "Filename", "Size", "MD5sum", "SHA1", "SHA256", "Status"}


def write_database(
    tree: Tree, packages: Sequence[Package], architectures: Sequence[str], mtime: int
) -> None:
    """Add the database for ``packages`` to the tree.

    ``architectures`` are the system's own and the foreign ones that it has packages for.
    """
    info = f"{ADMINISTRATION}/info"
    for name in ("", "/alternatives", "/info", "/parts", "/triggers", "/updates"):
        tree.add(ADMINISTRATION + name, directory(mtime=mtime))

    def add(name: str, content: bytes, mode: int = 0o644) -> None:
        tree.add(f"{ADMINISTRATION}/{name}", Node("file", mode, mtime=mtime, content=content))

    add("info/format", b"1\n")
    for name in ("available", "diversions", "statoverride", "triggers/Unincorp"):
        if f"{ADMINISTRATION}/{name}" not in tree:
            add(name, b"")
    foreign = [one for one in architectures[1:] if one]
    if foreign:
        add("arch", "".join(f"{one}\n" for one in architectures).encode())
    ordered = sorted(packages, key=lambda package: (package.name, package.architecture))
    add("status", "\n".join(_status(package) for package in ordered).encode())
    for package in ordered:
        stem = information_name(package)
        add(f"info/{stem}.list", _list(package))
        for name, content in sorted(package.scripts.items()):
            mode = 0o755 if name in _SCRIPTS else 0o644
            tree.add(f"{info}/{stem}.{name}", Node("file", mode, mtime=mtime, content=content))
    for name, content in _triggers(ordered).items():
        add(f"triggers/{name}", content)


def information_name(package: Package) -> str:
    """Return what the names of a package's files in ``info`` begin with."""
    if package.control.get("Multi-Arch") == "same":
        return f"{package.name}:{package.architecture}"
    return package.name


def _status(package: Package) -> str:
    control = {**package.control, "Status": "install ok unpacked"}
    names: list[str] = [name for name in _FIRST if name in control]
    names += [name for name in package.control if name not in (*_FIRST, *_DROPPED)]
    lines = [f"{name}: {control[name]}" for name in names]
    if package.conffiles:
        lines.append("Conffiles:")
        lines += [f" {path} {md5}" for path, md5 in package.conffiles.items()]
    return "\n".join(lines) + "\n"


def _list(package: Package) -> bytes:
    paths = dict.fromkeys(member.path for member in package.members)
    lines = ["/." if path == "/" else path for path in paths]
    return "".join(f"{line}\n" for line in lines or ["/."]).encode("utf-8", "surrogateescape")


def _triggers(packages: Iterable[Package]) -> Mapping[str, bytes]:
    """Return what is in the directory ``triggers``: who waits for which files and which names."""
    files: list[str] = []
    named: dict[str, list[str]] = {}
    for package in packages:
        for line in package.scripts.get("triggers", b"").decode("utf-8", "replace").splitlines():
            words = line.partition("#")[0].split()
            if len(words) != 2 or not words[0].startswith("interest"):
                continue
            who = information_name(package)
            if words[0] == "interest-noawait":
                who += "/noawait"
            if words[1].startswith("/"):
                files.append(f"{words[1]} {who}\n")
            else:
                named.setdefault(words[1], []).append(f"{who}\n")
    found = {name: "".join(lines).encode() for name, lines in sorted(named.items())}
    found["File"] = "".join(files).encode()
    return found
