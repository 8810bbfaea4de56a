"""Programs that send to the socket that they are ready, and whatever else can be sent there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import eventually, running_supervisor

from hurd.system import SpawnSpec, system
from pid1 import notify
from pid1.forkexec import ForkExec, Kill
from pid1.notifications import Notifications
from pid1.notify import NotifySocket, parse
from pid1.process import is_alive
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.supervisor import Supervisor
from pid1.values import Process
from tests.pid1.notifiers import CLIENT, python

linux = pytest.mark.skipif(system.name != "linux", reason="senders are told on Linux only")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")


async def test_ready_completes_the_start(manager: Supervisor, tmp_path: Path) -> None:
    one = python(
        manager,
        f"while not os.path.exists('{tmp_path}/go'): time.sleep(0.02)\n"
        "tell('STATUS=all is well\\nREADY=1'); time.sleep(1000)",
    )
    starting = asyncio.ensure_future(manager.start(one))
    await asyncio.sleep(0.15)
    assert one.status == STARTING
    (tmp_path / "go").touch()
    assert isinstance(await starting, Process)
    assert [line for _, line in one.messages()] == ["all is well"]


async def test_the_state_is_shown_once_and_logged(manager: Supervisor, tmp_path: Path) -> None:
    one = python(
        manager,
        "for text in ('one', 'one', 'two', ''):\n    tell(f'STATUS={text}\\nX=y\\nnonsense')\n"
        "tell('READY=0'); tell('READY=1'); time.sleep(1000)",
        log_file=str(tmp_path / "log"),
    )
    assert await manager.start(one)
    assert [line for _, line in one.messages()] == ["", "two", "one"]
    assert [line[20:] for line in (tmp_path / "log").read_text().splitlines()] == ["one", "two", ""]


async def test_an_end_before_ready_fails_the_start(manager: Supervisor, log: list[str]) -> None:
    one = python(manager, "tell('STATUS=no\\nERRNO=2'); sys.exit(4)")
    assert await manager.start(one) is False
    assert "Service notifier reports an error: No such file or directory." in log
    assert "Service notifier exited with 4 before it was ready." in log


async def test_reloading_and_stopping_are_logged(manager: Supervisor, log: list[str]) -> None:
    one = python(
        manager,
        "tell('READY=1'); tell('RELOADING=1\\nMONOTONIC_USEC=1'); tell('READY=1')\n"
        "tell('STOPPING=1'); time.sleep(1000)",
    )
    assert await manager.start(one)
    await eventually(lambda: "Service notifier says that it is stopping." in log)
    said = [line for line in log if "reload" in line]
    assert said == ["Service notifier is reloading.", "Service notifier has reloaded."]


async def test_another_main_process_can_be_named_while_starting(
    subreaper: None, manager: Supervisor
) -> None:
    """As programs do that go into the background: the parent ends, the child is the service."""
    one = python(
        manager,
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    time.sleep(0.2); tell('READY=1'); time.sleep(1000)\n"
        "tell(f'MAINPID={pid}')",
    )
    value = await manager.start(one)
    assert isinstance(value, Process)
    first = [pid for pid in one.children or () if pid != value.pid]
    assert is_alive(value.pid)
    assert not any(map(is_alive, first))
    os.kill(value.pid, signal.SIGKILL)
    await eventually(lambda: one.status == STOPPED)


async def test_another_main_process_can_be_named_while_running(
    subreaper: None, manager: Supervisor, tmp_path: Path
) -> None:
    """What it says just before it ends counts, though the end may be noticed first."""
    one = python(
        manager,
        f"tell('READY=1')\nwhile not os.path.exists('{tmp_path}/go'): time.sleep(0.02)\n"
        "pid = os.fork()\nif pid == 0:\n    time.sleep(1000)\ntell(f'MAINPID={pid}')",
    )
    old = (await manager.start(one)).pid
    (tmp_path / "go").touch()
    await eventually(lambda: not is_alive(old))
    await eventually(lambda: one.main_pid != old)
    assert one.status == RUNNING
    new = one.main_pid
    assert new is not None
    await manager.stop(one)
    assert not is_alive(new)


@pytest.mark.parametrize("text", ["1", "0", "-1", "x", "99999999999", "{other}"])
async def test_not_every_process_can_be_the_main_one(
    manager: Supervisor, log: list[str], text: str
) -> None:
    other = Service(("other",), start=ForkExec(SpawnSpec(["sleep", "1000"], [])), stop=Kill())
    name = text.format(other=(await manager.start(other)).pid)
    one = python(manager, f"tell('MAINPID={name}\\nREADY=1'); time.sleep(1000)")
    pid = (await manager.start(one)).pid
    assert one.main_pid == pid
    assert f"Service notifier names process '{name}', which is not part of it." in log
    await manager.stop(other)


@linux
async def test_other_processes_cannot_speak_for_it(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    one = python(
        manager,
        f"open('{tmp_path}/name', 'w').write(os.environ['NOTIFY_SOCKET'])\n"
        f"while not os.path.exists('{tmp_path}/go'): time.sleep(0.02)\n"
        "tell('READY=1'); time.sleep(1000)",
    )
    starting = asyncio.ensure_future(manager.start(one))
    await eventually(lambda: (tmp_path / "name").exists() and (tmp_path / "name").read_text())
    address = (tmp_path / "name").read_text()
    script = f"tell('READY=1', '{address}'); tell('READY=1', '{address}'); time.sleep(1000)"
    command = [sys.executable, "-I", "-S", "-c", CLIENT + script]
    other = Service(("other",), start=ForkExec(SpawnSpec(command, [])), stop=Kill())
    pid = (await manager.start(other)).pid
    await eventually(lambda: any("is not part of it" in line for line in log))
    await asyncio.sleep(0.1)
    assert one.status == STARTING
    assert sum(f"process {pid} reports" in line for line in log) == 1
    (tmp_path / "go").touch()
    assert await starting
    await manager.stop(other)


async def test_one_that_is_gone_counts_by_its_user(manager: Supervisor, tmp_path: Path) -> None:
    """Its number tells nothing any more when the daemon was too busy to look at once."""
    one = python(
        manager,
        f"while not os.path.exists('{tmp_path}/go'): time.sleep(0.02)\n"
        "pid = os.fork()\nif pid == 0:\n    os.setsid(); tell('READY=1'); os._exit(0)\n"
        "os.wait(); time.sleep(1000)",
    )
    starting = asyncio.ensure_future(manager.start(one))
    await eventually(lambda: one.children)
    (tmp_path / "go").touch()
    time.sleep(0.3)  # noqa: ASYNC251 - the loop shall not run
    assert await starting


@linux
async def test_its_children_can_speak_for_it(manager: Supervisor) -> None:
    child = "tell('READY=1')"
    one = python(
        manager,
        f"import subprocess\nsubprocess.run([sys.executable, '-c', {CLIENT + child!r}],"
        " start_new_session=True); time.sleep(1000)",
    )
    assert await manager.start(one)


@needs_root
async def test_programs_of_other_users_reach_the_socket(manager: Supervisor) -> None:
    one = python(manager, "tell('READY=1'); time.sleep(1000)", user="nobody")
    assert await manager.start(one)


async def test_a_file_serves_where_there_are_no_abstract_sockets(
    manager: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoAbstract(socket.socket):
        def bind(self, address: Any) -> None:
            if not address:
                raise OSError("not here")
            super().bind(address)

    monkeypatch.setattr(notify.socket, "socket", NoAbstract)
    options: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
    one = python(
        manager,
        "assert os.environ['NOTIFY_SOCKET'][0] == '/'\n"
        "tell('STATUS=' + os.environ['NOTIFY_SOCKET'] + '\\nREADY=1'); time.sleep(1000)",
        **options,
    )
    assert await manager.start(one)
    ((_, path),) = one.messages()
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    await manager.stop(one)
    with pytest.raises(FileNotFoundError):
        os.stat(os.path.dirname(path))


async def test_descriptors_that_come_along_are_closed() -> None:
    """Which is what ``BARRIER=1`` waits for."""
    receiver = NotifySocket.open(os.geteuid())
    ours, theirs = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(
            "\0" + receiver.address[1:] if receiver.address[0] == "@" else receiver.address
        )
        socket.send_fds(sender, [b"BARRIER=1"], [theirs, theirs])
    os.close(theirs)
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 1)
    received = receiver.receive()
    assert received is not None
    assert received[0] == b"BARRIER=1"
    assert os.read(ours, 1) == b""
    assert receiver.receive() is None
    os.close(ours)
    receiver.close()


async def test_long_datagrams_are_ignored() -> None:
    receiver = NotifySocket.open(os.geteuid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(
            "\0" + receiver.address[1:] if receiver.address[0] == "@" else receiver.address
        )
        sender.send(b"READY=1\n" + b"X" * 5000)
        sender.send(b"READY=1")
    received = receiver.receive()
    assert received is not None
    assert received[0] == b"READY=1"
    receiver.close()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"READY=1", [("READY", "1")]),
        (b"READY=1\nSTATUS=a=b\n", [("READY", "1"), ("STATUS", "a=b")]),
        (b"READY=1\0", [("READY", "1")]),
        (b"READY=1\0\nX=1", []),
        (b"nothing\n\n=x", [("", "x")]),
        (b"STATUS=\xff", [("STATUS", "\N{REPLACEMENT CHARACTER}")]),
        (b"", []),
    ],
)
def test_datagrams_are_assignments(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert parse(data) == expected


# Whatever is sent


@given(st.binary(max_size=300))
def test_any_datagram_can_be_parsed(data: bytes) -> None:
    for name, value in parse(data):
        assert "\n" not in name + value
        assert "=" not in name


_NAMES = st.sampled_from(
    ["READY", "STATUS", "MAINPID", "WATCHDOG", "WATCHDOG_USEC", "STOPPING", "RELOADING", "ERRNO"]
)
_VALUES = st.sampled_from(["1", "0", "-1", "trigger", "", "9" * 30, "\u0663", "1e3"]) | st.text()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=8))
def test_no_message_is_an_error(messages: list[tuple[str, str]]) -> None:
    async def receive() -> None:
        async with running_supervisor() as manager:
            one = Service(("fuzzed",))
            manager.register([one])
            reports = Notifications.open(one, SpawnSpec(["true"], []), 1.0)
            reports.begin(os.getpid())
            for name, value in messages:
                reports._take(name, value)
            assert reports.ready.done() == (("READY", "1") in messages)
            reports.close()

    asyncio.run(receive())
