"""The Scheme examples of the GNU Shepherd's manual, taken from the installed Info file."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

INFO = "usr/share/info/shepherd.info.gz"
_INDENT = " " * 5


@dataclass(frozen=True)
class Example:
    """A block of Scheme: the node of the manual it stands in, and which one there it is."""

    node: str
    number: int
    text: str

    @property
    def name(self) -> str:
        """A name for it that can be a file's."""
        return f"{self.node.replace(' ', '-')}-{self.number}"


def examples(chroot: Path) -> list[Example]:
    """All blocks of Scheme in the manual, in order."""
    found = []
    manual = gzip.decompress((chroot / INFO).read_bytes()).decode(errors="replace")
    for node in manual.split("\x1f\n"):
        header = re.match(r"File: [^,]*,  Node: ([^,]*),", node)
        if header is not None:
            texts = [text for text in _indented(node) if re.match(r"[(;]", text)]
            found += [Example(header[1], n, text) for n, text in enumerate(texts, start=1)]
    return found


def _indented(node: str) -> list[str]:
    """The indented blocks of `node`, without their indentation; blank lines do not end one."""
    blocks, block = [], ""
    for line in [*node.split("\n"), "end"]:
        if line.startswith(_INDENT) or (block and not line):
            block += line.removeprefix(_INDENT) + "\n"
        elif block:
            blocks.append(block.rstrip() + "\n")
            block = ""
    return blocks
