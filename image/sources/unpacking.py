"""Putting members into a tree as a kernel would put files into a root.

Directories are reached through symbolic links of the tree (so packages for a merged /usr land where
they should), hard links stay with the content they had, and nothing can leave the tree.
"""

from __future__ import annotations

from dataclasses import replace

from image.errors import TreeError
from image.tree import Node, Tree, Way, directory, join, parent


class Unpacker:
    """Puts nodes into ``tree``, which nobody else changes meanwhile.

    With ``keep_directories`` the first one to make a directory decides its owner and mode, as
    with dpkg; otherwise the last, as with tar.
    """

    def __init__(self, tree: Tree, *, keep_directories: bool) -> None:
        self.tree = tree
        self._keep = keep_directories
        self._ways: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        for path, node in tree.items():
            if node.link:
                self._names.setdefault(node.link, []).append(path)

    def place(self, path: str) -> str:
        """Return where ``path`` really is, making the directories on the way that are missing.

        Raises TreeError if something on the way is no directory.
        """
        if path == "/":
            return path
        return join(self._way(parent(path)), path.rpartition("/")[2])

    def put(self, path: str, node: Node) -> str:
        """Put a node in, or instead of what is there; return the path where it is now.

        Raises TreeError if it would take the place of a directory that has files, or is a hard
        link to what is not there.
        """
        place = self.place(path)
        known = self.tree.get(place)
        if node.kind == "directory":
            if known is not None and known.kind == "symlink" and not known.link:
                inside = self.tree.resolve(place)
                if inside is not None and self.tree[inside].kind == "directory":
                    return inside  # as dpkg does: the link stays, files go through it
            if known is not None and known.kind == "directory" and self._keep and place != "/":
                return place
        if node.link:
            node = self._linked(place, node)
            if node.link == place:
                return place
        if known is not None and place in self._names:
            self._promote(place)
        self.tree.add(place, node)
        if node.link:
            self._names.setdefault(node.link, []).append(place)
        if node.kind == "symlink" or (known is not None and known.kind == "symlink"):
            self._ways.clear()
        return place

    def _linked(self, place: str, node: Node) -> Node:
        target = self.place(node.link)
        other = self.tree.get(target)
        if other is None:
            raise TreeError(place, f"is a hard link to {node.link}, which is not there")
        if other.kind == "directory":
            raise TreeError(place, f"is a hard link to {node.link}, which is a directory")
        return replace(other, link=other.link or target, content=None)

    def _promote(self, place: str) -> None:
        """Let another name of a file, which is about to be replaced, have its content."""
        names = [one for one in self._names.pop(place) if self._is_name(one, place)]
        if not names:
            return
        first, *others = names
        self.tree.add(first, self.tree[place])
        for one in others:
            self.tree.add(one, replace(self.tree[one], link=first))
        self._names[first] = others

    def _is_name(self, path: str, of: str) -> bool:
        node = self.tree.get(path)
        return node is not None and node.link == of

    def _way(self, path: str) -> str:
        """Return the directory that ``path`` leads to; made if it is missing."""
        known = self._ways.get(path)
        if known is not None:
            return known
        way = Way(path)
        while (step := way.step()) is not None:
            node = self.tree.get(step)
            if node is None:
                node = directory()
                self.tree.add(step, node)
            if node.kind == "symlink":
                if not way.follow(node.target):
                    raise TreeError(path, "leads in circles through symbolic links")
            elif node.kind == "directory":
                way.reached = step
            else:
                raise TreeError(path, f"{step} is a {node.kind}, not a directory")
        self._ways[path] = way.reached
        return way.reached
