"""Putting the nodes of a system into a tree: what is added, what a source's own stays."""

from __future__ import annotations

import pytest

from boot.nodes import system_nodes
from image.errors import TreeError
from image.nodes import add_system_nodes
from image.tree import Node, Tree

EPOCH = 7
PFINET = ("/hurd/pfinet", "-i", "/dev/eth0", "-a", "10.0.2.15")


def test_an_empty_tree_gets_every_node_that_has_its_program() -> None:
    tree = Tree({"/hurd/rtc": Node("file", content=b"x")})
    added = add_system_nodes(tree, "kernel", epoch=EPOCH)
    optional = {node.path for node in system_nodes("kernel") if node.optional}
    assert "/dev/rtc" in tree and "/dev/rtc" in optional
    assert not optional - {"/dev/rtc"} & tree.keys()
    for node in added:
        found = tree[node.path]
        assert found.kind == node.kind
        assert found.translator == node.record
        assert (found.uid, found.gid, found.mtime) == (0, 0, EPOCH)
        assert found.target == node.target
    tree.validate()


def test_nodes_go_where_links_of_the_source_lead() -> None:
    tree = Tree({"/run": Node("directory"), "/usr/var": Node("directory")})
    tree.add("/var", Node("symlink", target="usr/var"))
    tree.add("/usr/var/run", Node("directory", 0o700))
    add_system_nodes(tree, "kernel", epoch=EPOCH)
    assert tree["/var"].kind == "symlink"
    assert tree["/usr/var/tmp"].mode == 0o1777
    assert tree["/usr/var/run"].kind == "directory"


def test_a_sources_own_records_stay_and_given_ones_go_before_them() -> None:
    tree = Tree({"/servers/socket/2": Node("file", 0o600, 5, 5, content=b"", translator=PFINET)})
    add_system_nodes(tree, "kernel", epoch=EPOCH)
    node = tree["/servers/socket/2"]
    assert (node.kind, node.mode, node.uid, node.translator) == ("character", 0o666, 0, PFINET)
    given = {"/servers/socket/2": (*PFINET, "-g", "10.0.2.2"), "/dev/klog": ()}
    add_system_nodes(tree, "kernel", epoch=EPOCH, translators=given)
    assert tree["/servers/socket/2"].translator[-1] == "10.0.2.2"
    assert tree["/dev/klog"].translator == ()


def test_proc_never_keeps_a_record() -> None:
    record = ("/hurd/procfs", "-c")
    tree = Tree({"/proc": Node("directory", 0o700, translator=record)})
    tree.add("/srv", Node("directory", translator=("/hurd/hostmux",)))
    add_system_nodes(tree, "kernel", epoch=EPOCH)
    assert (tree["/proc"].translator, tree["/proc"].mode) == ((), 0o555)
    assert tree["/srv"].translator == ("/hurd/hostmux",)
    with pytest.raises(TreeError, match="/proc: cannot have a passive translator beside"):
        add_system_nodes(tree, "kernel", epoch=EPOCH, translators={"/proc": record})


def test_content_stays_where_a_file_belongs_and_is_refused_elsewhere() -> None:
    tree = Tree({"/servers/exec": Node("file", content=b"what was there")})
    tree.add("/home", Node("directory", 0o711, 3, 3))
    add_system_nodes(tree, "kernel", epoch=EPOCH)
    assert tree["/servers/exec"].content == b"what was there"
    assert (tree["/home"].mode, tree["/home"].uid) == (0o711, 3)
    tree = Tree({"/dev/null": Node("file", content=b"mail")})
    with pytest.raises(TreeError, match="/dev/null: is to be a character, and a file with content"):
        add_system_nodes(tree, "kernel", epoch=EPOCH)
    tree = Tree({"/dev/hd0/x": Node("file", content=b"")})
    with pytest.raises(TreeError, match="/dev/hd0: a block cannot take the place of a directory"):
        add_system_nodes(tree, "kernel", epoch=EPOCH)


def test_a_record_for_a_node_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TreeError, match="/dev/nothing: is to have a translator"):
        add_system_nodes(Tree(), "kernel", epoch=EPOCH, translators={"/dev/nothing": ("/hurd/x",)})
