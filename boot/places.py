"""Where the files of the machine that boots are: at the root, but for a test elsewhere."""

from __future__ import annotations

root = ""


def place(path: str) -> str:
    """The file that the machine knows by this name; names that are not absolute stay."""
    return root + path if path.startswith("/") else path
