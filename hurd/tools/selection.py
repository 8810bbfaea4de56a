"""Which entries of /etc/fstab or /etc/mtab mount and umount work on: the options they share."""

from __future__ import annotations

from hurd.tools.messages import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hurd.tools.argp import State
    from hurd.translator.fstab import MountEntry, MountTable

# Exit status when the table cannot be read (fstab_argp_create of sutils/fstab.c).
_NO_TABLE = 103


class Selection:
    """The options -a -F -t -R -X and -S, and --test-opts."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.all = False
        self.types: list[str] = []
        self.exclude: list[str] = []
        self.tests: list[str] = []
        self.formats: list[str] = []

    def parse(self, key: str | None, argument: str | None) -> bool:
        """Take one option; False if it is none of these."""
        value = argument or ""
        if key in ("a", "A"):
            self.all = True
        elif key == "F":
            self.table = value
        elif key == "t":
            self.types += [word for word in value.split(",") if word]
        elif key == "R":
            self.exclude.append("/")
        elif key == "X":
            self.exclude.append(value)
        elif key == "S":
            self.formats = [word for word in value.split(":") if word]
        elif key == "O":
            self.tests = [word for word in value.split(",") if word]
        else:
            return False
        return True

    def read(self, state: State) -> MountTable:
        """The table; exits with 103 if it cannot be read."""
        from hurd.translator.fstab import read

        try:
            return read(self.table)
        except OSError as error:
            fail(state.name, _NO_TABLE, self.table, error)

    def entries(self, table: MountTable) -> list[MountEntry]:
        return table.choose(self.types, self.exclude)
