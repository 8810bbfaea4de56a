"""The daemon's modules in one file for the Python of an image (``boot.bundled`` reads it there).

Finding and opening a file takes a millisecond or more on the Hurd, and PID 1 needs 150 of them.
The bundle holds drover, and what it uses of the image's standard library, compiled by a Python of
the same version on this machine; when it is used, the directories have to be unchanged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boot import bundled
from boot.bundle import TEXTS, started_modules
from image.cache import Cache, digest
from image.errors import ImageError, ToolFailed
from image.run import run
from image.target_python import TargetPython
from image.tree import Node, Tree
from pid1.launchers import site_directories

_HERE: Final = Path(__file__).resolve().parent.parent
_ASSEMBLE: Final = """\
import sys
sys.path.insert(0, sys.argv[1])
from boot.bundle import assemble_described
assemble_described()
"""
_NANOSECONDS: Final = 1_000_000_000


def make_bundle(
    tree: Tree,
    python: TargetPython,
    library: str,
    sources: Mapping[str, Path],
    interpreter: tuple[str, bytes],
    cache: Cache,
    epoch: int,
) -> bytes:
    """Return the bundle for a tree that is complete but for it.

    ``sources`` are drover's files by their path in the image, below ``library``.  Later times of
    files than ``epoch`` become that one in the image.
    """
    finder = _Finder(tree, python, library)
    places: dict[str, tuple[str, bool]] = {}
    for name in _started(sources, cache):
        place = finder.find(name)
        if place is not None:
            places[name] = place
    hot = list(places)
    for path in sources:
        if path.endswith(".py") and not path.startswith(f"{library}/image/"):
            places.setdefault(_name(path, library), (path, path.endswith("/__init__.py")))
    # In an order of their own, so that the same tree gives the same bytes.
    directories = sorted({path.rpartition("/")[0] for path, _ in places.values()})
    for one in directories:
        # Python puts bytecode there; if it had to make it, the directory would have changed.
        kept = f"{tree.resolve(one) or one}/__pycache__"
        if kept not in tree:
            tree.add(kept, Node("directory", 0o755, mtime=epoch))
    times = {
        one: min(tree[tree.resolve(one) or one].mtime, epoch) * _NANOSECONDS for one in directories
    }
    head = bundled.head(interpreter[1], python.tag, 0)
    texts = [str(_HERE / text) for text in TEXTS]
    description: dict[str, object] = {
        "head": head.hex(),
        "times": times,
        "hot": hot,
        "texts": texts,
    }
    return _assemble(tree, places, description, interpreter[0], cache)


def _assemble(
    tree: Tree,
    places: dict[str, tuple[str, bool]],
    description: dict[str, object],
    interpreter: str,
    cache: Cache,
) -> bytes:
    """Compile and put together what is in those places, with the interpreter of that name."""
    contents = {
        path: tree[tree.resolve(path) or path].content
        for path, _ in places.values()
        if path.endswith(".py")
    }
    parts: list[str | bytes] = [json.dumps([description, places], sort_keys=True)]
    parts += [(_HERE / text).read_bytes() for text in TEXTS]
    for content in contents.values():
        parts.append(content.read_bytes() if isinstance(content, Path) else content or b"")

    def make(aside: Path) -> None:
        with tempfile.TemporaryDirectory() as directory:
            modules = []
            for number, (name, (path, is_package)) in enumerate(places.items()):
                file = contents.get(path)
                if isinstance(file, bytes):
                    content, file = file, Path(directory) / str(number)
                    file.write_bytes(content)
                source = None if file is None else str(file)
                modules.append((name, (path, is_package, None, 0), source))
            whole = {**description, "modules": modules, "target": str(aside)}
            run(
                [interpreter, "-S", "-P", "-X", "no_debug_ranges", "-c", _ASSEMBLE, str(_HERE)],
                input=json.dumps(whole).encode(),
                env={"PYTHONHASHSEED": "0"},
            )

    try:
        return cache.get("bundle", digest([interpreter, *parts]), make).read_bytes()
    except ToolFailed as error:
        raise ImageError(f"drover cannot be compiled for the image: {error}") from error


def _started(sources: Mapping[str, Path], cache: Cache) -> list[str]:
    """What the daemon imports to start, as far as it can be told on this machine."""
    files = (part for path, file in sorted(sources.items()) for part in (path, file.read_bytes()))

    def make(aside: Path) -> None:
        names = started_modules([str(_HERE), *site_directories()], boot=True)
        aside.write_text("".join(f"{name}\n" for name in names), "utf-8")

    try:
        return cache.get("started", digest([sys.version, *files]), make).read_text().splitlines()
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().rpartition("\n")[2]
        raise ImageError(f"drover's own modules cannot be imported here: {reason}") from error


def _name(path: str, library: str) -> str:
    name = path.removeprefix(library + "/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


class _Finder:
    """Finds modules in a tree, as the image's Python will."""

    def __init__(self, tree: Tree, python: TargetPython, library: str) -> None:
        self.tree = tree
        self.directories = (
            library,
            *python.site,
            python.library,
            f"{python.library}/lib-dynload",
        )
        # Libraries to load are called NAME.cpython-313-….so.
        self.libraries: dict[str, str] = {}
        for path in tree:
            if path.endswith(".so"):
                parent, _, file = path.rpartition("/")
                self.libraries.setdefault(f"{parent}/{file.partition('.')[0]}", file)

    def find(self, name: str) -> tuple[str, bool] | None:
        """The file of a module, and whether it is a package; None if there is none."""
        for directory in self.directories:
            base = f"{directory}/{name.replace('.', '/')}"
            for path, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
                if self.tree.resolve(path) is not None:
                    return path, is_package
            parent, _, last = base.rpartition("/")
            file = self.libraries.get(f"{self.tree.resolve(parent) or parent}/{last}")
            if file is not None:
                return f"{parent}/{file}", False
        return None
