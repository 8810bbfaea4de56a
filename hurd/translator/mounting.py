"""Mounting file systems: starting the translator of a type on a directory, and taking it away.

The commands are in `hurd.tools`; this is what they do for one file system.
"""

from __future__ import annotations

import os

from hurd import codes, constants, fs, lookup
from hurd.errors import HurdError, HurdUnavailable
from hurd.translator.control import goaway_flags
from hurd.translator.errors import Naming, TranslatorError
from hurd.translator.nodes import active_of, open_carefully, open_node
from hurd.translator.options import change, of_control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hurd.ports import Port
    from hurd.translator.control import Translator

# Where the program of a file system type is looked for, in this order.
SEARCH_FORMATS = ("/hurd/%sfs", "/hurd/%s")


class UnknownType(TranslatorError):
    """No program serves file systems of the type, or the type cannot be told from the device."""


def control_of_mounted(directory: str) -> Port | None:
    """The control port of what is mounted on `directory`, None if nothing is.

    No passive translator is started to find out; nothing is mounted on what cannot be looked up.
    Raises `HurdError`, EPERM for others than root and the owner of the directory.
    """
    if directory == "/":
        with lookup.getcrdir() as root:
            return fs.file_getcontrol(root)
    try:
        node = open_carefully(directory)
    except HurdUnavailable:
        raise
    except HurdError:
        return None
    if node is None:
        return None
    with node:
        return active_of(node)


def option_words(options: Iterable[str]) -> list[str]:
    """Options of fstab as a translator's command line has them: `ro` is `--ro`, `-x` itself.

    Those that are for mount(8), `noauto`, `bind` and `defaults`, are left out.
    """
    words = []
    for option in options:
        if option.startswith("-"):
            words.append(option)
        elif option not in ("", "noauto", "bind", "defaults"):
            words.append(f"--{option}")
    return words


def program_for(type: str, formats: Sequence[str] = SEARCH_FORMATS) -> str | None:
    """The translator for file systems of a type, None if there is none.

    `formats` holds names with %s for the type. Raises `OSError` if a program is there but cannot
    be looked at.
    """
    for form in formats:
        name = form.replace("%s", type)
        try:
            status = os.stat(name)
        except (FileNotFoundError, PermissionError):
            continue
        if status.st_mode & 0o100:
            return name
    return None


def detect_type(device: str) -> str:
    """The type of the file system on `device`, from its first sectors.

    Raises `UnknownType` if none is known, OSError if the device cannot be read.
    """
    with open(device, "rb", buffering=0) as file:  # noqa: PTH123
        start = file.read(512)
        for offset, length, magic, kind in (
            (1080, 2, b"\x53\xef", "ext2"),
            (32769, 5, b"CD001", "iso9660"),
        ):
            # Devices are read in whole sectors.
            file.seek(offset - offset % 512)
            if file.read(512)[offset % 512 :][:length] == magic:
                return kind
    if start[510:] == b"\x55\xaa" and (start[54:57] == b"FAT" or start[82:85] == b"FAT"):
        return "fat"
    raise UnknownType(codes.EFTYPE, "detect_type", "failed to detect file system type", device)


def command_for(
    device: str,
    type: str = "auto",
    options: Iterable[str] = (),
    *,
    formats: Sequence[str] = SEARCH_FORMATS,
) -> list[str]:
    """The command line of the translator for a file system; the type is detected if it is "auto".

    An option `bind` asks for the type "firmlink". Raises `UnknownType`, OSError.
    """
    options = list(options)
    kind = "firmlink" if "bind" in options else type
    if kind == "auto":
        kind = detect_type(device)
    program = program_for(kind, formats)
    if program is None:
        raise UnknownType(codes.EFTYPE, "program_for", f"filesystem type `{kind}' unknown", device)
    return [program, *option_words(options), device]


def mount(
    device: str,
    directory: str,
    type: str = "auto",
    options: Iterable[str] = (),
    *,
    timeout: float | None = None,
    descriptors: Sequence[int | None] = (None, None, None),
    formats: Sequence[str] = SEARCH_FORMATS,
) -> Translator:
    """Mount `device` on `directory`, where nothing may be mounted yet.

    `options` are as in fstab, `timeout` is in seconds (None waits for ever), `descriptors` the
    translator's files. Raises `TranslatorError`: EBUSY about the directory if something is mounted
    there; `UnknownType`; OSError if the device cannot be read to detect its type.
    """
    from hurd.translator.setting import set_active

    argv = command_for(device, type, options, formats=formats)
    return set_active(directory, argv, exclusive=True, timeout=timeout, descriptors=descriptors)


def remount(directory: str, options: Iterable[str] = ()) -> None:
    """Give new options, and `--update`, to what is mounted on `directory`.

    Raises `TranslatorError`: EINVAL if nothing is mounted there.
    """
    words = option_words(options)
    if "--update" not in words:
        words.append("--update")
    with Naming(directory):
        control = control_of_mounted(directory)
        if control is None:
            raise TranslatorError(codes.EINVAL, "mount", "not mounted", directory)
        with control:
            change(control, words)


def unmount(directory: str, *, force: bool = False, nosync: bool = False) -> None:
    """Ask what is mounted on `directory` to go away; fine if nothing is.

    Raises `TranslatorError`: EBUSY if it is in use and not forced.
    """
    with Naming(directory), open_node(directory) as node:
        detach(node, force=force, nosync=nosync)


def detach(node: Port, *, force: bool = False, nosync: bool = False) -> None:
    """`unmount` for a node that is open already."""
    fs.file_set_translator(
        node,
        0,
        constants.FS_TRANS_SET,
        goaway_flags(force=force, nosync=nosync),
        b"",
        None,
    )


class Mounted:
    """What a mounted file system says of itself.

    `program` is its translator, `type` the program's name without /hurd/ and `fs`; `options` are
    its options in the form of fstab; `words` is all that it says.
    """

    __slots__ = ("device", "options", "program", "type", "words")

    def __init__(self, words: Sequence[str], device: str) -> None:
        """`device` is the one to name if the file system does not say."""
        self.words = list(words)
        self.program = self.words[0]
        rest = self.words[1:]
        if rest:
            device = rest.pop()
            prefix = "--store-type="
            if rest and rest[-1].startswith(prefix):
                device = f"{rest.pop().removeprefix(prefix)}:{device}"
        self.device = device
        self.options = [_fstab_option(word) for word in rest]
        self.type = self.program
        if self.program.startswith("/hurd/"):
            self.type = self.program.removeprefix("/hurd/").removesuffix("fs")


def _fstab_option(word: str) -> str:
    names = {"--readonly": "ro", "--writable": "rw", "-r": "ro", "-w": "rw"}
    return names.get(word) or word.removeprefix("--")


def query(directory: str, device: str = "") -> Mounted | None:
    """What is mounted on `directory`, None if nothing is; `device` as of fstab.

    Raises `HurdError`; LookupError if the file system says nothing at all.
    """
    control = control_of_mounted(directory)
    if control is None:
        return None
    with control:
        words = of_control(control)
    if not words:
        raise LookupError(f"{directory}: fsys_get_options returned empty string")
    return Mounted(words, device)
