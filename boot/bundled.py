"""Import the daemon's modules from one file, which `boot.bundle` has written.

Finding, opening and checking a hundred files takes longer than running what is in them, on the
GNU/Hurd by far.  A bundle of another Python, a damaged one, and a module whose source has changed
since are ignored: what is not taken from the bundle is imported as ever.

The file: a head that must match (`head`); the lengths of the first part, of the index and of the
whole file; the first part, marshalled as one, because that is read faster: the directories that
must be unchanged with their times; by name of a module needed to start where its source was,
whether it is a package, its time (None where only the directories count) and size, and its code;
and texts in Scheme that were read before (`services.scheme.prepared`).  Then the index, marshalled:
all directories, and for all modules the same, with the place of the code in what follows.

Measured on Linux with Python 3.11, everything in the page cache: 29 ms of imports become 25.  On
the GNU/Hurd 3.8 s until a daemon of this size listens become 1.4.
"""

from __future__ import annotations

import sys
from marshal import loads
from posix import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType
    from typing import Any, NoReturn, TypeVar

    Result = TypeVar("Result")

    # Where the source was, whether that is a package, its time and size.
    Place = tuple[str, bool, int | None, int]
    Hot = tuple[str, bool, int | None, int, CodeType | None]
    Entry = tuple[str, bool, int | None, int, int, int]

_external: Any = sys.modules["_frozen_importlib_external"]
ModuleSpec: Any = type(sys.__spec__)

_LEVELS = 32
_LENGTHS = 3
_WIDTH = 8
EXTENSION = -1
"""The offset of a module that is no code of ours, but a library to load."""


def head(magic: bytes | None = None, tag: str | None = None, optimize: int | None = None) -> bytes:
    """What a bundle for this interpreter begins with, or for one with these properties.

    Its version's last number is not among them: a new one replaces files of the library, which
    shows in their times.
    """
    level = sys.flags.optimize if optimize is None else optimize
    version = f"{tag or sys.implementation.cache_tag} {level}".encode()
    number: bytes = _external.MAGIC_NUMBER if magic is None else magic
    return b"drover bundle 3\n" + number + len(version).to_bytes(2, "little") + version


def default_path() -> str:
    """Where the bundle of this interpreter is."""
    directory = __file__.rpartition("/")[0]
    return f"{directory}/__pycache__/daemon.{sys.implementation.cache_tag}.bundle"


class Bundle:
    """A finder and loader. Raises OSError, ValueError, EOFError or TypeError for a bad file."""

    def __init__(self, path: str) -> None:
        import io

        self._path = path
        with io.FileIO(path) as file:
            start = head()
            data = file.read(len(start) + _LENGTHS * _WIDTH)
            if not data.startswith(start):
                raise ValueError("a bundle for another interpreter")
            first, self._index_length, total = (
                int.from_bytes(data[at : at + _WIDTH], "little")
                for at in range(len(start), len(data), _WIDTH)
            )
            if stat(file.fileno()).st_size != total:
                raise ValueError("a bundle that is not complete")
            directories: dict[str, int]
            # What is needed to start is read at once, and kept until that has happened.
            self.hot: dict[str, Hot]
            self.texts: dict[str, Any]
            everything = file.read(first)
            directories, self.hot, self.texts = further_down(lambda: loads(everything))
            self._base = file.tell()
        _check(directories)
        self._index: dict[str, Entry] | None = None
        self._found: dict[str, CodeType] = {}

    @property
    def index(self) -> dict[str, Entry]:
        """All modules.  It is read when one is asked for that is not needed to start."""
        if self._index is None:
            try:
                directories, self._index = loads(self._read(0, self._index_length))
                _check(directories)
            except (OSError, ValueError, EOFError, TypeError):
                self._index = {}
        return self._index

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        """The module's, if it is here and its source is as it was."""
        code: CodeType | None
        hot = self.hot.pop(name, None)
        try:
            if hot is not None:
                origin, is_package, time, size, code = hot
            else:
                entry = self.index.get(name)
                if entry is None:
                    return None
                origin, is_package, time, size, offset, length = entry
            if time is not None:
                status = stat(origin)
                if status.st_mtime_ns != time or status.st_size != size:
                    return None
            if hot is None:
                code = (
                    None
                    if offset == EXTENSION
                    else loads(self._read(self._index_length + offset, length))
                )
        except (OSError, ValueError, EOFError, TypeError):
            return None
        if code is None:
            return ModuleSpec(name, _external.ExtensionFileLoader(name, origin), origin=origin)
        self._found[name] = code
        spec = ModuleSpec(name, self, origin=origin, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations.append(origin.rpartition("/")[0])
        return spec

    def _read(self, offset: int, length: int) -> bytes:
        import io

        with io.FileIO(self._path) as file:
            file.seek(self._base + offset)
            return file.read(length)

    @staticmethod
    def create_module(_spec: Any) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self._found.pop(module.__name__), module.__dict__)

    def started(self) -> None:
        """Let go of what is needed no more; what is imported later is read when it is."""
        self.hot = {}
        self.texts = {}


def _check(directories: dict[str, int]) -> None:
    for directory, time in directories.items():
        if stat(directory).st_mtime_ns != time:
            raise ValueError("a bundle of what has changed")


def further_down(action: Callable[[], Result]) -> Result:
    """Do something further down the stack of C, and return its value.

    On the GNU/Hurd the C library executes code on the stack whenever it looks a file up (the
    trampolines of its nested functions).  An emulator such as QEMU then takes every write to these
    pages of the stack as one that might change code: everything that is done at this depth takes
    ten times as long.  What begins here is beyond the pages that the start of the interpreter used.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def descend(level: int) -> int:
        if level:
            # Sorting keeps 2 KiB on the stack while it asks for a key.
            [level - 1].sort(key=descend)
        else:
            try:
                results.append(action())
            except BaseException as error:
                errors.append(error)  # raised below, or the traceback would show the whole way
        return 0

    descend(_LEVELS)
    for error in errors:
        raise error
    return results[0]


the_bundle: Bundle | None = None


def install(path: str | None = None) -> bool:
    """Take modules from the bundle from now on; False if it cannot be used."""
    global the_bundle
    try:
        the_bundle = Bundle(path or default_path())
    except (OSError, ValueError, EOFError, TypeError):
        return False
    # Before the finder of files, after those of what is part of the interpreter.
    at = len(sys.meta_path) - (1 if sys.meta_path else 0)
    sys.meta_path.insert(at, the_bundle)
    return True


def started() -> None:
    """The daemon has started: keep nothing in memory for its start."""
    if the_bundle is not None:
        the_bundle.started()


def main() -> NoReturn:
    """The ``shepherd`` command."""
    install()
    from boot import quick_imports

    quick_imports.prepare()
    from boot.shepherd import main

    main()
