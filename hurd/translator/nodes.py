"""Opening the nodes that translators sit on, and reading what is set on them."""

from __future__ import annotations

from hurd import argz, codes, constants, fs, io, lookup
from hurd.errors import HurdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port

# Mode of a node that is created on the way, before the umask (utils/settrans.c).
_MODE = 0o666


def open_node(
    name: str, *, create: bool = False, dereference: bool = False, flags: int = 0
) -> Port:
    """The node itself, below any translator on it.

    `create` makes a plain file where there is none; `dereference` gives the root of the translators
    on the node instead; `flags` are further `O_` flags. Raises `HurdError` (ENOENT, EACCES, …).
    """
    if create:
        flags |= constants.O_CREAT
    if not dereference:
        flags |= constants.O_NOTRANS
    return lookup.file_name_lookup(name, flags, _MODE)


def open_filesystem(name: str, *, dereference: bool = False) -> Port:
    """A node for asking about the file system or translator that serves it.

    A symbolic link is followed if `dereference` says so.
    """
    return lookup.file_name_lookup(name, 0 if dereference else constants.O_NOLINK, _MODE)


def record_of(node: Port) -> list[str] | None:
    """The words of the passive translator record of a node, None if it has none."""
    try:
        return argz.unpack(fs.file_get_translator(node))
    except HurdError as error:
        if error.errno == codes.EINVAL:
            return None
        raise


def active_of(node: Port) -> Port | None:
    """The control port of the active translator on a node, None if there is none.

    Only root and the owner of the node get it: others get EPERM. A node whose server knows no
    translators at all counts as one without.
    """
    try:
        return fs.file_get_translator_cntl(node)
    except HurdError as error:
        if error.errno in (codes.ENXIO, codes.EINVAL, codes.EOPNOTSUPP):
            return None
        raise


def open_carefully(name: str) -> Port | None:
    """The node itself (as `open_node`), reached without starting a passive translator.

    None if a directory on the way has a passive translator that is not running: what is below it
    cannot be mounted, then. Raises `HurdError` as a look-up does.
    """
    node = lookup.getcrdir() if name.startswith("/") else lookup.getcwdir()
    words = [word for word in name.split("/") if word]
    for number, word in enumerate(words, 1):
        with node:
            bare = lookup.file_name_lookup_under(node, word, constants.O_NOTRANS, 0)
            if number == len(words):
                return bare
            with bare:
                mode = io.io_stat(bare).st_mode
            # A symbolic link counts as a translator too, but following it starts nothing.
            is_link = mode & 0o170000 == 0o120000
            if mode & constants.S_IPTRANS and not mode & constants.S_IATRANS and not is_link:
                return None
            following = lookup.file_name_lookup_under(node, word, 0, 0)
        node = following
    return node
