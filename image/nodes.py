"""Put the nodes of a Hurd system into a root tree: those of boot's table that it lacks.

What a source brings of its own is kept where it may differ between systems: the translator on a
node that has one, the target of a link.  Kinds and modes are as the table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from boot.nodes import SystemNode, system_nodes
from image.errors import TreeError
from image.menu import Driver
from image.tree import Node, Tree, join

_NO_RECORDS: Mapping[str, tuple[str, ...]] = {}


def add_system_nodes(
    tree: Tree,
    driver: Driver,
    *,
    epoch: int,
    translators: Mapping[str, tuple[str, ...]] = _NO_RECORDS,
) -> list[SystemNode]:
    """Add the nodes of a system whose disks have that driver; return those that belong to it.

    `translators` are records that replace those of the table and of the source, by path, such as
    pfinet's with addresses; empty words take one away.  `epoch` is the time of new nodes.

    Raises TreeError for a node that is a file with content, or a directory with files, in the way.
    """
    wanted = [node for node in system_nodes(driver) if _useful(tree, node)]
    for node in wanted:
        # A name may lead elsewhere, as /var/run does to /run: what it leads to is meant.
        path = _place(tree, node)
        known = tree.get(path)
        if node.kind == "symlink" and (known is not None or node.path in tree):
            continue
        if known is None:
            made = _make(node, epoch)
        elif node.kind == known.kind == "directory" and not node.record:
            made = replace(
                known,
                mode=node.mode if node.essential else known.mode,
                # What the boot starts here must not be a record as well.
                translator=() if node.translator else known.translator,
            )
        else:
            made = _convert(path, known, node)
        tree.add(path, made)
    for path, words in translators.items():
        if path not in tree:
            raise TreeError(path, "is to have a translator and is not in the root tree")
        tree.update(path, translator=words)
    _refuse_deadlock(tree)
    return wanted


def _refuse_deadlock(tree: Tree) -> None:
    """Raise TreeError for records on both /proc and /dev/random: see `boot.nodes`."""
    both = [path for path in ("/proc", "/dev/random") if path in tree and tree[path].translator]
    if len(both) == 2:
        raise TreeError("/proc", "cannot have a passive translator beside that of /dev/random: "
                        "each would wait for the other, and no boot would end")  # fmt: skip


def _useful(tree: Tree, node: SystemNode) -> bool:
    """Whether the program of an optional node is there; other nodes are always useful."""
    return not node.optional or tree.resolve(node.program) is not None


def _place(tree: Tree, node: SystemNode) -> str:
    """Return where a node is once links on the way, and a directory's own, are followed."""
    if node.kind == "directory":
        reached = tree.resolve(node.path)
        if reached is not None:
            return reached
    above, _, name = node.path.rpartition("/")
    reached = tree.resolve(above or "/")
    return join(reached, name) if reached is not None else node.path


def _make(node: SystemNode, epoch: int) -> Node:
    mode = 0o777 if node.kind == "symlink" else node.mode
    return Node(node.kind, mode, mtime=epoch, target=node.target, translator=node.record)


def _convert(path: str, known: Node, node: SystemNode) -> Node:
    """Return the source's node as the table wants it, with the source's own record if any."""
    if known.link or (known.kind == "file" and node.kind != "file" and known.size):
        raise TreeError(path, f"is to be a {node.kind}, and a file with content is there")
    if known.kind == "symlink":
        # /dev/shm, /dev/fd and others may be links in one system and nodes in another.
        return known if not node.essential else replace(_make(node, known.mtime))
    made = _make(node, known.mtime)
    content = known.content if node.kind == known.kind == "file" else None
    return replace(made, content=content, translator=known.translator or node.record)
