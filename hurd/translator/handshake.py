"""The fsys_startup exchange, seen from the side of whoever started the translator.

The translator sends fsys_startup (22000) with its control port to its bootstrap port and gets the
underlying node in the answer. The kernel's no-senders notification on the same port means that the
program has ended instead: nobody else has been given a right to send there.
"""

from __future__ import annotations

import time

from hurd import codes, constants
from hurd.errors import HurdError
from hurd.message import Body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hurd.message import Message
    from hurd.ports import Port, ReceiveRight

_FSYS_STARTUP = 22000

# The C library goes on waiting after a signal, so Python's handlers only run between two waits.
# In milliseconds.
_SLICE = 500


def exchange(
    bootstrap: ReceiveRight, deadline: float | None, open_underlying: Callable[[int], Port]
) -> Port:
    """Answer the translator that has been given a right to `bootstrap`; its control port.

    `open_underlying` is called with the flags that the translator wants its node opened with; what
    it raises is the translator's answer, too. `deadline` is a time of the monotonic clock. Raises
    `HurdError`: EDIED if the translator has ended, MACH_RCV_TIMED_OUT at the deadline, MIG_BAD_ID
    if it sent something else.
    """
    bootstrap.request_no_senders()
    with _receive(bootstrap, deadline) as message:
        if message.id == constants.MACH_NOTIFY_NO_SENDERS:
            raise HurdError(codes.EDIED, "fsys_startup")
        if message.id != _FSYS_STARTUP:
            _refuse(message, codes.MIG_BAD_ID)
            raise HurdError(codes.MIG_BAD_ID, "fsys_startup")
        try:
            flags = message.integer(0)
            control = message.take(1)
        except HurdError as error:
            _refuse(message, error.errno)
            raise
        try:
            _answer(message, flags, open_underlying)
        except BaseException:
            control.close()
            raise
    return control


def _answer(message: Message, flags: int, open_underlying: Callable[[int], Port]) -> None:
    try:
        node = open_underlying(flags)
    except OSError as error:
        _refuse(message, error.errno or codes.EIO)
        raise
    with node:
        message.reply(0, Body().port(node, constants.MACH_MSG_TYPE_MOVE_SEND))


def _refuse(message: Message, code: int) -> None:
    try:
        message.reply(code)
    except HurdError:
        # It has ended meanwhile; what went wrong first is what counts.
        return


def _receive(bootstrap: ReceiveRight, deadline: float | None) -> Message:
    while True:
        wait = _SLICE
        if deadline is not None:
            wait = max(0, min(wait, int((deadline - time.monotonic()) * 1000) + 1))
        try:
            return bootstrap.receive(wait)
        except HurdError as error:
            if error.errno != codes.MACH_RCV_TIMED_OUT:
                raise
            if deadline is not None and time.monotonic() >= deadline:
                raise
