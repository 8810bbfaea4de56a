"""Import asyncio without what the daemon never uses of it.

asyncio imports ssl, inspect, logging, subprocess, concurrent.futures and, through them, thirty
more modules, for parts that a daemon without threads and subprocess transports has no use for.
Here stand-ins take their places; one that is used after all becomes the real module.

Measured with Python 3.11, processor time and memory until all of the daemon is imported, median of
41, interleaved: 44.1 ms and 18.1 MB with only ssl left out, 36.0 ms and 16.1 MB in this way.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any
else:
    ModuleType = type(sys)
    ModuleSpec = type(sys.__spec__)

_CO_COROUTINE = 0x80


def _is_coroutine_function(function: object) -> bool:
    """What a loop asks of each callback for a signal."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & _CO_COROUTINE)


class _Annotation:
    """Stands for what annotations are made of that asyncio evaluates: it may be subscripted."""

    def __class_getitem__(cls, _item: object) -> type[_Annotation]:
        return cls


def _cast(_type: object, value: Any) -> Any:
    return value


def _unchanged(definition: Any) -> Any:
    """What the decorators of typing do when a program runs."""
    return definition


# What asyncio takes from each of them while it is imported and makes a loop; constants
# are the documented ones.
_STAND_INS: dict[str, dict[str, Any]] = {
    "inspect": {"iscoroutinefunction": _is_coroutine_function},
    "logging": {"DEBUG": 10},
    "subprocess": {"PIPE": -1, "STDOUT": -2, "DEVNULL": -3},
    "concurrent.futures": {
        "FIRST_COMPLETED": "FIRST_COMPLETED",
        "FIRST_EXCEPTION": "FIRST_EXCEPTION",
        "ALL_COMPLETED": "ALL_COMPLETED",
    },
    "traceback": {},
    "linecache": {},
    # Nearly all modules take names for annotations from it, which are never evaluated in ours.
    "typing": {
        "TYPE_CHECKING": False, "Any": object, "Final": object, "NoReturn": object,
        "TypeAlias": object, "Literal": object, "ClassVar": object, "Self": object,
        "Protocol": object, "Optional": _Annotation, "Type": _Annotation, "final": _unchanged,
        "TypeGuard": _Annotation, "cast": _cast,
    },
}  # fmt: skip

# Parts of asyncio that nothing here uses at start; what one of them has is found all the same.
_LEFT_OUT = (
    "asyncio.streams", "asyncio.queues", "asyncio.taskgroups", "asyncio.threads",
    "asyncio.subprocess", "asyncio.runners", "asyncio.sslproto", "asyncio.staggered",
)  # fmt: skip


class _StandIn(ModuleType):
    """A module that is imported when something is asked of it that it does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_become_real(self), name)


def _become_real(stand_in: ModuleType) -> ModuleType:
    from importlib import import_module

    name = stand_in.__name__
    _wanted.add(name)
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    real = import_module(name)
    # Whoever has imported the stand-in keeps it: it serves as well.
    vars(stand_in).update({k: v for k, v in vars(real).items() if not k.startswith("__")})
    return real


class _Parts:
    """Finds parts of asyncio here: its logger, and nothing for the graph of calls (3.14)."""

    @staticmethod
    def find_spec(name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        left_out = name in _LEFT_OUT and name not in _wanted
        if left_out or name in ("asyncio.log", "asyncio.graph"):
            return ModuleSpec(name, _Parts)  # type: ignore[arg-type]
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType | None:
        return _StandIn(spec.name) if spec.name in _LEFT_OUT else None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        vars(module).update(__all__=(), logger=_Logger())


# Those of the parts left out that are imported after all.
_wanted: set[str] = set()


def _find_in_asyncio(name: str) -> Any:
    """What ``asyncio.NAME`` is, for names of the parts that were left out."""
    if not name.startswith("_"):
        for part in _LEFT_OUT:
            real = _become_real_by_name(part)
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


def _extract_stack(*arguments: Any, **options: Any) -> Any:
    """``traceback.extract_stack``, which asyncio looks up when it is imported."""
    return _become_real_by_name("traceback").extract_stack(*arguments, **options)


def _become_real_by_name(name: str) -> Any:
    module = sys.modules.get(name) or __import__(name, fromlist=("",))
    return _become_real(module) if isinstance(module, _StandIn) else module


def install() -> None:
    """Put the stand-ins in place of what is not imported yet."""
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    for name, known in _STAND_INS.items():
        if name not in sys.modules:
            stand_in = _StandIn(name)
            vars(stand_in).update(known)
            sys.modules[name] = stand_in
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(__import__(parent), child, stand_in)
    traceback = sys.modules["traceback"]
    if isinstance(traceback, _StandIn):
        vars(traceback)["extract_stack"] = _extract_stack
    sys.meta_path.insert(0, _Parts)
    asyncio = __import__("asyncio")
    vars(asyncio)["__getattr__"] = _find_in_asyncio
