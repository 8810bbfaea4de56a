"""Reading tar streams without extracting them: members become nodes, their bytes plain files.

Nothing of an archive decides a name on the builder's disk, and nothing is created but regular
files with numbers as names, so that neither root nor trust in the archive is needed.  What was read
is kept as an index beside these files, and read back from there by later builds.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from image.errors import ArchiveError
from image.tree import Kind, Node

_BLOCK: Final = 512
_LARGEST_FILE: Final = 1 << 34
_HOLE: Final = bytes(1 << 18)
# What tarfile raises for numbers that are none, and headers upon headers, besides its own errors.
DAMAGE: Final = (tarfile.TarError, ValueError, OverflowError, RecursionError)
_KINDS: Final[dict[bytes, Kind]] = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
# The extended attribute that holds a passive translator on the Hurd, as tar programs store it.
_TRANSLATOR: Final = "SCHILY.xattr.gnu.translator"


@dataclass(frozen=True)
class Member:
    """One member: where it is to be (an absolute path), and the node; the last of a path counts."""

    path: str
    node: Node


class MemberError(ArchiveError):
    """A member, or the stream itself, is not what a root can be made from."""


def read_members(stream: BinaryIO, contents: Path, notes: list[str]) -> Iterator[Member]:
    """Yield the members of an uncompressed tar stream, their contents in files in ``contents``.

    What was understood in a way that its author may not expect is told in ``notes``.  Raises
    MemberError for a member that leads out of the root or is of an unknown type, and for a
    stream that is damaged or ends early.
    """
    counted = _Counted(stream)
    number = 0
    try:
        with tarfile.open(
            fileobj=cast(BinaryIO, counted), mode="r|", encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for info in archive:
                content: bytes | Path | None = None
                if info.isreg():
                    content = b""
                    source = archive.extractfile(info)
                    if info.size and source is not None:
                        content = contents / str(number)
                        number += 1
                        if info.size > _LARGEST_FILE:
                            raise MemberError(f"member {info.name!r}: too large: {info.size} bytes")
                        with content.open("wb") as file:
                            _copy(source, file)
                yield _member(info, content, notes)
                # Or it would remember each header until the end.
                archive.members = []  # type: ignore[attr-defined]
            end = archive.offset
    except DAMAGE as error:
        raise MemberError(f"not a whole tar archive: {error}") from error
    except EOFError as error:
        raise MemberError("ends in the middle") from error
    counted.drain()
    # tarfile takes the end of the stream for the end of the archive; tar programs write a mark.
    if counted.count < end + _BLOCK:
        raise MemberError("ends in the middle")


def _copy(source: IO[bytes], file: BinaryIO) -> None:
    """Copy a member; what is zeros for a long stretch becomes a hole, as it may have been."""
    size = 0
    while data := source.read(len(_HOLE)):
        size += len(data)
        if data == _HOLE:
            file.seek(size)
        else:
            file.write(data)
    file.truncate(size)


class _Counted:
    """A stream that knows how much was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        return data

    def drain(self) -> None:
        while self.read(1 << 18):
            pass


def _member(info: tarfile.TarInfo, content: bytes | Path | None, notes: list[str]) -> Member:
    path = _clean(info.name, "", notes)
    words = info.pax_headers.get(_TRANSLATOR, "")
    node = Node(
        "file",
        info.mode & 0o7777,
        info.uid,
        info.gid,
        max(0, int(info.mtime)),
        content,
        translator=tuple(words.rstrip("\0").split("\0")) if words else (),
    )
    if info.islnk():
        return Member(path, replace(node, content=None, link=_clean(info.linkname, path, notes)))
    if info.isreg():
        return Member(path, node)
    kind = _KINDS.get(info.type)
    if kind is None:
        raise MemberError(f"member {info.name!r}: unknown type {info.type!r}")
    return Member(path, replace(node, kind=kind, target=info.linkname if info.issym() else ""))


def _clean(name: str, of: str, notes: list[str]) -> str:
    """Return the absolute path that a member's name, or the target of hard link ``of``, means."""
    what = f"member {of!r}: its target {name!r}" if of else f"member {name!r}"
    if "\0" in name:
        raise MemberError(f"{what}: contains a NUL")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise MemberError(f"{what}: leads out of the root")
    if name.startswith("/") and not of:
        notes.append(f"{what}: absolute, taken as relative to the root")
    return "/" + "/".join(parts)


def store(index: Path, members: Iterable[Member], contents: Path) -> None:
    """Write members to the file ``index``; their contents are in the directory ``contents``."""
    rows = []
    for member in members:
        row = {k: v for k, v in asdict(member.node).items() if v not in ("", (), None)}
        content = member.node.content
        if isinstance(content, Path):
            row["content"] = content.relative_to(contents).name
        elif content is not None:
            row["content"] = ""
        rows.append([member.path, row])
    # Names that are no UTF-8 come as surrogates, which JSON can hold when all is escaped.
    index.write_text(json.dumps(rows), encoding="ascii")


def load(index: Path, contents: Path) -> list[Member]:
    """Read back what ``store`` wrote."""
    members = []
    for path, row in json.loads(index.read_text(encoding="ascii")):
        if "content" in row:
            row["content"] = contents / row["content"] if row["content"] else b""
        row["translator"] = tuple(row.get("translator", ()))
        members.append(Member(path, Node(**row)))
    return members
