"""The system log with real sockets and files."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from running import eventually, free_port, logged

from hurd.system import system
from pid1.addresses import INET, UNIX, Address
from pid1.endpoints import Endpoint
from pid1.log_files import LogFiles
from pid1.service import Service
from pid1.sexp import write
from pid1.supervisor import Supervisor
from pid1.syslog import Message
from pid1.system_log import SystemLog, SystemLogStart, system_log_destructor


class Log:
    """A running system log in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "dev" / "log"
        self.endpoint = Endpoint(Address(UNIX, str(self.path)), style=socket.SOCK_DGRAM)
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self.client.sendto(message, str(self.path))

    def file(self, name: str) -> str:
        return str(self.directory / name)

    def lines(self, name: str) -> list[str]:
        """The lines of a file, without their dates."""
        path = self.directory / name
        return [line[20:] for line in path.read_text().splitlines()] if path.exists() else []

    async def start(self, manager: Supervisor, destination: Any = None, **options: Any) -> Service:
        service = Service(
            ("system-log", "syslogd"),
            start=SystemLogStart(
                options.pop("endpoints", [self.endpoint]),
                destination or (lambda _: [self.file("messages")]),
                lambda _: [self.file("default")],
                **options,
            ),
            stop=system_log_destructor,
        )
        manager.register([service])
        assert isinstance(await manager.start(service), SystemLog)
        return service


@pytest.fixture
def system_log(tmp_path: Path) -> Log:
    return Log(tmp_path)


async def test_messages_are_written_with_their_date(manager: Supervisor, system_log: Log) -> None:
    service = await system_log.start(manager)
    before = int(time.time())
    system_log.send(b"<13>Jun 22 16:41:30 prog[303]: hello", b"<14>caf\xc3\xa9")
    await eventually(lambda: len(system_log.lines("messages")) == 2)
    assert system_log.lines("messages") == ["localhost prog[303]: hello", "localhost café"]
    path = system_log.directory / "messages"
    stamp = time.strptime(path.read_text()[:19], "%Y-%m-%d %H:%M:%S")
    assert before <= time.mktime(stamp) <= time.time()
    assert path.stat().st_mode & 0o777 == 0o640
    assert next(line for _, line in service.messages()) == "localhost café"
    assert service.log_files() == [str(path)]


@pytest.mark.skipif(shutil.which("logger") is None, reason="needs the program logger")
async def test_the_program_logger_is_understood(manager: Supervisor, system_log: Log) -> None:
    await system_log.start(manager)
    for options in (["--rfc3164"], ["--rfc5424"], []):
        command = ["logger", "-u", str(system_log.path), "-t", "me", "-p", "daemon.info"]
        await asyncio.to_thread(subprocess.run, [*command, *options, "hello"], check=True)
    await eventually(lambda: len(system_log.lines("messages")) == 3)
    for line in system_log.lines("messages"):
        assert line.startswith("localhost ")
        assert line.endswith("hello")
        assert "me:" in line
        assert "<30>" not in line


async def test_udp_senders_are_named(manager: Supervisor, system_log: Log) -> None:
    port = free_port(socket.SOCK_DGRAM)
    udp = Endpoint(Address(INET, 0x7F000001, port), style=socket.SOCK_DGRAM, name="udp")
    service = await system_log.start(manager, endpoints=[system_log.endpoint, udp])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.sendto(b"<14>over udp", ("127.0.0.1", port))
        peer = client.getsockname()[1]
        await eventually(lambda: system_log.lines("messages"))
    assert system_log.lines("messages") == [f"127.0.0.1:{peer} over udp"]
    text = write(service.value.to_wire())
    assert text.startswith("(system-log (version 0) (endpoints ((endpoint (version 0) (name ")
    assert "(kernel-log-file #f) (sockets (" in text


async def test_messages_go_where_the_destination_says(manager: Supervisor, system_log: Log) -> None:
    def destination(message: Message) -> list[str]:
        if "boom" in message.content:
            raise RuntimeError("no")
        return [system_log.file(f"f{message.facility}-p{message.priority}"), system_log.file("all")]

    async with logged() as log:
        await system_log.start(manager, destination)
        system_log.send(b"<86>auth", b"<14>boom", b"<14>boom", b"plain")
        await eventually(lambda: len(system_log.lines("default")) == 2)
    assert system_log.lines("f80-p6") == ["localhost auth"]
    assert system_log.lines("all") == ["localhost auth", "localhost plain"]
    assert len([line for line in log if line.startswith("Uncaught exception in message")]) == 1


async def test_a_destination_may_suspend_and_order_is_kept(
    manager: Supervisor, system_log: Log
) -> None:
    async def later(message: Message) -> list[str]:
        await asyncio.sleep(0.001 if message.content.endswith("0") else 0)
        return [system_log.file("messages")]

    await system_log.start(
        manager,
        lambda m: [system_log.file("messages")] if m.content.endswith("5") else later(m),
    )
    for number in range(3000):
        while True:
            try:
                system_log.client.setblocking(False)
                system_log.send(b"<14>%d" % number)
                break
            except BlockingIOError:
                await asyncio.sleep(0.001)
    await eventually(lambda: len(system_log.lines("messages")) == 3000, 20)
    assert system_log.lines("messages") == [f"localhost {n}" for n in range(3000)]


async def test_the_kernel_log_is_read(manager: Supervisor, system_log: Log) -> None:
    klog = system_log.directory / "klog"
    klog.write_text("<6>[ 1.0] kernel says hi\n\nbare kernel\n")
    async with logged() as log:
        await system_log.start(manager, kernel_log_file=str(klog))
    assert [line.split(": ", 1)[1] for line in system_log.lines("messages")] == [
        "[ 1.0] kernel says hi",
        "bare kernel",
    ]
    assert f'Closing system log input file "{klog}" on end-of-file.' in log


async def test_a_kernel_log_that_goes_on_is_followed(manager: Supervisor, system_log: Log) -> None:
    fifo = system_log.directory / "klog"
    os.mkfifo(fifo)
    service = await system_log.start(manager, kernel_log_file=str(fifo))
    writer = os.open(fifo, os.O_WRONLY)
    os.write(writer, b"<6>one\n<6>tw")
    await eventually(lambda: len(system_log.lines("messages")) == 1)
    os.write(writer, b"o\n")
    await eventually(lambda: len(system_log.lines("messages")) == 2)
    os.close(writer)
    assert system_log.lines("messages")[1].endswith(": two")
    await manager.stop(service)


async def test_a_kernel_log_that_cannot_be_polled_is_looked_at_now_and_then(
    manager: Supervisor, system_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(system), "kernel_log_interval", lambda _self: 0.02)
    fifo = system_log.directory / "klog"
    os.mkfifo(fifo)
    service = await system_log.start(manager, kernel_log_file=str(fifo))
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    os.write(writer, b"one\nhalf")
    await eventually(lambda: len(system_log.lines("messages")) == 1)
    os.write(writer, b" and half\n")
    await eventually(lambda: len(system_log.lines("messages")) == 2)
    os.write(writer, b"the last\n")
    await manager.stop(service)
    os.close(writer)
    assert [line.split(": ")[1] for line in system_log.lines("messages")] == [
        "one", "half and half", "the last",
    ]  # fmt: skip


async def test_the_daemons_own_messages_need_no_socket(
    manager: Supervisor, system_log: Log
) -> None:
    service = await system_log.start(manager)
    system_log.path.unlink()
    service.value.accept("shepherd[1]: what was said early")
    await eventually(lambda: system_log.lines("messages") != [])
    assert system_log.lines("messages") == ["localhost shepherd[1]: what was said early"]


async def test_a_message_about_a_file_that_cannot_be_written_does_not_go_round(
    manager: Supervisor, system_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = system_log.file("messages/below-a-file")
    (system_log.directory / "messages").write_text("")
    service = await system_log.start(manager, lambda _: [missing])
    complaints: list[str] = []

    def complain(line: str) -> None:
        complaints.append(line)
        service.value.accept(line)

    monkeypatch.setattr("pid1.log_files.log", complain)
    service.value.accept("shepherd[1]: lost")
    await asyncio.sleep(0.1)
    assert len(complaints) == 1


async def test_a_kernel_log_out_of_reach_is_dismissed(manager: Supervisor, system_log: Log) -> None:
    async with logged() as log:
        service = await system_log.start(manager, kernel_log_file="/no/such/klog")
    assert "Dismissing kernel log '/no/such/klog': No such file or directory." in log
    assert "(kernel-log-file #f)" in write(service.value.to_wire())


async def test_after_a_silence_there_is_a_mark(manager: Supervisor, system_log: Log) -> None:
    await system_log.start(manager, max_silence=0.2)
    system_log.send(b"one")
    await eventually(lambda: len(system_log.lines("messages")) == 3)
    assert system_log.lines("messages") == ["localhost one"] + ["localhost -- MARK --"] * 2


async def test_the_newest_messages_are_remembered(manager: Supervisor, system_log: Log) -> None:
    service = await system_log.start(manager, history_size=2)
    system_log.send(b"1", b"2", b"3")
    await eventually(lambda: len(system_log.lines("messages")) == 3)
    assert [line for _, line in service.messages()] == ["localhost 3", "localhost 2"]


async def test_what_was_sent_before_the_stop_is_written(
    manager: Supervisor, system_log: Log
) -> None:
    service = await system_log.start(manager)
    async with logged() as log:
        system_log.send(*[b"%d" % n for n in range(8)])
        await manager.stop(service)
    assert len(system_log.lines("messages")) == 8
    assert "Terminating system log service." in log
    assert "Closing 1 system log port." in log


async def test_a_file_that_cannot_be_opened_is_told_once(
    manager: Supervisor, system_log: Log
) -> None:
    bad = system_log.file("messages/under-a-file")
    async with logged() as log:
        (system_log.directory / "messages").write_text("")
        await system_log.start(manager, lambda _: [bad, system_log.file("good")])
        for number in range(3):
            system_log.send(b"%d" % number)
            await eventually(lambda n=number: len(system_log.lines("good")) == n + 1)  # type: ignore[misc]
    assert len([line for line in log if line.startswith(f"Failed to open log file '{bad}'")]) == 1


def test_missing_devices_are_not_created(tmp_path: Path) -> None:
    files = LogFiles(20, "")
    files.add_message("x", ["/dev/no-such-terminal"])
    files.flush()
    assert not Path("/dev/no-such-terminal").exists()
    assert files.files() == []


async def test_nothing_is_lost_while_rotating(manager: Supervisor, system_log: Log) -> None:
    service = await system_log.start(manager)
    files = service.capture
    assert isinstance(files, LogFiles)
    path = system_log.file("messages")
    system_log.client.setblocking(False)
    sent = 0
    for turn in range(1, 6):
        for _ in range(300):
            try:
                system_log.send(b"%d" % sent)
            except BlockingIOError:
                await asyncio.sleep(0.001)
                continue
            sent += 1
        await asyncio.sleep(0)
        await eventually(lambda: Path(path).exists())
        files.rotate(path, f"{path}.{turn}")
    await manager.stop(service)
    seen = [line for n in range(1, 6) for line in system_log.lines(f"messages.{n}")]
    seen += system_log.lines("messages")
    assert seen == [f"localhost {n}" for n in range(sent)]
