"""Write ``shepherd``, ``herd``, ``halt``, ``shutdown`` and ``reboot`` into a directory.

``python -m pid1.launchers [--python PATH] DIRECTORY``.  Each is a few lines of Python, run with
``-I -S``: without them ``herd`` would spend most of its time on reading site-packages.  What the
daemon needs from there is looked up now and put on its path.
"""

from __future__ import annotations

import sys
from pathlib import Path

_LONGEST_SHEBANG = 127
"""Linux since 2.6 reads so many bytes of the first line, and cuts off what follows."""

_CLIENT = """\
import gc, posix, sys
gc.disable()
sys.path.insert(0, {root!r})
try:
    from {module} import {function}
    posix._exit({function}())
except KeyboardInterrupt:
    posix._exit(130)
"""
_DAEMON = """\
import sys
sys.path[:0] = {path!r}
from boot.bundled import main
main()
"""
_CLIENTS = {
    "herd": ("pid1.herd", "main"),
    "halt": ("pid1.herd.halt", "halt_main"),
    "shutdown": ("pid1.herd.halt", "halt_main"),
    "reboot": ("pid1.herd.halt", "reboot_main"),
}
_REQUIRED = ("sexpdata", "_cffi_backend")


def first_lines(python: str) -> str:
    """Return how a script starts that ``python``, an absolute file name, runs with ``-I -S``.

    A name too long for the kernel, or with blanks, goes into a line that is at once a command of
    the shell and a string of Python.
    """
    shebang = f"#!{python} -IS"
    if len(shebang.encode()) < _LONGEST_SHEBANG and not any(char.isspace() for char in python):
        return shebang + "\n"
    quoted = "'" + python.replace("'", "'\"'\"'") + "'"
    return f"#!/bin/sh\n'''exec' {quoted} -IS \"$0\" \"$@\"\n' '''\n"


def site_directories(names: tuple[str, ...] = _REQUIRED) -> list[str]:
    """Return the directories, other than Python's own, that hold the modules ``names``.

    Raises ModuleNotFoundError for a module that cannot be found.
    """
    from importlib.util import find_spec

    own = Path(find_spec("os").origin).resolve().parent  # type: ignore[union-attr, arg-type]
    found: list[str] = []
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        directory = str(Path(spec.origin).resolve().parents[1 if spec.parent == name else 0])
        if directory not in (*found, str(own), str(own / "lib-dynload")):
            found.append(directory)
    return found


def write_launchers(directory: Path, python: str, root: Path, site: list[str]) -> list[Path]:
    """Write all launchers into ``directory``, which is made if need be, and return their names.

    ``root`` holds drover's packages, ``site`` is what ``site_directories`` returned.
    """
    directory.mkdir(parents=True, exist_ok=True)
    start = first_lines(python)
    texts = {
        name: start + _CLIENT.format(root=str(root), module=module, function=function)
        for name, (module, function) in _CLIENTS.items()
    }
    texts["shepherd"] = start + _DAEMON.format(path=[str(root), *site])
    written = []
    for name, text in texts.items():
        file = directory / name
        temporary = directory / f".{name}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(file)  # a launcher in use is never half-written
        written.append(file)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m pid1.launchers`` with ``arguments``; return its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    # Within a virtual environment, the interpreter it was made from: it starts faster.
    python = getattr(sys, "_base_executable", sys.executable)
    if words[:1] == ["--python"] and len(words) > 1:
        python, words = words[1], words[2:]
    if len(words) != 1 or words[0].startswith("-"):
        print("Usage: python -m pid1.launchers [--python PATH] DIRECTORY", file=sys.stderr)
        return 1
    root = Path(__file__).resolve().parent.parent
    try:
        site = site_directories()
        # The name is kept as it is: resolving a virtual environment's link would leave it.
        names = write_launchers(Path(words[0]), str(Path(python).absolute()), root, site)
    except (OSError, ModuleNotFoundError) as error:
        print(f"launchers: error: {error}", file=sys.stderr)
        return 1
    for name in names:
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
