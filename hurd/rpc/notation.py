"""Read the lines of `hurd.rpc.signatures`."""

from __future__ import annotations

from hurd.rpc.signatures import LIBRARIES, SIGNATURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

C_TYPES = {
    "i32": "int32_t",
    "u32": "uint32_t",
    "i64": "int64_t",
    "u64": "uint64_t",
    "word": "uintptr_t",
    "long": "long",
    "ulong": "unsigned long",
    "P": "uint32_t",
    "N": "uint32_t",
    "char": "char",
}


class Parameter:
    """One argument: `kind` is its type without the marks, "char" for bytes and strings."""

    __slots__ = (
        "aligned",
        "array",
        "capacity",
        "disposition",
        "kind",
        "name",
        "taken",
        "text",
        "yielded",
    )

    def __init__(self, notation: str) -> None:
        direction, _, rest = notation.rpartition(" ")
        self.name, _, mark = rest.partition(":")
        self.taken = direction != "out"  # from the caller
        self.yielded = direction != ""  # to the caller
        self.disposition = mark.endswith("+disp")
        mark = mark.removesuffix("+disp")
        mark, _, capacity = mark.removesuffix(">").partition("<")
        self.capacity = int(capacity) if capacity else 0
        self.aligned = mark == "pages"
        mark = "bytes" if self.aligned else mark
        self.text = int(mark[3:]) if mark.startswith("str") else 0
        self.array = mark.endswith("[]") or mark == "bytes" or self.capacity > 0
        self.kind = "char" if mark == "bytes" or self.text else mark.removesuffix("[]")


class Routine:
    """A routine: its message's number, its arguments, and the library it is in (None: in none)."""

    __slots__ = ("id", "interface", "library", "name", "oneway", "parameters", "repeated")

    def __init__(self, interface: str, line: str) -> None:
        head, _, tail = line.partition("(")
        number, name = head.split(" ")
        self.interface = interface
        self.library = LIBRARIES[interface]
        self.id = int(number)
        self.oneway = name.startswith("~")
        self.repeated = not name.startswith("!")
        self.name = name.lstrip("~!")
        self.parameters = [Parameter(part) for part in tail.removesuffix(")").split(", ")]


_lines: dict[str, tuple[str, str]] = {}
_routines: dict[str, Routine] = {}


def _read() -> None:
    for interface, text in SIGNATURES.items():
        for line in text.replace("\n    ", " ").strip().split("\n"):
            name = line[line.index(" ") + 1 : line.index("(")].lstrip("~!")
            _lines[name] = (interface, line)


def routine(name: str) -> Routine:
    """The routine of that name; KeyError if there is none."""
    found = _routines.get(name)
    if found is None:
        if not _lines:
            _read()
        found = _routines[name] = Routine(*_lines[name])
    return found


def routines() -> Iterator[Routine]:
    """All of them, in the order of the table."""
    if not _lines:
        _read()
    return map(routine, list(_lines))
