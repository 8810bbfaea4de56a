"""Write the bundle that `boot.bundled` imports the daemon's modules from.

``python -m boot.bundle [--sealed] [FILE]``, with the interpreter that the daemon will run on and
the path that it will have.  By default each module's source is looked at again when it is imported,
and a changed one is read instead.  With ``--sealed`` only the directories are looked at, when the
daemon starts: package managers replace files, which changes the directory's time, and editors that
write into a file do not.  It is for the GNU/Hurd, where each look costs about a millisecond.
"""

from __future__ import annotations

import contextlib
import importlib.util
import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from pathlib import Path
from typing import TypeAlias

from boot import bundled

# Where a module's source is: file, whether it is a package, time and size (see `boot.bundled`).
Place: TypeAlias = tuple[str, bool, int | None, int]
# A module's name, place, and its code if it has any of ours.
Module: TypeAlias = tuple[str, Place, bytes | None]

_ROOMS = ("hurd", "pid1", "services", "boot")
# What a daemon with an ordinary configuration has imported when it serves; printed by a process
# of its own, because that is decided by what is not imported yet.
_LISTING = """
import sys
sys.path[:0] = {path!r}
from boot import quick_imports
import boot.shepherd
quick_imports.install()
from hurd.system import libc_spawn, linux_spawn, system
import pid1.control, pid1.daemon, pid1.endpoints, pid1.mainloop, pid1.log
import services.configuration
import services.api.service
for name in {also!r}:
    __import__(name)
print(*[name for name, module in sys.modules.items()
        if getattr(getattr(module, "__spec__", None), "has_location", False)
        or getattr(getattr(module, "__spec__", None), "origin", None) not in
           (None, "built-in", "frozen")], sep="\\n")
"""


def started_modules(path: list[str], also: Sequence[str] = ()) -> list[str]:
    """The modules that the daemon imports to start, in that order, and what `also` imports."""
    code = _LISTING.format(path=path, also=list(also))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def our_modules(root: Path) -> Iterator[str]:
    """All modules of the daemon's rooms."""
    for room in _ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def write(target: Path, path: list[str], sealed: bool = False) -> int:
    """Write the bundle to `target` for a daemon with `path` first in its own; how many modules.

    Raises OSError, and CalledProcessError if the daemon's modules cannot be imported.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    hot = started_modules(path)
    root = Path(__file__).resolve().parent.parent
    modules: list[Module] = []
    for name in dict.fromkeys([*hot, *our_modules(root)]):
        found = _module(name, sealed)
        if found is not None:
            modules.append((name, *found))
    directories = {}
    if sealed:
        parents = {str(Path(place[0]).parent) for _, place, _ in modules}
        directories = {parent: os.stat(parent).st_mtime_ns for parent in parents}
    _replace(target, assemble(bundled.head(), directories, modules, set(hot)))
    return len(modules)


def assemble(
    head: bytes, directories: dict[str, int], modules: Iterable[Module], hot: Collection[str]
) -> bytes:
    """Return a bundle as `boot.bundled` describes it; `hot` modules come first and start it."""
    index: dict[str, bundled.Entry] = {}
    codes: list[bytes] = []
    length = hot_length = 0
    for name, place, code in modules:
        if code is None:
            index[name] = (*place, bundled.EXTENSION, 0)
            continue
        index[name] = (*place, length, len(code))
        codes.append(code)
        length += len(code)
        if name in hot:
            hot_length = length
    table = marshal.dumps((directories, index))
    total = len(head) + 3 * 8 + len(table) + length
    lengths = b"".join(n.to_bytes(8, "little") for n in (len(table), hot_length, total))
    return b"".join([head, lengths, table, *codes])


def _module(name: str, sealed: bool) -> tuple[Place, bytes | None] | None:
    """Where the module's file is, and its code; None for what is no file, or cannot be compiled."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    status = os.stat(spec.origin)
    is_package = spec.submodule_search_locations is not None
    entry = (spec.origin, is_package, None if sealed else status.st_mtime_ns, status.st_size)
    if isinstance(spec.loader, ExtensionFileLoader):
        return entry, None
    if not isinstance(spec.loader, SourceFileLoader):
        return None
    with contextlib.suppress(SyntaxError):
        return entry, marshal.dumps(spec.loader.get_code(name))
    return None


def _replace(target: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        try:
            file.write(data)
            file.close()
            temporary = Path(file.name)
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            os.unlink(file.name)
            raise


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m boot.bundle``; return its exit status."""
    from pid1.launchers import site_directories

    words = sys.argv[1:] if arguments is None else list(arguments)
    sealed = "--sealed" in words
    names = [word for word in words if word != "--sealed"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        print("Usage: python -m boot.bundle [--sealed] [FILE]", file=sys.stderr)
        return 1
    target = Path(names[0] if names else bundled.default_path())
    path = [str(Path(__file__).resolve().parent.parent), *site_directories()]
    try:
        count = write(target, path, sealed)
    except OSError as error:
        print(f"bundle: error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"bundle: error: {error.stderr.strip()}", file=sys.stderr)
        return 1
    print(f"{target}: {count} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
