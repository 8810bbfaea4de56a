"""Convert arguments and results between Python and the stubs, by the table of routines.

In-arrays stay alive until the call has returned.  Out-of-line results are copied and their memory
given back; every port that comes back is owned by a `Port`.  A right that the caller moves away
belongs to the message as soon as it was sent, whatever the answer is.
"""

from __future__ import annotations

from hurd.codes import EINTR, ENAMETOOLONG, MIG_ARRAY_TOO_LARGE
from hurd.constants import MACH_MSG_TYPE_MOVE_RECEIVE, MACH_MSG_TYPE_MOVE_SEND_ONCE
from hurd.errors import HurdError
from hurd.ports import Port, port_name
from hurd.rpc import library
from hurd.rpc._hurd_abi import ffi
from hurd.rpc.notation import C_TYPES, routine
from hurd.structures import STRUCTURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from hurd.rpc.notation import Parameter, Routine

    S = TypeVar("S")
    Step = Callable[["Call", Parameter, Any, int], None]

# In elements; what fits comes back here instead of in memory of its own. 2048 bytes is the most
# that a message carries inline.
_ROOM = {"char": 2048, "i32": 512, "u32": 512, "N": 512, "P": 512}

_WORD_BITS = 8 * ffi.sizeof("uintptr_t")
_LIMITS = {
    "i32": (-(1 << 31), (1 << 31) - 1),
    "u32": (-1, (1 << 32) - 1),  # -1 is how "no user" and the like are written
    "i64": (-(1 << 63), (1 << 63) - 1),
    "u64": (0, (1 << 64) - 1),
    "word": (0, (1 << _WORD_BITS) - 1),
    "N": (0, (1 << 32) - 1),
    "flag": (0, 1),
}
_MASKS = {"u32": 0xFFFFFFFF}


class Call:
    """What one call needs until it is over."""

    __slots__ = ("arguments", "kept", "moved", "readers", "routine")

    def __init__(self, name: str) -> None:
        self.routine = name
        self.arguments: list[Any] = []
        self.kept: list[Any] = []
        self.readers: list[Callable[[], Any]] = []
        self.moved: list[Port] = []

    def keep(self, allocated: Any) -> Any:
        self.kept.append(allocated)
        return allocated

    def moves(self, value: Port | None, disposition: int) -> None:
        if value and MACH_MSG_TYPE_MOVE_RECEIVE <= disposition <= MACH_MSG_TYPE_MOVE_SEND_ONCE:
            self.moved.append(value)


def integer(call: Call, parameter: Parameter, value: Any) -> int:
    """`value` as the integer type of the parameter; TypeError, OverflowError name the argument."""
    if not isinstance(value, int):
        raise TypeError(f"{call.routine}: {parameter.name} must be an integer, not {value!r}")
    low, high = _LIMITS[parameter.kind]
    if not low <= value <= high:
        raise OverflowError(f"{call.routine}: {parameter.name}={value} is not of {parameter.kind}")
    return int(value) & _MASKS.get(parameter.kind, -1)


def text(call: Call, parameter: Parameter, value: Any) -> bytes:
    """`value` as the bytes of a string field; HurdError(ENAMETOOLONG) if it does not fit."""
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{call.routine}: {parameter.name} must be a string, not {value!r}")
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if b"\0" in raw:
        raise ValueError(f"{call.routine}: embedded NUL in {parameter.name}={value!r}")
    if len(raw) >= parameter.text:
        raise HurdError(ENAMETOOLONG, call.routine)
    return raw.ljust(parameter.text, b"\0")


def _port(call: Call, parameter: Parameter, value: Any) -> int:
    try:
        return port_name(value)
    except TypeError as error:
        raise TypeError(f"{call.routine}: {parameter.name}: {error}") from None


def elements(call: Call, parameter: Parameter, value: Any) -> list[Any]:
    """The items of an array as C takes them."""
    if parameter.kind == "P":
        return [_port(call, parameter, item) for item in value]
    return [integer(call, parameter, item) for item in value]


# How each kind of argument is passed; `disposition` is how a right is passed on.


def _give_bytes(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    raw = page_aligned(value) if parameter.aligned else bytes(value)
    count = len(raw)
    call.arguments += (call.keep(ffi.from_buffer("char[]", raw)) if count else ffi.NULL, count)


def _give_array(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    items = elements(call, parameter, value)
    made = f"{C_TYPES[parameter.kind]}[]"
    call.arguments.append(call.keep(ffi.new(made, items)) if items else ffi.NULL)
    if parameter.disposition:
        call.arguments.append(disposition)
        for item in value:
            call.moves(item, disposition)
    call.arguments.append(len(items))


def _give_port(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    call.arguments.append(_port(call, parameter, value))
    if parameter.disposition:
        call.arguments.append(disposition)
        call.moves(value, disposition)


def _give_text(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    call.arguments.append(call.keep(ffi.from_buffer("char[]", text(call, parameter, value))))


def _give_structure(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    call.arguments.append(call.keep(_new_structure(call, parameter, value))[0])


def _give_integer(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    call.arguments.append(integer(call, parameter, value))


def _new_structure(call: Call, parameter: Parameter, value: Any) -> Any:
    made: Any = STRUCTURES[parameter.kind]
    if not isinstance(value, made):
        raise TypeError(
            f"{call.routine}: {parameter.name} must be a {made.__name__}, not {value!r}"
        )
    return ffi.new(f"{parameter.kind} *", list(value))


# How each kind of result is taken; `value` is the caller's where the argument goes in as well.


def _take_text(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    # The stubs copy at most that many bytes and may leave the NUL out.
    field = ffi.new("char[]", parameter.text + 1)
    call.arguments.append(field)
    call.readers.append(lambda: decode(ffi.string(field)))


def _take_structure(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    kind = parameter.kind
    taken = parameter.taken
    pointer = _new_structure(call, parameter, value) if taken else ffi.new(f"{kind} *")
    call.arguments.append(pointer)
    call.readers.append(lambda: unpack(kind, pointer[0]))


def _take_port(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    pointer = ffi.new("uint32_t *", _port(call, parameter, value) if parameter.taken else 0)
    call.arguments.append(pointer)
    call.readers.append(lambda: Port(pointer[0]))
    if parameter.disposition:
        how = ffi.new("uint32_t *")
        call.arguments.append(how)
        call.readers.append(lambda: how[0])


def _take_integer(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    given = integer(call, parameter, value) if parameter.taken else 0
    pointer = ffi.new(f"{C_TYPES[parameter.kind]} *", given)
    call.arguments.append(pointer)
    call.readers.append(lambda: pointer[0])


def _take_array(call: Call, parameter: Parameter, value: Any, disposition: int) -> None:
    kind = C_TYPES.get(parameter.kind, parameter.kind)
    # What the caller has room for is also what some routines go by.
    room = (value or parameter.capacity) if parameter.capacity else _ROOM.get(parameter.kind, 128)
    memory = call.keep(ffi.new(f"{kind}[]", room))
    count = call.keep(ffi.new("uint32_t *", room))
    if parameter.capacity:
        call.arguments += (memory, count)
        call.readers.append(lambda: items(parameter, memory, count[0]))
        return
    pointer = call.keep(ffi.new(f"{kind} **", memory))
    call.arguments += (pointer, count)

    def read() -> Any:
        try:
            return items(parameter, pointer[0], count[0])
        finally:
            if pointer[0] != memory:
                release_memory(pointer[0], count[0] * ffi.sizeof(kind))

    call.readers.append(read)


def page_aligned(value: bytes) -> Any:
    """A copy that begins at a page, as the kernel wants what becomes another task's memory."""
    import mmap

    if not value:
        return b""
    pages = mmap.mmap(-1, len(value))
    pages[:] = value
    return pages


def items(parameter: Parameter, memory: Any, count: int) -> Any:
    """A copy of an array of C: bytes, or a list of integers, of ports, of structures."""
    if parameter.kind == "char":
        return bytes(ffi.buffer(memory, count))
    if parameter.kind == "P":
        return [Port(name) for name in memory[0:count]]
    if parameter.kind in STRUCTURES:
        return [unpack(parameter.kind, memory[index]) for index in range(count)]
    return list(memory[0:count])


def release_memory(memory: Any, size: int) -> None:
    """Give back memory that came with a message."""
    if memory == ffi.NULL or size == 0:
        return
    deallocate = library.function("vm_deallocate", "libmachuser.so.1")
    code = deallocate(library.task_self(), int(ffi.cast("uintptr_t", memory)), size)
    if code:
        raise HurdError(code, "vm_deallocate")


def decode(raw: bytes) -> str:
    """Text as Python has file names."""
    return raw.decode("utf-8", "surrogateescape")


def unpack(name: str, structure: Any) -> Any:
    """A structure of C as its class of `hurd.structures`; nested ones too."""
    plan = _plans.get(name)
    if plan is None:
        fields: dict[str, str] = STRUCTURES[name].__annotations__
        plan = _plans[name] = [
            (field, "text" if kind.startswith("char") else _CLASSES.get(kind, ""))
            for field, kind in fields.items()
        ]
    values = []
    for field, kind in plan:
        value = getattr(structure, field)
        if kind:
            value = decode(ffi.string(value)) if kind == "text" else unpack(kind, value)
        values.append(value)
    made: Any = STRUCTURES[name]
    return made(*values)


_plans: dict[str, list[tuple[str, str]]] = {}


def structure_of_words(made: type[S], words: Sequence[int], offset: int = 0) -> S:
    """The structure at byte `offset` of an array of 32-bit words; what they lack is 0."""
    name = _CLASSES[made.__name__]
    memory = ffi.new(f"{name} *")
    raw = bytes(ffi.buffer(ffi.new("int32_t[]", list(words))))[offset:]
    size = min(len(raw), ffi.sizeof(name))
    ffi.memmove(memory, raw[:size], size)
    unpacked: S = unpack(name, memory[0])
    return unpacked


def size_of(made: type) -> int:
    """The size of a structure here, in bytes."""
    return int(ffi.sizeof(_CLASSES[made.__name__]))


_CLASSES = {made.__name__: name for name, made in STRUCTURES.items()}


def implement(declared: Any) -> Any:
    """The function that `hurd.rpc.routine` calls: see there."""
    found = routine(declared.__name__)
    code = declared.__code__
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    positional = code.co_argcount
    defaults = dict(declared.__kwdefaults__ or {})
    given = declared.__defaults__ or ()
    defaults.update(zip(named[positional - len(given) : positional], given, strict=True))
    finish = _finisher(declared)
    perform = _performer(found, named)

    def call(*arguments: Any, **keywords: Any) -> Any:
        if keywords or len(arguments) != positional:
            declared(*arguments, **keywords)  # raises TypeError if they do not fit
        values = defaults | dict(zip(named, arguments, strict=False))
        values.update(keywords)
        return finish(perform(values))

    return call


def _finisher(declared: Any) -> Callable[[list[Any]], Any]:
    # What the list of results becomes, by the annotation.
    annotation = declared.__annotations__["return"]
    if annotation == "None":
        return lambda results: None
    if annotation == "bool":
        return lambda results: bool(results[0])
    made: Any = declared.__globals__.get(annotation)
    if isinstance(made, type) and issubclass(made, tuple) and made not in _STRUCTURE_CLASSES:
        flags = [kind == "bool" for kind in made.__annotations__.values()]

        def several(results: list[Any]) -> Any:
            pairs = zip(results, flags, strict=True)
            build: Any = made
            return build(*[bool(value) if flag else value for value, flag in pairs])

        return several
    return lambda results: results[0]


_STRUCTURE_CLASSES = frozenset(STRUCTURES.values())


def _step(parameter: Parameter) -> Step:
    structure = parameter.kind in STRUCTURES
    if parameter.yielded:
        if parameter.array:
            return _take_array
        if parameter.text:
            return _take_text
        if structure:
            return _take_structure
        return _take_port if parameter.kind == "P" else _take_integer
    if parameter.array:
        return _give_bytes if parameter.kind == "char" else _give_array
    if parameter.text:
        return _give_text
    if structure:
        return _give_structure
    return _give_port if parameter.kind == "P" else _give_integer


def _performer(found: Routine, named: Sequence[str]) -> Callable[[dict[str, Any]], list[Any]]:
    # Makes the call; what to do for each argument is decided once.
    if found.library is None:
        from hurd.message import call_by_message

        return lambda values: call_by_message(found, values)
    steps = []
    for parameter in found.parameters:
        own = f"{parameter.name}_disposition"
        source = "count" if parameter.capacity else parameter.name
        steps.append((_step(parameter), parameter, source, own if own in named else "disposition"))

    def perform(values: dict[str, Any]) -> list[Any]:
        stub = library.function(found.name, found.library or "")
        while True:
            call = Call(found.name)
            for step, parameter, source, how in steps:
                step(call, parameter, values.get(source), values.get(how, 0))
            code = stub(*call.arguments)
            finish_moves(call, code)
            if code == 0:
                return [read() for read in call.readers]
            # Interrupted by a signal: again, where that is harmless.
            if code != EINTR or call.moved or not found.repeated:
                raise HurdError(code, found.name)

    return perform


def finish_moves(call: Call, code: int) -> None:
    """Rights that were moved belong to the message, unless it was never sent."""
    if code & ~0x3FFF == 0x10000000 or code == MIG_ARRAY_TOO_LARGE:
        return
    for port in call.moved:
        port.release()
