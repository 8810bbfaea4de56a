"""``sigaction``: what the process does when a signal comes.

Handlers run on the event loop, as other code does.  The signals by which the daemon itself
works cannot be taken away from it.
"""

from __future__ import annotations

import signal
from typing import Any

from services.scheme.errors import misc_error, out_of_range, wrong_type
from services.scheme.library.checks import exact_integer
from services.scheme.primitives import Library
from services.scheme.types import Pair, Procedure, Value

LIBRARY = Library()

_handlers: dict[int, Value] = {}
# Keeps what handlers do alive until it has ended.
_running: set[Any] = set()


@LIBRARY.primitive("sigaction", 1, 3)
def sigaction(number: Value, handler: Value = None, _flags: Value = 0) -> Pair:
    """The former handler and flags; a new handler is a procedure, SIG_DFL, SIG_IGN or #f."""
    number = exact_integer(number)
    if number not in signal.valid_signals():
        raise out_of_range("sigaction", number)
    former = _handlers.get(number, _known(number))
    if handler is not None:
        _install(number, handler)
    return Pair(former, 0)


def _known(number: int) -> int:
    return int(signal.getsignal(number) == signal.SIG_IGN)


def _install(number: int, handler: Value) -> None:
    import asyncio

    if number not in _handlers and callable(signal.getsignal(number)):
        name = signal.Signals(number).name
        raise misc_error("sigaction", f"{name} is handled by the daemon itself")
    try:
        loop = asyncio.get_running_loop()
        if isinstance(handler, Procedure):
            loop.add_signal_handler(number, _call, handler, number)
            _handlers[number] = handler
            return
    except RuntimeError as error:  # no loop, or a signal that cannot be caught
        raise misc_error("sigaction", str(error)) from error
    if handler not in (False, 0, 1):
        raise wrong_type("sigaction", 2, handler)
    if _handlers.pop(number, None) is not None:
        loop.remove_signal_handler(number)
    signal.signal(number, signal.SIG_IGN if handler == 1 else signal.SIG_DFL)


def _call(handler: Value, number: int) -> None:
    import asyncio

    from services.scheme import apply

    result: Any = apply(handler, (number,))
    if hasattr(result, "__await__"):
        _running.add(task := asyncio.ensure_future(result))
        task.add_done_callback(_running.discard)
