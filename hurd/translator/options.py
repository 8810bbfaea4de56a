"""Options of running translators, as fsysopts(1) shows and changes them."""

from __future__ import annotations

from hurd import argz, codes, fs, fsys
from hurd.errors import HurdError
from hurd.translator.nodes import open_filesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


def of_node(node: Port) -> list[str]:
    """The words of the translator that serves `node`: its program, then its options."""
    return argz.unpack(fs.file_get_fs_options(node))


def of_control(control: Port) -> list[str]:
    """The same for a control port; EOPNOTSUPP if the translator has no options to tell."""
    return argz.unpack(fsys.fsys_get_options(control))


def change(control: Port, options: Sequence[str], *, recursive: bool = False) -> None:
    """Change options of a running translator; with `recursive` of those on its nodes too."""
    fsys.fsys_set_options(control, argz.pack(options), recursive)


def get_options(name: str, *, dereference: bool = False) -> list[str]:
    """The program and the options of the translator that serves the file `name`."""
    with open_filesystem(name, dereference=dereference) as node:
        return of_node(node)


def set_options(
    name: str, options: Sequence[str], *, dereference: bool = False, recursive: bool = False
) -> None:
    """Change options of the translator that serves the file `name`, say `["--readonly"]`.

    Raises `HurdError`: EPERM for others than root and the owner of the file system's root, EINVAL
    for an option that it does not know, EBUSY if it cannot change now.
    """
    with (
        open_filesystem(name, dereference=dereference) as node,
        fs.file_getcontrol(node) as control,
    ):
        change(control, options, recursive=recursive)


def is_readonly(control: Port) -> bool:
    """Whether a file system says that it is read-only; EOPNOTSUPP if it does not say."""
    for word in of_control(control):
        if word.lower() == "--readonly":
            return True
        if word.lower() == "--writable":
            return False
    raise HurdError(codes.EOPNOTSUPP, "fsys_get_options")


def set_readonly(control: Port, readonly: bool) -> None:
    """Make a file system read-only or writable, unless it is that already."""
    if is_readonly(control) == readonly:
        return
    try:
        change(control, ["--readonly" if readonly else "--writable"])
    except HurdError as error:
        if error.errno == codes.EINVAL:
            raise HurdError(codes.EOPNOTSUPP, error.routine) from error
        raise
