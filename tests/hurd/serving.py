"""What serves a node, and what it says."""

from __future__ import annotations

from hurd import constants, io, lookup
from hurd.translator import active_of, open_node


def text_of(name: str) -> bytes:
    with lookup.file_name_lookup(name, constants.O_READ) as file:
        return io.io_read(file, -1, 1000)


def is_active(name: str) -> bool:
    with open_node(name) as node:
        control = active_of(node)
        if control is not None:
            control.close()
        return control is not None
