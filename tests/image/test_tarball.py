"""Roots from tarballs: what real archives hold, and what hostile and damaged ones try."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image.cache import Cache
from image.errors import ArchiveError, ImageError
from image.progress import Progress
from image.sources.tarball import read_tarball
from image.tree import Node, Tree


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = 1_700_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def directory(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE, mode=0o755), b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target), b""


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target), b""


class Warnings(Progress):
    """Collects what users would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def warn(self, text: str) -> None:
        self.texts.append(text)


class Reader:
    """Reads archives of one test."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "root.tar"
        self.cache = Cache(directory / "cache")
        self.said = Warnings()

    def __call__(self, *members: tuple[tarfile.TarInfo, bytes], data: bytes = b"") -> Tree:
        self.file.write_bytes(data or archive(*members))
        return read_tarball(self.file, self.cache, self.said)


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def content(node: Node) -> bytes:
    return node.content.read_bytes() if isinstance(node.content, Path) else node.content or b""


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _zstd,
}

EXAMPLE = archive(
    directory("./"),
    directory("etc"),
    (member("etc/shadow", mode=0o640, uid=0, gid=42), b"root:*:::::::\n"),
    (member("usr/bin/su", mode=0o4755, uid=0, gid=0), b"\x7fELF" * 5000),
    (member("home/ann/a file", mode=0o600, uid=1000, gid=1001), b""),
    symlink("bin", "usr/bin"),
    hard_link("usr/bin/su2", "usr/bin/su"),
    (member("dev/null", type=tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3), b""),
    (member("dev/hd0", type=tarfile.BLKTYPE, mode=0o640), b""),
    (member("run/pipe", type=tarfile.FIFOTYPE, mode=0o600), b""),
)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_tarball_becomes_a_tree(read: Reader, compression: str) -> None:
    tree = read(data=COMPRESSIONS[compression](EXAMPLE))
    shadow = tree["/etc/shadow"]
    assert (shadow.mode, shadow.uid, shadow.gid) == (0o640, 0, 42)
    assert shadow.mtime == 1_700_000_000
    assert content(shadow) == b"root:*:::::::\n"
    assert tree["/usr/bin/su"].mode == 0o4755
    assert content(tree["/usr/bin/su"]) == b"\x7fELF" * 5000
    assert tree["/usr/bin/su2"].link == "/usr/bin/su"
    assert tree["/bin"].target == "usr/bin"
    assert (tree["/home/ann/a file"].uid, tree["/home/ann/a file"].gid) == (1000, 1001)
    kinds = {path: tree[path].kind for path in ("/dev/null", "/dev/hd0", "/run/pipe")}
    assert kinds == {"/dev/null": "character", "/dev/hd0": "block", "/run/pipe": "fifo"}
    tree.validate()
    assert read.said.texts == []


def test_what_gnu_tar_writes_is_read(tmp_path: Path, read: Reader) -> None:
    root = tmp_path / "root"
    (root / ("d" * 120)).mkdir(parents=True)
    (root / ("d" * 120) / ("f" * 150)).write_bytes(b"long names")
    with (root / "sparse").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    subprocess.run(["tar", "-C", root, "-cSf", read.file, "."], check=True)
    tree = read_tarball(read.file, read.cache)
    assert content(tree[f"/{'d' * 120}/{'f' * 150}"]) == b"long names"
    assert content(tree["/sparse"]) == bytes(1 << 20) + b"end"


def test_translators_come_along(read: Reader) -> None:
    info = member("dev/null", type=tarfile.CHRTYPE)
    info.pax_headers = {"SCHILY.xattr.gnu.translator": "/hurd/null\0--full\0"}
    assert read((info, b""))["/dev/null"].translator == ("/hurd/null", "--full")


def test_absolute_names_are_taken_as_relative_and_told(read: Reader) -> None:
    tree = read((member("/etc/motd"), b"hello"))
    assert content(tree["/etc/motd"]) == b"hello"
    assert any("'/etc/motd'" in text and "absolute" in text for text in read.said.texts)


def test_the_last_of_two_members_counts_and_is_told(read: Reader) -> None:
    tree = read((member("etc/motd"), b"one"), (member("./etc/motd"), b"two"))
    assert content(tree["/etc/motd"]) == b"two"
    assert any("'/etc/motd'" in text and "twice" in text for text in read.said.texts)


@pytest.mark.parametrize("name", ["../evil", "etc/../../evil", "/../evil", ".."])
def test_members_outside_the_root_are_refused_by_name(read: Reader, name: str) -> None:
    with pytest.raises(ArchiveError, match="leads out of the root") as caught:
        read((member("etc/motd"), b"fine"), (member(name), b"evil"))
    assert repr(name) in str(caught.value)
    assert str(read.file) in str(caught.value)


def test_hard_links_outside_the_root_are_refused_by_name(read: Reader) -> None:
    with pytest.raises(ArchiveError, match=r"'\.\./\.\./etc/shadow'"):
        read(hard_link("passwords", "../../etc/shadow"))


def test_symbolic_links_are_followed_inside_the_tree_only(read: Reader, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    tree = read(
        symlink("way", str(outside)),
        (member("way/planted"), b"x"),
        symlink("up", "../../../../tmp"),
        (member("up/too"), b"y"),
    )
    assert list(outside.iterdir()) == []
    assert content(tree[f"{outside}/planted"]) == b"x"
    assert content(tree["/tmp/too"]) == b"y"


def test_circles_of_links_are_refused_by_name(read: Reader) -> None:
    with pytest.raises(ImageError, match="circles"):
        read(symlink("a", "b"), symlink("b", "a"), (member("a/file"), b""))


def test_a_file_where_a_directory_is_needed_is_refused_by_name(read: Reader) -> None:
    with pytest.raises(ImageError, match="/etc is a file, not a directory"):
        read((member("etc"), b"no"), (member("etc/passwd"), b""))


def test_a_hard_link_to_nothing_is_refused_by_name(read: Reader) -> None:
    with pytest.raises(ImageError, match="/lost: is a hard link to /nowhere, which is not there"):
        read(hard_link("lost", "nowhere"))


def test_a_replaced_file_keeps_its_content_under_its_other_names(read: Reader) -> None:
    tree = read(
        (member("a"), b"old"), hard_link("b", "a"), hard_link("c", "a"), (member("a"), b"new")
    )
    assert content(tree["/a"]) == b"new"
    assert content(tree["/b"]) == b"old"
    assert tree["/c"].link == "/b"
    tree.validate()


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.8])
def test_an_archive_that_ends_early_is_refused(read: Reader, compression: str, part: float) -> None:
    whole = archive(*[(member(f"file{n}"), bytes(range(256)) * n) for n in range(40)])
    data = COMPRESSIONS[compression](whole.rstrip(b"\0") + bytes(1024))
    with pytest.raises(ArchiveError, match=r"root\.tar"):
        read(data=data[: int(len(data) * part)])
    assert not list(read.cache.directory.rglob("*.partial"))


@pytest.mark.parametrize("compression", ["gz", "xz", "zst", "bz2"])
def test_a_damaged_archive_is_refused(read: Reader, compression: str) -> None:
    data = bytearray(COMPRESSIONS[compression](EXAMPLE))
    for index in range(len(data) // 2, len(data) // 2 + 16):
        data[index] ^= 0xFF
    with pytest.raises(ArchiveError, match=r"root\.tar"):
        read(data=bytes(data))


@pytest.mark.parametrize("data", [b"", b"not a tarball at all" * 100, bytes(10240)])
def test_what_is_no_archive_is_refused(read: Reader, data: bytes) -> None:
    read.file.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"root\.tar"):
        read_tarball(read.file, read.cache)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.tar: no such file"):
        read_tarball(tmp_path / "nothing.tar", Cache(tmp_path / "cache"))


def test_the_second_time_it_comes_from_the_cache(read: Reader) -> None:
    first = read(data=EXAMPLE)
    kept = list((read.cache.directory / "tarballs").glob("*/contents/*"))
    times = [path.stat().st_mtime_ns for path in kept]
    second = read(data=EXAMPLE)
    assert dict(first) == dict(second)
    assert times == [path.stat().st_mtime_ns for path in kept]


_NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
        lambda name: name not in (".", "..")
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_NAMES, st.binary(max_size=700), max_size=8))
def test_any_files_come_through(files: dict[str, bytes]) -> None:
    import tempfile

    clashing = {name for name in files for other in files if other.startswith(f"{name}/")}
    wanted = {name: data for name, data in files.items() if name not in clashing}
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as place:
        tree = Reader(Path(place))(*[(member(name), data) for name, data in wanted.items()])
        found = {path: content(node) for path, node in tree.items() if node.kind == "file"}
        assert found == {f"/{name}": data for name, data in wanted.items()}


def test_long_stretches_of_zeros_are_kept_as_holes(read: Reader) -> None:
    data = b"a" + bytes(3 << 20) + b"b" + bytes(1 << 20)
    node = read((member("./sparse"), data))["/sparse"]
    assert content(node) == data
    assert isinstance(node.content, Path)
    assert node.content.stat().st_blocks * 512 < 2 << 20


def test_a_file_larger_than_any_disk_is_refused_by_its_name(read: Reader) -> None:
    sparse = member("./huge", pax_headers={
        "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.numblocks": "1",
        "GNU.sparse.map": "0,1", "GNU.sparse.size": str(10**15),
    })  # fmt: skip
    with pytest.raises(ArchiveError, match=r"member '\./huge': too large"):
        read((sparse, b"x"))


def test_headers_upon_headers_are_damage(read: Reader) -> None:
    header = member("x", type=tarfile.XHDTYPE, size=0).tobuf(tarfile.USTAR_FORMAT)
    with pytest.raises(ArchiveError, match="not a whole tar archive"):
        read(data=header * 3000 + bytes(1024))
