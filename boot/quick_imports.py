"""Import asyncio without what the daemon never uses of it.

asyncio imports ssl, inspect, logging, subprocess, concurrent.futures and, through them, thirty
more modules, for parts that a daemon without threads and subprocess transports has no use for.
Here stand-ins (`boot.stand_ins`) take their places; one that is used after all becomes the real
module.

Measured with Python 3.11, processor time and memory until all of the daemon is imported, median of
41, interleaved: 44.1 ms and 18.1 MB with only ssl left out, 36.0 ms and 16.1 MB in this way.
"""

from __future__ import annotations

import sys

from boot.stand_ins import ENUM, STAND_INS, StandIn, become_real_by_name, wanted_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any
else:
    ModuleSpec = type(sys.__spec__)

# Parts of asyncio that nothing here uses at start; what one of them has is found all the same.
_LEFT_OUT = (
    "asyncio.locks", "asyncio.timeouts", "asyncio.streams", "asyncio.queues",
    "asyncio.taskgroups", "asyncio.threads", "asyncio.subprocess", "asyncio.runners",
    "asyncio.sslproto", "asyncio.staggered",
)  # fmt: skip


class _Parts:
    """Finds parts of asyncio here: its logger, and nothing for the graph of calls (3.14)."""

    @staticmethod
    def find_spec(name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        left_out = name in _LEFT_OUT and name not in wanted_parts
        if left_out or name in ("asyncio.log", "asyncio.graph"):
            return ModuleSpec(name, _Parts)  # type: ignore[arg-type]
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType | None:
        return StandIn(spec.name) if spec.name in _LEFT_OUT else None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        vars(module).update(__all__=(), logger=_Logger())


def _find_in_asyncio(name: str) -> Any:
    """What ``asyncio.NAME`` is, for names of the parts that were left out."""
    if not name.startswith("_"):
        for part in _LEFT_OUT:
            real = become_real_by_name(part)
            if name in getattr(real, "__all__", ()):
                return getattr(real, name)
    raise AttributeError(f"module 'asyncio' has no attribute {name!r}")


class _Logger:
    """asyncio's logger, made when something is logged."""

    def debug(self, *_arguments: Any, **_options: Any) -> None:
        """Nothing: a new loop says which selector it uses."""

    def __getattr__(self, name: str) -> Any:
        import logging

        return getattr(logging.getLogger("asyncio"), name)


def _stand_in(name: str, known: dict[str, Any]) -> None:
    stand_in = StandIn(name)
    vars(stand_in).update(known)
    sys.modules[name] = stand_in
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(__import__(parent), child, stand_in)


def prepare() -> None:
    """Put the stand-ins in place of what is not imported yet; `install` is expected to follow."""
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    abc = sys.modules.setdefault("collections.abc", STAND_INS["collections"]["abc"])
    for name, known in STAND_INS.items():
        if name not in sys.modules:
            _stand_in(name, known)
    # Before Python 3.11.3 a `collections` that is imported already has no such attribute yet.
    vars(sys.modules["collections"]).setdefault("abc", abc)
    if "enum" not in sys.modules:
        _stand_in("enum", ENUM)


def install() -> None:
    """Import asyncio, with stand-ins in place of what is not imported yet."""
    prepare()
    sys.meta_path.insert(0, _Parts)
    asyncio = __import__("asyncio")
    vars(asyncio)["__getattr__"] = _find_in_asyncio
    if isinstance(sys.modules["enum"], StandIn):
        del sys.modules["enum"]
