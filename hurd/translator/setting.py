"""Setting, starting and removing the translators of a node, as settrans(1) does."""

from __future__ import annotations

from hurd import argz, codes, constants, fs, lookup
from hurd.errors import HurdError
from hurd.translator.control import goaway_flags
from hurd.translator.errors import Naming, NoRecordError
from hurd.translator.nodes import active_of, open_node, record_of
from hurd.translator.startup import start_translator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from hurd.ports import Port
    from hurd.translator.control import Going, Translator
    from hurd.translator.startup import Program

    class Starting(Program, total=False):
        """Options of `start_for_node`."""

        create: bool
        dereference: bool
        stack: bool
        underlying: str | None
        before_reply: Callable[[int], None] | None


def show(name: str, *, create: bool = False, dereference: bool = False) -> list[str] | None:
    """The passive translator record of the file `name`, None if it has none."""
    with open_node(name, create=create, dereference=dereference) as node:
        return record_of(node)


def show_descriptor(descriptor: int) -> list[str] | None:
    """The passive translator record of the node that a file descriptor stands for."""
    with lookup.getdport(descriptor) as node:
        return record_of(node)


def attach(
    node: Port,
    argv: Sequence[str],
    translator: Translator | None,
    *,
    passive: bool = False,
    active: bool = False,
    exclusive: bool = False,
    orphan: bool = False,
    goaway: bool = False,
    keep_active: bool = False,
    goaway_flags: int = 0,
) -> None:
    """Set what settrans sets with the same options: `argv` as the record, `translator` as active.

    No words and no translator remove what there is. If it fails, `translator` is made to go away
    and closed. When only the record is set, an active translator is in the way (EBUSY) unless it
    may stay (`keep_active`) or is to go away (`goaway`). Raises `HurdError`.
    """
    exclusively = constants.FS_TRANS_EXCL if exclusive else 0
    passive_flags = constants.FS_TRANS_SET | exclusively if passive else 0
    active_flags = 0
    if active:
        active_flags = constants.FS_TRANS_SET | exclusively
        if orphan:
            active_flags |= constants.FS_TRANS_ORPHAN
    elif passive and goaway:
        active_flags = constants.FS_TRANS_SET
    elif passive and not keep_active:
        active_flags = constants.FS_TRANS_SET | constants.FS_TRANS_EXCL
    control = translator.control if translator is not None else None
    try:
        _set(node, passive_flags, active_flags, goaway_flags, argz.pack(argv), control)
    except BaseException:
        if translator is not None:
            translator.abandon()
        raise


def _set(
    node: Port,
    passive_flags: int,
    active_flags: int,
    goaway_flags: int,
    record: bytes,
    control: Port | None,
) -> None:
    removed = False
    while True:
        try:
            fs.file_set_translator(node, passive_flags, active_flags, goaway_flags, record, control)
        except HurdError as error:
            if error.errno == codes.ERANGE and record and not removed:
                # ext2fs keeps the length of the old record where the new one is shorter, finds
                # that they do not fit, and leaves it: remove it first (seen in 0.9.git20250801).
                _set(node, constants.FS_TRANS_SET, 0, 0, b"", None)
                removed = True
                continue
            # A signal may come when all is done; then FS_TRANS_EXCL must not find our own work.
            if error.errno != codes.EINTR:
                raise
            if _is_set(node, passive_flags, active_flags, record, control):
                return
        else:
            return


def _is_set(
    node: Port, passive_flags: int, active_flags: int, record: bytes, control: Port | None
) -> bool:
    if passive_flags & constants.FS_TRANS_SET and record_of(node) != (argz.unpack(record) or None):
        return False
    if not active_flags & constants.FS_TRANS_SET:
        return True
    active = active_of(node)
    if active is None or control is None:
        if active is not None:
            active.close()
        return active is control
    # Rights to one port have one name.
    with active:
        return active.name == control.name


def start_for_node(
    name: str,
    argv: Sequence[str],
    *,
    create: bool = False,
    dereference: bool = False,
    stack: bool = False,
    underlying: str | None = None,
    before_reply: Callable[[int], None] | None = None,
    **program: Unpack[Program],
) -> tuple[Port, Translator]:
    """Start `argv` for the node `name`, without setting it: the node's port and the translator.

    The node is opened, and created, when the translator asks for it, with the flags it asks for.
    `stack` hands it the root of the translator that is there already, `underlying` another file.
    `before_reply` is called with the process id before it gets its answer; the other options are
    those of `start_translator`. Raises `TranslatorError`, about the program or about the file that
    could not be opened.
    """
    opened: list[Port] = []

    def give(flags: int, pid: int) -> Port:
        if before_reply is not None:
            before_reply(pid)
        opened.append(_named(name, create=create, dereference=dereference, flags=flags))
        if stack:
            # settrans asks for reading here, whatever the translator asks for.
            return _named(name, dereference=True, flags=flags | constants.O_READ)
        if underlying is not None:
            return _named(underlying, create=create, dereference=dereference, flags=flags)
        return opened[0].copy()

    try:
        translator = start_translator(argv, give, **program)
    except BaseException:
        for port in opened:
            port.close()
        raise
    return opened[0], translator


def _named(name: str, *, create: bool = False, dereference: bool = False, flags: int = 0) -> Port:
    with Naming(name):
        return open_node(name, create=create, dereference=dereference, flags=flags)


def set_active(
    name: str,
    argv: Sequence[str],
    *,
    passive: bool = False,
    exclusive: bool = False,
    orphan: bool = False,
    recursive: bool = False,
    force: bool = False,
    nosync: bool = False,
    **starting: Unpack[Starting],
) -> Translator:
    """Start `argv` and set it as the active translator of the file `name`; settrans -a.

    With `passive`, `argv` becomes the record as well (-ap). An older active translator is asked to
    go away, with `recursive`, `force` and `nosync` as it was said of these options in settrans,
    unless it is left to itself (`orphan`), kept below the new one (`stack`), or in the way
    (`exclusive`: EBUSY). The other options are those of `start_for_node`. Raises
    `TranslatorError`; nothing is left running then.
    """
    node, translator = start_for_node(name, argv, **starting)
    with node, Naming(name):
        attach(
            node,
            argv,
            translator,
            passive=passive,
            active=True,
            exclusive=exclusive,
            orphan=orphan or starting.get("stack", False),
            goaway_flags=goaway_flags(recursive=recursive, force=force, nosync=nosync),
        )
    return translator


def start_passive(name: str, **options: object) -> Translator:
    """Start the translator that the record of `name` says and set it as active; settrans -s.

    `options` are those of `set_active`. Raises `NoRecordError` if there is no record.
    """
    with Naming(name):
        argv = show(name)
    if argv is None:
        raise NoRecordError(
            codes.EINVAL, "file_get_translator", "no passive translator record found", name
        )
    return set_active(name, argv, **options)  # type: ignore[arg-type]


def set_passive(
    name: str,
    argv: Sequence[str],
    *,
    create: bool = False,
    dereference: bool = False,
    exclusive: bool = False,
    goaway: bool = False,
    keep_active: bool = False,
    **going: Unpack[Going],
) -> None:
    """Make `argv` the passive translator record of the file `name`; settrans -p. No words: remove.

    An active translator is in the way (EBUSY) unless it may stay (`keep_active`) or is to go away
    (`goaway`, with the options of `goaway_flags`). Raises `TranslatorError`.
    """
    with Naming(name), open_node(name, create=create, dereference=dereference) as node:
        attach(
            node,
            argv,
            None,
            passive=True,
            exclusive=exclusive,
            goaway=goaway,
            keep_active=keep_active,
            goaway_flags=goaway_flags(**going),
        )


def remove(
    name: str,
    *,
    passive: bool = True,
    active: bool = True,
    dereference: bool = False,
    orphan: bool = False,
    **going: Unpack[Going],
) -> None:
    """Take the translators of the file `name` away; the active one is asked to go (settrans -apg).

    `going` are options of `goaway_flags`. EBUSY if it is in use and not told to go by `force`.
    Raises `TranslatorError`.
    """
    with Naming(name), open_node(name, dereference=dereference) as node:
        attach(
            node,
            (),
            None,
            passive=passive,
            active=active,
            keep_active=True,
            orphan=orphan,
            goaway_flags=goaway_flags(**going),
        )
