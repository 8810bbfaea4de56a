"""showtrans: print the passive translator records of files."""

from __future__ import annotations

from hurd.errors import HurdError
from hurd.tools.argp import State, parse
from hurd.tools.messages import put, warn
from hurd.tools.tables import showtrans as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class _Showtrans:
    def __init__(self) -> None:
        # 0 as soon as one translator has been found.
        self.status = 1
        self.prefix: bool | None = None
        self.silent = False
        self.show_untranslated = True

    def parse(self, key: str | None, argument: str | None, state: State) -> None:
        if key is None:
            if self.prefix is None:
                self.prefix = state.next < len(state.argv)
            self.show(argument or "", state)
        elif key == "p":
            self.prefix = True
        elif key == "P":
            self.prefix = False
        elif key in ("s", "q"):
            self.silent = True
        elif key == "t":
            self.show_untranslated = False

    def show(self, name: str, state: State) -> None:
        from hurd.translator import show, show_descriptor

        try:
            words = show_descriptor(0) if name == "-" else show(name)
        except HurdError as error:
            warn(state.name, name, error)
            return
        if words is None:
            if self.prefix and self.show_untranslated and not self.silent:
                put(name)
            return
        self.status = 0
        if not self.silent:
            put(f"{name}: {' '.join(words)}" if self.prefix else " ".join(words))


def main(argv: Sequence[str]) -> int:
    """Exit status: 0 if a record was found, else 1; 64 for a wrong command line."""
    program = _Showtrans()
    state = parse(table(), argv, program.parse)
    if not state.argument_count:
        state.usage()
    return program.status
