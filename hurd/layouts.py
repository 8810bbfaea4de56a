"""How the fields of Mach messages lie in memory.

i686 and x86_64 differ (gnumach's mach/message.h, "typed IPC"): descriptors of one word or of two,
ports in slots of four bytes or of eight, everything aligned to the word.  Both work on every
machine, so both are tested on any.
"""

from __future__ import annotations

from hurd.codes import MIG_BAD_ARGUMENTS
from hurd.errors import HurdError


class Layout:
    """How the fields of a message lie in memory: `word` is 4 on i686, 8 on x86_64."""

    __slots__ = ("header", "port_bits", "word")

    def __init__(self, word: int) -> None:
        self.word = word
        self.header = 16 + 2 * word
        self.port_bits = 8 * word

    def pack_header(self, bits: int, size: int, remote: int, local: int, number: int) -> bytes:
        word = self.word
        fields = ((bits, 4), (size, 4), (remote, word), (local, word), (0, 4), (number, 4))
        return b"".join(value.to_bytes(width, "little") for value, width in fields)

    def descriptor(self, name: int, bits: int, count: int, inline: bool, long: bool) -> bytes:
        """What goes before the elements: what they are, how wide, how many."""
        if self.word == 8:
            first = name | bits << 8 | inline << 29 | long << 30
            return first.to_bytes(4, "little") + count.to_bytes(4, "little")
        if not long:
            first = name | bits << 8 | count << 16 | inline << 28
            return first.to_bytes(4, "little")
        fields = ((inline << 28 | 1 << 29, 4), (name, 2), (bits, 2), (count, 4))
        return b"".join(value.to_bytes(width, "little") for value, width in fields)

    def read_descriptor(self, raw: bytes, at: int) -> tuple[int, int, int, bool, int]:
        """(name, bits, count, inline, offset of what follows)."""
        first = number_at(raw, at, 4)
        if self.word == 8:
            count = number_at(raw, at + 4, 4)
            return first & 0xFF, first >> 8 & 0xFFFF, count, bool(first >> 29 & 1), at + 8
        inline = bool(first >> 28 & 1)
        if first >> 29 & 1:
            fields = number_at(raw, at + 4, 2), number_at(raw, at + 6, 2), number_at(raw, at + 8, 4)
            return (*fields, inline, at + 12)
        return first & 0xFF, first >> 8 & 0xFF, first >> 16 & 0xFFF, inline, at + 4


I686 = Layout(4)
X86_64 = Layout(8)


def native() -> Layout:
    """The layout of this machine."""
    from hurd.rpc._hurd_abi import ffi

    return X86_64 if ffi.sizeof("uintptr_t") == 8 else I686


def number_at(raw: bytes, at: int, width: int) -> int:
    """The number at byte `at`; HurdError(MIG_BAD_ARGUMENTS) beyond the end."""
    if at + width > len(raw):
        raise HurdError(MIG_BAD_ARGUMENTS, "mach_msg")
    return int.from_bytes(raw[at : at + width], "little")
