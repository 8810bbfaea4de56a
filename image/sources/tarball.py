"""A root tree from a tarball: plain, or compressed with gzip, bzip2, xz or zstd.

What compression it is, the file itself tells.  Owners, modes, links and device nodes are those of
the archive.  It is unpacked once; later builds from the same bytes find it in the cache.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from image.cache import Cache, explained, file_digest
from image.errors import ArchiveError, ImageError
from image.progress import SILENT, Progress
from image.run import environment, find_tool
from image.sources import members
from image.sources.unpacking import Unpacker
from image.tree import Tree

_FORMAT: Final = "1"
"""Counted up when what is kept in the cache changes its meaning."""

_ZSTD: Final = b"\x28\xb5\x2f\xfd"


def read_tarball(path: Path, cache: Cache, progress: Progress = SILENT) -> Tree:
    """Return the tree of a tarball.

    Absolute names are taken as relative to the root, and the last of several members of one name
    counts; both are told as warnings.  Raises ArchiveError, which names file and member, for one
    that leads out of the root and for an archive that is damaged or ends early.
    """
    with explained(f"tarball {path}"):
        if not path.is_file():
            raise ImageError(f"tarball {path}: {'not a file' if path.exists() else 'no such file'}")
        with progress.step(f"Reading {path.name}", path.stat().st_size) as step:
            key = f"{file_digest(path)}-{_FORMAT}"
            entry = cache.get("tarballs", key, lambda aside: _unpack(path, aside))
            contents = entry / "contents"
            tree = Tree()
            unpacker = Unpacker(tree, keep_directories=False)
            notes = (entry / "notes").read_text("utf-8", "surrogateescape").splitlines()
            seen: set[str] = set()
            for member in members.load(entry / "index", contents):
                where = unpacker.put(member.path, member.node)
                if where in seen and member.node.kind != "directory":
                    notes.append(f"member {member.path!r}: there twice, the last one counts")
                seen.add(where)
            step.say(f"{len(tree)} files")
    for note in notes:
        progress.warn(f"tarball {path}: {note}")
    return tree


def _unpack(path: Path, aside: Path) -> None:
    contents = aside / "contents"
    contents.mkdir(parents=True)
    notes: list[str] = []
    try:
        with _uncompressed(path) as stream:
            found = list(members.read_members(stream, contents, notes))
    except members.MemberError as error:
        raise ArchiveError(f"tarball {path}: {error}") from error
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"tarball {path}: damaged: {error}") from error
    if not found:
        raise ArchiveError(f"tarball {path}: has no members")
    members.store(aside / "index", found, contents)
    (aside / "notes").write_text("".join(f"{note}\n" for note in notes), "utf-8", "surrogateescape")


@contextmanager
def _uncompressed(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(_ZSTD):
        with _zstd(path) as stream:
            yield stream
    elif start.startswith(b"\x1f\x8b"):
        with gzip.open(path) as stream:
            yield cast(BinaryIO, stream)
    elif start.startswith(b"\xfd7zXZ\0"):
        with lzma.open(path) as stream:
            yield cast(BinaryIO, stream)
    elif start.startswith(b"BZh"):
        with bz2.open(path) as stream:
            yield cast(BinaryIO, stream)
    else:
        with path.open("rb") as stream:
            yield stream


@contextmanager
def _zstd(path: Path) -> Iterator[BinaryIO]:
    """Uncompress with the program: Python has zstd since 3.14 only."""
    process = subprocess.Popen(
        [find_tool("zstd"), "-dcq", "--", path],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        try:
            yield cast(BinaryIO, process.stdout)
        except members.MemberError:
            # Is it the compression that is damaged?  Then that is the better message.
            if process.wait(timeout=60) > 0:
                raise _damaged(process) from None
            raise
        if process.wait():
            raise _damaged(process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _damaged(process: subprocess.Popen[bytes]) -> members.MemberError:
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace").strip()
    return members.MemberError(f"damaged: {said}")
