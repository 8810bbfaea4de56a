"""drover goes into a tree: its modules and their bytecode, its programs, its configuration.

All modules are under one private directory, which is first on the path of each program; the rest
of the path is the image's own Python.  Files that packages of the image own are diverted, as their
package manager has it, and never just overwritten.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from image.accounts import read_text
from image.bundle import make_bundle
from image.bytecode import compile_modules, find_interpreter
from image.cache import Cache
from image.errors import ConfigurationError, ImageError
from image.settings import Configuration
from image.sources.database import ADMINISTRATION
from image.sources.unpacking import Unpacker
from image.target_python import TargetPython, find_module, find_python
from image.tree import Node, Tree
from pid1.launchers import write_launchers

LIBRARY: Final = "/usr/lib/drover"
RUNSYSTEM: Final = "/libexec/runsystem"
ROOMS: Final = ("hurd", "pid1", "services", "boot", "image")
_HERE: Final = Path(__file__).resolve().parent.parent
_PROGRAMS: Final = {
    "/bin/herd": "herd",
    "/sbin/shepherd": "shepherd",
    "/sbin/halt": "halt",
    "/sbin/poweroff": "halt",
    "/sbin/reboot": "reboot",
    "/sbin/shutdown": "shutdown",
}


@dataclass(frozen=True)
class Installed:
    """What was installed; ``compile`` is what is left for the first boot, if anything.

    ``bundle`` is what the bundle is made from again when the first boot changes the modules.
    """

    python: TargetPython
    modules: int
    compile: tuple[str, str] | None
    bundle: tuple[str, str] | None


def install_drover(tree: Tree, configuration: Configuration, cache: Cache, time: int) -> Installed:
    """Put drover into a tree; raises ImageError if the tree has no Python that fits."""
    python = find_python(tree)
    if tree.resolve("/bin/sh") is None:
        raise ImageError(f"the image has no /bin/sh, which {RUNSYSTEM} needs")
    backend = find_module(tree, python, "_cffi_backend")
    if backend is None:
        raise ImageError(
            f"the image's Python 3.{python.minor} has no module _cffi_backend: add Debian's "
            "package python3-cffi-backend, or build with init = 'native'"
        )
    files = _Files(tree, time)
    sources = _sources()
    sexpdata = find_module(tree, python, "sexpdata")
    if sexpdata is None:
        sources[f"{LIBRARY}/sexpdata.py"] = _own_sexpdata()
    for path, file in sorted(sources.items()):
        files.write(path, file)
    interpreter = _interpreter(configuration, python)
    if interpreter is not None:
        _compile(files, python, sources, interpreter, cache)
    own = (python.library, f"{python.library}/lib-dynload")
    site = [name for name in dict.fromkeys((sexpdata, backend)) if name and name not in own]
    _write_programs(files, python, site)
    _write_configuration(files, configuration)
    if interpreter is not None:
        bundle = make_bundle(tree, python, LIBRARY, sources, interpreter, cache, time)
        files.write(f"{LIBRARY}/boot/__pycache__/daemon.{python.tag}.bundle", bundle)
    words = (python.program, LIBRARY) if configuration.bytecode != "none" else None
    return Installed(python, len(sources), words if interpreter is None else None, words)


def runsystem(python: str, path: list[str], env: str | None) -> str:
    """Return the program that the Hurd's startup runs as PID 1.

    The kernel gives PID 1 no environment.  Python asks /dev/urandom for the seed of its hashes
    before it runs anything, and dies if that is not there; a seed in the environment, which
    ``-I`` would ignore, keeps it from asking.  ``env`` is the program env(1) that puts it there;
    without one that knows ``-S`` a shell has to.
    """
    command = f"PYTHONHASHSEED=0 {python} -S -P -X utf8"
    # The second form is at once a command of the shell and a string of Python.
    start = (
        f"#!{env} -S {command}\n"
        if env is not None
        else f"#!/bin/sh\n'''exec' env {command} \"$0\" \"$@\"\n' '''\n"
    )
    return (
        f"{start}# The first program of the system: drover as PID 1.\n"
        "import gc, posix, sys\n"
        "posix.umask(0o022)  # the kernel gives none, and imports may write bytecode\n"
        "gc.disable()  # until the daemon serves: what start-up makes stays\n"
        f"sys.path[:0] = {path!r}\n"
        "from boot import bundled\n"
        "bundled.install()\n"
        "def start():\n"
        "    from boot import quick_imports\n"
        "    quick_imports.prepare()\n"
        "    from boot.stage0 import main\n"
        "    main()\n"
        "bundled.further_down(start)\n"
    )


def _env(tree: Tree) -> str | None:
    """The env(1) of a tree if it is that of the GNU coreutils, which knows ``-S``."""
    for path in ("/usr/bin/env", "/bin/env"):
        place = tree.resolve(path)
        if place is not None:
            content = tree[place].content
            data = content.read_bytes() if isinstance(content, Path) else content or b""
            return path if b"split-string" in data else None
    return None


class _Files:
    """Puts files into the tree, past those of packages."""

    def __init__(self, tree: Tree, time: int) -> None:
        self.tree = tree
        self.time = time
        self.unpacker = Unpacker(tree, keep_directories=True)
        self.owned = _owned(tree)

    def write(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        self.divert(path)
        self.unpacker.put(path, Node("file", mode, mtime=self.time, content=content))

    def divert(self, path: str) -> None:
        """Let what a package has at ``path`` be at ``path.distrib`` from now on."""
        place = self.unpacker.place(path)
        name = next((one for one in (path, place, _alias(place)) if one in self.owned), None)
        if name is None:
            return
        if place in self.tree:
            node = self.tree[place]
            self.unpacker.put(f"{place}.distrib", node)
            self.tree.remove(place)
        diversions = f"{ADMINISTRATION}/diversions"
        text = read_text(self.tree, diversions) + f"{name}\n{name}.distrib\n:\n"
        node = Node("file", 0o644, mtime=self.time, content=text.encode())
        self.unpacker.put(diversions, node)


def _owned(tree: Tree) -> set[str]:
    """Return the paths that the packages of a tree own and drover would write."""
    wanted = {*_PROGRAMS, RUNSYSTEM}
    wanted |= {f"/usr{path}" for path in wanted}
    owned: set[str] = set()
    information = f"{ADMINISTRATION}/info"
    if information in tree:
        for path in tree.children(information):
            if path.endswith(".list"):
                owned |= wanted.intersection(read_text(tree, path).splitlines())
    return owned


def _alias(path: str) -> str:
    """Return the name of a file in a merged /usr that is not its own: with or without /usr."""
    return path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}"


def _sources() -> dict[str, Path]:
    """Return drover's own files by their path in the image."""
    files = {}
    for room in ROOMS:
        for file in (_HERE / room).rglob("*"):
            relative = file.relative_to(_HERE)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
            if file.is_file() and not hidden:
                files[f"{LIBRARY}/{relative.as_posix()}"] = file
    return files


def _own_sexpdata() -> Path:
    spec = find_spec("sexpdata")
    if spec is None or spec.origin is None or Path(spec.origin).name != "sexpdata.py":
        raise ImageError(
            "neither the image nor this machine's Python has the module sexpdata: add Debian's "
            "package python3-sexpdata to the image"
        )
    return Path(spec.origin)


def _interpreter(configuration: Configuration, python: TargetPython) -> tuple[str, bytes] | None:
    """What compiles for the image here, with its magic number; None if nothing does or shall."""
    if configuration.bytecode == "none":
        return None
    found = find_interpreter(python.minor, python.magic)
    if found is None and configuration.bytecode == "require":
        raise ImageError(
            f"bytecode: the image has Python 3.{python.minor}, and this machine has no "
            f"python3.{python.minor} to compile drover with"
        )
    return found


def _compile(
    files: _Files,
    python: TargetPython,
    sources: dict[str, Path],
    interpreter: tuple[str, bytes],
    cache: Cache,
) -> None:
    modules = {path: file for path, file in sources.items() if path.endswith(".py")}
    for path, compiled in compile_modules(modules, *interpreter, cache).items():
        directory, _, name = path.rpartition("/")
        target = f"{directory}/__pycache__/{name.removesuffix('.py')}.{python.tag}.pyc"
        files.write(target, compiled)


def _write_programs(files: _Files, python: TargetPython, site: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        write_launchers(Path(directory), python.program, Path(LIBRARY), site)
        for path, name in _PROGRAMS.items():
            files.write(path, (Path(directory) / name).read_bytes(), 0o755)
    text = runsystem(python.program, [LIBRARY, *site], _env(files.tree))
    files.write(RUNSYSTEM, text.encode(), 0o755)


def _write_configuration(files: _Files, configuration: Configuration) -> None:
    data = Path(__file__).parent / "data"
    if files.tree.resolve("/etc/drover/init.scm") is None:
        files.write("/etc/drover/init.scm", data / "init.scm")
    files.unpacker.put("/etc/drover/services.d", Node("directory", 0o755, mtime=files.time))
    for service in configuration.services:
        text = service.read_bytes()
        _check_syntax(service, text)
        files.write(f"/etc/drover/services.d/{service.name}", text)


def _check_syntax(file: Path, data: bytes) -> None:
    """Find out here, and not on the first boot, that a file cannot be read."""
    from services.configuration import error_message
    from services.scheme.errors import SchemeError
    from services.scheme.reader import Reader
    from services.scheme.source import decode
    from services.scheme.types import EOF

    reader = Reader(decode(data), str(file))
    try:
        while reader.read() is not EOF:
            pass
    except SchemeError as error:
        raise ConfigurationError("services", error_message(error)) from None
