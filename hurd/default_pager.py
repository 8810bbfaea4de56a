"""Swap space: the routines of gnumach's default_pager.defs and of the Hurd's own.

The default pager's port comes from vm_set_default_memory_manager or /servers/default-pager.  The
last three routines are the Hurd's own; they are in no library, so their messages are made by hand,
as mig's stubs for i686 make them; they were not tried on a real Hurd.
"""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.results import Result
from hurd.rpc import routine
from hurd.structures import DefaultPagerInfo, DefaultPagerObject, DefaultPagerPage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port


class PagerObjects(Result):
    """Objects, and for each its port (null where the caller may not have it)."""

    objects: list[DefaultPagerObject]
    ports: list[Port]


class Storage(Result):
    """Of each piece: its size and free space in bytes; their names as an argz."""

    size: list[int]
    free: list[int]
    name: bytes


@routine
def default_pager_object_create(default_pager: Port, object_size: int) -> Port:
    """A memory object that lives in swap space."""


@routine
def default_pager_info(default_pager: Port) -> DefaultPagerInfo:
    """How much swap space there is."""


@routine
def default_pager_objects(default_pager: Port) -> PagerObjects:
    """What lives in swap space."""


@routine
def default_pager_object_pages(
    default_pager: Port,
    memory_object: Port | None,
) -> list[DefaultPagerPage]:
    """The pages of an object that are in swap space."""


@routine
def default_pager_object_set_size(memory_object: Port, object_size_limit: int) -> None:
    """Limit the size of an object, in bytes."""


@routine
def default_pager_storage_info(default_pager: Port) -> Storage:
    """Size, free space (bytes) and names (an argz) of each piece of swap space."""


@routine
def default_pager_paging_storage_new(
    default_pager: Port,
    device_port: Port | None,
    runs: Sequence[int],
    name: str,
    add: bool,
) -> None:
    """Add (or remove, unless `add`) a piece of swap space: a device and pairs of start and length,
    in records.
    """
