"""fsysopts: show or change the options of a running file system or other translator."""

from __future__ import annotations

from hurd.errors import HurdError
from hurd.tools.argp import State, parse
from hurd.tools.messages import fail, put
from hurd.tools.tables import fsysopts as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class _Fsysopts:
    def __init__(self) -> None:
        self.node: str | None = None
        self.options: list[str] = []
        self.dereference = False
        self.recursive = False

    def parse(self, key: str | None, argument: str | None, state: State) -> None:
        if key is None:
            self.node = argument
            # What follows is for the translator, even where it looks like an option.
            self.options = state.argv[state.next :]
            state.next = len(state.argv)
        elif key == "L":
            self.dereference = True
        elif key == "R":
            self.recursive = True


def main(argv: Sequence[str]) -> int:
    """Exit status: 0; 1 no such node; 2 no control port; 5 refused; 64 wrong command line."""
    program = _Fsysopts()
    state = parse(table(), argv, program.parse)
    if program.node is None:
        state.usage()
    return _run(program, program.node, state.name)


def _run(program: _Fsysopts, node_name: str, tool: str) -> int:
    from hurd import fs
    from hurd.translator import options
    from hurd.translator.nodes import open_filesystem

    try:
        node = open_filesystem(node_name, dereference=program.dereference)
    except HurdError as error:
        fail(tool, 1, node_name, error)
    with node:
        if not program.options:
            try:
                put(" ".join(options.of_node(node)))
            except HurdError as error:
                fail(tool, 5, node_name, error)
            return 0
        try:
            control = fs.file_getcontrol(node)
        except HurdError as error:
            fail(tool, 2, node_name, error)
    with control:
        try:
            options.change(control, program.options, recursive=program.recursive)
        except HurdError as error:
            fail(tool, 5, f"{node_name}: {' '.join(program.options)}", error)
    return 0
