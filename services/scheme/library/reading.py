"""Reading: characters, lines, bytes and data, waiting where nothing is there yet."""

from __future__ import annotations

from typing import Any

from services.scheme import ports
from services.scheme.errors import misc_error, wrong_type
from services.scheme.library import checks
from services.scheme.library.apply import applicable
from services.scheme.library.charsets import CharSet
from services.scheme.library.checks import char, expecting, string
from services.scheme.library.waiting import filled, readable_now
from services.scheme.parameters import CallWith, value_of
from services.scheme.ports import Port
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import EOF, Char, Pair, Value, Values

LIBRARY = Library()


def _input(value: Value, who: str, position: int = 1) -> Port:
    if value is None:
        value = value_of(ports.current_input)
    if not isinstance(value, Port) or not value.input:
        raise expecting(who, position, "open input port", value)
    return value


def _have(port: Port, count: int, who: str) -> Steps:
    """Wait until ``count`` bytes are there or the end is reached; how many there are."""
    while len(port.data) - port.start < count and not port.ended:
        yield from filled(port, who)
    there = len(port.data) - port.start
    if not there and port.fd is not None:
        port.ended = False  # a terminal or a growing file may have more next time
    return min(there, count)


def _width(lead: int) -> int:
    """Bytes of the UTF-8 sequence that starts with ``lead``."""
    if lead < 0xC2:
        return 1
    return 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4 if lead < 0xF5 else 1


def _next_char(port: Port, who: str) -> Steps:
    """The bytes and the text of the next character; ``b""`` at the end."""
    if not (yield from _have(port, 1, who)):
        return b"", ""
    width = yield from _have(port, _width(port.data[port.start]), who)
    raw = port.data[port.start : port.start + width]
    try:
        return raw, raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw[:1], "\ufffd"


def _all(port: Port, who: str) -> Steps:
    while not port.ended:
        yield from filled(port, who)
    port.ended = port.fd is None
    return port.take(len(port.data) - port.start)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _reads_char(name: str, consume: bool) -> None:
    def fn(port: Value = None) -> Steps:
        source = _input(port, name)
        raw, text = yield from _next_char(source, name)
        if not raw:
            return EOF
        if consume:
            source.take(len(raw))
        return Char(text)

    LIBRARY.procedure(name, 0, 1)(fn)


_reads_char("read-char", True)
_reads_char("get-char", True)
_reads_char("peek-char", False)
_reads_char("lookahead-char", False)


def _unread(name: str) -> None:
    def fn(value: Value, port: Value = None) -> None:
        text = char(value, name, 1) if name == "unread-char" else string(value, name, 1)
        source = _input(port, name, 2)
        source.data = text.encode("utf-8", "surrogateescape") + source.data[source.start :]
        source.start = 0

    LIBRARY.primitive(name, 1, 2)(fn)


_unread("unread-char")
_unread("unread-string")


@LIBRARY.primitive("char-ready?", 0, 1)
def char_ready(port: Value = None) -> bool:
    source = _input(port, "char-ready?")
    if source.start < len(source.data) or source.fd is None or source.regular:
        return True
    return readable_now(source.fd)


def _line(port: Port, who: str) -> Steps:
    """A line with its terminator, as bytes."""
    while True:
        index = port.data.find(b"\n", port.start)
        if index >= 0:
            return port.take(index + 1 - port.start)
        if port.ended:
            port.ended = port.fd is None
            return port.take(len(port.data) - port.start)
        yield from filled(port, who)


@LIBRARY.procedure("read-line", 0, 2)
def read_line(port: Value = None, handling: Value = None) -> Steps:
    how = "trim" if handling is None else getattr(handling, "name", None)
    if how not in ("trim", "concat", "peek", "split"):
        raise misc_error(None, "unexpected handle-delim value:  ~S", handling)
    source = _input(port, "%read-line")
    data = yield from _line(source, "read-line")
    ended = data.endswith(b"\n")
    line: Any = _text(data[:-1] if ended else data) if data else EOF
    if how == "concat":
        return line + "\n" if ended else line
    if how == "split":
        return Pair(line, Char("\n") if ended else EOF)
    if how == "peek" and ended:
        source.data = b"\n" + source.data[source.start :]
        source.start = 0
    return line


@LIBRARY.procedure("get-line", 1)
def get_line(port: Value) -> Steps:
    return (yield from read_line(_input(port, "get-line")))


@LIBRARY.procedure("read-delimited", 1, 3)
def read_delimited(delimiters: Value, port: Value = None, handling: Value = None) -> Steps:
    if type(delimiters) is CharSet:
        stop = delimiters.contains
    else:
        stop = frozenset(string(delimiters, "read-delimited", 1)).__contains__
    how = "trim" if handling is None else getattr(handling, "name", None)
    if how not in ("trim", "concat", "peek", "split"):
        raise misc_error(None, "unexpected handle-delim value: ~S", handling)
    source = _input(port, "read-delimited", 2)
    texts: list[str] = []
    while True:
        raw, text = yield from _next_char(source, "read-delimited")
        if not raw or stop(text):
            break
        source.take(len(raw))
        texts.append(text)
    if raw and how != "peek":
        source.take(len(raw))
    result: Any = "".join(texts)
    if how == "split":
        return Pair(result if texts or raw else EOF, Char(text) if raw else EOF)
    if not raw and not texts:
        return EOF
    return result + text if how == "concat" else result


@LIBRARY.procedure("get-string-all", 1)
def get_string_all(port: Value) -> Steps:
    return _text((yield from _all(_input(port, "get-string-all"), "get-string-all")))


@LIBRARY.procedure("read-string", 0, 2)
def read_string(first: Value = None, second: Value = None) -> Steps:
    if type(first) is int:  # R7RS: (read-string k [port])
        first, second = second, first
    source = _input(first, "read-string")
    if second is None:
        return _text((yield from _all(source, "read-string")))
    return (yield from get_string_n(source, second))


@LIBRARY.procedure("get-string-n", 2)
def get_string_n(port: Value, count: Value) -> Steps:
    source, wanted = _input(port, "get-string-n"), checks.byte_size(count)
    texts: list[str] = []
    while len(texts) < wanted:
        raw, text = yield from _next_char(source, "get-string-n")
        if not raw:
            break
        source.take(len(raw))
        texts.append(text)
    return "".join(texts) if texts or not wanted else EOF


def _reads_byte(name: str, consume: bool) -> None:
    def fn(port: Value = None) -> Steps:
        source = _input(port, name)
        if not (yield from _have(source, 1, name)):
            return EOF
        return source.take(1)[0] if consume else source.data[source.start]

    LIBRARY.procedure(name, 0, 1)(fn)


_reads_byte("get-u8", True)
_reads_byte("read-u8", True)
_reads_byte("lookahead-u8", False)
_reads_byte("peek-u8", False)


@LIBRARY.procedure("get-bytevector-n", 2)
def get_bytevector_n(port: Value, count: Value) -> Steps:
    source, wanted = _input(port, "get-bytevector-n"), checks.byte_size(count)
    there = yield from _have(source, wanted, "get-bytevector-n")
    return bytearray(source.take(there)) if there or not wanted else EOF


@LIBRARY.procedure("get-bytevector-some", 1)
def get_bytevector_some(port: Value) -> Steps:
    source = _input(port, "get-bytevector-some")
    if not (yield from _have(source, 1, "get-bytevector-some")):
        return EOF
    return bytearray(source.take(len(source.data) - source.start))


@LIBRARY.procedure("get-bytevector-all", 1)
def get_bytevector_all(port: Value) -> Steps:
    data = yield from _all(_input(port, "get-bytevector-all"), "get-bytevector-all")
    return bytearray(data) if data else EOF


@LIBRARY.procedure("read", 0, 1)
def read(port: Value = None) -> Steps:
    """The next datum; a port that is not regular is read line by line until one is whole."""
    from services.scheme.library.data import read_datum

    source = _input(port, "read")
    return (yield from read_datum(source, _line))


LIBRARY.alias("get-datum", "read")


@LIBRARY.primitive("open-input-string", 1)
def open_input_string(text: Value) -> Port:
    if type(text) is not str:
        raise wrong_type("open-input-string", 1, text)
    return ports.string_input(text)


@LIBRARY.primitive("open-bytevector-input-port", 1, 2)
def open_bytevector_input_port(data: Value, transcoder: Value = None) -> Port:
    if type(data) is not bytearray:
        raise expecting("open-bytevector-input-port", 1, "bytevector", data)
    port = ports.string_input("")
    port.data = bytes(data)
    return port


LIBRARY.alias("open-input-bytevector", "open-bytevector-input-port")


@LIBRARY.primitive("open-bytevector-output-port", 0, 1)
def open_bytevector_output_port(transcoder: Value = None) -> Values:
    from services.scheme.primitives import Primitive

    port = ports.string_output()

    def extract() -> bytearray:
        data = bytearray(port.pending)
        port.pending.clear()
        return data

    return Values((port, Primitive("get-bytevector", extract, 0, 0)))


@LIBRARY.procedure("call-with-output-bytevector", 1)
def call_with_output_bytevector(proc: Value) -> Steps:
    port = ports.string_output()
    yield Call(applicable(proc), (port,))
    return bytearray(port.pending)


@LIBRARY.procedure("call-with-input-string", 2)
def call_with_input_string(text: Value, proc: Value) -> Steps:
    port = open_input_string(text)
    return (yield Call(applicable(proc), (port,)))


@LIBRARY.procedure("with-input-from-string", 2)
def with_input_from_string(text: Value, thunk: Value) -> Steps:
    port = open_input_string(text)
    return (yield CallWith({ports.current_input: port}, applicable(thunk)))


LIBRARY.primitive("eof-object", 0)(lambda: EOF)
LIBRARY.primitive("eof-object?", 1)(lambda value: value is EOF)
LIBRARY.bind("the-eof-object", EOF)


@LIBRARY.primitive("drain-input", 1)
def drain_input(port: Value) -> str:
    source = _input(port, "drain-input")
    return _text(source.take(len(source.data) - source.start))
