"""umount: ask the translators of file systems to go away."""

from __future__ import annotations

from hurd.errors import HurdError
from hurd.tools.argp import State, parse
from hurd.tools.messages import put, warn
from hurd.tools.selection import Selection
from hurd.tools.tables import umount as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port
    from hurd.translator.fstab import MountEntry, MountTable


# What the options set, by the key they are read as.
_FLAGS = {
    "d": "source",
    "fake": "fake",
    "f": "force",
    "r": "readonly",
    "S": "nosync",
    "v": "verbose",
}


class _Umount:
    def __init__(self) -> None:
        self.tool = "umount"
        self.selection = Selection("/etc/mtab")
        self.targets: list[str] = []
        self.source = self.fake = self.force = self.readonly = self.nosync = self.verbose = False

    def parse(self, key: str | None, argument: str | None, state: State) -> None:
        if key is None:
            self.targets.append(argument or "")
        elif key in _FLAGS:
            setattr(self, _FLAGS[key], True)
        else:
            # What is left is -n, which changes nothing here.
            self.selection.parse(key, argument)

    def finish(self, state: State) -> None:
        self.tool = state.name
        if not self.targets and not self.selection.all:
            state.error("filesystem argument required if --all is not given")
        if self.targets and self.selection.all:
            state.error("filesystem argument not allowed with --all")


def main(argv: Sequence[str]) -> int:
    """Exit status: 0; 1 something was not unmounted; 103 no mtab; 64 wrong command line."""
    program = _Umount()
    state = parse(table(), argv, program.parse)
    program.finish(state)
    mounted = program.selection.read(state)
    if program.targets:
        entries = [_entry(target, mounted) for target in program.targets]
    else:
        # What is mounted on a directory below another goes first.
        entries = sorted(
            (
                entry
                for entry in program.selection.entries(mounted)
                if entry.matches(program.selection.tests)
            ),
            key=lambda entry: entry.directory,
            reverse=True,
        )
    failures = sum(not _unmount(program, entry) for entry in entries)
    return 1 if failures else 0


def _entry(target: str, mounted: MountTable) -> MountEntry:
    from hurd.translator.fstab import MountEntry

    found = mounted.find_directory(target) or mounted.find_device(target)
    # What the table does not list is taken for a directory.
    return found or mounted.add(MountEntry("", target, ""))


def _unmount(program: _Umount, entry: MountEntry) -> bool:
    """Unmount one file system; False, having said why, if that failed."""
    from hurd.translator.nodes import open_node

    try:
        node = open_node(entry.directory)
    except HurdError as error:
        warn(program.tool, entry.directory, error)
        return False
    with node:
        _explain(program, entry.directory)
        if program.fake:
            return True
        try:
            _detach(program, node)
        except HurdError as error:
            warn(program.tool, entry.directory, error)
            if program.readonly:
                _make_readonly(program, entry)
            return False
    return _unmount_source(program, entry.device)


def _detach(program: _Umount, node: Port) -> None:
    from hurd.translator.mounting import detach

    detach(node, force=program.force, nosync=program.nosync)


def _unmount_source(program: _Umount, device: str) -> bool:
    """Ask the translator on the device, too, to go away."""
    from hurd.translator.nodes import open_node

    if device in ("", "none"):
        return True
    try:
        node = open_node(device)
    except HurdError as error:
        # Many sources are no files: `tmpfs`, `device:hd0`. The option -d asks for this one.
        if program.source:
            warn(program.tool, device, error)
        return not program.source
    with node:
        _explain(program, device)
        try:
            _detach(program, node)
        except HurdError as error:
            if program.force:
                warn(program.tool, device, error)
            return not program.force
    return True


def _make_readonly(program: _Umount, entry: MountEntry) -> None:
    from hurd.translator.mounting import control_of_mounted
    from hurd.translator.options import set_readonly

    if program.verbose:
        put(f"fsysopts {entry.directory} --readonly")
    try:
        control = control_of_mounted(entry.directory)
        if control is not None:
            with control:
                set_readonly(control, True)
    except HurdError as error:
        warn(program.tool, entry.directory, error)


def _explain(program: _Umount, name: str) -> None:
    if program.verbose:
        flags = ("S" if program.nosync else "") + ("f" if program.force else "")
        put(f"settrans -ag{flags} {name}")
