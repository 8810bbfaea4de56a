"""How the findings about an image are shown: tables for people, JSON for programs."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from image.inspection import FilesystemInfo, ImageInfo, PartitionInfo

if TYPE_CHECKING:
    from rich.console import Console


def to_json(info: ImageInfo) -> str:
    """Return the findings as JSON; the keys are the names of the fields."""
    return json.dumps(asdict(info), indent=2)


def show(info: ImageInfo, console: Console) -> None:
    """Print the findings as tables."""
    boot = f", {info.boot_loader} in the boot sector" if info.boot_loader else ""
    table = f"partition table: {info.table.upper()} {info.signature}{boot}".rstrip()
    _line(console, f"{info.path}: {info.format}, {_size(info.size)}")
    _line(console, table if info.table else f"no partition table{boot}")
    _table(
        console,
        [_partition(one) for one in info.partitions],
        "", "start", "size", "type", "boot", "filesystem", "label",
    )  # fmt: skip
    for problem in info.problems:
        _line(console, f"problem: {problem}")
    for one in info.partitions:
        if one.filesystem is not None and one.filesystem.uuid:
            console.print()
            _show_filesystem(one.partition.number, one.filesystem, console)
        elif one.filesystem is not None:
            _show_problems(one.filesystem, console)


def _partition(one: PartitionInfo) -> list[str]:
    part = one.partition
    return [
        str(part.number or ""),
        str(part.start),
        _size(part.size),
        f"{part.type} {part.type_name}".strip(),
        "*" if part.bootable else "",
        one.filesystem.type if one.filesystem else "unknown",
        one.filesystem.label if one.filesystem else "",
    ]


def _show_filesystem(number: int, found: FilesystemInfo, console: Console) -> None:
    rows = [
        ["filesystem", f"{found.type} for {found.creator} in partition {number or '-'}"],
        ["UUID", found.uuid],
        ["made", found.created or "unknown"],
        ["state", "clean" if found.clean else "not clean"],
        ["features", " ".join(found.features)],
        ["blocks, inodes", f"{found.block_size} and {found.inode_size} bytes"],
        ["size", f"{_size(found.size)}, {_size(found.free)} free, {found.files} files"],
        ["host name", found.hostname],
        ["kernels", " ".join(found.kernels)],
    ]
    if found.drover:
        rows.append(["drover", found.drover.version or "of unknown version"])
        for service in found.drover.services:
            rows.append(["", f"{service.file}: {' '.join(service.provides) or '-'}"])
    _table(console, [row for row in rows if row[1]])
    for entry in found.menu:
        _line(console, f"boot: {entry.title}")
        for words in [(entry.kernel, *entry.words)] + [(m.path, *m.words) for m in entry.modules]:
            _line(console, f"  {shlex.join(words)}")
    if found.translators:
        records = [[one.path, shlex.join(one.words)] for one in found.translators]
        _table(console, records, "node", "passive translator")
    _show_problems(found, console)


def _table(console: Console, rows: list[list[str]], *titles: str) -> None:
    """Print rows of plain text in columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*(titles or [""] * len(rows[0])), box=None, show_header=bool(titles))
    for row in rows:
        table.add_row(*[Text(_plain(cell)) for cell in row])
    console.print(table)


def _line(console: Console, text: str) -> None:
    """Print plain text as it is, however long."""
    console.print(_plain(text), markup=False, highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    """Return text that does nothing to a terminal, whatever the image says."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _show_problems(found: FilesystemInfo, console: Console) -> None:
    for problem in found.problems:
        _line(console, f"problem: {problem}")


def _size(size: int) -> str:
    """Return a number of bytes for people."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
