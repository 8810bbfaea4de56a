"""Mach messages made and read by hand: for servers, notifications, and routines in no library.

`Body` makes the fields of one, `Message` is one that was received, `call` is a routine.
"""

from __future__ import annotations

from hurd.codes import (
    MACH_RCV_TOO_LARGE,
    MIG_BAD_ARGUMENTS,
    MIG_REPLY_MISMATCH,
    MIG_SERVER_DIED,
    MIG_TYPE_ERROR,
)
from hurd.constants import (
    MACH_MSG_TYPE_BOOLEAN,
    MACH_MSG_TYPE_CHAR,
    MACH_MSG_TYPE_COPY_SEND,
    MACH_MSG_TYPE_INTEGER_32,
    MACH_MSG_TYPE_INTEGER_64,
    MACH_MSG_TYPE_MAKE_SEND_ONCE,
    MACH_MSG_TYPE_MOVE_RECEIVE,
    MACH_MSG_TYPE_MOVE_SEND_ONCE,
    MACH_MSG_TYPE_STRING_C,
    MACH_MSGH_BITS_COMPLEX,
    MACH_NOTIFY_SEND_ONCE,
    MACH_RCV_LARGE,
    MACH_RCV_MSG,
    MACH_RCV_TIMEOUT,
    MACH_SEND_MSG,
    MACH_SEND_TIMEOUT,
)
from hurd.errors import HurdError
from hurd.layouts import Layout, native, number_at
from hurd.ports import Owner, Port, ReceiveRight, port_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self, TypeAlias

    from hurd.rpc.marshal import Call
    from hurd.rpc.notation import Parameter, Routine

    Item: TypeAlias = int | Port | bytes | list[int] | list[Port]

_INLINE_MAX = 2048  # what mig sends inside the message, in bytes


class Body:
    """The fields of a message that is to be sent, in their order."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout or native()
        self.raw = bytearray()
        self.complex = False
        self.moved: list[Port] = []
        self._kept: list[Any] = []

    def integer(self, value: int) -> Self:
        """A 32-bit integer."""
        return self.integers([value], array=False)

    def flag(self, value: bool) -> Self:
        """A truth value: mig's servers check that it is marked as one."""
        raw = int(value).to_bytes(4, "little")
        return self._add(MACH_MSG_TYPE_BOOLEAN, 32, 1, raw, array=False)

    def word(self, value: int) -> Self:
        """An unsigned integer as wide as a pointer."""
        width = self.layout.word
        name = MACH_MSG_TYPE_INTEGER_64 if width == 8 else MACH_MSG_TYPE_INTEGER_32
        return self._add(name, 8 * width, 1, value.to_bytes(width, "little"), array=False)

    def integers(self, values: Sequence[int], array: bool = True) -> Self:
        """32-bit integers."""
        raw = b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in values)
        return self._add(MACH_MSG_TYPE_INTEGER_32, 32, len(values), raw, array)

    def words(self, values: Sequence[int]) -> Self:
        """Unsigned integers as wide as a pointer."""
        width = self.layout.word
        name = MACH_MSG_TYPE_INTEGER_64 if width == 8 else MACH_MSG_TYPE_INTEGER_32
        raw = b"".join(value.to_bytes(width, "little") for value in values)
        return self._add(name, 8 * width, len(values), raw, array=True)

    def port(self, port: Port | None, disposition: int = MACH_MSG_TYPE_COPY_SEND) -> Self:
        """A right, passed on as `disposition` says."""
        self.complex = True
        if port and MACH_MSG_TYPE_MOVE_RECEIVE <= disposition <= MACH_MSG_TYPE_MOVE_SEND_ONCE:
            self.moved.append(port)
        raw = port_name(port).to_bytes(self.layout.word, "little")
        return self._add(disposition, self.layout.port_bits, 1, raw, array=False)

    def text(self, field: bytes) -> Self:
        """A string in a field of fixed size, already padded."""
        return self._add(MACH_MSG_TYPE_STRING_C, 8, len(field), field, array=False)

    def data(self, raw: bytes) -> Self:
        """Any number of bytes."""
        return self._add(MACH_MSG_TYPE_CHAR, 8, len(raw), raw, array=True)

    def _add(self, name: int, bits: int, count: int, raw: bytes, array: bool) -> Self:
        inline = not array or len(raw) <= _INLINE_MAX
        self.raw += self.layout.descriptor(name, bits, count, inline, array)
        if inline:
            self.raw += raw
        else:
            from hurd.rpc._hurd_abi import ffi

            self.complex = True
            memory = ffi.from_buffer("char[]", raw)
            self._kept.append(memory)
            address = int(ffi.cast("uintptr_t", memory))
            self.raw += address.to_bytes(self.layout.word, "little")
        self.raw += bytes(-len(self.raw) % self.layout.word)
        return self

    def sent(self) -> None:
        """The message is on its way: what it moved is its own."""
        for port in self.moved:
            port.release()


class Message(Owner):
    """A message that was received; it owns its rights until they are taken out or it is closed.

    `port` is the name of the receive right it came to, `reply_port` where an answer is expected
    (null: nowhere), `items` its fields: integers, `Port`s, bytes for characters, lists for arrays.
    """

    def __init__(self, number: int, port: int, reply_port: Port, items: list[Item]) -> None:
        self.id = number
        self.port = port
        self.reply_port = reply_port
        self.items = items

    def __repr__(self) -> str:
        return f"<Message {self.id} {self.items!r}>"

    def take(self, index: int) -> Port:
        """The port that is item `index`, which is the caller's now; MIG_BAD_ARGUMENTS if none."""
        item = self.items[index] if index < len(self.items) else None
        if not isinstance(item, Port):
            raise HurdError(MIG_BAD_ARGUMENTS, f"message {self.id}")
        return Port(item.release())

    def integer(self, index: int) -> int:
        """The integer that is item `index`; MIG_BAD_ARGUMENTS if none is."""
        item = self.items[index] if index < len(self.items) else None
        if not isinstance(item, int):
            raise HurdError(MIG_BAD_ARGUMENTS, f"message {self.id}")
        return item

    def reply(self, code: int = 0, body: Body | None = None) -> None:
        """Answer, as mig's servers do: the return code, then the fields of `body`.

        Nothing happens if no answer is expected.  Closes nothing else.
        """
        if not self.reply_port:
            return
        answer = Body(body.layout if body else None).integer(code)
        if body:
            answer.raw += body.raw
            answer.complex, answer.moved = body.complex, body.moved
            answer._kept = body._kept
        send(self.reply_port, self.id + 100, answer, disposition=MACH_MSG_TYPE_MOVE_SEND_ONCE)

    def close(self) -> None:
        """Give back every right that was not taken out."""
        self.reply_port.close()
        for item in self.items:
            for port in item if isinstance(item, list) else [item]:
                if isinstance(port, Port):
                    port.close()


def pack(
    number: int, remote: int, local: int, bits: int, body: Body | None, layout: Layout
) -> bytes:
    """The bytes of a message; `bits` are the dispositions of the two ports."""
    raw = bytes(body.raw) if body else b""
    if body and body.complex:
        bits |= MACH_MSGH_BITS_COMPLEX
    return layout.pack_header(bits, layout.header + len(raw), remote, local, number) + raw


def unpack(raw: bytes, layout: Layout) -> Message:
    """The message that those bytes are; its ports belong to it, out-of-line memory is freed.

    Raises HurdError(MIG_BAD_ARGUMENTS) if the fields do not fit into it.
    """
    word = layout.word
    size = min(number_at(raw, 4, 4), len(raw))
    number = number_at(raw, layout.header - 4, 4)
    remote, local = (number_at(raw, at, word) & 0xFFFFFFFF for at in (8, 8 + word))
    message = Message(number, local, Port(remote), [])
    at = layout.header
    try:
        while at < size:
            name, bits, count, inline, at = layout.read_descriptor(raw, at)
            length = bits * count // 8
            if inline:
                content = raw[at : at + length]
                if len(content) < length:
                    raise HurdError(MIG_BAD_ARGUMENTS, "mach_msg")
                at += length
            else:
                # Ports have four bytes each out of line, whatever they have inside.
                ports = MACH_MSG_TYPE_MOVE_RECEIVE <= name <= MACH_MSG_TYPE_MOVE_SEND_ONCE
                bits = 32 if ports else bits
                content = _take_memory(number_at(raw, at, word), bits * count // 8)
                at += word
            at += -at % word
            message.items.append(_item(name, bits, count, content))
    except HurdError:
        message.close()
        raise
    return message


def _take_memory(address: int, size: int) -> bytes:
    from hurd.rpc._hurd_abi import ffi
    from hurd.rpc.marshal import release_memory

    memory = ffi.cast("char *", address)
    content = bytes(ffi.buffer(memory, size)) if size else b""
    release_memory(memory, size)
    return content


def _item(name: int, bits: int, count: int, content: bytes) -> Item:
    if name in (MACH_MSG_TYPE_CHAR, MACH_MSG_TYPE_STRING_C) or bits < 8:
        return content
    width = bits // 8
    parts = [content[at : at + width] for at in range(0, count * width, width)]
    if MACH_MSG_TYPE_MOVE_RECEIVE <= name <= MACH_MSG_TYPE_MOVE_SEND_ONCE:
        made = ReceiveRight if name == MACH_MSG_TYPE_MOVE_RECEIVE else Port
        ports: list[Port] = [made(int.from_bytes(part, "little") & 0xFFFFFFFF) for part in parts]
        return ports[0] if count == 1 else ports
    signed = name in (MACH_MSG_TYPE_INTEGER_32, MACH_MSG_TYPE_INTEGER_64)
    numbers = [int.from_bytes(part, "little", signed=signed) for part in parts]
    return numbers[0] if count == 1 else numbers


def _mach_msg(*arguments: Any) -> int:
    from hurd.rpc import libc

    code: int = libc("mach_msg")(*arguments)
    return code


def send(
    port: Port,
    number: int,
    body: Body | None = None,
    disposition: int = MACH_MSG_TYPE_COPY_SEND,
    timeout_ms: int | None = None,
) -> None:
    """Send a message and expect no answer.

    What `body` moves, and `port` if the disposition moves it, is gone afterwards; not if sending
    failed.  `timeout_ms` is for a full queue: HurdError(MACH_SEND_TIMED_OUT).
    """
    from hurd.rpc._hurd_abi import ffi

    raw = pack(number, port.name, 0, disposition, body, body.layout if body else native())
    option = MACH_SEND_MSG | (0 if timeout_ms is None else MACH_SEND_TIMEOUT)
    code = _mach_msg(ffi.new("char[]", raw), option, len(raw), 0, 0, timeout_ms or 0, 0)
    if code:
        raise HurdError(code, "mach_msg")
    if body:
        body.sent()
    if MACH_MSG_TYPE_MOVE_RECEIVE <= disposition <= MACH_MSG_TYPE_MOVE_SEND_ONCE:
        port.release()


def receive(port: Port, timeout_ms: int | None = None, room: int = 4096) -> Message:
    """The next message for a receive right or a port set.

    HurdError(MACH_RCV_TIMED_OUT) if there is none within `timeout_ms` (None: wait for ever).
    """
    from hurd.rpc._hurd_abi import ffi

    option = MACH_RCV_MSG | MACH_RCV_LARGE | (0 if timeout_ms is None else MACH_RCV_TIMEOUT)
    while True:
        buffer = ffi.new("char[]", room)
        code = _mach_msg(buffer, option, 0, room, port.name, timeout_ms or 0, 0)
        if code == 0:
            return unpack(bytes(ffi.buffer(buffer)), native())
        if code != MACH_RCV_TOO_LARGE:
            raise HurdError(code, "mach_msg")
        room = max(number_at(bytes(ffi.buffer(buffer, 8)), 4, 4), 2 * room)


def call(port: Port, number: int, body: Body, name: str, timeout_ms: int | None = None) -> Message:
    """Send a request and wait for its answer; `name` is the routine's, for errors.

    The answer's first item, the return code, is taken out; HurdError if it is not 0.  A server that
    drops the request is MIG_SERVER_DIED; no answer in time is MACH_RCV_TIMED_OUT.
    """
    from hurd.mach import mach_reply_port

    with mach_reply_port() as reply:
        _request(port, number, body, reply)
        answer = reply.receive(timeout_ms)
    try:
        if answer.id == MACH_NOTIFY_SEND_ONCE:
            raise HurdError(MIG_SERVER_DIED, name)
        if answer.id != number + 100:
            raise HurdError(MIG_REPLY_MISMATCH, name)
        if not answer.items or not isinstance(answer.items[0], int):
            raise HurdError(MIG_TYPE_ERROR, name)
        code = answer.items.pop(0)
        if isinstance(code, int) and code:
            raise HurdError(code, name)
    except HurdError:
        answer.close()
        raise
    return answer


def _request(port: Port, number: int, body: Body, reply: ReceiveRight) -> None:
    from hurd.rpc._hurd_abi import ffi

    bits = MACH_MSG_TYPE_COPY_SEND | MACH_MSG_TYPE_MAKE_SEND_ONCE << 8
    raw = pack(number, port.name, reply.name, bits, body, body.layout)
    code = _mach_msg(ffi.new("char[]", raw), MACH_SEND_MSG, len(raw), 0, 0, 0, 0)
    if code:
        raise HurdError(code, "mach_msg")
    body.sent()


def call_by_message(found: Routine, values: dict[str, Any]) -> list[Any]:
    """Call a routine that is in no library: the conversions of `hurd.rpc.marshal`, by hand."""
    from hurd.rpc.marshal import Call

    target, *parameters = found.parameters
    context = Call(found.name)
    body = Body()
    timeout = None
    for parameter in parameters:
        if parameter.kind == "waittime":
            timeout = values[parameter.name]
        elif parameter.taken:
            _put(context, body, parameter, values[parameter.name])
    port = values[target.name]
    port_name(port)
    answer = call(port, found.id, body, found.name, timeout)
    yielded = [parameter for parameter in parameters if parameter.yielded]
    if len(answer.items) < len(yielded):
        answer.close()
        raise HurdError(MIG_TYPE_ERROR, found.name)
    try:
        results = [
            _result(found.name, item, made)
            for item, made in zip(answer.items, yielded, strict=False)
        ]
    except HurdError:
        answer.close()
        raise
    del answer.items[: len(yielded)]
    answer.close()
    return results


def _put(context: Call, body: Body, parameter: Parameter, value: Any) -> None:
    from hurd.rpc import marshal

    if parameter.array:
        body.words(marshal.elements(context, parameter, value))
    elif parameter.text:
        body.text(marshal.text(context, parameter, value))
    elif parameter.kind == "P":
        body.port(value)
    elif parameter.kind == "flag":
        body.flag(value)
    elif parameter.kind == "word":
        body.word(marshal.integer(context, parameter, value))
    else:
        body.integer(marshal.integer(context, parameter, value))


def _result(routine: str, item: Any, parameter: Parameter) -> Any:
    """An item of an answer as its parameter has it; HurdError(MIG_TYPE_ERROR) if it is another."""
    if parameter.array and parameter.kind == "char":
        fits = isinstance(item, bytes)
    elif parameter.array:
        item = item if isinstance(item, list) else [item]
        fits = all(isinstance(number, int) for number in item)
    else:
        fits = isinstance(item, Port if parameter.kind == "P" else int)
    if not fits:
        raise HurdError(MIG_TYPE_ERROR, routine)
    if parameter.array and parameter.kind != "char":
        return [number & (1 << 8 * native().word) - 1 for number in item]
    return item
