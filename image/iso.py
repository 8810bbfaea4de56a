"""A CD that boots into a system in memory: GRUB loads the root, the kernel makes it a disk.

Nothing of ISO 9660 is left once the system runs, because that has no place for owners, devices and
translators of the Hurd.  The machine needs memory for the whole filesystem, what is written there
is lost when it is switched off, and the kernel must be Debian's, which knows `$(ramdisk-create)`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from image import grub
from image.errors import TreeError
from image.filesystem import make_plan, write_plan
from image.menu import MenuEntry, MenuSettings, live_entries, write_menu
from image.output import replacing, scratch
from image.run import run
from image.tree import Tree

_ROOT = "/boot/root.ext2"
_CORE = "boot/grub/eltorito.img"


def write_iso(
    tree: Tree,
    destination: Path,
    settings: MenuSettings,
    *,
    epoch: int,
    size: int | None = None,
    label: str = "",
    advance: Callable[[int], None] = lambda count: None,
    check: Callable[[Path], None] = lambda path: None,
) -> None:
    """Write the CD for a root tree; `size` is that of the root filesystem in bytes.

    `check` is called with the file of the root filesystem before the CD is made; if it raises,
    there is no output.  Otherwise as `image.disk.write_disk`.
    """
    entries = live_entries(tree, settings, _ROOT)
    plan = make_plan(tree, epoch=epoch, size=size, label=label)
    with (
        replacing(destination) as aside,
        scratch(destination) as root,
        tempfile.TemporaryDirectory(prefix="drover-") as place,
    ):
        with root.open("xb", buffering=0) as out:
            write_plan(plan, out.fileno(), 0, advance)
        check(root)
        files = {_ROOT.removeprefix("/"): root, _CORE: Path(place) / "eltorito.img"}
        files[_CORE].write_bytes(grub.iso_core())
        menu = Path(place) / "grub.cfg"
        menu.write_text(write_menu(entries, settings))
        files["boot/grub/grub.cfg"] = menu
        for number, path in enumerate(sorted({one for item in entries for one in _named(item)})):
            files[path.removeprefix("/")] = _file(tree, path, Path(place) / f"module{number}")
        _make(files, aside, epoch, label or "HURD")


def _named(entry: MenuEntry) -> list[str]:
    """The files of the tree that an entry loads."""
    return [entry.kernel, *(one.path for one in entry.modules if one.path != _ROOT)]


def _file(tree: Tree, path: str, place: Path) -> Path:
    """Return a file of the builder's machine with the content of a file of the tree."""
    reached = tree.resolve(path)
    node = tree[reached] if reached is not None else None
    if node is not None and node.link:
        node = tree[node.link]
    if node is None or node.kind != "file":
        raise TreeError(path, "is not a file")
    data = node.content.read_bytes() if isinstance(node.content, Path) else node.content or b""
    place.write_bytes(data)
    return place


def _make(files: dict[str, Path], destination: Path, epoch: int, label: str) -> None:
    """Have xorriso make a CD that boots, also when it is written to a disk as it is."""
    hybrid = grub.grub_directory() / "boot_hybrid.img"
    run(
        [
            "xorriso", "-as", "mkisofs", "-quiet", "-rational-rock", "-iso-level", "3",
            "-volid", _volume_label(label), "-output", destination,
            "-b", _CORE, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
            "--grub2-boot-info", "--grub2-mbr", hybrid, "--protective-msdos-label",
            "--set_all_file_dates", f"={epoch}",
            "-graft-points", *[f"{_escaped(name)}={_escaped(str(path))}" for name, path in
                               sorted(files.items())],
        ],
        env={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip


def _escaped(path: str) -> str:
    """Return a path for a graft point, where "=" parts the two."""
    return path.replace("\\", "\\\\").replace("=", "\\=")


def _volume_label(label: str) -> str:
    """Return a label with the characters that ISO 9660 has."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in label.upper())[:32]
