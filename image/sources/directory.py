"""A root tree from a directory of the builder's machine, which is read and never written.

Read by root, files have their real owners; an ordinary user's files all become root's, unless it is
asked for otherwise.  Passive translators are taken over where the filesystem has them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Literal

from image.cache import explained
from image.errors import ImageError
from image.progress import SILENT, Progress
from image.tree import Kind, Node, Tree, join

Owners = Literal["keep", "root"]

_KINDS: Final[dict[int, Kind]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def read_directory(path: Path, owners: Owners | None = None, progress: Progress = SILENT) -> Tree:
    """Return the tree below ``path``; contents stay where they are.

    ``owners`` says whose the files are: "keep" those they have, "root" all root's; by default
    "keep" if this process is root's.  Directories in which other filesystems are mounted come out
    empty.  Raises ImageError for what cannot be read, by name.
    """
    if not path.is_dir():
        problem = "not a directory" if path.exists() else "no such directory"
        raise ImageError(f"directory {path}: {problem}")
    keep = (owners or ("keep" if os.getuid() == 0 else "root")) == "keep"
    tree = Tree()
    with progress.step(f"Reading {path}") as step:
        _Reader(tree, keep, path).read()
        step.say(f"{len(tree)} files")
    return tree


class _Reader:
    """Fills a tree from a directory."""

    def __init__(self, tree: Tree, keep: bool, root: Path) -> None:
        self.tree = tree
        self.keep = keep
        self.root = os.fspath(root)
        self.names: dict[int, str] = {}
        """The first path of each file that has several."""

    def read(self) -> None:
        with explained(self.root):
            status = os.stat(self.root)
        self.device = status.st_dev
        self.tree.add("/", self._node(self.root, status))
        self._directory(self.root, "/")

    def _directory(self, source: str, path: str) -> None:
        with explained(source), os.scandir(source) as entries:
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        for entry in found:
            with explained(entry.path):
                status = entry.stat(follow_symlinks=False)
                node = self._node(entry.path, status)
            below = join(path, entry.name)
            if status.st_nlink > 1 and node.kind != "directory":
                first = self.names.setdefault(status.st_ino, below)
                if first != below:
                    self.tree.add(below, Node(node.kind, link=first))
                    continue
            self.tree.add(below, node)
            if node.kind == "directory" and status.st_dev == self.device:
                self._directory(entry.path, below)

    def _node(self, source: str, status: os.stat_result) -> Node:
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        if kind == "file" and not os.access(source, os.R_OK):
            raise ImageError(f"{source}: cannot be read (Permission denied)")
        return Node(
            kind,
            stat.S_IMODE(status.st_mode),
            status.st_uid if self.keep else 0,
            status.st_gid if self.keep else 0,
            max(0, int(status.st_mtime)),
            Path(source) if kind == "file" else None,
            os.readlink(source) if kind == "symlink" else "",
            translator=_translator(source),
        )


def _translator(source: str) -> tuple[str, ...]:
    try:
        words = os.getxattr(source, "gnu.translator", follow_symlinks=False)
    except (OSError, AttributeError):
        return ()  # most filesystems, and most systems, have no such attributes
    return tuple(os.fsdecode(word) for word in words.rstrip(b"\0").split(b"\0"))
