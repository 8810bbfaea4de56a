"""The root tree of an image: what each file is to be, apart from where its bytes come from.

The sources of packages, directories and tarballs make a `Tree`; drover and the configuration add
to it; the filesystem is written from it.  Owners, modes and device nodes live here and never on
the builder's disk, which is why no step needs root.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from image.errors import TreeError

Kind = Literal["file", "directory", "symlink", "character", "block", "fifo", "socket"]

_NAME_MAX = 255  # bytes of one name, ext2
_SYMLINK_MAX = 4095  # bytes of a symbolic link's target: one block of the filesystem, less one


@dataclass(frozen=True, slots=True)
class Node:
    """One file of the tree.

    `mode` are the permission bits (0 to 0o7777), `mtime` is in seconds since the epoch.
    `content` is the bytes of a regular file, or a regular file of the builder's machine that
    holds them.  `link` is the path of another node of the tree that this is a further name of;
    everything else of such a node is ignored. `translator` are the words of a passive translator
    record.
    """

    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    content: bytes | Path | None = None
    target: str = ""
    link: str = ""
    translator: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of a regular file's content (OSError if its file cannot be read); else 0."""
        if self.kind != "file" or self.content is None:
            return 0
        if isinstance(self.content, Path):
            return self.content.stat().st_size
        return len(self.content)


def directory(mode: int = 0o755, *, mtime: int = 0) -> Node:
    """Return a directory that root owns."""
    return Node("directory", mode, mtime=mtime)


class Tree(Mapping[str, Node]):
    """Absolute paths ("/" included) and their nodes, iterated with parents before children.

    The order is the same for the same set of paths, however they came in.  Whoever holds a tree
    may change it with `add`, `remove` and `merge`; `validate` says whether it can become a
    filesystem.
    """

    def __init__(self, nodes: Mapping[str, Node] | None = None) -> None:
        self._nodes: dict[str, Node] = {"/": directory()}
        self._sorted = True
        for path in sorted(nodes or {}, key=_order):
            self.add(path, (nodes or {})[path])

    def __getitem__(self, path: str) -> Node:
        return self._nodes[path]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._in_order()))  # the tree may change meanwhile

    def keys(self) -> KeysView[str]:
        """The paths in order; no path may be added or removed meanwhile."""
        return self._in_order().keys()

    def values(self) -> ValuesView[Node]:
        """The nodes in the order of their paths."""
        return self._in_order().values()

    def items(self) -> ItemsView[str, Node]:
        """The paths and their nodes, in order; no path may be added or removed meanwhile."""
        return self._in_order().items()

    def _in_order(self) -> dict[str, Node]:
        if not self._sorted:
            self._nodes = {path: self._nodes[path] for path in sorted(self._nodes, key=_order)}
            self._sorted = True
        return self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, path: object) -> bool:
        return path in self._nodes

    def add(self, path: str, node: Node) -> None:
        """Put a node in, instead of what was there under that path.

        Directories above it that are missing are made (root's, 0755).  Raises TreeError for a
        path that is not absolute and clean, and for one below something that is no directory.
        """
        _check_path(path)
        above = parent(path)
        while above not in self._nodes:
            self._nodes[above] = directory(mtime=node.mtime)
            self._sorted = False
            above = parent(above)
        if path != "/" and self._nodes[above].kind != "directory":
            raise TreeError(path, f"{above} is a {self._nodes[above].kind}, not a directory")
        known = self._nodes.get(path)
        if known is None:
            self._sorted = False
        elif known.kind == "directory" and node.kind != "directory" and self.children(path):
            raise TreeError(path, f"a {node.kind} cannot take the place of a directory with files")
        self._nodes[path] = node

    def remove(self, path: str) -> None:
        """Take out a path and all below it; KeyError if there is none, TreeError for the root."""
        if path == "/":
            raise TreeError("/", "the root cannot be removed")
        node = self._nodes.pop(path)
        if node.kind == "directory":
            below = path + "/"
            for one in [name for name in self._nodes if name.startswith(below)]:
                del self._nodes[one]

    def merge(self, other: Mapping[str, Node]) -> None:
        """Add all of `other`; of two nodes of one path, that of `other` counts."""
        for path in sorted(other, key=_order):
            self.add(path, other[path])

    def copy(self) -> Tree:
        """Return an independent tree with the same nodes."""
        new = Tree()
        new._nodes = dict(self._nodes)
        new._sorted = self._sorted
        return new

    def update(self, path: str, **changes: object) -> None:
        """Change fields of the node at `path`; KeyError if there is none."""
        self._nodes[path] = replace(self._nodes[path], **changes)  # type: ignore[arg-type]

    def children(self, path: str) -> list[str]:
        """Return the paths directly below a directory, sorted."""
        below = path.rstrip("/") + "/"
        return sorted(
            one
            for one in self._nodes
            if one.startswith(below) and one != "/" and "/" not in one[len(below) :]
        )

    def resolve(self, path: str, *, last: bool = True) -> str | None:
        """Return the path that `path` leads to through symbolic links inside the tree.

        None if there is no such file or the links go round in circles.  With `last=False` a
        symbolic link at the end is not followed.
        """
        way = Way(path)
        while (step := way.step()) is not None:
            node = self._nodes.get(step)
            if node is None:
                return None
            if node.kind == "symlink" and not node.link and (way.waiting or last):
                if not way.follow(node.target):
                    return None
            else:
                way.reached = step
        return way.reached

    def validate(self) -> None:
        """Raise TreeError for the first node that cannot be in an ext2 filesystem of a Hurd.

        Files of the builder's machine are not looked at.
        """
        for path in self:
            node = self._nodes[path]
            _check_path(path)
            if path != "/" and self._nodes[parent(path)].kind != "directory":
                raise TreeError(path, f"{parent(path)} is not a directory")
            if node.link:
                self._check_link(path, node)
            else:
                _check_node(path, node)
        if self._nodes["/"].kind != "directory":
            raise TreeError("/", "the root must be a directory")

    def _check_link(self, path: str, node: Node) -> None:
        other = self._nodes.get(node.link)
        if other is None:
            raise TreeError(path, f"is a hard link to {node.link}, which does not exist")
        if other.link:
            raise TreeError(path, f"is a hard link to {node.link}, which is a hard link itself")
        if other.kind == "directory":
            raise TreeError(path, f"is a hard link to {node.link}, which is a directory")


class Way:
    """A walk along a path of a tree: how far it has come, and the words that are left."""

    _LINKS = 40  # as in Linux and other kernels

    def __init__(self, path: str) -> None:
        self.reached = "/"
        self.waiting = _words(path)
        self._followed = 0

    def step(self) -> str | None:
        """Return the next path on the way; None at its end."""
        while self.waiting:
            word = self.waiting.pop()
            if word == "..":
                self.reached = parent(self.reached)
            elif word != ".":
                return join(self.reached, word)
        return None

    def follow(self, target: str) -> bool:
        """Go on where a symbolic link leads; False if there were too many."""
        self._followed += 1
        if target.startswith("/"):
            self.reached = "/"
        self.waiting += _words(target)
        return self._followed <= self._LINKS


def _words(path: str) -> list[str]:
    return [word for word in reversed(path.split("/")) if word]


def parent(path: str) -> str:
    """Return the directory of an absolute path; the root's is the root."""
    return path.rpartition("/")[0] or "/"


def join(above: str, name: str) -> str:
    """Return the path of `name` in the directory `above`."""
    return f"/{name}" if above == "/" else f"{above}/{name}"


def _order(path: str) -> str:
    """The key of the order: by components, so that a directory's files stay together."""
    return path.replace("/", "\0")  # before all that names may have


def _check_path(path: str) -> None:
    if not path.startswith("/"):
        raise TreeError(repr(path), "is not an absolute path")
    if path == "/":
        return
    for part in path[1:].split("/"):
        if part in ("", ".", ".."):
            raise TreeError(path, f"has {part!r} as a component")
        if "\0" in part:
            raise TreeError(repr(path), "contains a NUL")
        if len(encode(part)) > _NAME_MAX:
            raise TreeError(path, f"has a name longer than {_NAME_MAX} bytes")


def encode(text: str) -> bytes:
    """Return a name as the filesystem's bytes; those that could not be decoded come back."""
    return text.encode("utf-8", "surrogateescape")


def _check_node(path: str, node: Node) -> None:
    if not 0 <= node.mode <= 0o7777:
        raise TreeError(path, f"has the mode {node.mode:#o}, which is more than permission bits")
    for name, value in (("uid", node.uid), ("gid", node.gid), ("mtime", node.mtime)):
        if not 0 <= value <= 0xFFFF_FFFF:
            raise TreeError(path, f"has {name} {value}, which does not fit into 32 bits")
    if node.kind == "symlink":
        if not node.target or "\0" in node.target:
            raise TreeError(path, f"is a symbolic link to {node.target!r}")
        if len(encode(node.target)) > _SYMLINK_MAX:
            raise TreeError(path, f"is a symbolic link of more than {_SYMLINK_MAX} bytes")
    if node.kind != "file" and node.content is not None:
        raise TreeError(path, f"is a {node.kind} and has content")
    if any("\0" in word for word in node.translator):
        raise TreeError(path, f"has a translator with a NUL: {node.translator!r}")
