"""Starting and stopping the machine: startup.defs, startup_notify.defs, shutdown.defs, acpi.defs.

The first answer at /servers/startup.  The others are in no library, so their messages are made by
hand: /servers/shutdown and /servers/acpi are servers of their own where a machine has them, and
startup_dosync is what startup sends to those who asked to be told.  Of these, startup_dosync was
seen to work on a Hurd i386, between two threads of one program; shutdown_shutdown and the acpi
routines were seen to reach a server there, which did not know them, and no more.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND
from hurd.results import Result
from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


class ProcInit(Result):
    """What the proc server then works with."""

    startup_task: Port
    auth: Port
    host_priv: Port
    device_master: Port


@routine
def startup_essential_task(
    server: Port,
    task: Port | None,
    excpt: Port | None,
    name: str,
    credential: Port | None,
) -> None:
    """Crash the machine when `task` dies.

    `credential` is the host's privileged port; `excpt` may be None.
    """


@routine
def startup_request_notification(
    server: Port,
    notify_port: Port | None,
    name: str,
    *,
    disposition: int = MACH_MSG_TYPE_MAKE_SEND,
) -> None:
    """Have startup_dosync sent to `notify_port` (a receive right) before the machine stops; answer
    it.
    """


@routine
def startup_reboot(server: Port, refport: Port | None, reboot_code: int) -> None:
    """Stop the machine: RB_HALT, RB_AUTOBOOT.

    `refport` is the host's privileged port. Does not return if it works.
    """


@routine
def startup_procinit(server: Port, startup_proc: Port | None) -> ProcInit:
    """What the proc server asks for when it starts."""


@routine
def startup_authinit(
    server: Port,
    auth: Port | None,
    *,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
) -> Port:
    """What the auth server asks for when it starts."""


@routine
def startup_dosync(port: Port, timeout: int) -> None:
    """Tell a program that the machine is about to stop, and wait for its answer.

    `timeout` (milliseconds) is not transmitted.
    """


@routine
def shutdown_shutdown(server: Port) -> None:
    """Switch the machine off."""


@routine
def acpi_sleep(master: Port, sleep_state: int) -> None:
    """Enter an ACPI state; 5 switches off."""


@routine
def acpi_get_pci_irq(master: Port, bus: int, dev: int, func: int) -> int:
    """The interrupt of a PCI function."""
