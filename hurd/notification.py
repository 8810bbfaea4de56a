"""Messages and deaths of ports, brought to an event loop.

select(2) and poll(2) cannot wait for ports, so one helper thread waits in mach_msg on a port set
and hands each message over to the loop.  It starts with the first watch, touches nothing but the
message, and is no obstacle to posix_spawn.  A child made by fork has neither the thread nor the
receive rights: a `PortWatcher` is useless there, and must not be closed there.
"""

from __future__ import annotations

from hurd.codes import (
    KERN_INVALID_ARGUMENT,
    KERN_INVALID_NAME,
    KERN_INVALID_RIGHT,
    MACH_RCV_INVALID_NAME,
    MACH_RCV_PORT_CHANGED,
    MACH_RCV_PORT_DIED,
)
from hurd.constants import MACH_NOTIFY_DEAD_NAME
from hurd.errors import HurdError
from hurd.mach import mach_port_deallocate, mach_port_request_notification, mach_task_self
from hurd.ports import Owner, Port, PortSet, ReceiveRight

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from hurd.message import Message

_STOP = 0  # no message of any interface has this number
_SET_IS_GONE = (MACH_RCV_INVALID_NAME, MACH_RCV_PORT_DIED, MACH_RCV_PORT_CHANGED)


class Watch:
    """One thing that is watched; `cancel` ends it."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel: Callable[[], None] | None = cancel

    def cancel(self) -> None:
        """Watch no more.  Does nothing if it is over already."""
        if self._cancel is not None:
            cancel, self._cancel = self._cancel, None
            cancel()


class PortWatcher(Owner):
    """Watches ports for one thread.

    `deliver` is called by the helper thread with a function that the watching thread is to call,
    as `loop.call_soon_threadsafe` does.  Everything else is for the watching thread only.
    """

    def __init__(self, deliver: Callable[..., object]) -> None:
        self._deliver = deliver
        self._thread: threading.Thread | None = None
        self._set: PortSet | None = None
        self._notices: ReceiveRight | None = None
        self._deaths: dict[int, tuple[Port, list[Callable[[], None]]]] = {}
        self._handlers: dict[int, Callable[[Message], None]] = {}

    def on_death(self, port: Port, callback: Callable[[], None]) -> Watch:
        """Call `callback` once when the port dies: when whoever receives its messages is gone.

        The port may be closed meanwhile; it is watched all the same.  A port that is dead already
        is reported at once.
        """
        if not port:
            raise ValueError(f"{port!r} is no port that could die")
        name = port.name
        if name not in self._deaths:
            notices = self._start()
            copy = port.copy()
            try:
                # 1: also if it is dead already.
                mach_port_request_notification(
                    mach_task_self(), name, MACH_NOTIFY_DEAD_NAME, 1, notices
                ).close()
            except BaseException:
                copy.close()
                raise
            self._deaths[name] = (copy, [])
        self._deaths[name][1].append(callback)
        return Watch(lambda: self._forget(name, callback))

    def on_message(self, right: ReceiveRight, handler: Callable[[Message], None]) -> Watch:
        """Call `handler` with every message for `right`, which the watcher does not own.

        The message is the handler's: to answer, and to close.
        """
        self._start()
        assert self._set is not None
        self._set.add(right)
        self._handlers[right.name] = handler
        return Watch(lambda: self._ignore(right))

    def close(self) -> None:
        """End the helper thread and forget everything.  Closing again does nothing."""
        for name in list(self._deaths):
            self._withdraw(name)
        self._handlers.clear()
        if self._thread is None or self._notices is None or self._set is None:
            return
        from hurd.message import send

        with self._notices.make_send() as stop:
            send(stop, _STOP)
        self._thread.join()
        self._thread = None
        self._notices.close()
        self._set.close()

    def _start(self) -> ReceiveRight:
        if self._notices is None or self._thread is None:
            import threading

            self._set = PortSet.allocate()
            self._notices = ReceiveRight.allocate()
            self._set.add(self._notices)
            self._thread = threading.Thread(
                target=self._wait, args=(self._set,), name="ports", daemon=True
            )
            self._thread.start()
        return self._notices

    def _wait(self, ports: PortSet) -> None:
        # The helper thread.
        while True:
            try:
                message = ports.receive()
            except HurdError as error:
                if error.errno in _SET_IS_GONE:
                    return
                continue  # a message that made no sense
            if message.id == _STOP:
                return
            try:
                self._deliver(lambda message=message: self._dispatch(message))
            except RuntimeError:  # the loop is closed
                message.close()

    def _dispatch(self, message: Message) -> None:
        if self._notices is None or message.port != self._notices.name:
            handler = self._handlers.get(message.port)
            if handler is None:
                message.close()
            else:
                handler(message)
            return
        with message:
            if message.id != MACH_NOTIFY_DEAD_NAME:
                return  # a request that was withdrawn
            name = message.integer(0)
        # The notification came with a reference of its own to the dead name.
        mach_port_deallocate(mach_task_self(), name)
        port, callbacks = self._deaths.pop(name, (Port(0), []))
        port.close()
        for callback in callbacks:
            callback()

    def _forget(self, name: int, callback: Callable[[], None]) -> None:
        if name in self._deaths:
            callbacks = self._deaths[name][1]
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks:
                self._withdraw(name)

    def _withdraw(self, name: int) -> None:
        port, _ = self._deaths.pop(name)
        try:
            # Closing the right that the kernel gives back sends a message, which is ignored.
            mach_port_request_notification(
                mach_task_self(), name, MACH_NOTIFY_DEAD_NAME, 0, None
            ).close()
        except HurdError as error:
            # It died, and the notification is on its way.
            if error.errno not in (KERN_INVALID_ARGUMENT, KERN_INVALID_NAME, KERN_INVALID_RIGHT):
                raise
        finally:
            port.close()

    def _ignore(self, right: ReceiveRight) -> None:
        from hurd.mach import mach_port_move_member

        if self._handlers.pop(right.name, None) is not None and right:
            mach_port_move_member(mach_task_self(), right.name, 0)
