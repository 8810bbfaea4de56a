"""The kernel: tasks, threads and ports, of mach.defs, mach_port.defs and others.

`task` is `mach_task_self()` unless another task is meant.  Rights are `Port`s; where a routine
works on the name of a right in some task, that name is an integer.  The machine is in
`hurd.mach_host`, memory in `hurd.memory`, messages are in `hurd.message`.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import (
    MACH_MSG_TYPE_MAKE_SEND,
    MACH_MSG_TYPE_MAKE_SEND_ONCE,
    TASK_BASIC_INFO,
    TASK_EVENTS_INFO,
    THREAD_BASIC_INFO,
)
from hurd.ports import BorrowedPort, Port, ReceiveRight
from hurd.results import Result
from hurd.rpc import ask_kernel, libc, routine, task_self
from hurd.structures import (
    PortStatus,
    TaskBasicInfo,
    TaskEventsInfo,
    ThreadBasicInfo,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class PortNames(Result):
    """Two lists of the same length."""

    names: list[int]
    types: list[int]


class Extracted(Result):
    """The right, and what it is (MACH_MSG_TYPE_MOVE_SEND, …)."""

    right: Port
    right_disposition: int


@routine
def task_create(task: Port, inherit_memory: bool) -> Port:
    """A new task, without threads; with a copy of this one's memory if `inherit_memory`."""


@routine
def task_terminate(task: Port) -> None:
    """End a task."""


@routine
def task_threads(task: Port) -> list[Port]:
    """The threads of a task."""


@routine
def task_info(task: Port, flavor: int, *, count: int = 1024) -> list[int]:
    """Numbers about a task, by flavor; `task_basic_info` and `task_events_info` read them."""


@routine
def thread_terminate(thread: Port) -> None:
    """End a thread."""


@routine
def thread_get_state(thread: Port, flavor: int, *, count: int = 1024) -> list[int]:
    """A thread's registers, by flavor."""


@routine
def thread_set_state(thread: Port, flavor: int, new_state: Sequence[int]) -> None:
    """Set a thread's registers."""


@routine
def thread_info(thread: Port, flavor: int, *, count: int = 1024) -> list[int]:
    """Numbers about a thread, by flavor; `thread_basic_info` reads them."""


@routine
def mach_ports_register(task: Port, init_port_set: Sequence[Port | None]) -> None:
    """Set the ports that tasks created from this one inherit."""


@routine
def mach_ports_lookup(task: Port) -> list[Port]:
    """The ports that were registered."""


@routine
def task_suspend(task: Port) -> None:
    """Stop a task's threads; each call needs a task_resume."""


@routine
def task_resume(task: Port) -> None:
    """Undo one task_suspend."""


@routine
def task_get_special_port(task: Port, which_port: int) -> Port:
    """TASK_KERNEL_PORT, TASK_EXCEPTION_PORT or TASK_BOOTSTRAP_PORT of a task."""


@routine
def task_set_special_port(task: Port, which_port: int, special_port: Port | None) -> None:
    """Set one of these."""


@routine
def thread_suspend(thread: Port) -> None:
    """Stop a thread; each call needs a thread_resume."""


@routine
def thread_resume(thread: Port) -> None:
    """Undo one thread_suspend."""


@routine
def thread_abort(thread: Port) -> None:
    """Make the system call that a thread is in return."""


@routine
def mach_port_names(task: Port) -> PortNames:
    """All names the task has, and what they are (MACH_PORT_TYPE_…)."""


@routine
def mach_port_type(task: Port, name: int) -> int:
    """What a name is (MACH_PORT_TYPE_… or'ed)."""


@routine
def mach_port_rename(task: Port, old_name: int, new_name: int) -> None:
    """Give a right another name."""


@routine
def mach_port_allocate(task: Port, right: int) -> int:
    """A new receive right, port set or dead name (MACH_PORT_RIGHT_…); its name."""


@routine
def mach_port_destroy(task: Port, name: int) -> None:
    """Drop every right that a name has."""


@routine
def mach_port_deallocate(task: Port, name: int) -> None:
    """Drop one send right, send-once right or dead name."""


@routine
def mach_port_get_refs(task: Port, name: int, right: int) -> int:
    """How many references to that kind of right a name has."""


@routine
def mach_port_mod_refs(task: Port, name: int, right: int, delta: int) -> None:
    """Add `delta` references to that kind of right."""


@routine
def mach_port_set_qlimit(task: Port, name: int, qlimit: int) -> None:
    """How many messages a port holds before senders wait."""


@routine
def mach_port_move_member(task: Port, member: int, after: int) -> None:
    """Put a receive right into a port set; `after` 0 takes it out."""


@routine
def mach_port_request_notification(
    task: Port,
    name: int,
    id: int,
    sync: int,
    notify: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND_ONCE,
) -> Port:
    """Have MACH_NOTIFY_… messages sent to `notify` (a receive right) about a name; who got them
    before.
    """


@routine
def mach_port_insert_right(
    task: Port,
    name: int,
    right: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Give `right` to a task under a name."""


@routine
def mach_port_extract_right(task: Port, name: int, disposition: int) -> Extracted:
    """Take a right out of a task, as `disposition` says."""


@routine
def mach_port_get_receive_status(task: Port, name: int) -> PortStatus:
    """State of a receive right."""


@routine
def task_set_name(task: Port, name: str) -> None:
    """Name a task, for the kernel's debugger."""


@routine
def register_new_task_notification(
    host_priv: Port,
    notification: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Have every new task told to `notification` (a receive right).

    There is one receiver: the proc server.
    """


@routine
def task_set_essential(task: Port, essential: bool) -> None:
    """Make the kernel crash the machine if the task dies."""


@routine
def thread_set_name(thread: Port, name: str) -> None:
    """Name a thread, for the kernel's debugger."""


@routine
def thread_get_name(thread: Port) -> str:
    """A thread's name."""


@routine
def interrupt_operation(object: Port, timeout: int) -> None:
    """Make a server give up the call it works on for `object`; `timeout` in milliseconds."""


@routine
def task_assign(task: Port, new_set: Port | None, assign_threads: bool) -> None:
    """Move a task to a processor set."""


@routine
def task_priority(task: Port, priority: int, change_threads: bool) -> None:
    """Set a task's priority, and its threads' if `change_threads`."""


@routine
def thread_wire(host_priv: Port, thread: Port | None, wired: bool) -> None:
    """Keep a thread and its stack in memory."""


@routine
def task_max_priority(
    host: Port,
    task: Port | None,
    max_priority: int,
    set_priority: bool,
    change_threads: bool,
) -> None:
    """Set how good a priority a task may have."""


# What libc itself has.


def mach_task_self() -> BorrowedPort:
    """This task.  The right is libc's: closing it does nothing."""
    return BorrowedPort(task_self())


def mach_thread_self() -> Port:
    """The calling thread."""
    return Port(libc("mach_thread_self")())


def mach_reply_port() -> ReceiveRight:
    """A new receive right: cheaper than `mach_port_allocate`, and not for long."""
    return ReceiveRight(libc("mach_reply_port")())


def mach_print(text: str) -> None:
    """Write to the kernel's console, without any server."""
    libc("mach_print")(text.encode("utf-8", "surrogateescape"))


# Flavors read.


def task_basic_info(task: Port) -> TaskBasicInfo:
    """Sizes, times and priority of a task."""
    return ask_kernel(TaskBasicInfo, task_info, task, TASK_BASIC_INFO)


def task_events_info(task: Port) -> TaskEventsInfo:
    """Counts of page faults and messages of a task."""
    return ask_kernel(TaskEventsInfo, task_info, task, TASK_EVENTS_INFO)


def thread_basic_info(thread: Port) -> ThreadBasicInfo:
    """Times and state of a thread."""
    return ask_kernel(ThreadBasicInfo, thread_info, thread, THREAD_BASIC_INFO)
