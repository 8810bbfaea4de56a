"""Trees of files for tests: made, read, and written to a directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from image.tree import Node, Tree


def tree_of(files: Mapping[str, str]) -> Tree:
    tree = Tree()
    for path, text in files.items():
        kind = Node("symlink", 0o777, target=text[3:]) if text.startswith("-> ") else None
        tree.add(path, kind or Node("file", 0o755, content=text.encode()))
    return tree


def content(tree: Tree, path: str) -> bytes:
    place = tree.resolve(path)
    assert place is not None, path
    data = tree[place].content
    return data.read_bytes() if isinstance(data, Path) else data or b""


def unpack(tree: Tree, root: Path) -> None:
    """Write the files of a tree below a directory, all ours."""
    for path, node in tree.items():
        file = root / path.lstrip("/")
        if node.kind == "directory":
            file.mkdir(exist_ok=True)
        elif node.kind == "symlink":
            file.symlink_to(node.target)
        elif node.kind == "file":
            file.write_bytes(content(tree, node.link or path))
            file.chmod(node.mode)
