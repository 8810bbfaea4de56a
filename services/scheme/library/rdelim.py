"""``(ice-9 rdelim)``: ``write-line`` and what else is already in the default environment."""

from __future__ import annotations

from services.scheme.library import output
from services.scheme.library.aliases import everything

LIBRARY = everything()


@LIBRARY.primitive("write-line", 1, 2)
def write_line(value: object, port: object = None) -> None:
    output.display(value, port)
    output.newline(port)
