"""Programs that run in place of a Hurd on the machines of these tests, and disks that boot them."""

from __future__ import annotations

import functools
import gzip
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from image.disk import Format, write_disk
from image.menu import MenuSettings, make_menu
from image.tree import Node, Tree

SOURCES = Path(__file__).parent / "guest"
_FLAGS = (
    "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib",
    "-static", "-fno-pie", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-Wl,--build-id=none", "-Wl,-z,noexecstack",
)  # fmt: skip
EPOCH = 1_700_000_000


@functools.cache
def program(name: str, *flags: str) -> bytes:
    """The ELF image of a program of guest/, all files whose names begin so; skips without gcc."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    sources = sorted(SOURCES.glob(f"{name}*.[cS]"), key=lambda path: path.suffix)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, name)
        subprocess.run(["gcc", *_FLAGS, *flags, "-o", output, *sources], check=True)
        return output.read_bytes()


_I386 = ("-m32", "-march=i486")


def report(architecture: str = "i386") -> bytes:
    """The task for GNU Mach that prints its arguments."""
    return program("report", *(_I386 if architecture == "i386" else ("-m64",)))


def stand_in_kernel() -> bytes:
    """The kernel that behaves on the console as a system would."""
    return program("shell", *_I386, "-Wl,-Ttext=0x100000")


def require(*tools: str) -> None:
    """Skip the test unless these programs of the builder's machine are there."""
    for tool in tools:
        if shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") is None:
            pytest.skip(f"{tool} is not installed")
    if not Path("/usr/lib/grub/i386-pc/boot.img").is_file():
        pytest.skip("GRUB for BIOS machines (grub-pc-bin) is not installed")


def boot_tree(kernel: bytes, *words: str) -> Tree:
    """A root tree that boots `kernel`, with the reporting task as its servers."""
    tree = Tree()
    tree.add("/boot/gnumach.gz", Node("file", content=gzip.compress(kernel, mtime=0)))
    for name in ("ext2fs.static", "exec.static"):
        tree.add(f"/hurd/{name}", Node("file", mode=0o755, content=report()))
    menu = make_menu(tree, MenuSettings(timeout=0, words=words))
    tree.add("/boot/grub/grub.cfg", Node("file", content=menu.encode()))
    return tree


def boot_disk(path: Path, kernel: bytes, *words: str, image_format: Format = "raw") -> Path:
    """A disk that boots `kernel`, in a new file."""
    write_disk(boot_tree(kernel, *words), path, epoch=EPOCH, image_format=image_format)
    return path
