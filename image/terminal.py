"""The builder's terminal as the console of a guest: raw while it lasts, as it was afterwards.

Everything typed goes to the guest, Ctrl-C too, but for one escape: Ctrl-] and a letter.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import Callable, Iterator

ESCAPE = 0x1D  # Ctrl-]
HELP = (
    "Ctrl-] and then: q quit at once, p press the power button, r press reset, i tell the"
    " machine's status, ] or Ctrl-] send Ctrl-] to the guest, ? this help"
)
_READ_SIZE = 4096


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[bool]:
    """Put the terminal `descriptor` into raw mode; yield whether it is a terminal at all."""
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        yield False
        return
    try:
        tty.setraw(descriptor)
        yield True
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Keys:
    """What is typed, divided into what the guest gets and what is said to us."""

    def __init__(self, escapes: bool) -> None:
        """`escapes`: whether Ctrl-] means anything; not so where a program types."""
        self._escapes = escapes
        self._escaped = False

    def divide(self, typed: bytes) -> tuple[bytes, str]:
        """Return the bytes for the guest, and the letters that came after an escape."""
        if not self._escapes:
            return typed, ""
        data, letters = bytearray(), ""
        for byte in typed:
            if self._escaped:
                self._escaped = False
                if byte in (ESCAPE, ord("]")):
                    data.append(ESCAPE)
                else:
                    letters += chr(byte).lower()
            elif byte == ESCAPE:
                self._escaped = True
            else:
                data.append(byte)
        return bytes(data), letters


@contextlib.contextmanager
def reading(descriptor: int, typed: Callable[[bytes], None]) -> Iterator[None]:
    """Call `typed` with what can be read from `descriptor`, until it ends."""
    loop = asyncio.get_running_loop()

    def readable() -> None:
        try:
            data = os.read(descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # the terminal has gone
            data = b""
        if data:
            typed(data)
        else:
            loop.remove_reader(descriptor)

    try:
        loop.add_reader(descriptor, readable)
    except (PermissionError, ValueError):  # a file: always readable, so read it at once
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, _READ_SIZE):
                typed(data)
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
