"""What only the system itself can do, on its first boot: the service ``second-stage``.

It configures the packages that were unpacked here, and compiles drover if nobody here could.  Both
change what the bundle of drover's modules was made from, so that is made there once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from image.sources.database import information_name
from image.sources.package import Package
from image.sources.unpacking import Unpacker
from image.tree import Node, Tree

PROGRAM: Final = "/var/lib/drover/second-stage/run"
STATE: Final = "/var/lib/drover/second-stage"
SERVICE: Final = "/etc/drover/services.d/second-stage.scm"
_DATA: Final = Path(__file__).parent / "data"


def add_second_stage(
    tree: Tree, packages: Sequence[Package], compile: tuple[str, str] | None, time: int,
    *, service: bool, bundle: tuple[str, str] | None = None,
) -> None:  # fmt: skip
    """Add the program, what it is to do, and with ``service`` the service that runs it.

    ``packages`` are in the order in which they are prepared; ``compile`` and ``bundle`` are an
    interpreter and a directory of modules.
    """
    if not packages and compile is None:
        return
    unpacker = Unpacker(tree, keep_directories=True)

    def write(path: str, content: bytes | Path, mode: int = 0o644) -> None:
        unpacker.put(path, Node("file", mode, mtime=time, content=content))

    write(PROGRAM, _DATA / "second-stage", 0o755)
    if service:
        write(SERVICE, _DATA / "second-stage.scm")
    unpacker.put(STATE, Node("directory", 0o755, mtime=time))
    if packages:
        lines = [f"{information_name(one)} {one.name} {one.architecture}\n" for one in packages]
        write(f"{STATE}/packages", "".join(lines).encode())
    for name, words in (("compile", compile), ("bundle", bundle)):
        if words is not None:
            write(f"{STATE}/{name}", f"{' '.join(words)}\n".encode())
