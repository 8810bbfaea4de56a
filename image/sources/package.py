"""One Debian package: its control data, and its files as members, without running anything of it.

``dpkg-deb`` takes the package apart and checks it as it does so.  A package is read once and kept
in the cache under the digest of its file, which is why the file itself is not kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from image.errors import ArchiveError
from image.run import environment, find_tool
from image.sources import members
from image.sources.members import Member

FORMAT: Final = "1"
"""Counted up when what is kept in the cache changes its meaning."""

_LARGEST_CONTROL: Final = 64 << 20
"""Bytes, uncompressed; the largest ones have a few megabytes, of checksums."""

_RELATION: Final = re.compile(r"^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)?")


@dataclass(frozen=True)
class Package:
    """A package; ``control`` are its fields, ``scripts`` the other files of its control archive."""

    control: Mapping[str, str]
    scripts: Mapping[str, bytes]
    members: tuple[Member, ...]
    conffiles: Mapping[str, str]
    """The MD5 sum of each conffile that the package brings."""

    @property
    def name(self) -> str:
        """The package's name, without architecture."""
        return self.control["Package"]

    @property
    def architecture(self) -> str:
        """The architecture it is for, or "all"."""
        return self.control["Architecture"]

    @property
    def version(self) -> str:
        """The version, with its epoch."""
        return self.control["Version"]

    @property
    def essential(self) -> bool:
        """Whether others may need it without saying so."""
        return self.control.get("Essential") == "yes"

    def related(self, field: str) -> set[str]:
        """Return the names of packages in a field such as Depends, alternatives included."""
        names = set()
        for alternative in re.split(r"[,|]", self.control.get(field, "")):
            found = _RELATION.match(alternative.strip())
            if found:
                names.add(found[1])
        return names

    @property
    def provided(self) -> set[str]:
        """The names under which others may require it."""
        return {self.name, *self.related("Provides")}


def unpack(package: Path, aside: Path) -> None:
    """Take a package file apart into the new directory ``aside``.

    Raises ArchiveError, which names the file, if it is no whole package.
    """
    contents = aside / "contents"
    contents.mkdir(parents=True)
    try:
        with _dpkg_deb("--ctrl-tarfile", package) as stream:
            control = _control(stream)
        if "control" not in control:
            raise members.MemberError("has no control file")
        fields = parse_fields(control.pop("control").decode("utf-8", "replace"))
        for field in ("Package", "Version", "Architecture"):
            if not fields.get(field):
                raise members.MemberError(f"its control file has no field {field}")
        with _dpkg_deb("--fsys-tarfile", package) as stream:
            found = list(members.read_members(stream, contents, []))
    except members.MemberError as error:
        raise ArchiveError(f"package {package.name} is corrupt: {error}") from error
    members.store(aside / "index", found, contents)
    by_path = {member.path: member for member in found}
    conffiles = {
        path: _md5(by_path[path])
        for path in conffile_names(control.get("conffiles", b"").decode("utf-8", "surrogateescape"))
        if path in by_path and by_path[path].node.kind == "file"
    }
    information = {
        "control": fields,
        "scripts": {k: v.decode("utf-8", "surrogateescape") for k, v in control.items()},
        "conffiles": conffiles,
    }
    (aside / "package").write_text(json.dumps(information), encoding="ascii")


def load(entry: Path) -> Package:
    """Read what ``unpack`` wrote."""
    known = json.loads((entry / "package").read_text(encoding="ascii"))
    scripts = {k: v.encode("utf-8", "surrogateescape") for k, v in known["scripts"].items()}
    found = members.load(entry / "index", entry / "contents")
    return Package(known["control"], scripts, tuple(found), known["conffiles"])


def parse_fields(text: str) -> dict[str, str]:
    """Return the fields of a control file; values keep their continuation lines."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += "\n" + line
            continue
        name, _, value = line.partition(":")
        if line.strip():
            fields[name] = value.strip()
    return fields


def conffile_names(text: str) -> list[str]:
    """Return the paths in a file ``conffiles``, without those to be removed by an upgrade."""
    return [line.strip() for line in text.splitlines() if line.startswith("/")]


def _control(stream: BinaryIO) -> dict[str, bytes]:
    data = stream.read(_LARGEST_CONTROL + 1)
    if len(data) > _LARGEST_CONTROL:
        raise members.MemberError(f"its control archive has more than {_LARGEST_CONTROL} bytes")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                content = archive.extractfile(info) if info.isreg() else None
                name = info.name.removeprefix("./")
                if content is not None and "/" not in name:
                    files[name] = content.read()
    except (*members.DAMAGE, EOFError) as error:
        raise members.MemberError(f"its control archive is damaged: {error}") from error
    return files


def _md5(member: Member) -> str:
    """dpkg's database has MD5 sums; they say whether a file was edited, and protect nothing."""
    content = member.node.content
    data = content.read_bytes() if isinstance(content, Path) else content or b""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@contextmanager
def _dpkg_deb(action: str, package: Path) -> Iterator[BinaryIO]:
    """Yield what ``dpkg-deb`` writes; its own complaint goes before what is made of that."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [find_tool("dpkg-deb"), action, package],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment(),
        )  # fmt: skip
        assert process.stdout is not None
        try:
            failure: members.MemberError | None = None
            try:
                yield cast(BinaryIO, process.stdout)
            except members.MemberError as error:
                failure = error
            process.stdout.close()
            if process.wait() and (failure is None or process.returncode > 0):
                errors.seek(0)
                said = errors.read().decode(errors="replace").replace("dpkg-deb: error: ", "")
                raise members.MemberError(" ".join(said.split()) or "dpkg-deb failed")
            if failure is not None:
                raise failure
        finally:
            process.kill()
            process.wait()
