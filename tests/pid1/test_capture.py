"""What services print gets to its log whole, in lines, without keeping the loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import logged

from pid1.capture import HISTORY, MAX_LINE, Capture
from pid1.log import FileDestination, StandardOutput, SyslogDestination, the_log

_STAMP = len("2026-01-02 03:04:05 ")


async def _ended(*captures: Capture) -> None:
    while any(capture.pipes() for capture in captures):
        await asyncio.sleep(0)


def _pipe(capture: Capture) -> int:
    reader, writer = os.pipe()
    capture.add(reader)
    return writer


async def _print(capture: Capture, *chunks: bytes) -> None:
    writer = _pipe(capture)
    for chunk in chunks:
        os.write(writer, chunk)
        for _ in range(3):
            await asyncio.sleep(0)
    os.close(writer)
    await _ended(capture)


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode()
    assert text == "" or text.endswith("\n")
    return [line[_STAMP:] for line in text.split("\n")[:-1]]


def _captured(path: Path, *chunks: bytes) -> list[str]:
    path.unlink(missing_ok=True)
    asyncio.run(_print(Capture("program", str(path)), *chunks))
    return _lines(path)


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"one\n\ntwo"], ["one", "", "two"]),
        ([b"on", b"e\ntw", b"o"], ["one", "two"]),
        ([b"one\rtwo\r\nthree\n"], ["one", "two", "three"]),
        ([b"one\r", b"\ntwo\r", b"three\r", b"\n\n"], ["one", "two", "three", ""]),
        ([b"\none"], ["", "one"]),
        ([b"caf\xc3\xa9 \xff\n"], ["café �"]),
        ([b"caf\xc3", b"\xa9\n"], ["café"]),
        ([b"x" * 1025 + b"\nshort\n"], ["x" * 512, "x" * 512, "x", "short"]),
        ([b"y" * 700], ["y" * 512, "y" * 188]),
        ([b"y" * 700, b"\nz\n"], ["y" * 512, "y" * 188, "z"]),
    ],
)
def test_output_is_split_into_lines(chunks: list[bytes], lines: list[str], tmp_path: Path) -> None:
    assert _captured(tmp_path / "log", *chunks) == lines


_PIECES = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\r", b"")),
    st.text("aé€😀", min_size=400, max_size=900).map(str.encode),
)


@given(st.lists(_PIECES, max_size=8))
def test_no_byte_is_lost_however_output_arrives(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "chunks.log"
    together = b"".join(chunks).removesuffix(b"\n")
    whole = together.decode(errors="replace").split("\n") if b"".join(chunks) else []
    expected = [
        line[start : start + MAX_LINE]
        for line in whole
        for start in range(0, len(line) or 1, MAX_LINE)
    ]
    assert _captured(path, *[chunk for chunk in chunks if chunk]) == expected


def test_newest_lines_are_kept(tmp_path: Path) -> None:
    capture = Capture("program", str(tmp_path / "log"))
    asyncio.run(_print(capture, b"".join(b"%d\n" % n for n in range(50)), b"50\n51\n"))
    assert [line for _, line in capture.recent()] == [str(n) for n in range(51, 51 - HISTORY, -1)]


@pytest.fixture
def own_log(tmp_path: Path) -> Iterator[Path]:
    """The daemon's log with one destination."""
    destination = FileDestination(str(tmp_path / "own"))
    the_log.destinations.append(destination)
    before = the_log.history
    yield tmp_path / "own"
    the_log.destinations.remove(destination)
    the_log.history = before


def test_lines_without_a_file_go_to_the_daemons_log_in_order(own_log: Path) -> None:
    seen: list[str] = []
    the_log.observers.append(seen.append)
    capture = Capture("program")
    try:
        the_log.write("before")
        asyncio.run(_print(capture, b"early\n"))
        capture.pid = 7
        asyncio.run(_print(capture, b"".join(b"%d\n" % n for n in range(30))))
        the_log.write("after")
    finally:
        the_log.observers.remove(seen.append)
    expected = ["before", "[program] early", *[f"program[7] {n}" for n in range(30)], "after"]
    assert _lines(own_log) == expected
    assert seen == expected
    assert [line for _, line in the_log.recent()] == expected[: -HISTORY - 1 : -1]


def test_system_log_gets_one_message_for_each_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        destination = SyslogDestination(str(tmp_path / "log"))
        destination.append("program[7] ", ["one", "two"])
        received = [receiver.recv(100).decode() for _ in range(2)]
    pid = os.getpid()
    assert received == [f"shepherd[{pid}]: program[7] {line}\n" for line in ("one", "two")]


def test_slow_reader_of_standard_output_gets_whole_lines() -> None:
    reader, writer = os.pipe()
    old = os.dup(1)
    os.dup2(writer, 1)
    try:
        StandardOutput().append("mark ", [f"{number:0100}" for number in range(2000)])
    finally:
        os.dup2(old, 1)
        os.close(old)
        os.close(writer)
    received = b"".join(iter(lambda: os.read(reader, 65536), b"")).decode()
    os.close(reader)
    lines = received.split("\n")
    assert lines.pop() == ""
    assert 100 < len(lines) < 2000
    assert lines == [f"mark {number:0100}" for number in range(len(lines))]


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())


def test_one_turn_of_the_loop_reads_a_bounded_amount(tmp_path: Path) -> None:
    services = 100

    async def scenario() -> tuple[int, int]:
        captures = [Capture("program", str(tmp_path / str(n))) for n in range(services)]
        writers = []
        for capture in captures:
            writers.append(_pipe(capture))
            os.set_blocking(writers[-1], False)
            os.write(writers[-1], (b"x" * 127 + b"\n") * 512)
        # The next callback runs before the pipes are looked at, the second after one turn.
        for _ in range(2):
            await asyncio.sleep(0)
        first = _size(tmp_path)
        for writer in writers:
            os.close(writer)
        await _ended(*captures)
        return first, _size(tmp_path)

    first, total = asyncio.run(scenario())
    assert total == services * 512 * (128 + _STAMP)
    assert 0 < first < total / 5


def test_line_of_the_greatest_length_is_one_line(tmp_path: Path) -> None:
    line = b"z" * MAX_LINE
    assert _captured(tmp_path / "log", line + b"\n") == [line.decode()]


async def test_a_pipe_whose_server_has_died_is_taken_over_as_one_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the Hurd's pflocal does to every pipe there is; here a call refuses as it does then."""
    before = Capture("program")
    writers = [_pipe(before) for _ in range(2)]
    os.write(writers[0], b"unfinished")
    while not before.carry()["partial"]:
        await asyncio.sleep(0)
    state = before.carry()
    dead, alive = state["pipes"]
    for descriptor in state["pipes"]:
        asyncio.get_running_loop().remove_reader(descriptor)
    state = json.loads(json.dumps(state))
    original = os.set_blocking

    def set_blocking(descriptor: int, blocking: bool) -> None:
        if descriptor == dead:
            raise OSError(0x10000003, "(ipc/send) invalid destination port")
        original(descriptor, blocking)

    monkeypatch.setattr(os, "set_blocking", set_blocking)
    after = Capture.carried(state)
    assert after.pipes() == [alive]
    os.write(writers[1], b"more\n")
    os.close(writers[1])
    await _ended(after)
    assert [line for _, line in after.recent()] == ["more", "unfinished"]
    with pytest.raises(OSError):
        os.fstat(dead)
    os.close(writers[0])


async def test_lines_that_no_later_line_tells_of_are_counted_in_the_daemons_log() -> None:
    async with logged() as lines:
        await _print(Capture("program", "/dev/full"), b"one\ntwo\n", b"three")
    assert lines == ["3 line(s) of program lost: cannot write '/dev/full'."]
