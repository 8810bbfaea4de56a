"""Virtual memory: the vm_ routines of gnumach's mach.defs, mach4.defs and gnumach.defs.

Addresses and sizes are bytes, rounded to pages by the kernel.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.results import Result
from hurd.rpc import routine
from hurd.structures import VmCacheStatistics, VmStatistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


class Region(Result):
    """Where it is, what may be done to it, and what it maps."""

    address: int
    size: int
    protection: int
    max_protection: int
    inheritance: int
    is_shared: bool
    object_name: Port
    offset: int


class SizeLimit(Result):
    """Bytes."""

    current_limit: int
    max_limit: int


@routine
def vm_allocate(task: Port, address: int, size: int, anywhere: bool) -> int:
    """New zeroed memory, at `address` or `anywhere`; where it is."""


@routine
def vm_deallocate(task: Port, address: int, size: int) -> None:
    """Give memory back."""


@routine
def vm_read(task: Port, address: int, size: int) -> bytes:
    """A copy of a task's memory."""


@routine
def vm_write(task: Port, address: int, data: bytes) -> None:
    """Overwrite a task's memory."""


@routine
def vm_region(task: Port, address: int) -> Region:
    """The first region at or above `address`."""


@routine
def vm_statistics(task: Port) -> VmStatistics:
    """The host's memory."""


@routine
def vm_set_default_memory_manager(host_priv: Port, default_manager: Port | None) -> Port:
    """Set the default pager; the one before. None only asks."""


@routine
def vm_map(
    task: Port,
    address: int,
    size: int,
    mask: int,
    anywhere: bool,
    memory_object: Port | None,
    offset: int,
    copy: bool,
    cur_protection: int,
    max_protection: int,
    inheritance: int,
) -> int:
    """Map a memory object; where it is."""


@routine
def vm_wire(host: Port, task: Port | None, address: int, size: int, access: int) -> None:
    """Keep memory in RAM; VM_PROT_NONE lets it go."""


@routine
def vm_cache_statistics(task: Port) -> VmCacheStatistics:
    """The host's cache of files."""


@routine
def vm_wire_all(host: Port, task: Port | None, flags: int) -> None:
    """Keep all of a task's memory in RAM: 1 what it has now, 2 what it will have."""


@routine
def vm_set_size_limit(
    host_port: Port,
    map: Port | None,
    current_limit: int,
    max_limit: int,
) -> None:
    """Limit how much memory a task may have. Recent kernels only."""


@routine
def vm_get_size_limit(map: Port) -> SizeLimit:
    """How much memory a task may have. Recent kernels only."""
