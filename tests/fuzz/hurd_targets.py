"""What comes from disks, from the kernel's command line and from other servers of the Hurd."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from boot.arguments import BootArguments, read_arguments
from hurd import argz, message, records
from hurd.errors import HurdError
from hurd.layouts import I686, X86_64, native
from hurd.ports import Port
from hurd.rpc.marshal import structure_of_words
from hurd.rpc.notation import routines
from hurd.structures import STRUCTURES
from hurd.system import servers
from hurd.translator import fstab
from hurd.translator.mounting import Mounted, option_words
from tests.fuzz.target import Contradiction, Target

# Translator records


def read_records(data: bytes) -> None:
    """A block of either form, an inode that points to it, and the words alone."""
    for read in (records.decode_words, records.decode_block):
        try:
            words = read(data)
        except records.RecordError:
            continue
        if argz.unpack(records.encode_words(words)) != words:
            raise Contradiction(f"{words} are not what was written")
    try:
        found = records.decode_attributes(data)
    except records.RecordError:
        found = {}
    for name in found:
        if not isinstance(name, str):
            raise Contradiction(f"attribute name {name!r}")
    inode = data[:128].ljust(128, b"\0")
    try:
        words = records.read_record(inode, lambda number: data[128:]) or []
    except records.RecordError:
        words = []
    Mounted(words or ["none"], "none")


# The kernel's command line


def read_command_line(data: bytes) -> None:
    """Never fails, and says something of each of our words that it does not use."""
    words = [os.fsdecode(word) for word in data.split()]
    arguments = read_arguments(words)
    if not isinstance(arguments, BootArguments) or arguments.words != tuple(words):
        raise Contradiction(f"{words} became {arguments.words}")
    if arguments.init is not None and not arguments.init.startswith("/"):
        raise Contradiction(f"init={arguments.init}")
    _ = arguments.on_serial_line


# /etc/fstab


def read_fstab(data: bytes) -> None:
    """Any file is a table; options become words of a command line."""
    entries = fstab.parse(data.decode("utf-8", "surrogateescape"))
    for entry in entries:
        option_words(entry.options)
    # Names are looked up in the file system, which is slow.
    table = fstab.MountTable(entries[:20])
    table.choose(["noext2", "iso9660"], ["/a*"])
    for entry in table.entries:
        table.find(entry.device)


# Messages


@contextmanager
def _without_kernel() -> Iterator[list[int]]:
    """There is no Mach here: rights that are given back are noted, memory is made up."""
    returned: list[int] = []

    def give_back(self: Port, name: int) -> None:
        returned.append(name)

    def take(address: int, size: int) -> bytes:
        # The kernel has checked that this memory came with the message.
        if size > 1 << 20:
            raise HurdError(0x10004008, "mach_msg")
        return (address.to_bytes(8, "little") * (size // 8 + 1))[:size]

    from hurd.ports import ReceiveRight

    with (
        mock.patch.object(Port, "_give_back", give_back),
        mock.patch.object(ReceiveRight, "_give_back", give_back),
        mock.patch.object(message, "_take_memory", take),
    ):
        yield returned


class _ReplyPort:
    """In the place of a reply port: the answer is there already."""

    name = 1

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __enter__(self) -> _ReplyPort:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def receive(self, timeout_ms: int | None = None) -> message.Message:
        return message.unpack(self._raw, native())


_SENDER = 9  # the name of the reply port that comes with a message
_BY_HAND = [one for one in routines() if one.library is None and not one.oneway]
_GIVEN: dict[str, Any] = {"P": Port(7), "waittime": 10, "char": "x", "flag": True}


def read_answer(data: bytes) -> None:
    """A hostile server's answer to each of the routines that are called by hand: a result of the
    right types, or HurdError; and no right is lost or given back twice.
    """
    if not data:
        return
    found = _BY_HAND[data[0] % len(_BY_HAND)]
    raw = _message(found.id + 100, data[1:])
    values = {
        parameter.name: [1, 2] if parameter.array and parameter.kind != "char"
        else _GIVEN.get(parameter.kind, 3)
        for parameter in found.parameters if parameter.taken
    }  # fmt: skip
    received = Counter({_SENDER: 1})
    make = message._item

    def noted(*arguments: Any) -> Any:
        item = make(*arguments)
        for one in item if isinstance(item, list) else [item]:
            if isinstance(one, Port) and one:
                received[one.name] += 1
        return item

    with (
        _without_kernel() as returned,
        mock.patch("hurd.mach.mach_reply_port", lambda: _ReplyPort(raw)),
        mock.patch.object(message, "_mach_msg", lambda *_: 0),
        mock.patch.object(message, "_item", noted),
    ):
        try:
            results = message.call_by_message(found, values)
        except HurdError:
            results = []
        received.subtract(returned)
    for result in results:
        if isinstance(result, Port) and result:
            received[result.name] -= 1
    if any(received.values()):
        raise Contradiction(f"rights were lost or given back twice: {received}")
    for result, parameter in zip(
        results, (one for one in found.parameters if one.yielded), strict=False
    ):
        _check_kind(result, parameter)


def _check_kind(result: Any, parameter: Any) -> None:
    if parameter.array and parameter.kind == "char":
        fits = isinstance(result, bytes)
    elif parameter.array:
        fits = isinstance(result, list) and all(isinstance(one, int) for one in result)
    else:
        fits = isinstance(result, Port if parameter.kind == "P" else int)
    if not fits:
        raise Contradiction(f"{parameter.name}:{parameter.kind} is {result!r}")


def _message(number: int, body: bytes) -> bytes:
    layout = native()
    header = layout.pack_header(0x12, layout.header + len(body), _SENDER, 1, number)
    return header + body


def read_message(data: bytes) -> None:
    """Any message, of either machine: its fields, or HurdError; and any structure of C in it."""
    for layout in (I686, X86_64):
        header = layout.pack_header(0x12, layout.header + len(data), 9, 1, 22000)
        with _without_kernel():
            try:
                received = message.unpack(header + data, layout)
            except HurdError:
                continue
            with received:
                for index in range(3):
                    for take in (received.integer, received.take):
                        try:
                            take(index)
                        except HurdError:
                            continue
    words = [int.from_bytes(data[at : at + 4], "little", signed=True) for at in
             range(0, len(data) - 3, 4)]  # fmt: skip
    for made in STRUCTURES.values():
        structure_of_words(made, words, len(words) % 5)


# File systems that say what is mounted below them


class _Children:
    """What a file system answers, from bytes: options, then names of children, by turns."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def options(self, _control: Port) -> bytes:
        return self._piece()

    def children(self, _control: Port) -> Any:
        names = self._piece()
        controls = [Port(2 + number) for number in range(1 + names.count(b"\0"))]
        return mock.Mock(names=names, controls=controls)

    def source(self, _control: Port) -> str:
        return os.fsdecode(self._piece())

    def _piece(self) -> bytes:
        if not self._data:
            return b""
        size = self._data[self._at % len(self._data)] % 16
        begin = (self._at + 1) % len(self._data)
        self._at += 1 + size
        return self._data[begin : begin + size]


def read_mounts(data: bytes) -> None:
    """File systems of users may name any children, themselves among them."""
    system = _Children(data)
    with (
        _without_kernel(),
        mock.patch("hurd.lookup.getcrdir", lambda: Port(1)),
        mock.patch("hurd.fs.file_getcontrol", lambda _port: Port(1)),
        mock.patch("hurd.fsys.fsys_get_options", system.options),
        mock.patch("hurd.fsys.fsys_get_children", system.children),
        mock.patch("hurd.fsys.fsys_get_source", system.source),
        mock.patch("os.path.isdir", lambda _path: True),
    ):
        for mount in servers.mounts():
            if not mount.target.startswith("/"):
                raise Contradiction(f"mounted on {mount.target!r}")


_KERNEL = (
    "drover.config=", "drover.essential=", "drover.fsck=", "drover.log=", "init=", "root=",
    "console=", "single", "-s", "-f", "emergency", "fastboot", "com0", "/etc", "yes", "no",
    "force", "skip", "auto", "drover.", "part:1:device:hd0",
)  # fmt: skip

TARGETS = [
    Target("translator-record", read_records, words=("/hurd/", "gnu.translator", "--", "\0")),
    Target("kernel-arguments", read_command_line, words=_KERNEL),
    Target("fstab", read_fstab, words=("\\040", "\\\\", "noauto", "ext2", "/dev/hd0s1", "#", ",")),
    Target("rpc-answer", read_answer, longest=2048),
    Target("rpc-message", read_message, longest=2048),
    Target("mounted-children", read_mounts, longest=512),
]
