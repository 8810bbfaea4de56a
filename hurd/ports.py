"""Port rights as objects that own them.

A name that a task holds for a port counts its users; names are used again as soon as they are
free, so giving one back twice hits a stranger's port.  A `Port` therefore owns exactly one user
reference (or one receive right), is closed explicitly or by `with`, may be closed twice, and has no
finaliser: a port that is dropped without being closed stays in the task's name table.
"""

from __future__ import annotations

from hurd.codes import KERN_INVALID_RIGHT
from hurd.constants import (
    MACH_MSG_TYPE_MAKE_SEND,
    MACH_NOTIFY_NO_SENDERS,
    MACH_PORT_DEAD,
    MACH_PORT_NULL,
    MACH_PORT_RIGHT_DEAD_NAME,
    MACH_PORT_RIGHT_PORT_SET,
    MACH_PORT_RIGHT_RECEIVE,
    MACH_PORT_RIGHT_SEND,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import ClassVar, Self

    from hurd.message import Message


class Owner:
    """What owns rights and gives them back by `close`, or at the end of a `with`."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the rights back.  Closing again does nothing."""
        raise NotImplementedError


class Port(Owner):
    """One send right, send-once right or dead name.

    `name` is its name in this task.  False as a condition if it is no port at all (null or dead).
    """

    __slots__ = ("name",)

    NULL: ClassVar[Port]

    def __init__(self, name: int) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return self.name not in (MACH_PORT_NULL, MACH_PORT_DEAD)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name:#x}>"

    def release(self) -> int:
        """The name, which is the caller's to give back from now on."""
        name, self.name = self.name, MACH_PORT_NULL
        return name

    def close(self) -> None:
        """Give the right back.  Closing again does nothing."""
        if self:
            self._give_back(self.release())
        self.name = MACH_PORT_NULL

    def copy(self) -> Port:
        """Another reference to the same right; of a null or dead port, the same again."""
        from hurd.errors import HurdError
        from hurd.mach import mach_port_mod_refs, mach_task_self

        if self:
            try:
                mach_port_mod_refs(mach_task_self(), self.name, MACH_PORT_RIGHT_SEND, 1)
            except HurdError as error:
                if error.errno != KERN_INVALID_RIGHT:
                    raise
                mach_port_mod_refs(mach_task_self(), self.name, MACH_PORT_RIGHT_DEAD_NAME, 1)
        return Port(self.name)

    def _give_back(self, name: int) -> None:
        from hurd.mach import mach_port_deallocate, mach_task_self

        mach_port_deallocate(mach_task_self(), name)


class BorrowedPort(Port):
    """A right that somebody else owns, such as the C library's own task port."""

    __slots__ = ()

    def _give_back(self, name: int) -> None:
        pass


class _Receiver(Port):
    """What messages are received from, of the kind `_RIGHT`."""

    __slots__ = ()

    _RIGHT: ClassVar[int]

    @classmethod
    def allocate(cls) -> Self:
        """A new port, or an empty set."""
        from hurd.mach import mach_port_allocate, mach_task_self

        return cls(mach_port_allocate(mach_task_self(), cls._RIGHT))

    def receive(self, timeout_ms: int | None = None) -> Message:
        """The next message; HurdError(MACH_RCV_TIMED_OUT) if none comes in time (None: wait)."""
        from hurd.message import receive

        return receive(self, timeout_ms)

    def _give_back(self, name: int) -> None:
        from hurd.mach import mach_port_mod_refs, mach_task_self

        mach_port_mod_refs(mach_task_self(), name, self._RIGHT, -1)


class ReceiveRight(_Receiver):
    """The right to receive a port's messages; closing it destroys the port.

    It does not survive fork: the child has the name without the right.
    """

    __slots__ = ()

    _RIGHT = MACH_PORT_RIGHT_RECEIVE

    def make_send(self) -> Port:
        """A send right for this port, under the same name."""
        from hurd.mach import mach_port_insert_right, mach_task_self

        mach_port_insert_right(
            mach_task_self(), self.name, self, disposition=MACH_MSG_TYPE_MAKE_SEND
        )
        return Port(self.name)

    def request_no_senders(self) -> None:
        """Have a message MACH_NOTIFY_NO_SENDERS sent to this port when nobody can send to it.

        At once if nobody can.  Send rights of this task count too.
        """
        from hurd.mach import mach_port_request_notification, mach_task_self

        mach_port_request_notification(
            mach_task_self(), self.name, MACH_NOTIFY_NO_SENDERS, 0, self
        ).close()

    def copy(self) -> Port:
        raise TypeError("there is only one receive right; make_send() makes a send right")


class PortSet(_Receiver):
    """Receive rights that are received from together."""

    __slots__ = ()

    _RIGHT = MACH_PORT_RIGHT_PORT_SET

    def add(self, port: ReceiveRight) -> None:
        """Receive the messages of `port` through the set; it leaves another it may be in."""
        from hurd.mach import mach_port_move_member, mach_task_self

        mach_port_move_member(mach_task_self(), port.name, self.name)

    def copy(self) -> Port:
        raise TypeError("there is only one right to a port set")


class _Null(Port):
    __slots__ = ()

    def __setattr__(self, attribute: str, value: int) -> None:
        if value != MACH_PORT_NULL:
            raise AttributeError("Port.NULL is always null")
        super().__setattr__(attribute, value)


Port.NULL = _Null(MACH_PORT_NULL)


def port_name(port: Port | None) -> int:
    """The name to pass on; TypeError for what is no port."""
    if port is None:
        return MACH_PORT_NULL
    if not isinstance(port, Port):
        raise TypeError(f"expected a Port or None, not {port!r}")
    return port.name
