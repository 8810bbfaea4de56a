"""Writing: display, write, newline and the procedures that put text on a port."""

from __future__ import annotations

from typing import Any

from services.scheme import ports
from services.scheme.errors import system_error, wrong_type
from services.scheme.library.apply import applicable, call
from services.scheme.library.checks import char, expecting, span, string
from services.scheme.library.text import displayed, written
from services.scheme.parameters import CallWith, set_value, value_of
from services.scheme.ports import Port
from services.scheme.primitives import Call, Library, Steps
from services.scheme.types import Value

LIBRARY = Library()


def output(value: Value, who: str, position: int) -> Port:
    """The port to write to; None or True mean the current one."""
    if value is None or value is True:
        value = value_of(ports.current_output)
    if not isinstance(value, Port) or not value.output:
        raise wrong_type(who, position, value)
    return value


def put(port: Port, text: str, who: str) -> None:
    """Write ``text``; a failing descriptor is a system-error."""
    try:
        port.write(text)
    except OSError as error:
        raise system_error("fport_write", error) from None


@LIBRARY.primitive("display", 1, 2)
def display(value: Value, port: Value = None) -> None:
    put(output(port, "display", 2), displayed(value), "display")


@LIBRARY.primitive("write", 1, 2)
def write(value: Value, port: Value = None) -> None:
    put(output(port, "write", 2), written(value), "write")


LIBRARY.primitive("write-shared", 1, 2)(write)
LIBRARY.primitive("write-simple", 1, 2)(write)


@LIBRARY.primitive("newline", 0, 1)
def newline(port: Value = None) -> None:
    put(output(port, "newline", 1), "\n", "newline")


@LIBRARY.primitive("write-char", 1, 2)
def write_char(value: Value, port: Value = None) -> None:
    text = char(value, "write-char", 1)
    put(output(port, "write-char", 2), text, "write-char")


def _put_string(name: str, text_first: bool) -> None:
    def fn(first: Value, second: Value = None, start: Value = None, count: Value = None) -> None:
        text, port = (first, second) if text_first else (second, first)
        piece = string(text, name, 1 if text_first else 2)
        if start is not None or count is not None:
            end = count
            if not text_first and type(start) is int and type(count) is int:
                end = start + count  # put-string counts, write-string gives an end
            low, high = span(piece, start, end, len(piece))
            piece = piece[low:high]
        put(output(port, name, 2 if text_first else 1), piece, name)

    LIBRARY.primitive(name, 1 if text_first else 2, 4)(fn)


_put_string("write-string", True)
_put_string("put-string", False)


@LIBRARY.primitive("put-char", 2)
def put_char(port: Value, value: Value) -> None:
    put(output(port, "put-char", 1), char(value, "put-char", 2), "put-char")


@LIBRARY.primitive("put-datum", 2)
def put_datum(port: Value, value: Value) -> None:
    put(output(port, "put-datum", 1), written(value), "put-datum")


def _bytes(value: Value, who: str, position: int) -> bytes:
    if type(value) is not bytearray:
        raise expecting(who, position, "bytevector", value)
    return bytes(value)


def put_bytes(port: Port, data: bytes, who: str) -> None:
    try:
        port.write_bytes(data)
    except OSError as error:
        raise system_error("fport_write", error) from None


@LIBRARY.primitive("put-bytevector", 2, 4)
def put_bytevector(port: Value, value: Value, start: Value = None, count: Value = None) -> None:
    data = _bytes(value, "put-bytevector", 2)
    end = start + count if type(start) is int and type(count) is int else count
    low, high = span(value, start, end, len(data))
    put_bytes(output(port, "put-bytevector", 1), data[low:high], "put-bytevector")


@LIBRARY.primitive("put-u8", 2)
def put_u8(port: Value, value: Value) -> None:
    if type(value) is not int or not 0 <= value <= 255:
        raise wrong_type("put-u8", 2, value)
    put_bytes(output(port, "put-u8", 1), bytes((value,)), "put-u8")


LIBRARY.primitive("write-u8", 1, 2)(
    lambda value, port=None: put_u8(output(port, "write-u8", 2), value)
)
LIBRARY.primitive("write-bytevector", 1, 2)(
    lambda value, port=None: put_bytevector(output(port, "write-bytevector", 2), value)
)


@LIBRARY.procedure("object->string", 1, 2)
def object_to_string(value: Value, printer: Value = None) -> Steps:
    if printer is None:
        return written(value)
    collector = ports.string_output()
    yield from call(printer, value, collector)
    return collector.text()


@LIBRARY.primitive("fresh-line", 0, 1)
def fresh_line(port: Value = None) -> None:
    target = output(port, "fresh-line", 1)
    if not target.at_line_start:
        put(target, "\n", "fresh-line")


LIBRARY.bind("current-output-port", ports.current_output)
LIBRARY.bind("current-error-port", ports.current_error)
LIBRARY.bind("current-warning-port", ports.current_warning)
LIBRARY.bind("current-input-port", ports.current_input)


def _setter(name: str, parameter: Any) -> None:
    def fn(port: Value) -> Value:
        if not isinstance(port, Port):
            raise wrong_type(name, 1, port)
        old = value_of(parameter)
        set_value(parameter, port)
        return old

    LIBRARY.primitive(name, 1)(fn)


_setter("set-current-output-port", ports.current_output)
_setter("set-current-error-port", ports.current_error)
_setter("set-current-input-port", ports.current_input)

# String ports


@LIBRARY.primitive("open-output-string", 0)
def open_output_string() -> Port:
    return ports.string_output()


@LIBRARY.primitive("get-output-string", 1)
def get_output_string(port: Value) -> str:
    if not isinstance(port, Port) or port.fd is not None:
        raise wrong_type("get-output-string", 1, port)
    return port.text()


@LIBRARY.procedure("call-with-output-string", 1)
def call_with_output_string(proc: Value) -> Steps:
    port = ports.string_output()
    yield Call(applicable(proc), (port,))
    return port.text()


@LIBRARY.procedure("with-output-to-string", 1)
def with_output_to_string(thunk: Value) -> Steps:
    port = ports.string_output()
    yield CallWith({ports.current_output: port}, applicable(thunk))
    return port.text()


@LIBRARY.procedure("with-error-to-string", 1)
def with_error_to_string(thunk: Value) -> Steps:
    port = ports.string_output()
    yield CallWith({ports.current_error: port}, applicable(thunk))
    return port.text()


def _redirected(name: str, parameter: Any) -> None:
    def fn(port: Value, thunk: Value) -> Steps:
        if not isinstance(port, Port):
            raise wrong_type(name, 1, port)
        return (yield CallWith({parameter: port}, applicable(thunk)))

    LIBRARY.procedure(name, 2)(fn)


_redirected("with-output-to-port", ports.current_output)
_redirected("with-error-to-port", ports.current_error)
_redirected("with-input-from-port", ports.current_input)


@LIBRARY.primitive("%make-void-port", 1)
def make_void_port(mode: Value) -> Port:
    text = string(mode, "%make-void-port", 1)
    return ports.VoidPort(input="r" in text or "+" in text, output=any(c in text for c in "wa+"))


@LIBRARY.primitive("warn", 0, None)
def warn(*values: Value) -> Value:
    """A ``;;; WARNING`` line on the error port; returns its last argument."""
    port = output(value_of(ports.current_warning), "warn", 1)
    put(port, ";;; WARNING " + " ".join(written(value) for value in values) + "\n", "warn")
    return values[-1] if values else None


@LIBRARY.primitive("pk", 0, None)
def peek(*values: Value) -> Value:
    """``;;; (values…)`` on the error port; returns the last value."""
    port = output(value_of(ports.current_error), "pk", 1)
    put(port, "\n;;; (" + " ".join(written(value) for value in values) + ")\n", "pk")
    return values[-1] if values else None


LIBRARY.alias("peek", "pk")
