"""Compiling drover for the Python of an image, with an interpreter of the same version here.

Bytecode differs from one minor version to the next, which its magic number tells.  It is written
so that Python takes it without looking at the sources: PID 1 reads its modules through the root
filesystem's server, and each look costs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from image.cache import Cache, digest
from image.errors import ImageError, MissingTool, ToolFailed
from image.run import run

_ASK: Final = """\
import importlib.util, sys
print(sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex())
"""
_COMPILE: Final = """\
import py_compile, sys
for line in sys.stdin.read().splitlines():
    source, compiled, name = line.split("\\t")
    py_compile.compile(source, compiled, name, doraise=True, optimize=0,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def find_interpreter(minor: int, magic: bytes | None) -> tuple[str, bytes] | None:
    """Return an interpreter for Python 3.``minor`` of this machine, and its magic number.

    ``magic`` is what the image's own bytecode begins with, if it has any.
    """
    names = [sys.executable, getattr(sys, "_base_executable", "")]
    names += [shutil.which(f"python3.{minor}") or "", f"/usr/bin/python3.{minor}"]
    for name in dict.fromkeys(names):
        if not name:
            continue
        try:
            words = run([name, "-I", "-S", "-c", _ASK]).stdout.decode().split()
        except (ToolFailed, MissingTool):
            continue  # not there, or a version manager's stand-in for one that is not chosen
        if len(words) == 2 and words[0] == f"cpython-3{minor}":
            own = bytes.fromhex(words[1])
            if magic is None or magic == own:
                return name, own
    return None


def compile_modules(
    sources: Mapping[str, Path], interpreter: str, magic: bytes, cache: Cache
) -> dict[str, Path]:
    """Return the compiled file of each module; ``sources`` are by their path in the image.

    Raises ImageError, with what Python says, for a source that cannot be compiled.
    """
    ordered = sorted(sources.items())
    key = digest([magic, *(part for path, file in ordered for part in (path, file.read_bytes()))])

    def make(aside: Path) -> None:
        aside.mkdir()
        lines = [f"{file}\t{aside / str(n)}\t{path}\n" for n, (path, file) in enumerate(ordered)]
        try:
            run(
                [interpreter, "-S", "-P", "-c", _COMPILE],
                input="".join(lines).encode("utf-8", "surrogateescape"),
                env={"PYTHONHASHSEED": "0"},
            )
        except ToolFailed as error:
            raise ImageError(f"drover cannot be compiled for the image: {error}") from error

    entry = cache.get("bytecode", key, make)
    return {path: entry / str(number) for number, (path, _) in enumerate(ordered)}
