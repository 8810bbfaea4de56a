"""What stands in for modules of which the start of the daemon needs next to nothing.

Each stand-in has what is asked of it while asyncio is imported and a loop is made, and becomes the
real module when anything else is asked for.  There are those that are hardly needed at all, those
of which what is written in C is enough, and enum for the enumerations that signal and socket make
of some hundred constants.
"""

from __future__ import annotations

import _collections  # type: ignore[import-not-found]
import _collections_abc
import _functools  # type: ignore[import-not-found]
import _heapq
import _operator
import _thread
import _warnings
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any
else:
    ModuleType = type(sys)


class StandIn(ModuleType):
    """A module that is imported when something is asked of it that it does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(become_real(self), name)


def become_real(stand_in: ModuleType) -> ModuleType:
    from importlib import import_module

    name = stand_in.__name__
    wanted_parts.add(name)
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    real = import_module(name)
    if name == "collections":
        # Python 3.11 would set this when it loads collections.abc, which is there already.
        vars(real).setdefault("abc", _collections_abc)
    # Whoever has imported the stand-in keeps it: it serves as well.
    vars(stand_in).update({k: v for k, v in vars(real).items() if not k.startswith("__")})
    return real


# Those of the parts left out that are imported after all.
wanted_parts: set[str] = set()


def extract_stack(*arguments: Any, **options: Any) -> Any:
    """``traceback.extract_stack``, which asyncio looks up when it is imported."""
    return become_real_by_name("traceback").extract_stack(*arguments, **options)


def become_real_by_name(name: str) -> Any:
    module = sys.modules.get(name) or __import__(name, fromlist=("",))
    return become_real(module) if isinstance(module, StandIn) else module


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


def _wraps(wrapped: Any) -> Callable[[Any], Any]:
    """``functools.wraps``."""

    def decorate(wrapper: Any) -> Any:
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(wrapper, name, getattr(wrapped, name))
        # A function of C has none; `locale` wraps such a one.
        wrapper.__dict__.update(getattr(wrapped, "__dict__", {}))
        wrapper.__wrapped__ = wrapped
        return wrapper

    return decorate


def _named_tuple(typename: str, field_names: Any, **options: Any) -> Any:
    """``collections.namedtuple`` for a list of names, without compiling code for each class."""
    if options or isinstance(field_names, str):
        return become_real_by_name("collections").namedtuple(typename, field_names, **options)
    fields = tuple(field_names)

    def new(cls: Any, *values: Any, **named: Any) -> Any:
        values += tuple([named.pop(name) for name in fields[len(values) :] if name in named])
        if named or len(values) != len(fields):
            raise TypeError(f"{typename} takes {', '.join(fields)}")
        return tuple.__new__(cls, values)

    def replace(self: Any, **named: Any) -> Any:
        return type(self)(**{**dict(zip(fields, self, strict=True)), **named})

    def show(self: Any) -> str:
        items = ", ".join(f"{name}={value!r}" for name, value in zip(fields, self, strict=True))
        return f"{typename}({items})"

    space = {name: property(_operator.itemgetter(at)) for at, name in enumerate(fields)}
    return type(typename, (tuple,), {
        **space, "__slots__": (), "_fields": fields, "__new__": new, "__repr__": show,
        "_replace": replace, "_asdict": lambda self: dict(zip(fields, self, strict=True)),
    })  # fmt: skip


def _recursive_repr(*arguments: Any) -> Callable[[Any], Any]:
    """``reprlib.recursive_repr``."""

    def decorate(function: Any) -> Any:
        def show(*values: Any) -> Any:
            nonlocal function, arguments
            if arguments is not None:
                function = become_real_by_name("reprlib").recursive_repr(*arguments)(function)
                arguments = None  # type: ignore[assignment]
            return function(*values)

        return show

    return decorate


class _Numbers(type):
    """A class of constants that are numbers in the module that it belongs to."""

    space: dict[str, Any]
    wanted: Callable[[str], bool]
    known: dict[int, str]

    def __getattr__(cls, name: str) -> Any:
        if name == "known":  # the first in the order of names has precedence
            pairs = [(key, value) for key, value in cls.space.items() if cls.wanted(key)]
            cls.known = {int(value): key for key, value in sorted(pairs, reverse=True)}
            return cls.known
        if name.startswith("_") or not cls.wanted(name) or name not in cls.space:
            raise AttributeError(name)
        return cls(cls.space[name])

    def __getitem__(cls, name: str) -> Any:
        try:
            return getattr(cls, name)
        except AttributeError:
            raise KeyError(name) from None

    def __iter__(cls) -> Iterator[Any]:
        return map(cls, sorted(cls.known))


class _Number(int, metaclass=_Numbers):
    """One of them."""

    def __new__(cls, value: int) -> _Number:
        if value not in cls.known:
            raise ValueError(f"{value!r} is not a valid {cls.__name__}")
        return int.__new__(cls, value)

    @property
    def name(self) -> str:
        """The constant's."""
        return type(self).known[self]

    @property
    def value(self) -> int:
        """The number."""
        return int(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {int(self)}>"

    __str__ = int.__repr__


def _handler(value: object) -> int:
    """A handler that is a number; Python 3.11 asks this of functions too, and expects the error."""
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is no number")
    return value


class _IntEnum:
    """What signal and socket use of ``enum.IntEnum``: the constants stay numbers."""

    @staticmethod
    def _convert_(name: str, module: str, wanted: Callable[[str], bool]) -> None:
        space = vars(sys.modules[module])
        if name == "Handlers":  # SIG_DFL and SIG_IGN are compared by identity, as small numbers are
            space[name] = _handler
            return
        space[name] = _Numbers(name, (_Number,), {"space": space, "wanted": staticmethod(wanted)})


class _IntFlag:
    """The same of ``enum.IntFlag``: any number will do."""

    @staticmethod
    def _convert_(name: str, module: str, wanted_parts: Callable[[str], bool]) -> None:
        vars(sys.modules[module])[name] = int


class _Enum:
    """What asyncio.constants uses of ``enum.Enum``: values that are not each other."""


def _all_of(module: ModuleType) -> dict[str, Any]:
    return {key: value for key, value in vars(module).items() if not key.startswith("_")}


# What asyncio, and what the daemon imports with it, take from each of them while they are
# imported and make a loop; constants are the documented ones.
STAND_INS: dict[str, dict[str, Any]] = {
    "inspect": {"iscoroutinefunction": _is_coroutine_function},
    "logging": {"DEBUG": 10},
    "subprocess": {"PIPE": -1, "STDOUT": -2, "DEVNULL": -3},
    "concurrent.futures": {
        "FIRST_COMPLETED": "FIRST_COMPLETED",
        "FIRST_EXCEPTION": "FIRST_EXCEPTION",
        "ALL_COMPLETED": "ALL_COMPLETED",
    },
    "traceback": {"extract_stack": extract_stack},
    "linecache": {},
    # Nearly all modules take names for annotations from it, which are never evaluated in ours.
    "typing": {
        "TYPE_CHECKING": False, "Any": object, "Final": object, "NoReturn": object,
        "TypeAlias": object, "Literal": object, "ClassVar": object, "Self": object,
        "Protocol": object, "Optional": _Annotation, "Type": _Annotation, "final": _unchanged,
        "TypeGuard": _Annotation, "cast": _cast,
    },
    "collections": {
        "abc": _collections_abc, "deque": _collections.deque,
        "OrderedDict": _collections.OrderedDict, "defaultdict": _collections.defaultdict,
        "namedtuple": _named_tuple, "__path__": [],
    },
    "functools": {
        "partial": _functools.partial, "reduce": _functools.reduce,
        "cmp_to_key": _functools.cmp_to_key, "wraps": _wraps,
    },
    "array": {},
    "heapq": _all_of(_heapq),
    "operator": _all_of(_operator),
    "reprlib": {"recursive_repr": _recursive_repr},
    "threading": {
        "local": _thread._local, "Lock": _thread.allocate_lock, "RLock": _thread.RLock,
        "get_ident": _thread.get_ident,
    },
    "warnings": {"warn": _warnings.warn},
}  # fmt: skip

# This one goes when asyncio is imported: enumerations that are made later are real ones.
ENUM = {"Enum": _Enum, "IntEnum": _IntEnum, "IntFlag": _IntFlag, "auto": object}
