"""mount: start the translators of file systems, or list the file systems that are mounted."""

from __future__ import annotations

import os

from hurd.errors import HurdError
from hurd.tools.argp import State, parse
from hurd.tools.messages import fail, put, warn
from hurd.tools.selection import Selection
from hurd.tools.tables import mount as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.translator.fstab import MountEntry, MountTable
    from hurd.translator.mounting import Mounted

_FORMATS = {
    "fstab": "fstab",
    "mount": "mount",
    "translator": "translator",
    "showtrans": "translator",
}


# Letters that stand for an option of -o.
_WORDS = {"r": "ro", "w": "rw", "u": "update", "B": "bind"}


class _Mount:
    def __init__(self) -> None:
        self.tool = "mount"
        self.selection = Selection("/etc/fstab")
        self.options: list[str] = []
        self.arguments: list[str] = []
        self.format = "mount"
        self.timeout: float | None = None
        self.verbose = False
        self.fake = False
        self.bind = False
        self.remount = False

    def parse(self, key: str | None, argument: str | None, state: State) -> None:
        value = argument or ""
        if key is None:
            if len(self.arguments) == 2:
                state.error("too many arguments")
            self.arguments.append(value)
        elif key in _WORDS:
            self.options.append(_WORDS[key])
        elif key == "o":
            self.options += [word for word in value.split(",") if word]
        elif key == "v":
            self.verbose = True
        elif key == "f":
            self.fake = True
        elif key == "T":
            if not (value.isascii() and value.isdigit()):
                state.error("--timeout needs a numeric argument (milliseconds)")
            self.timeout = int(value) / 1000 or None
        elif key == "p":
            if (argument or "fstab").lower() not in _FORMATS:
                state.error("invalid argument to --format")
            self.format = _FORMATS[(argument or "fstab").lower()]
        else:
            # What is left is -n, which changes nothing here.
            self.selection.parse(key, argument)

    def finish(self, state: State) -> None:
        """What can only be checked when everything is read."""
        self.tool = state.name
        if self.selection.all and self.arguments:
            state.error("filesystem argument not allowed with --all")
        if not self.arguments and not self.selection.all and self.options:
            state.error("mount options not allowed without filesystem argument")
        if self.arguments and len(self.selection.types) > 1:
            state.error("multiple types not allowed with filesystem argument")
        self.options = ["update" if word == "remount" else word for word in self.options]
        self.remount = "update" in self.options
        self.bind = "bind" in self.options


def main(argv: Sequence[str]) -> int:
    """Exit status: 0; 1 something was not mounted; 2 no such entry; 103 no fstab; 64 usage."""
    program = _Mount()
    state = parse(table(), argv, program.parse)
    program.finish(state)
    entries = program.selection.read(state)
    if program.arguments:
        return 0 if _mount_one(program, _entry(program, entries)) else 1
    chosen = program.selection.entries(entries)
    work = _mount_listed if program.selection.all else _query
    failures = sum(not work(program, entry) for entry in chosen)
    return 1 if failures else 0


def _entry(program: _Mount, entries: MountTable) -> MountEntry:
    """The file system that the arguments name."""
    from hurd.translator.fstab import MountEntry

    name = program.arguments[0]
    if len(program.arguments) == 1 and not program.remount:
        found = entries.find(name)
        if found is None:
            fail(program.tool, 2, f"{name}: Unknown device or filesystem")
        return found
    types = program.selection.types or ["auto"]
    return entries.add(MountEntry(name, program.arguments[-1], types[0]))


def _mount_listed(program: _Mount, entry: MountEntry) -> bool:
    """Mount an entry for --all, unless it is not to be mounted or mounted already."""
    if "noauto" in entry.options or not entry.matches(program.selection.tests):
        return True
    mounted = _is_mounted(program, entry)
    if mounted and not program.remount:
        return True
    return mounted is not None and _mount_one(program, entry)


def _is_mounted(program: _Mount, entry: MountEntry) -> bool | None:
    """Whether something is mounted there; None, having said so, if that cannot be known."""
    from hurd.translator.mounting import control_of_mounted

    try:
        control = control_of_mounted(entry.directory)
    except HurdError as error:
        warn(program.tool, f"cannot determine if {entry.device} is already mounted", error)
        return None
    if control is None:
        return False
    control.close()
    return True


def _mount_one(program: _Mount, entry: MountEntry) -> bool:
    """Mount or remount one file system; False, having said why, if that failed."""
    mounted = _is_mounted(program, entry)
    if mounted is None:
        return False
    options = [*entry.options, *program.options]
    if program.remount:
        return _remount(program, entry, options, mounted)
    # With --fake, mount of other systems does not look either.
    if mounted and not program.fake:
        warn(program.tool, f"{entry.device} already mounted")
        return False
    return _start(program, entry, options)


def _remount(program: _Mount, entry: MountEntry, options: list[str], mounted: bool) -> bool:
    from hurd.translator.mounting import option_words, remount

    if not mounted:
        warn(program.tool, f"{entry.device} not already mounted")
        return False
    _explain(program, "fsysopts", entry, option_words(options))
    try:
        remount(entry.directory, options)
    except HurdError as error:
        warn(program.tool, f"cannot remount {entry.device}", error)
        return False
    return True


def _start(program: _Mount, entry: MountEntry, options: list[str]) -> bool:
    from hurd.codes import EBUSY
    from hurd.translator.errors import TranslatorError
    from hurd.translator.mounting import SEARCH_FORMATS, UnknownType, command_for
    from hurd.translator.setting import set_active

    try:
        argv = command_for(
            entry.device,
            entry.type,
            options,
            formats=program.selection.formats or SEARCH_FORMATS,
        )
    except UnknownType as error:
        if error.routine == "detect_type":
            warn(program.tool, "failed to detect file system type")
        else:
            warn(program.tool, f"{entry.device}: {error.strerror}")
        return False
    except OSError as error:
        warn(program.tool, f"{entry.device}: cannot determine filesystem type", error)
        return False
    if program.fake:
        return _pretend(program, entry, argv[0])
    _explain(program, "settrans -a", entry, argv)
    try:
        set_active(
            entry.directory,
            argv,
            exclusive=True,
            timeout=program.timeout,
            descriptors=(None, None, None),
        ).close()
    except TranslatorError as error:
        if error.routine == "file_set_translator":
            if error.errno == EBUSY:
                warn(program.tool, f"{entry.directory} already mounted on")
            else:
                warn(program.tool, f"cannot set translator on {entry.directory}", error)
        elif error.subject == entry.directory:
            warn(program.tool, f"cannot mount on {entry.directory}", error)
        else:
            warn(program.tool, f"cannot start translator {argv[0]}", error)
        return False
    return True


def _pretend(program: _Mount, entry: MountEntry, translator: str) -> bool:
    from hurd.constants import O_READ
    from hurd.translator.nodes import open_node

    try:
        open_node(entry.directory, flags=O_READ).close()
    except HurdError as error:
        fail(program.tool, 1, f"cannot mount on {entry.directory}", error)
    if not os.access(translator, os.X_OK):
        fail(program.tool, 1, f"can not execute {translator}")
    return True


def _explain(program: _Mount, command: str, entry: MountEntry, words: Sequence[str]) -> None:
    if program.verbose:
        put(" ".join([command, entry.directory, *words]))


def _query(program: _Mount, entry: MountEntry) -> bool:
    """List one file system, if it is mounted; False, having said why, if it does not tell."""
    from hurd.translator.mounting import query

    try:
        mounted = query(entry.directory, entry.device)
    except LookupError as error:
        warn(program.tool, str(error))
        return False
    except HurdError as error:
        if error.routine == "fsys_get_options":
            warn(program.tool, f"{entry.device}: cannot get filesystem options", error)
        return False
    if mounted is not None:
        put(_line(program.format, entry, mounted))
    return True


def _line(form: str, entry: MountEntry, mounted: Mounted) -> str:
    if form == "translator":
        return f"{entry.directory}: {' '.join(mounted.words)}"
    options = ",".join(mounted.options) or "defaults"
    if form == "fstab":
        return (
            f"{mounted.device}\t{entry.directory}\t{mounted.type}\t{options}"
            f"\t{entry.frequency} {entry.pass_number}"
        )
    return f"{mounted.device} on {entry.directory} type {mounted.type} ({options})"
