"""CDs: what is on them, and the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

from image.check import check_image
from image.errors import CheckFailed, TreeError
from image.iso import write_iso
from image.menu import CONFIGURATION, MenuSettings, read_menu
from image.tree import Tree
from tests.image.disks import EPOCH, system_tree
from tests.image.guests import require

MIB = 1 << 20


@pytest.fixture(autouse=True)
def tools() -> None:
    require("grub-mkimage", "xorriso", "e2fsck")


def extract(cd: Path, name: str, place: Path) -> Path:
    words = ["xorriso", "-indev", str(cd), "-osirrox", "on", "-extract", name, str(place)]
    subprocess.run(words, check=True, capture_output=True)
    return place


def test_a_cd_has_the_root_and_all_that_its_menu_names(tmp_path: Path) -> None:
    cd = tmp_path / "cd"
    tree = system_tree()
    write_iso(tree, cd, MenuSettings(), epoch=EPOCH, size=8 * MIB)
    menu = read_menu(extract(cd, CONFIGURATION, tmp_path / "menu").read_text())
    assert len(menu) == 2
    for entry in menu:
        for name in (entry.kernel, *(module.path for module in entry.modules[1:])):
            assert extract(cd, name, tmp_path / "file").read_bytes() == tree[name].content
            (tmp_path / "file").unlink()
    root = extract(cd, menu[0].modules[0].path, tmp_path / "root")
    assert check_image(root, tree, "kernel", partitioned=False).problems == ()
    words = ["xorriso", "-indev", str(cd), "-report_el_torito", "plain"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert "El Torito boot img :   1  BIOS  y" in told
    assert "grub2-mbr" in subprocess.run(
        [*words[:-2], "-report_system_area", "plain"], check=True, capture_output=True, text=True
    ).stdout  # fmt: skip


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        write_iso(system_tree(), tmp_path / name, MenuSettings(), epoch=EPOCH, size=8 * MIB)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).digest())
        time.sleep(1.1)  # the times of ISO 9660 have seconds
    assert len(digests) == 1


def test_a_cd_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise CheckFailed("no")

    with pytest.raises(CheckFailed):
        write_iso(system_tree(), tmp_path / "cd", MenuSettings(), epoch=EPOCH, check=refuse)
    with pytest.raises(TreeError, match="no kernel in the root tree"):
        write_iso(Tree(), tmp_path / "cd", MenuSettings(), epoch=EPOCH)
    assert list(tmp_path.iterdir()) == []
