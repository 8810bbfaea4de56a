"""Write the manual pages of ``hurd-image``: ``python -m image.manpages DIRECTORY``.

They go to ``DIRECTORY/man1``, as `pid1.manpages` writes those of drover's other programs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from image.command import COMMANDS
from image.programs import describe
from pid1 import generated
from pid1.manpages import page


def write_pages(directory: Path) -> list[Path]:
    """Write all pages below ``directory``, which is made if need be; return their names."""
    folder = directory / "man1"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for command in ("", *COMMANDS):
        subject = describe(command)
        file = folder / f"{subject.name}.1"
        file.write_text(page(subject), encoding="ascii")
        written.append(file)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m image.manpages`` with ``arguments``; return its exit status."""
    return generated.main("image.manpages", write_pages, arguments)


if __name__ == "__main__":
    sys.exit(main())
