"""Terminals: the routines of the Hurd's term.defs, for ports of a terminal's node."""

# mypy: disable-error-code="empty-body"
# The functions have no bodies: `routine` makes the calls.

from __future__ import annotations

from hurd.rpc import routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.ports import Port


@routine
def term_getctty(terminal: Port) -> Port:
    """The port that stands for the terminal as a controlling one."""


@routine
def term_open_ctty(terminal: Port, pid: int, pgrp: int) -> Port:
    """The terminal as the controlling one of a process and its group."""


@routine
def term_set_nodename(terminal: Port, name: str) -> None:
    """Set the name that ttyname(3) tells."""


@routine
def term_get_nodename(terminal: Port) -> str:
    """The name that ttyname(3) tells."""


@routine
def term_set_filenode(terminal: Port, filenode: Port | None) -> None:
    """Set the node that the terminal's permissions and times come from."""


@routine
def term_get_bottom_type(terminal: Port) -> int:
    """What is below: TERM_ON_MACHDEV 1, TERM_ON_HURDIO 2, TERM_ON_MASTERPTY 3."""


@routine
def term_on_machdev(terminal: Port, machdev: Port | None) -> None:
    """Put the terminal onto a device of the kernel."""


@routine
def term_on_hurddev(terminal: Port, hurddev: Port | None) -> None:
    """Put the terminal onto another node."""


@routine
def term_on_pty(terminal: Port) -> Port:
    """Put the terminal onto a pseudo-terminal; the port of its other side."""


@routine
def termctty_open_terminal(ctty: Port, flags: int) -> Port:
    """The terminal of a controlling-terminal port, opened."""


@routine
def term_get_peername(terminal: Port) -> str:
    """The name of the other side."""
