"""Writing filesystems: e2fsck finds nothing, and debugfs and our reader find what was put in."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image.errors import ConfigurationError, ImageError, NoSpace, TreeError
from image.ext2.geometry import Allocator, Geometry, has_superblock
from image.ext2.pointers import encode_pointers, from_little_endian, indirect_blocks
from image.filesystem import make_plan, write_filesystem
from image.tree import Kind, Node, Tree, encode
from tests.image.disks import EPOCH, debugfs, e2fsck, open_filesystem, stat, system_tree

MIB = 1 << 20


def write(tree: Tree, path: Path, size: int | None = None) -> Path:
    write_filesystem(tree, path, epoch=EPOCH, size=size)
    return path


def test_e2fsck_and_debugfs_agree_with_the_tree(tmp_path: Path) -> None:
    tree = system_tree()
    tree.add("/bin/su", Node("file", 0o4755, 0, 42, 1_600_000_000, content=b"x" * 5000))
    tree.add("/home/me", Node("directory", 0o750, 1000, 70000, 5))
    tree.add("/home/me/pipe", Node("fifo", 0o600, 1000, 70000, 5))
    image = write(tree, tmp_path / "fs")
    assert e2fsck(image) == ""
    su = stat(image, "/bin/su")
    assert (su["Type"], su["Mode"], su["User"], su["Group"]) == ("regular", "04755", "0", "42")
    assert (su["Size"], su["mtime"]) == ("5000", f"0x{1_600_000_000:08x}")
    me = stat(image, "/home/me")
    assert (me["Type"], me["Mode"], me["User"], me["Group"]) == (
        "directory",
        "0750",
        "1000",
        "70000",
    )
    null = stat(image, "/dev/null")
    assert (null["Type"], null["Mode"], null["User"]) == ("character special", "0666", "0")
    assert stat(image, "/dev/hd0")["Type"] == "block special"
    assert stat(image, "/home/me/pipe")["Type"] == "FIFO"
    passive = {path: node.translator for path, node in tree.items() if node.translator}
    assert len(passive) > 150
    told = debugfs(image, *[f"ea_get -x {path} gnu.translator" for path in passive])
    found = re.findall(r"gnu\.translator \(\d+\) = ([0-9a-f ]*)", told)
    for (path, record), value in zip(passive.items(), found, strict=True):
        assert bytes.fromhex(value) == "".join(word + "\0" for word in record).encode(), path
        # An attribute in the inode itself is invisible to the Hurd.
        assert stat(image, path)["File ACL"] != "0", path
    for path in ("/servers/exec", "/proc", "/dev/urandom"):
        assert stat(image, path)["File ACL"] == "0"


def test_features_are_those_that_the_hurd_has(tmp_path: Path) -> None:
    tree = Tree({"/x": Node("file", content=b"")})
    image = tmp_path / "fs"
    write_filesystem(tree, image, epoch=EPOCH, label="goose", uuid=bytes(range(16)))
    told = debugfs(image, "stats")
    assert "Filesystem OS type:       Hurd\n" in told
    assert "Filesystem features:      ext_attr sparse_super large_file\n" in told
    assert "Block size:               4096\n" in told
    assert re.search(r"^Inode size:\s+128$", told, re.M)
    assert "Filesystem state:         clean\n" in told
    assert "Filesystem volume name:   goose\n" in told
    assert "Filesystem UUID:          00010203-0405-0607-0809-0a0b0c0d0e0f\n" in told


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(lambda name: name not in (".", "..", "lost+found") and len(encode(name)) < 256)
ids = st.integers(0, 2**32 - 1)
contents = st.binary(max_size=20_000) | st.integers(0, 60).map(
    lambda n: bytes([n % 251]) * n * 4099
)
KINDS: list[Kind] = ["file", "directory", "symlink", "character", "block", "fifo", "socket"]
targets = st.integers(1, 4095).map(lambda length: "t" * length) | names
records = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    max_size=5,
)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    kind = draw(st.sampled_from(KINDS))
    translator = tuple(draw(records))
    if kind == "symlink" or (translator and not translator[0]):
        translator = ()
    return Node(
        kind, draw(st.integers(0, 0o7777)), draw(ids), draw(ids), draw(st.integers(0, EPOCH)),
        content=draw(contents) if kind == "file" else None,
        target=draw(targets) if kind == "symlink" else "",
        translator=translator,
    )  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    tree = Tree()
    for _ in range(draw(st.integers(0, 12))):
        above = draw(st.sampled_from([path for path in tree if tree[path].kind == "directory"]))
        path = f"{above.rstrip('/')}/{draw(names)}"
        if path in tree:
            continue
        tree.add(path, draw(nodes()))
        others = [one for one, node in tree.items() if node.kind == "file" and not node.link]
        if draw(st.booleans()) and others:
            other = draw(st.sampled_from(others))
            link = f"{above.rstrip('/')}/{draw(names)}"
            if link not in tree:
                tree.add(link, Node("file", link=other))
    return tree


@given(trees())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_is_clean_and_comes_back(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as place:
        image = write(tree, Path(place, "fs"))
        assert e2fsck(image) == ""
        filesystem = open_filesystem(image)
        entries = {entry.path: entry for entry in filesystem.walk()}
        assert entries.keys() - {"/lost+found"} == tree.keys()
        for path, node in tree.items():
            entry, wanted = entries[path], tree[node.link] if node.link else node
            inode = entry.inode
            assert inode.kind == wanted.kind
            if wanted.kind != "symlink":
                assert inode.mode & 0o7777 == wanted.mode
            assert (inode.uid, inode.gid, inode.modified) == (wanted.uid, wanted.gid, wanted.mtime)
            if wanted.kind == "file":
                assert filesystem.content(inode) == wanted.content
            if wanted.kind == "symlink":
                assert filesystem.content(inode) == encode(wanted.target)
            assert filesystem.translator(entry) == wanted.translator
            if node.link:
                assert entry.number == entries[node.link].number
            linked = [one for one, other in tree.items() if other.link == (node.link or path)]
            if inode.kind != "directory":
                assert inode.links == 1 + len(linked)


def test_files_of_the_builder_are_copied_across_groups(tmp_path: Path) -> None:
    source = tmp_path / "source"
    block = os.urandom(MIB)
    with source.open("wb") as file:
        for n in range(150):
            file.write(bytes([n]) * 7 + block[7:])
        file.write(b"the end")
    tree = Tree({"/small": Node("file", content=b"beside")})
    tree.add("/large", Node("file", content=source))
    image = write(tree, tmp_path / "fs")
    assert e2fsck(image) == ""
    debugfs(image, f"dump /large {tmp_path / 'back'}")
    with source.open("rb") as one, (tmp_path / "back").open("rb") as other:
        wanted, found = (hashlib.file_digest(file, "sha256").digest() for file in (one, other))
    assert found == wanted


def test_a_large_directory_and_long_names(tmp_path: Path) -> None:
    tree = Tree()
    for n in range(5000):
        tree.add(f"/d/{'long' * 20}{n:05}", Node("file", content=b""))
    image = write(tree, tmp_path / "fs")
    assert e2fsck(image) == ""
    assert sum(1 for _ in open_filesystem(image).walk()) == 5003


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3 * MIB))
    hashes: set[bytes] = set()
    for name in ("one", "two"):
        tree = system_tree()
        tree.add("/data", Node("file", content=source))
        os.utime(source, (len(name), len(hashes)))
        hashes.add(hashlib.sha256(write(tree, tmp_path / name).read_bytes()).digest())
    assert len(hashes) == 1
    tree.add("/data", Node("file", 0o600, content=source))
    assert hashlib.sha256(write(tree, tmp_path / "three").read_bytes()).digest() not in hashes


def test_times_after_the_epoch_become_the_epoch(tmp_path: Path) -> None:
    tree = Tree({"/late": Node("file", content=b"", mtime=EPOCH + 5)})
    image = write(tree, tmp_path / "fs")
    assert stat(image, "/late")["mtime"] == f"0x{EPOCH:08x}"


def test_the_size_has_room_to_work_with(tmp_path: Path) -> None:
    small = make_plan(system_tree(), epoch=EPOCH)
    assert small.superblock.free_blocks * 4096 >= 60 * MIB
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(400 * MIB)
    large = make_plan(Tree({"/x": Node("file", content=source)}), epoch=EPOCH)
    assert 495 * MIB <= large.size <= 530 * MIB


@pytest.mark.parametrize("size", [17 * MIB, 130 * MIB, 128 * MIB + 4096, 300 * MIB + 12345])
def test_a_given_size_is_kept_to(tmp_path: Path, size: int) -> None:
    image = write(system_tree(), tmp_path / "fs", size=size)
    assert size - 6 * MIB <= image.stat().st_size <= size
    assert e2fsck(image) == ""


def test_what_does_not_fit_is_told_with_figures(tmp_path: Path) -> None:
    tree = Tree({"/x": Node("file", content=bytes(10 * MIB))})
    with pytest.raises(NoSpace, match=r"needs a filesystem of 10\.\d MiB .* to have 8\.0 MiB"):
        write(tree, tmp_path / "fs", size=8 * MIB)
    assert list(tmp_path.iterdir()) == []


def test_the_smallest_size_that_is_told_is_enough(tmp_path: Path) -> None:
    tree = system_tree()
    tree.add("/x", Node("file", content=bytes(3 * MIB)))
    with pytest.raises(NoSpace) as caught:
        make_plan(tree, epoch=EPOCH, size=MIB)
    least = float(str(caught.value).split("filesystem of ")[1].split(" MiB")[0])
    image = write(tree, tmp_path / "fs", size=int((least + 0.1) * MIB))
    assert e2fsck(image) == ""


def test_content_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    source = tmp_path / "gone"
    source.write_bytes(b"x")
    tree = Tree({"/x": Node("file", content=source)})
    plan = make_plan(tree, epoch=EPOCH)
    source.write_bytes(b"xy")
    output = tmp_path / "fs"
    from image.filesystem import write_plan

    with output.open("wb") as file, pytest.raises(ImageError, match="changed its size") as caught:
        write_plan(plan, file.fileno(), 0)
    assert str(source) in str(caught.value) and "/x in the image" in str(caught.value)
    source.unlink()
    with output.open("wb") as file, pytest.raises(ImageError, match="No such file"):
        write_plan(plan, file.fileno(), 0)
    with pytest.raises(ImageError, match="gone: No such file or directory; it is to become /x"):
        write(tree, tmp_path / "fs")
    tree.add("/x", Node("file", content=tmp_path))
    with pytest.raises(ImageError, match="not a regular file; it is to become /x"):
        write(tree, tmp_path / "fs")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"label: .* longer than 16 bytes"):
        make_plan(Tree(), epoch=EPOCH, label="x" * 17)
    with pytest.raises(TreeError, match=r"/lost\+found: must be a directory"):
        make_plan(Tree({"/lost+found": Node("file", content=b"")}), epoch=EPOCH)
    long = Node("file", translator=("/hurd/x", "y" * 5000))
    with pytest.raises(TreeError, match=r"/t: .* bytes, but only"):
        make_plan(Tree({"/t": long}), epoch=EPOCH)
    missing = tmp_path / "no" / "fs"
    with pytest.raises(ImageError, match="no/fs: No such file or directory"):
        write(Tree(), missing)


def test_the_mode_of_lost_and_found_may_be_chosen(tmp_path: Path) -> None:
    tree = Tree({"/lost+found": Node("directory", 0o755)})
    image = write(tree, tmp_path / "fs")
    found = stat(image, "/lost+found")
    assert (found["Inode"], found["Mode"], found["Size"]) == ("11", "0755", "16384")


@given(st.integers(0, 3000) | st.integers(1024**2 - 10, 1024**2 + 5000))
@settings(max_examples=15, deadline=None)
def test_pointers_lead_to_all_blocks_in_order(count: int) -> None:
    from array import array

    blocks = array("I", range(10_000_000, 10_000_000 + count))
    numbers = iter(range(1, 5000))
    top, made = encode_pointers(blocks, numbers)
    assert len(made) == indirect_blocks(count)
    indirect = {number: from_little_endian(data) for number, data in made}

    def leaves(number: int, level: int) -> Iterator[int]:
        if not number:
            return
        if level == 0:
            yield number
            return
        for one in indirect[number]:
            yield from leaves(one, level - 1)

    pointers = from_little_endian(top)
    found = [one for one in pointers[:12] if one]
    for level in (1, 2, 3):
        found += leaves(pointers[11 + level], level)
    assert found == blocks.tolist()


@given(st.integers(300, 700_000), st.integers(11, 100_000))
@settings(deadline=None)
def test_groups_never_overlap_and_nothing_is_outside(blocks: int, inodes: int) -> None:
    geometry = Geometry.fit(blocks, inodes)
    if geometry.available <= 0:
        return
    assert geometry.blocks <= blocks
    taken: set[int] = set()
    allocator = Allocator(geometry)
    for first, count in allocator.take(geometry.available):
        group = first // 32768
        assert first >= geometry.start(group) + geometry.overhead(group)
        assert first + count <= geometry.start(group) + geometry.size(group)
        assert group not in taken
        taken.add(group)
    with pytest.raises(IndexError):
        allocator.take(1)


def test_copies_of_the_superblock_are_where_e2fsck_looks() -> None:
    found = [group for group in range(130) if has_superblock(group)]
    assert found == [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]


def test_a_copy_of_the_superblock_mends_a_filesystem(tmp_path: Path) -> None:
    tree = system_tree()
    image = write(tree, tmp_path / "fs", size=200 * MIB)
    with image.open("r+b") as file:
        file.write(bytes(8192))
    words = ["-fy", "-b", "32768", "-B", "4096", str(image)]
    from image.run import run

    run(["e2fsck", *words], accept=(0, 1))
    assert e2fsck(image) == ""
    found = {entry.path for entry in open_filesystem(image).walk()}
    assert found >= tree.keys()


def test_links_of_a_directory_are_limited(tmp_path: Path) -> None:
    tree = Tree({"/f": Node("file", content=b"")})
    for n in range(32_000):
        tree.add(f"/l/{n}", replace(tree["/f"], link="/f"))
    with pytest.raises(TreeError, match="more than 32000 links"):
        make_plan(tree, epoch=EPOCH)
