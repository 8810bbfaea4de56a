"""The self-check finds each fault that it is there for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from image.check import Report, check_image
from image.disk import write_disk
from image.errors import CheckFailed, MissingTool
from image.filesystem import write_filesystem
from image.menu import CONFIGURATION, MenuSettings
from image.tree import Node, Tree
from tests.image.disks import EPOCH, PARTITION, debugfs, system_tree
from tests.image.guests import require


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A disk without faults."""
    require("grub-mkimage", "e2fsck", "debugfs")
    path = tmp_path / "disk?x=1"
    write_disk(system_tree(), path, epoch=EPOCH)
    return path.rename(tmp_path / "disk")


def problems(image: Path, tree: Tree | None = None) -> str:
    return "\n".join(check_image(image, tree or system_tree(), "kernel").problems)


def test_a_good_image_passes_whatever_its_name(image: Path) -> None:
    odd = image.with_name("a disk?offset=7, 'odd'")
    image.rename(odd)
    before = hashlib.sha256(odd.read_bytes()).digest()
    report = check_image(odd, system_tree(), "kernel")
    report.raise_problems()
    assert report.problems == ()
    assert report.files == len(system_tree()) + 1  # lost+found
    assert report.translators > 150
    assert any("/dev/tty: /hurd/magic is not in the image" in one for one in report.warnings)
    assert hashlib.sha256(odd.read_bytes()).digest() == before


def test_a_good_amd64_image_passes(tmp_path: Path) -> None:
    require("grub-mkimage", "e2fsck")
    tree = system_tree(MenuSettings(cpu="amd64"))
    write_disk(tree, tmp_path / "disk", epoch=EPOCH)
    assert check_image(tmp_path / "disk", tree, "rumpdisk").problems == ()
    told = check_image(tmp_path / "disk", tree, "kernel")
    assert told.problems == ()


def test_a_filesystem_alone_passes(tmp_path: Path) -> None:
    require("e2fsck")
    write_filesystem(system_tree(), tmp_path / "fs", epoch=EPOCH)
    assert check_image(tmp_path / "fs", system_tree(), "kernel", partitioned=False).problems == ()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("ea_rm /servers/socket/1 gnu.translator", "/servers/socket/1: has the translator ()"),
        ("sif /dev/null mode 0100666", "/dev/null: is a file 0666 of 0:0, and was to be a char"),
        ("sif /dev/console uid 1000", "/dev/console: belongs to 1000:0"),
        (
            "sif /hurd/exec mode 0100644",
            "/hurd/exec: is a file 0644 of 0:0, and was to be a file 07",
        ),
        ("unlink /servers/startup", "/servers/startup: is missing; no system boots without it"),
        ("unlink /hurd/ext2fs.static", f"{CONFIGURATION}: /hurd/ext2fs.static: no such file"),
        ("ln /etc/hostname /etc/extra", "/etc/extra: was not to be there"),
        ("sif /etc/hostname size 3", "/etc/hostname: has 3 bytes, and was to have 6"),
        ("freeb 300 40", "e2fsck: "),
        ("ssv creator_os 0", "the filesystem was made for 0, not for the Hurd"),
        ("feature extent", "features that the Hurd does not have: ext_attr extent"),
    ],
)
def test_damage_is_found(image: Path, command: str, problem: str) -> None:
    debugfs(image, command, offset=PARTITION, write=True)
    assert problem in problems(image)


def test_a_record_inside_an_inode_or_of_other_words_is_found(image: Path) -> None:
    words = image.with_name("words")
    words.write_bytes(b"/hurd/null\0--empty\0")
    debugfs(image, f"ea_set -f {words} /dev/null gnu.translator", offset=PARTITION, write=True)
    told = problems(image)
    assert (
        "/dev/null: has the translator ('/hurd/null', '--empty'), was to have ('/hurd/null',)"
        in told
    )


def _overwrite(offset: int, data: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return change


@pytest.mark.parametrize(
    ("offset", "data", "problem"),
    [
        (0, b"\0\0\0", "the boot sector has not GRUB's code"),
        (510, b"\0\0", "there is no partition table"),
        (446, b"\0", "partition 1 is not bootable"),
        (450, b"\x82", "partition 1 is of type 0x82"),
        (512, bytes(512), "GRUB's core image is not at sector 1"),
        (PARTITION + 1080, b"\0\0", "no superblock of ext2"),
        (458, b"\xff\xff\xff\x7f", "partition 1 ends at byte"),
    ],
)
def test_a_disk_that_no_bios_starts_is_found(
    image: Path, offset: int, data: bytes, problem: str
) -> None:
    _overwrite(offset, data)(image)
    assert problem in problems(image)


def built(tmp_path: Path, change: Callable[[Tree], object]) -> Report:
    """The report on a disk that is as its tree says, where the tree is wrong."""
    require("grub-mkimage", "e2fsck")
    tree = system_tree()
    change(tree)
    write_disk(tree, tmp_path / "disk", epoch=EPOCH)
    return check_image(tmp_path / "disk", tree, "kernel")


def with_menu(text: str) -> Callable[[Tree], None]:
    return lambda tree: tree.add(CONFIGURATION, Node("file", content=text.encode()))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (with_menu("menuentry x { multiboot /boot/gnumach.gz root=${root}\nmodule /hurd/exec e }"),
         "root=${root}: not in single quotes"),
        (with_menu("set timeout=1"), "boots nothing"),
        (with_menu("menuentry x { multiboot /boot/gnumach.gz root=device:hd0s1 }"),
         "'x' has no boot modules"),
        (with_menu("menuentry x { multiboot /boot/other root=x \n module /hurd/exec x }"),
         "/boot/other: no such file"),
        (lambda tree: tree.update("/dev/random", uid=5), "/dev/random: belongs to 5:0"),
        (lambda tree: tree.update("/servers/socket/1", translator=()),
         "/servers/socket/1: has no translator"),
        (lambda tree: tree.update("/proc", translator=("/hurd/procfs", "-c")),
         "/proc: has a passive translator beside that of /dev/random"),
        (lambda tree: tree.remove("/servers/exec"), "/servers/exec: is missing"),
    ],
)  # fmt: skip
def test_a_tree_that_would_not_boot_is_found(
    tmp_path: Path, change: Callable[[Tree], object], problem: str
) -> None:
    report = built(tmp_path, change)
    assert any(problem in one for one in report.problems), report.problems
    with pytest.raises(CheckFailed, match="the finished image has faults"):
        report.raise_problems()


def test_many_problems_are_cut_short() -> None:
    report = Report(1, 1, tuple(f"fault {n}" for n in range(30)))
    with pytest.raises(CheckFailed) as caught:
        report.raise_problems()
    assert "fault 19\n  and 10 more" in str(caught.value)


def test_without_e2fsck_nothing_passes(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("image.run._ADMINISTRATION", [])
    with pytest.raises(
        MissingTool, match="e2fsck: not found; install the Debian package e2fsprogs"
    ):
        check_image(image, system_tree(), "kernel")


def test_a_hard_link_that_became_a_file_is_found(tmp_path: Path) -> None:
    require("grub-mkimage", "e2fsck")
    tree = system_tree()
    tree.add("/bin/one", Node("file", content=b"x"))
    tree.add("/bin/two", replace(tree["/bin/one"]))
    write_disk(tree, tmp_path / "disk", epoch=EPOCH)
    tree.add("/bin/two", Node("file", link="/bin/one"))
    assert "/bin/two: is not the same file as /bin/one" in problems(tmp_path / "disk", tree)
