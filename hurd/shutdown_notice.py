"""Being told by /hurd/startup before it stops the machine, whoever has asked for that.

startup sends startup_dosync to one task after the other and waits up to 60 s for the answer of
each.  The one that asks startup to stop the machine waits for that inside its own request, so the
answer must come from a thread of its own: it is given at once when `allow` has been called.
"""

from __future__ import annotations

import threading

from hurd import codes, constants, lookup, startup
from hurd.errors import HurdError
from hurd.message import send
from hurd.ports import ReceiveRight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STARTUP_DOSYNC = 29500
_STOP = 0  # no message of any interface has this number

PATIENCE = 55.0
"""Seconds that the answer may be held back: startup itself waits no longer than 60."""


class ShutdownNotice:
    """`told` is called, by the helper thread, when the machine is about to be stopped.

    That goes on when `allow` is called, or after `patience` seconds.  A process that is replaced
    by another image must make a new one: its port dies with the old image, and startup passes
    over ports that are dead.
    """

    def __init__(self, name: str, told: Callable[[], object], patience: float = PATIENCE) -> None:
        self._told = told
        self._patience = patience
        self._allowed = threading.Event()
        self._right = ReceiveRight.allocate()
        try:
            with lookup.file_name_lookup("/servers/startup", constants.O_NORW, 0) as server:
                startup.startup_request_notification(server, self._right, name)
        except BaseException:
            self._right.close()
            raise
        self._thread = threading.Thread(target=self._wait, name="shutdown notice", daemon=True)
        self._thread.start()

    def allow(self) -> None:
        """Hold the end of the machine up no more; for any thread."""
        self._allowed.set()

    def refuse(self) -> None:
        """Hold it up again: the end that was allowed did not come."""
        self._allowed.clear()

    def close(self) -> None:
        """Be told no more, now that nobody waits for an answer."""
        with self._right.make_send() as stop:
            send(stop, _STOP)
        self._thread.join()
        self._right.close()

    def _wait(self) -> None:
        while True:
            try:
                message = self._right.receive()
            except HurdError as error:
                if error.errno == codes.MIG_BAD_ARGUMENTS:
                    continue  # a message that made no sense
                raise
            with message:
                if message.id == _STOP:
                    return
                code = codes.MIG_BAD_ID
                if message.id == STARTUP_DOSYNC:
                    if not self._allowed.is_set():
                        self._told()
                        self._allowed.wait(self._patience)
                    code = 0
                try:
                    message.reply(code)
                except HurdError:
                    continue  # startup has given up waiting
