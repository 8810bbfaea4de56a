"""Write the bundle that `boot.bundled` imports the daemon's modules from.

``python -m boot.bundle [--sealed] [FILE]``, with the interpreter that the daemon will run on and
the path that it will have.  By default each module's source is looked at again when it is imported,
and a changed one is read instead.  With ``--sealed`` only the directories are looked at, when the
daemon starts: package managers replace files, which changes the directory's time, and editors that
write into a file do not.  It is for the GNU/Hurd, where each look costs about a millisecond.
"""

from __future__ import annotations

import contextlib
import dis
import importlib.util
import inspect
import json
import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Final, TypeAlias

from boot import bundled

if TYPE_CHECKING:
    from services.scheme.prepared import Text

# A module's name, the place of its source, and its code if it has any of ours.
Module: TypeAlias = "tuple[str, bundled.Place, CodeType | None]"

_HAS_DOCSTRING: Final = 0x4000000
"""CO_HAS_DOCSTRING, since Python 3.14."""

_WITH_CONSTANT: Final = frozenset(dis.hasconst)
_STORE_NAME: Final = dis.opmap["STORE_NAME"]

_ROOMS = ("hurd", "pid1", "services", "boot")
# What starts a machine; with the services of a Hurd come the parts of the language they use.
BOOT: Final = ("boot.stage0", "boot.guard", "boot.ending", "boot.boot_log", "boot.api")

# What a machine's start imports besides: on the Hurd only, or once the configuration is at work.
ON_THE_HURD: Final = (
    "hurd.system.clock", "hurd.system.hurd", "hurd.system.hurd_nodes", "hurd.system.local_sockets",
    "hurd.system._libc_abi", "hurd.system.libc", "hurd.translator", "hurd.translator.fstab",
    "hurd.system.utmp", "boot.nodes", "pid1.disabled", "pid1.usage", "pid1.translator",
    "services.scheme.loading",
    *(f"services.scheme.library.{name}" for name in (
        "apply", "characters", "checks", "equality", "lists", "mapping", "miscellany", "numbers",
        "output", "rational", "strings", "symbols", "text",
    )),
    "grp", "_struct", "struct",
)  # fmt: skip

# What it does not import there.
ON_LINUX: Final = (
    "hurd.system.linux", "hurd.system.linux_spawn", "hurd.system.libc_spawn", "_cffi_backend",
)  # fmt: skip

TEXTS: Final = ("services/definitions/hurd.scm", "image/data/init.scm")
"""What starts a machine as it comes; a machine's own text is another, and is read."""

# What a daemon with an ordinary configuration has imported when it serves; printed by a process
# of its own, because that is decided by what is not imported yet.
_LISTING = """
import sys
sys.path[:0] = {path!r}
from boot import quick_imports
quick_imports.prepare()
import boot.shepherd
quick_imports.install()
from hurd.system import libc_spawn, linux_spawn, system
import pid1.control, pid1.daemon, pid1.endpoints, pid1.mainloop, pid1.log
import services.configuration
import services.api.service
from services.scheme import prepared
prepared.use({texts!r})
for name in {also!r}:
    __import__(name)
print(*[name for name, module in sys.modules.items()
        if getattr(getattr(module, "__spec__", None), "has_location", False)
        or getattr(getattr(module, "__spec__", None), "origin", None) not in
           (None, "built-in", "frozen")], sep="\\n")
"""


def started_modules(path: list[str], boot: bool = False) -> list[str]:
    """The modules that the daemon imports to start, or to start a machine, in that order.

    Raises CalledProcessError if one of them, or `TEXTS`, cannot be used.
    """
    texts: dict[str, Text] = {}
    if boot:
        # Compiled as a whole: nobody would tell of an error in a procedure before it is called.
        _run(f"import sys; sys.path[:0] = {path!r}; import boot.api")
        texts = _prepared([str(Path(__file__).resolve().parent.parent / text) for text in TEXTS])
    also = BOOT if boot else ()
    found = _run(_LISTING.format(path=path, also=also, texts=texts)).split()
    if boot:
        return [name for name in [*found, *ON_THE_HURD] if name not in ON_LINUX]
    return found


def _run(code: str) -> str:
    words = [sys.executable, "-I", "-S", "-"]
    return subprocess.run(words, input=code, check=True, capture_output=True, text=True).stdout


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
    hot = dict.fromkeys(started_modules(path, sealed))
    root = Path(__file__).resolve().parent.parent
    modules: list[Module] = []
    for name in dict.fromkeys([*hot, *our_modules(root)]):
        found = _module(name, sealed)
        if found is not None:
            modules.append((name, *found))
    times = {}
    if sealed:
        parents = {str(Path(place[0]).parent) for _, place, _ in modules}
        times = {parent: os.stat(parent).st_mtime_ns for parent in parents}
    texts = [str(root / text) for text in TEXTS] if sealed else []
    _replace(target, assemble(bundled.head(), times, modules, hot, texts))
    return len(modules)


def assemble(
    head: bytes,
    times: dict[str, int],
    modules: Sequence[Module],
    hot: Collection[str],
    texts: Sequence[str] = (),
) -> bytes:
    """Return a bundle as `boot.bundled` describes it, with `hot` modules in its first part.

    `times` are those of directories that must be unchanged, `texts` files of Scheme that are known
    to compile.  Code is written in the form of the interpreter that runs this.
    """
    first: dict[str, bundled.Hot] = {}
    index: dict[str, bundled.Entry] = {}
    codes: list[bytes] = []
    length = 0
    for name, place, code in modules:
        if code is not None:
            code = without_docstrings(code)
        if name in hot:
            first[name] = (*place, code)
        if code is None:
            index[name] = (*place, bundled.EXTENSION, 0)
            continue
        data = marshal.dumps(code)
        index[name] = (*place, length, len(data))
        codes.append(data)
        length += len(data)
    parents = {place[0].rpartition("/")[0] for place in first.values()}
    needed = {one: time for one, time in times.items() if one in parents}
    table = marshal.dumps((needed, first, _prepared(texts)))
    rest = marshal.dumps((times, index))
    total = len(head) + 3 * 8 + len(table) + len(rest) + length
    lengths = b"".join(n.to_bytes(8, "little") for n in (len(table), len(rest), total))
    return b"".join([head, lengths, table, rest, *codes])


def _prepared(files: Sequence[str]) -> dict[str, Text]:
    """What has been read of these files; those that are not there are left out."""
    from services.scheme.prepared import prepare
    from services.scheme.source import decode

    texts = [decode(Path(file).read_bytes()) for file in files if Path(file).exists()]
    return {text: prepare(text) for text in texts}


def without_docstrings(code: CodeType) -> CodeType:
    """The same code; nobody asks PID 1 for its documentation, and reading it takes time."""
    constants = list(code.co_consts)
    flags = code.co_flags
    place = _docstring(code)
    if place is not None:
        constants[place] = None
        flags &= ~_HAS_DOCSTRING
    for number, constant in enumerate(constants):
        if isinstance(constant, CodeType):
            constants[number] = without_docstrings(constant)
    return code.replace(co_consts=tuple(constants), co_flags=flags)


def _docstring(code: CodeType) -> int | None:
    """Where a docstring stands that is nothing else; a function's is its first constant."""
    instructions = code.co_code
    loads = [
        (at, instructions[at + 1])
        for at in range(0, len(instructions), 2)
        if instructions[at] in _WITH_CONSTANT
    ]
    used = [number for _, number in loads]
    if code.co_flags & inspect.CO_NEWLOCALS:
        documented = code.co_consts[:1] and isinstance(code.co_consts[0], str)
        return 0 if documented and 0 not in used else None
    for at, number in loads:
        operation, name = instructions[at + 2 : at + 4] or (0, 0)
        if instructions[at - 2] == dis.EXTENDED_ARG:
            continue
        if operation == _STORE_NAME and code.co_names[name] == "__doc__":
            documented = isinstance(code.co_consts[number], str)
            return number if documented and used.count(number) == 1 else None
    return None


def _module(name: str, sealed: bool) -> tuple[bundled.Place, CodeType | None] | None:
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
        return entry, spec.loader.get_code(name)
    return None


def assemble_described() -> None:
    """Write a bundle of what standard input describes; for images, of which this is no part.

    Standard input is JSON: ``target``, ``head`` (hexadecimal), ``times``, ``hot``, ``texts``, and
    ``modules``, each with the name, the place and the file to compile or null.
    """
    wanted = json.load(sys.stdin)
    modules: list[Module] = []
    for name, place, file in wanted["modules"]:
        code = None
        if file is not None:
            source = Path(file).read_bytes()
            code = compile(source, place[0], "exec", dont_inherit=True, optimize=0)
        modules.append((name, tuple(place), code))
    head = bytes.fromhex(wanted["head"])
    data = assemble(head, wanted["times"], modules, wanted["hot"], wanted["texts"])
    Path(wanted["target"]).write_bytes(data)


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
