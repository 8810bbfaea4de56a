"""For programs that run in the guest: checks by name, and what they found."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable

from hurd import lookup, mach
from hurd.errors import HurdError
from hurd.ports import Port

CYCLES = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
results: dict[str, object] = {}


def plain(value: object) -> object:
    """A value as JSON has it; ports become True or False, and are closed."""
    if isinstance(value, Port):
        known = bool(value)
        value.close()
        return known
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(item) for name, item in zip(value._fields, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def check(name: str, action: Callable[[], object]) -> None:
    with open("/dev/console", "w") as console:  # noqa: PTH123
        console.write(f"check {name}\n")
    try:
        results[name] = ["value", plain(action())]
    except HurdError as error:
        results[name] = ["error", error.symbol or hex(error.errno), str(error)]
    except Exception:
        results[name] = ["broken", traceback.format_exc()]


def node(path: str, flags: int = 0) -> Port:
    return lookup.file_name_lookup(path, flags)


def with_node(path: str, flags: int, action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with node(path, flags) as port:
            return plain(action(port))

    return run


def names() -> dict[int, int]:
    """Every right of this task, with how many references it has."""
    this = mach.mach_task_self()
    found = {}
    for name, kinds in zip(*mach.mach_port_names(this), strict=True):
        found[name] = sum(
            mach.mach_port_get_refs(this, name, right)
            for right in range(5)
            if kinds & 1 << right + 16
        )
    return found


def settled() -> dict[int, int]:
    """`names`, when all that ended has let go: a thread that was joined may be on its way yet."""
    before, now = None, names()
    while before != now:
        time.sleep(0.1)
        before, now = now, names()
    return now


def leaks(action: Callable[[], object], times: int = CYCLES) -> Callable[[], object]:
    def run() -> object:
        plain(action())
        before = settled()
        for _ in range(times):
            plain(action())
        after = settled()
        return sum(after.values()) - sum(before.values())

    return run
