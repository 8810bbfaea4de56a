"""Ports over real files, pipes and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from services.scheme import ports
from services.scheme.errors import SchemeError
from services.scheme.library import lookup
from services.scheme.primitives import Await
from services.scheme.types import Char
from tests.services.scheme.library.driver import apply, outcome


def call(name: str, *args: Any) -> Any:
    return apply(lookup(name), args)


async def run(steps: Any) -> Any:
    """Drive a generator procedure inside the loop."""
    value = None
    while True:
        try:
            step = steps.send(value)
        except StopIteration as stop:
            return stop.value
        assert isinstance(step, Await)
        value = await step.awaitable


def test_output_goes_to_the_callable_in_the_context() -> None:
    texts: list[str] = []
    token = ports.write_output.set(texts.append)
    try:
        call("display", "a")
        call("format", True, "~a~%", 5)
    finally:
        ports.write_output.reset(token)
    assert texts == ["a", "5\n"]


def test_call_with_output_file_truncates_and_closes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("something longer")
    before = len(os.listdir("/proc/self/fd"))
    assert outcome(f'(call-with-output-file "{path}" (lambda (p) (display "new" p)))') == (
        "#<unspecified>"
    )
    assert path.read_text() == "new"
    assert len(os.listdir("/proc/self/fd")) == before


def test_forgotten_port_is_written_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    outcome(f'(display "kept" (open-output-file "{path}"))')
    assert path.read_text() == "kept"


def test_descriptors_are_not_inherited(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    opened = [
        call("open-input-file", str(tmp_path / "file")),
        call("open", str(tmp_path / "file"), os.O_RDONLY),
        call("pipe").car,
        call("socket", 2, 1, 0),
        call("socketpair", 1, 1, 0).cdr,
    ]
    opened.append(call("dup", opened[0]))
    for port in opened:
        assert fcntl.fcntl(port.fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("é one\ntwo\n\nlast".encode())
    port = call("open-input-file", str(path))
    lines = [call("read-line", port) for _ in range(5)]
    assert lines[:4] == ["é one", "two", "", "last"]
    assert call("eof-object?", lines[4])
    assert call("port-line", port) == 3


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\xffb")
    port = call("open-input-file", str(tmp_path / "file"))
    assert [call("read-char", port) for _ in range(3)] == [Char("a"), Char("\ufffd"), Char("b")]


def test_several_data_from_one_port() -> None:
    expression = (
        '(let ((p (open-input-string "(a . b) 5 ;x\\n"))) (list (read p) (read p) (read p)))'
    )
    assert outcome(expression) == "((a . b) 5 #<eof>)"


async def test_reading_a_pipe_waits_for_data() -> None:
    pair = call("pipe")
    task = asyncio.create_task(run(lookup("read-line").fn(pair.car)))
    await asyncio.sleep(0.02)
    assert not task.done()
    os.write(pair.cdr.fd, b"hel")
    await asyncio.sleep(0.02)
    assert not task.done()
    os.write(pair.cdr.fd, b"lo\nrest")
    assert await asyncio.wait_for(task, 5) == "hello"


async def test_a_datum_from_a_pipe_is_read_when_it_is_whole() -> None:
    pair = call("pipe")
    task = asyncio.create_task(run(lookup("read").fn(pair.car)))
    os.write(pair.cdr.fd, b"(a\n")
    await asyncio.sleep(0.02)
    assert not task.done()
    os.write(pair.cdr.fd, b"b)\n")
    assert (await asyncio.wait_for(task, 5)).cdr.car.name == "b"


async def test_writing_to_a_full_pipe_does_not_block_and_closing_waits() -> None:
    pair = call("pipe")
    text = "x" * 300_000
    call("display", text, pair.cdr)
    task = asyncio.create_task(run(lookup("close-port").fn(pair.cdr)))
    os.set_blocking(pair.car.fd, False)
    read = 0
    while read < len(text):
        await asyncio.sleep(0.001)
        with contextlib.suppress(BlockingIOError):
            read += len(os.read(pair.car.fd, 65536))
    assert await asyncio.wait_for(task, 5) is True
    assert os.read(pair.car.fd, 1) == b""


async def test_a_cancelled_wait_leaves_no_watcher() -> None:
    pair = call("pipe")
    task = asyncio.create_task(run(lookup("read-char").fn(pair.car)))
    await asyncio.sleep(0.01)
    before = len(os.listdir("/proc/self/fd"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(os.listdir("/proc/self/fd")) < before


async def test_accept_and_connect(tmp_path: Path) -> None:
    server = call("socket", 1, 1, 0)
    address = call("make-socket-address", 1, str(tmp_path / "socket"))
    call("bind", server, address)
    call("listen", server, 5)
    accepting = asyncio.create_task(run(lookup("accept").fn(server)))
    client = call("socket", 1, 1, 0)
    assert await run(lookup("connect").fn(client, address)) is True
    connection = (await asyncio.wait_for(accepting, 5)).car
    call("display", "hi\n", client)
    assert await run(lookup("read-line").fn(connection)) == "hi"
    assert call("getsockname", server) == address


async def test_tcp_addresses_are_numbers_in_host_order() -> None:
    server = call("socket", 2, 1, 0)
    call("bind", server, call("make-socket-address", 2, 0x7F000001, 0))
    call("listen", server, 1)
    address = call("getsockname", server)
    assert address[:2] == [2, 0x7F000001]
    client = call("socket", 2, 1, 0)
    accepting = asyncio.create_task(run(lookup("accept").fn(server)))
    await run(lookup("connect").fn(client, address))
    peer = (await asyncio.wait_for(accepting, 5)).cdr
    assert peer[1] == 0x7F000001
    with pytest.raises(SchemeError) as raised:
        call("bind", client, address)
    assert raised.value.key == "system-error"


def test_redirect_port(tmp_path: Path) -> None:
    one = call("open-output-file", str(tmp_path / "one"))
    two = call("open-output-file", str(tmp_path / "two"))
    call("redirect-port", one, two)
    call("display", "x", two)
    apply(lookup("close-port"), (two,))
    assert (tmp_path / "one").read_text() == "x"


def test_void_port() -> None:
    assert outcome('(let ((p (%make-void-port "w"))) (display "x" p) (port? p))') == "#t"
