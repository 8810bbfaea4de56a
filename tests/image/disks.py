"""Root trees for the tests of filesystems and disks, and what e2fsprogs says of the results."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from image.ext2.reader import Filesystem
from image.menu import CONFIGURATION, MenuSettings, make_menu
from image.nodes import add_system_nodes
from image.run import environment, find_tool
from image.tree import Node, Tree

EPOCH = 1_700_000_000
PARTITION = 1 << 20

# What these tests need besides Python; scripts/setup installs it.
DEBIAN_PACKAGES = (
    "e2fsprogs", "fdisk", "grub-common", "grub-pc-bin", "mtools", "qemu-utils", "xorriso",
)  # fmt: skip


def system_tree(settings: MenuSettings | None = None) -> Tree:
    """A root tree with all nodes of a system, whose programs do nothing."""
    settings = settings or MenuSettings()
    tree = Tree()
    tree.add("/boot/gnumach.gz", Node("file", content=b"a kernel", mtime=EPOCH))
    servers = ["ext2fs.static", "exec.static", "exec", "pflocal", "null", "storeio", "random"]
    if settings.cpu == "amd64":
        servers += ["pci-arbiter.static", "acpi.static", "rumpdisk.static"]
    for name in servers:
        tree.add(f"/hurd/{name}", Node("file", 0o755, content=name.encode(), mtime=EPOCH))
    tree.add("/lib/ld.so.1", Node("file", 0o755, content=b"a loader", mtime=EPOCH))
    tree.add("/etc/hostname", Node("file", content=b"goose\n", mtime=EPOCH))
    driver = settings.driver or ("rumpdisk" if settings.cpu == "amd64" else "kernel")
    add_system_nodes(tree, driver, epoch=EPOCH)
    tree.add(CONFIGURATION, Node("file", content=make_menu(tree, settings).encode(), mtime=EPOCH))
    return tree


def open_filesystem(path: Path, offset: int = 0) -> Filesystem:
    """Our own reader on a filesystem in a file."""

    def read(position: int, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset + position)
            return file.read(size)

    return Filesystem(read)


def e2fsck(path: Path, offset: int = 0) -> str:
    """What e2fsck finds wrong; "" for a clean filesystem."""
    words = [find_tool("e2fsck"), "-fn", f"{path}?offset={offset}"]
    result = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    return "" if result.returncode == 0 else result.stdout


def debugfs(path: Path, *commands: str, offset: int = 0, write: bool = False) -> str:
    """What debugfs prints for some commands."""
    words = [find_tool("debugfs"), *(["-w"] if write else []), "-f", "-", f"{path}?offset={offset}"]
    text = "".join(f"{command}\n" for command in commands)
    result = subprocess.run(
        words, input=text, capture_output=True, text=True, env=environment(), check=True
    )
    return result.stdout


def stat(path: Path, name: str, offset: int = 0) -> dict[str, str]:
    """Fields of a file's inode as debugfs sees them."""
    output = debugfs(path, f'stat "{name}"', offset=offset)
    fields = re.findall(
        r"(Inode|Type|Mode|User|Group|Size|Links|Blockcount|File ACL|Translator|mtime):\s+"
        r"((?:character|block) special|\S+)",
        output,
    )  # fmt: skip
    # The first of each: a second size is that of the Hurd's fragments.
    return dict(reversed(fields))
