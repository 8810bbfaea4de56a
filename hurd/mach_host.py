"""The machine and its processors: routines of gnumach's mach_host.defs that concern no task.

`host` is `mach_host_self()`; `host_priv`, the host's privileged port, is of
`hurd.lookup.get_privileged_ports`.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.constants import HOST_BASIC_INFO, HOST_LOAD_INFO
from hurd.ports import Port
from hurd.rpc import ask_kernel, libc, routine
from hurd.structures import HostBasicInfo, HostLoadInfo, TimeValue64


@routine
def processor_set_default(host: Port) -> Port:
    """The name port of the default processor set."""


@routine
def processor_set_tasks(processor_set: Port) -> list[Port]:
    """All tasks of a processor set."""


@routine
def host_processor_sets(host: Port) -> list[Port]:
    """The name ports of all processor sets."""


@routine
def host_processor_set_priv(host_priv: Port, set_name: Port | None) -> Port:
    """The control port of a processor set."""


@routine
def host_reboot(host_priv: Port, options: int) -> None:
    """Stop the machine at once, without sync: RB_HALT, RB_AUTOBOOT."""


@routine
def host_info(host: Port, flavor: int, *, count: int = 1024) -> list[int]:
    """Numbers about the host, by flavor; `host_basic_info` and `host_load_info` read them."""


@routine
def host_get_time64(host: Port) -> TimeValue64:
    """The time of day."""


@routine
def host_set_time64(host_priv: Port, new_time: TimeValue64) -> None:
    """Set the time of day."""


@routine
def host_adjust_time64(host_priv: Port, new_adjustment: TimeValue64) -> TimeValue64:
    """Change the time of day little by little; what was left of the last change."""


@routine
def host_get_kernel_version(host: Port) -> str:
    """The kernel's name and version."""


@routine
def host_get_uptime64(host: Port) -> TimeValue64:
    """The time since the machine started."""


def mach_host_self() -> Port:
    """The host, without privileges."""
    return Port(libc("mach_host_self")())


def host_basic_info(host: Port) -> HostBasicInfo:
    """Processors and memory."""
    return ask_kernel(HostBasicInfo, host_info, host, HOST_BASIC_INFO)


def host_load_info(host: Port) -> HostLoadInfo:
    """Load averages."""
    return ask_kernel(HostLoadInfo, host_info, host, HOST_LOAD_INFO)
