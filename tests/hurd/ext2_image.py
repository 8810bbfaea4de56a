"""An ext2 file system in a file: debugfs changes it, the rest reads and writes its bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from hurd import records

BLOCK = 4096


def have_tools() -> bool:
    """Whether e2fsprogs are installed."""
    path = "/usr/sbin:/sbin:/usr/bin:/bin"
    return all(shutil.which(tool, path=path) for tool in ("mke2fs", "debugfs", "e2fsck"))


class Image:
    """A file system of the Hurd's kind, so many bytes into a file, with blocks of 4 KiB."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.device = f"{path}?offset={offset}"

    @classmethod
    def make(cls, path: Path) -> Image:
        """A small new one."""
        image = cls(path)
        image._run("mke2fs", "-q", "-t", "ext2", "-o", "hurd", "-b", "4096", str(path), "4M")
        return image

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False,
            env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout

    def debugfs(self, *requests: str) -> str:
        script = self.path.with_suffix(".script")
        script.write_text("".join(f"{request}\n" for request in requests))
        return self._run("debugfs", "-w", "-f", str(script), self.device)

    def inode(self, path: str) -> bytes:
        found = re.search(r"block (\d+), offset (0x[0-9a-f]+)", self.debugfs(f"imap {path}"))
        assert found, path
        return self.read(int(found[1]) * BLOCK + int(found[2], 16), 128)

    def read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.offset + offset)
            return file.read(size)

    def block(self, number: int) -> bytes:
        return self.read(number * BLOCK, BLOCK)

    def record(self, path: str) -> list[str] | None:
        return records.read_record(self.inode(path), self.block)

    def take_block(self, path: str, field: str, content: bytes) -> None:
        """Give the inode one more block, of this content, in a field that names a block."""
        found = re.search(r"found: (\d+)", self.debugfs("ffb"))
        assert found
        sectors = int.from_bytes(self.inode(path)[0x1C:0x20], "little") + BLOCK // 512
        self.debugfs(
            f"setb {found[1]}", f"sif {path} {field} {found[1]}", f"sif {path} blocks {sectors}"
        )
        with self.path.open("r+b") as file:
            file.seek(self.offset + int(found[1]) * BLOCK)
            file.write(content)

    def settle(self) -> None:
        """Have e2fsck correct what debugfs leaves (the free blocks' number), and nothing else."""
        said = self._run("e2fsck", "-fy", self.device).replace(str(self.path), "")
        changes = [
            line for line in said.splitlines() if (line and "? yes" in line) or "wrong" in line
        ]
        assert all(re.match(r"Free blocks count wrong|Fix\? yes", c) for c in changes), said
        again = subprocess.run(
            ["e2fsck", "-fn", self.device], capture_output=True, text=True, check=False,
            env={"PATH": "/usr/sbin:/sbin", "LC_ALL": "C"},
        )  # fmt: skip
        assert again.returncode == 0, again.stdout

    def attribute(self, path: str, name: str) -> bytes:
        target = self.path.with_suffix(".value")
        target.unlink(missing_ok=True)
        self.debugfs(f"ea_get -f {target} {path} {name}")
        return target.read_bytes()

    def set_attribute(self, path: str, name: str, value: bytes) -> None:
        """Have debugfs write an extended attribute."""
        source = self.path.with_suffix(".new")
        source.write_bytes(value)
        self.debugfs(f"ea_set -f {source} {path} {name}")
