"""Devices of the kernel: the routines of gnumach's device.defs.

The master port comes from `hurd.lookup.get_privileged_ports`.  Errors have the system "device".
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


@routine
def device_open(master: Port, mode: int, name: str) -> Port:
    """Open a device: `mode` is D_READ, D_WRITE."""


@routine
def device_close(device: Port) -> None:
    """Close a device."""


@routine
def device_write(device: Port, mode: int, recnum: int, data: bytes) -> int:
    """Write at record `recnum`; how many bytes were."""


@routine
def device_write_inband(device: Port, mode: int, recnum: int, data: bytes) -> int:
    """As device_write, for at most 128 bytes."""


@routine
def device_read(device: Port, mode: int, recnum: int, bytes_wanted: int) -> bytes:
    """Up to `bytes_wanted` bytes from record `recnum`."""


@routine
def device_read_inband(device: Port, mode: int, recnum: int, bytes_wanted: int) -> bytes:
    """As device_read, for at most 128 bytes."""


@routine
def device_map(device: Port, prot: int, offset: int, size: int, unmap: bool) -> Port:
    """A memory object of the device."""


@routine
def device_set_status(device: Port, flavor: int, status: Sequence[int]) -> None:
    """Set what `flavor` selects."""


@routine
def device_get_status(device: Port, flavor: int, *, count: int = 1024) -> list[int]:
    """What `flavor` selects."""
