"""The root tree: paths, order, links, and which trees cannot become a filesystem."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.errors import TreeError
from image.tree import Node, Tree, parent

FILE = Node("file", content=b"text")
paths = st.lists(st.sampled_from(["a", "b", "a-b", "a.b", "é"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@given(st.lists(paths, max_size=20))
def test_parents_come_first_and_the_order_does_not_depend_on_how_it_was_made(
    names: list[str],
) -> None:
    forwards, backwards = Tree(), Tree()
    for tree, order in ((forwards, names), (backwards, names[::-1])):
        for name in order:
            tree.add(name, Node("directory", 0o755))
    assert list(forwards) == list(backwards)
    seen: set[str] = set()
    for path in forwards:
        assert path == "/" or parent(path) in seen
        seen.add(path)
    assert seen >= set(names)


def test_missing_directories_above_a_file_are_made() -> None:
    tree = Tree()
    tree.add("/usr/lib/x", FILE)
    assert tree["/usr/lib"].kind == "directory"
    assert (tree["/usr/lib"].mode, tree["/usr/lib"].uid) == (0o755, 0)
    assert tree.children("/usr") == ["/usr/lib"]


def test_removing_a_directory_takes_what_is_below_and_nothing_beside() -> None:
    tree = Tree({"/a/b/c": FILE, "/a/bc": FILE})
    tree.remove("/a/b")
    assert list(tree) == ["/", "/a", "/a/bc"]
    with pytest.raises(KeyError):
        tree.remove("/a/b")


def test_merging_takes_the_other_trees_nodes_and_a_copy_stays_as_it_was() -> None:
    tree = Tree({"/a": FILE})
    before = tree.copy()
    tree.merge(Tree({"/a": replace(FILE, mode=0o600), "/b": FILE}))
    assert tree["/a"].mode == 0o600
    assert list(tree) == ["/", "/a", "/b"]
    assert list(before) == ["/", "/a"] and before["/a"].mode == 0o644


def test_symbolic_links_are_followed_inside_the_tree_only() -> None:
    tree = Tree({"/usr/bin/sh": FILE, "/usr/lib/x": FILE})
    tree.add("/bin", Node("symlink", target="usr/bin"))
    tree.add("/usr/lib/up", Node("symlink", target="/bin/../../../usr/./lib/x"))
    tree.add("/round", Node("symlink", target="round"))
    assert tree.resolve("/bin/sh") == "/usr/bin/sh"
    assert tree.resolve("/usr/lib/up") == "/usr/lib/x"
    assert tree.resolve("/bin", last=False) == "/bin"
    assert tree.resolve("/round") is None
    assert tree.resolve("/bin/nothing") is None


@pytest.mark.parametrize(
    "path", ["", "a", "/a/", "/a//b", "/a/../b", "/.", "/a\0b", "/" + "x" * 256]
)
def test_paths_that_cannot_be_are_refused(path: str) -> None:
    with pytest.raises(TreeError):
        Tree().add(path, FILE)


def test_nothing_goes_below_a_file_or_in_the_place_of_a_full_directory() -> None:
    tree = Tree({"/a": FILE, "/d/x": FILE})
    with pytest.raises(TreeError, match="/a is a file, not a directory"):
        tree.add("/a/b", FILE)
    with pytest.raises(TreeError, match="/d: a file cannot take the place"):
        tree.add("/d", FILE)


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (replace(FILE, mode=0o10000), "mode 0o10000"),
        (replace(FILE, uid=-1), "uid -1"),
        (replace(FILE, mtime=2**32), "mtime 4294967296"),
        (Node("symlink", target=""), "symbolic link to ''"),
        (Node("symlink", target="x" * 4096), "more than 4095 bytes"),
        (Node("fifo", content=b"x"), "is a fifo and has content"),
        (replace(FILE, translator=("/hurd/x", "a\0b")), "translator with a NUL"),
        (Node("file", link="/nothing"), "hard link to /nothing, which does not exist"),
        (Node("file", link="/"), "which is a directory"),
        (Node("file", link="/y"), "which is a hard link itself"),
    ],
)
def test_nodes_that_cannot_be_written_are_named(node: Node, problem: str) -> None:
    tree = Tree({"/f": FILE, "/y": Node("file", link="/f")})
    tree.add("/dir", Node("directory"))
    tree.add("/dir/x", node)
    with pytest.raises(TreeError, match=problem) as caught:
        tree.validate()
    assert str(caught.value).startswith("/dir/x: ")
