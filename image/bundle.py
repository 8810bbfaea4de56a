"""The daemon's modules in one file for the Python of an image (``boot.bundled`` reads it there).

Finding and opening a file takes a millisecond or more on the Hurd, and PID 1 needs 150 of them.
The bundle holds drover, and what it uses of the image's standard library, compiled by a Python of
the same version on this machine; when it is used, the directories have to be unchanged.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from boot import bundled
from boot.bundle import Module, assemble, started_modules
from image.bytecode import compile_modules
from image.cache import Cache, digest
from image.errors import ImageError
from image.target_python import TargetPython
from image.tree import Tree
from pid1.launchers import site_directories

_HERE: Final = Path(__file__).resolve().parent.parent
_HEADER: Final = 16
"""Bytes of a .pyc file before its code."""

_NANOSECONDS: Final = 1_000_000_000

# What starts a machine; with the services of a Hurd come the parts of the language they use.
_BOOT: Final = ("boot.stage0", "boot.guard", "boot.ending", "boot.boot_log", "boot.api")

# What the daemon imports on the Hurd only, where this cannot run.
_ON_THE_HURD: Final = (
    "boot.stage0", "boot.arguments", "boot.rescue", "boot.guard", "boot.running", "boot.places",
    "boot.steps", "boot.steps.checking", "boot.steps.mounting", "boot.steps.upkeep", "boot.api",
    "services.api.translator", "services.api.written", "pid1.translator",
    "hurd.offload",
    "hurd.system.hurd", "hurd.system.hurd_nodes", "hurd.system.posix", "hurd.system.terminal",
    "hurd.system.servers", "hurd.translator", "hurd.translator.setting",
    "hurd.translator.startup", "hurd.translator.control", "hurd.translator.errors",
    "hurd.translator.handshake", "hurd.translator.nodes", "hurd.translator.mounting",
    "hurd.translator.options", "hurd.translator.fstab", "hurd.argz", "hurd.auth", "hurd.codes",
    "hurd.constants", "hurd.errors", "hurd.error_texts", "hurd.fs", "hurd.fsys", "hurd.io",
    "hurd.lookup", "hurd.mach", "hurd.ports", "hurd.process", "hurd.results", "hurd.rpc",
    "hurd.rpc.library", "hurd.rpc.marshal", "hurd.rpc.notation", "hurd.rpc.signatures",
    "hurd.rpc._hurd_abi", "hurd.startup", "hurd.structures", "threading", "_weakrefset",
)  # fmt: skip


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
    for name in (*_started(sources, cache), *_ON_THE_HURD):
        place = finder.find(name)
        if place is not None:
            places[name] = place
    hot = set(places)
    for path in sources:
        if path.endswith(".py") and not path.startswith(f"{library}/image/"):
            places.setdefault(_name(path, library), (path, path.endswith("/__init__.py")))
    compiled = _compile(tree, [path for path, _ in places.values()], interpreter, cache)
    modules: list[Module] = [
        (name, (path, is_package, None, 0), compiled.get(path))
        for name, (path, is_package) in places.items()
    ]
    # In an order of their own, so that the same tree gives the same bytes.
    directories = sorted({path.rpartition("/")[0] for path, _ in places.values()})
    times = {
        one: min(tree[tree.resolve(one) or one].mtime, epoch) * _NANOSECONDS for one in directories
    }
    return assemble(bundled.head(interpreter[1], python.tag, 0), times, modules, hot)


def _compile(
    tree: Tree, paths: list[str], interpreter: tuple[str, bytes], cache: Cache
) -> dict[str, bytes]:
    """The code of those files of a tree that are written in Python."""
    sources = {}
    with tempfile.TemporaryDirectory() as directory:
        for number, path in enumerate(paths):
            content = tree[tree.resolve(path) or path].content
            if not path.endswith(".py") or content is None:
                continue
            if isinstance(content, bytes):
                file = Path(directory) / str(number)
                file.write_bytes(content)
                content = file
            sources[path] = content
        compiled = compile_modules(sources, *interpreter, cache)
        return {path: file.read_bytes()[_HEADER:] for path, file in compiled.items()}


def _started(sources: Mapping[str, Path], cache: Cache) -> list[str]:
    """What the daemon imports to start, as far as it can be told on this machine."""
    files = (part for path, file in sorted(sources.items()) for part in (path, file.read_bytes()))

    def make(aside: Path) -> None:
        names = started_modules([str(_HERE), *site_directories()], _BOOT)
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
