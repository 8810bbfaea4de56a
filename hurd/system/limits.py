"""The daemon's limit of descriptors, which its children do not inherit.

A pipe for each service soon reaches the usual 1,024.  The soft limit is raised to the
hard one for the daemon; a child starts with what the daemon was started with, because
programs that use select(2) break beyond 1,024 and rely on that limit.
"""

from __future__ import annotations

import contextlib
import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# More would only make programs slow that walk over all possible descriptors.
_MOST = 1 << 19

# Descriptors with low numbers, kept for the sources of a child's: posix_spawn refuses those
# that are beyond the limit in force.
_SLOTS = 3
_low: list[int] = []

_inherited: tuple[int, int] | None = None
_raised: tuple[int, int] | None = None


def raise_descriptor_limit(
    inherited: tuple[int, int] | None = None, keep_slots: bool = True
) -> tuple[int, int]:
    """Allow this process as many descriptors as it may have; return the limit of children.

    That is what was in force, or ``inherited``, when a former image of this process has
    raised it already.  Slots are needed where the limit is in force while a child is made.
    """
    global _inherited, _raised
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            _inherited, _raised = (soft, hard), (wanted, hard)
    if inherited is not None:
        _inherited, _raised = inherited, resource.getrlimit(resource.RLIMIT_NOFILE)
    if _inherited is not None and not _low and keep_slots:
        _reserve(_inherited[0])
    return _inherited or (soft, hard)


def _reserve(limit: int) -> None:
    """Fill the slots; after a re-execution the low numbers may be taken already."""
    slots = [os.open(os.devnull, os.O_RDWR) for _ in range(_SLOTS)]
    _low.extend(fd for fd in slots if fd < limit)
    for fd in slots:
        if fd >= limit:
            os.close(fd)


def too_high(sources: list[int | None]) -> bool:
    """Whether more of these descriptors are beyond the children's limit than there are slots."""
    return len(_beyond(sources)) > len(_low)


def _beyond(sources: list[int | None]) -> list[int]:
    if _inherited is None:
        return []
    return sorted({fd for fd in sources if fd is not None and fd >= _inherited[0]})


@contextlib.contextmanager
def low_copies(sources: list[int | None]) -> Iterator[list[int | None]]:
    """Give the same descriptors under numbers below the children's limit."""
    beyond = _beyond(sources)
    if not beyond:
        yield sources
        return
    null = os.open(os.devnull, os.O_RDWR)
    slots = dict(zip(beyond, _low, strict=False))
    try:
        for fd, slot in slots.items():
            os.dup2(fd, slot, inheritable=False)
        yield [fd if fd is None else slots.get(fd, fd) for fd in sources]
    finally:
        # The slots must not keep a pipe open.
        for slot in slots.values():
            os.dup2(null, slot, inheritable=False)
        os.close(null)


@contextlib.contextmanager
def child_limit() -> Iterator[None]:
    """Have the limit of children in force; open no descriptor meanwhile."""
    if _inherited is None or _raised is None:
        yield
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, _inherited)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, _raised)
