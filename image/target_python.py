"""The Python of an image: which version it is, and what it brings that drover needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image.errors import ImageError
from image.tree import Tree

OLDEST: Final = 11
"""The oldest minor version of Python 3 that drover runs on."""

_PROGRAM: Final = re.compile(r"(/usr|/usr/local)/bin/python3\.(\d+)")
_HINT: Final = "add one (Debian's package python3), or build with init = 'native'"


@dataclass(frozen=True)
class TargetPython:
    """A Python in a tree; ``program`` is the path to run it by, ``site`` where modules may be."""

    program: str
    minor: int
    library: str
    site: tuple[str, ...]
    magic: bytes | None
    """What its own bytecode begins with, if there is any."""

    @property
    def tag(self) -> str:
        """The part of the names of compiled files."""
        return f"cpython-3{self.minor}"


def find_python(tree: Tree) -> TargetPython:
    """Return the newest Python of a tree; ImageError if none fits."""
    found: dict[int, str] = {}
    for path in tree:
        match = _PROGRAM.fullmatch(path)
        if match is not None and tree.resolve(path) is not None:
            found[int(match[2])] = match[1]
    fitting = {minor: prefix for minor, prefix in found.items() if minor >= OLDEST}
    if not fitting:
        others = ", ".join(f"3.{minor}" for minor in sorted(found))
        what = f"only Python {others}" if others else "no Python"
        raise ImageError(f"the image has {what}; drover needs 3.{OLDEST} or newer: {_HINT}")
    chosen = _default(tree, fitting) or max(fitting)
    prefix = fitting[chosen]
    library = f"{prefix}/lib/python3.{chosen}"
    for module, package in (("os.py", "libpython3-minimal"), ("asyncio/__init__.py", "python3")):
        if tree.resolve(f"{library}/{module}") is None:
            raise ImageError(
                f"the image's Python 3.{chosen} has no {library}/{module}: "
                f"its library is not whole (Debian's package {package})"
            )
    plain = f"{prefix}/bin/python3"
    program = f"{prefix}/bin/python3.{chosen}"
    return TargetPython(
        # Stays right when the system replaces its Python by a newer one.
        plain if tree.resolve(plain) == tree.resolve(program) else program,
        chosen,
        library,
        tuple(
            directory
            for directory in (
                f"/usr/local/lib/python3.{chosen}/dist-packages",
                "/usr/lib/python3/dist-packages",
                f"{library}/site-packages",
                f"{library}/dist-packages",
            )
            if tree.resolve(directory) is not None
        ),
        _magic(tree, library, chosen),
    )


def find_module(tree: Tree, python: TargetPython, name: str) -> str | None:
    """Return the directory that has a module, written in Python or C; None if none has."""
    for directory in (*python.site, python.library, f"{python.library}/lib-dynload"):
        place = tree.resolve(directory)
        if place is None:
            continue
        if f"{place}/{name}.py" in tree or f"{place}/{name}/__init__.py" in tree:
            return directory
        for path in tree.children(place):
            file = path.rpartition("/")[2]
            if re.fullmatch(
                rf"{re.escape(name)}(\.cpython-3{python.minor}[^.]*|\.abi3|)\.so", file
            ):
                return directory
    return None


def _default(tree: Tree, fitting: dict[int, str]) -> int | None:
    target = tree.resolve("/usr/bin/python3")
    for minor, prefix in fitting.items():
        if target is not None and tree.resolve(f"{prefix}/bin/python3.{minor}") == target:
            return minor
    return None


def _magic(tree: Tree, library: str, minor: int) -> bytes | None:
    place = f"{tree.resolve(library)}/__pycache__"
    if place not in tree:
        return None
    for path in tree.children(place):
        content = tree[path].content
        if path.endswith(f".cpython-3{minor}.pyc") and content:
            data = content.read_bytes() if isinstance(content, Path) else content
            return data[:4]
    return None
