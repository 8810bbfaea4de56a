"""Starts that are complete when the program says so: real programs, pipes and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import eventually, running_supervisor

from hurd.system import SpawnSpec, system
from hurd.system.libc import libc
from hurd.system.linux import _PR_SET_CHILD_SUBREAPER
from pid1 import notify
from pid1.carried import pack_value, unpack_value
from pid1.errors import KeyedError
from pid1.forkexec import ForkExec, Kill
from pid1.notifications import Notifications, NotifiedProcess
from pid1.notify import NotifySocket, parse
from pid1.process import is_alive
from pid1.readiness import Readiness
from pid1.service import RUNNING, STARTING, STOPPED, Service
from pid1.supervisor import Supervisor
from pid1.values import Process

linux = pytest.mark.skipif(system.name != "linux", reason="senders are told on Linux only")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")

# What the programs below begin with.
CLIENT = """
import os, socket, sys, time
def tell(text, address=os.environ.get("NOTIFY_SOCKET", "")):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), "\\0" + address[1:] if address[0] == "@" else address)
"""


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Orphans become children of this process, as of the daemon; to be asked for first."""
    if not system.become_subreaper():
        pytest.skip("orphans go elsewhere")
    yield
    while orphans := system.descendants(os.getpid()):
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0


def service(
    manager: Supervisor,
    command: list[str],
    readiness: Readiness,
    *,
    environment: tuple[str, ...] = (),
    user: str | None = None,
    log_file: str | None = None,
    **options: Any,
) -> Service:
    spec = SpawnSpec(command, ["PATH=/usr/bin:/bin", *environment], directory="/", user=user)
    made = Service(
        ("notifier",),
        start=ForkExec(spec, log_file, readiness=readiness),
        stop=Kill(signal.SIGTERM, 0.7),
        **options,
    )
    manager.register([made])
    return made


def shell(manager: Supervisor, script: str, number: int = 3, **options: Any) -> Service:
    """A service that writes to a descriptor."""
    return service(manager, ["sh", "-c", script], Readiness(number), **options)


def python(
    manager: Supervisor, script: str, watchdog: float | None = None, **options: Any
) -> Service:
    """A service that sends to the socket with ``tell``."""
    # Other users may not reach the interpreter of the tests.
    interpreter = "/usr/bin/python3" if "user" in options else sys.executable
    command = [interpreter, "-I", "-S", "-c", CLIENT + script]
    return service(manager, command, Readiness(None, watchdog), **options)


# A descriptor


@pytest.mark.parametrize("number", [3, 4, 9])
async def test_running_means_that_the_newline_was_written(
    manager: Supervisor, tmp_path: Path, number: int
) -> None:
    script = f"until test -e {tmp_path}/go; do sleep 0.02; done; echo >&{number}; exec sleep 1000"
    one = shell(manager, script, number)
    starting = asyncio.ensure_future(manager.start(one))
    await asyncio.sleep(0.15)
    assert one.status == STARTING
    (tmp_path / "go").touch()
    assert isinstance(await starting, Process)
    assert one.status == RUNNING


async def test_a_newline_may_follow_other_text_and_come_in_parts(manager: Supervisor) -> None:
    one = shell(manager, "printf READY >&3; sleep 0.05; echo >&3; echo more >&3; exec sleep 1000")
    assert await manager.start(one)
    # Nobody reads what comes later, and the program does not die of that.
    await asyncio.sleep(0.1)
    assert one.status in (RUNNING, STOPPED)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exited with 3"),
        ("kill -9 $$", "terminated with signal 9"),
        ("printf almost >&3; exit 0", "exited with 0"),
    ],
)
async def test_an_end_before_that_fails_the_start_with_the_reason(
    manager: Supervisor, log: list[str], script: str, reason: str
) -> None:
    one = shell(manager, script)
    assert await manager.start(one) is False
    assert f"Service notifier {reason} before it was ready." in log
    assert one.status == STOPPED
    assert len(one.exits) == 1


async def test_an_end_that_is_noticed_at_once_is_told_as_it_was(
    manager: Supervisor, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the wait for it has begun, as on a busy machine."""
    one = shell(manager, "exit 3")
    spawn = ForkExec.spawn

    def slow(*arguments: Any) -> int | None:
        pid = spawn(*arguments)
        time.sleep(0.1)
        asyncio.get_running_loop().call_soon(manager.children.reap)
        return pid

    monkeypatch.setattr(ForkExec, "spawn", slow)
    assert await manager.start(one) is False
    assert "Service notifier exited with 3 before it was ready." in log


async def test_a_program_that_was_ready_and_ended_at_once_has_started(
    manager: Supervisor, log: list[str]
) -> None:
    one = shell(manager, "echo >&3; exit 7")
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert not one.children
    assert [os.WEXITSTATUS(status) for status, _ in one.exits] == [7]
    await eventually(lambda: any(line.endswith("exited with 7.") for line in log))


async def test_a_closed_descriptor_ends_the_wait_and_the_program(
    manager: Supervisor, log: list[str]
) -> None:
    one = shell(manager, "echo $$; exec 3>&-; exec sleep 1000")
    assert await manager.start(one) is False
    assert "Service notifier has closed its descriptor without saying that it is ready." in log
    assert not one.children
    assert os.WTERMSIG(one.exits[0][0]) == signal.SIGTERM


async def test_what_a_failed_start_leaves_in_its_group_is_killed(
    manager: Supervisor, tmp_path: Path
) -> None:
    one = shell(manager, f"sleep 1000 3>&- & echo $! >{tmp_path}/pid; exit 1")
    assert await manager.start(one) is False
    left = int((tmp_path / "pid").read_text())
    table = system.process_table
    await eventually(lambda: left not in table() or table()[left].state == "Z")


async def test_a_deadline_ends_the_program(manager: Supervisor, log: list[str]) -> None:
    one = shell(manager, "exec sleep 1000", start_timeout=0.2)
    assert await manager.start(one) is False
    assert "Service notifier did not start within 0.2 seconds; giving up." in log
    assert not one.children


async def test_stopping_cancels_the_start_and_ends_the_program(manager: Supervisor) -> None:
    one = shell(manager, "trap '' TERM; sleep 1000 & echo $! >/dev/null; wait")
    starting = asyncio.ensure_future(manager.start(one))
    await eventually(lambda: one.children)
    (pid,) = one.children or ()
    before = time.monotonic()
    await manager.stop(one)
    assert await starting is False
    assert one.status == STOPPED
    assert not is_alive(pid)
    assert time.monotonic() - before < 5


async def test_a_program_that_cannot_be_run_fails_the_start(
    manager: Supervisor, log: list[str]
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for readiness in (Readiness(3), Readiness()):
        one = service(manager, ["/no/such/program"], readiness)
        assert await manager.start(one) is False
    assert log.count('exec of "/no/such/program" failed: No such file or directory.') == 2
    assert set(os.listdir("/proc/self/fd")) == before


async def test_no_descriptor_is_left_open(manager: Supervisor) -> None:
    before = set(os.listdir("/proc/self/fd"))
    ready = "tell('READY=1'); time.sleep(1000)"
    for one in (shell(manager, "echo >&3; exec sleep 1000"), python(manager, ready)):
        assert await manager.start(one)
        await manager.stop(one)
    for one in (shell(manager, "exit 1"), python(manager, "")):
        assert await manager.start(one) is False
    one = python(manager, "tell('READY=1')")
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    # The output is read to its end a moment after that of the process.
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)


async def test_it_is_for_services_only(manager: Supervisor) -> None:
    start = ForkExec(SpawnSpec(["true"], []), readiness=Readiness())
    with pytest.raises(KeyedError, match="only the program of a service"):
        await start()  # type: ignore[misc]


# The socket


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


# The watchdog


async def test_silence_counts_as_the_end(manager: Supervisor, log: list[str]) -> None:
    one = python(manager, "tell('READY=1'); time.sleep(1000)", watchdog=0.2, respawn=True)
    first = (await manager.start(one)).pid
    await eventually(lambda: one.respawns and one.status == RUNNING)
    assert one.main_pid != first
    assert f"Service notifier (PID {first}) has been silent for 0.2 seconds; killing it." in log
    assert f"Service notifier (PID {first}) terminated with signal 9." in log


async def test_signs_of_life_keep_it_alive(manager: Supervisor, log: list[str]) -> None:
    one = python(
        manager,
        "assert os.environ['WATCHDOG_USEC'] == '300000'\n"
        "assert os.environ['WATCHDOG_PID'] == str(os.getpid())\n"
        "tell('READY=1')\nfor n in range(40):\n    time.sleep(0.02); tell('WATCHDOG=1')\n"
        "tell('STATUS=done'); time.sleep(1000)",
        watchdog=0.3,
        environment=("WATCHDOG_PID=1", "WATCHDOG_USEC=7", "NOTIFY_SOCKET=/nowhere"),
    )
    pid = (await manager.start(one)).pid
    await eventually(lambda: [line for _, line in one.messages()] == ["done"])
    assert one.main_pid == pid
    await eventually(lambda: one.status == STOPPED)
    assert any("has been silent" in line for line in log)


async def test_silence_does_not_count_before_ready_or_while_stopping(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(
        manager,
        "import signal\nsignal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.4), sys.exit(0)))\n"
        "time.sleep(0.3); tell('READY=1'); time.sleep(1000)",
        watchdog=0.2,
    )
    assert await manager.start(one)
    await manager.stop(one)
    assert not any("has been silent" in line for line in log)
    assert one.exits[0][0] == 0


async def test_no_more_signs_are_expected_of_one_that_is_stopping(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1'); tell('STOPPING=1'); time.sleep(0.5)", watchdog=0.2)
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert one.exits[0][0] == 0


async def test_a_busy_daemon_hears_what_was_said_meanwhile(manager: Supervisor) -> None:
    one = python(
        manager,
        "tell('READY=1')\nwhile True:\n    time.sleep(0.05); tell('WATCHDOG=1')",
        watchdog=0.3,
    )
    pid = (await manager.start(one)).pid
    time.sleep(0.7)  # noqa: ASYNC251 - the loop shall not run
    await asyncio.sleep(0.3)
    assert one.main_pid == pid


async def test_it_can_ask_for_its_end_and_for_another_limit(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1'); tell('WATCHDOG=trigger'); time.sleep(9)", watchdog=60)
    assert await manager.start(one)
    await eventually(lambda: one.status == STOPPED)
    assert any("asks to be killed" in line for line in log)
    two = python(
        manager, "tell('READY=1'); tell('WATCHDOG_USEC=100000'); time.sleep(9)", watchdog=9
    )
    two.set_enabled(True)
    assert await manager.start(two)
    await eventually(lambda: two.status == STOPPED)
    assert any("has been silent for 0.1 seconds" in line for line in log)


# Re-execution


async def test_the_next_image_goes_on_listening(manager: Supervisor, log: list[str]) -> None:
    one = python(
        manager,
        "tell('READY=1\\nSTATUS=before'); time.sleep(0.4); tell('STATUS=before')\n"
        "tell('STATUS=after'); time.sleep(1000)",
        watchdog=1,
    )
    value = await manager.start(one)
    packed = pack_value(value)
    # As after exec: the descriptor is there, and nothing that knows of it.
    packed[1]["descriptors"] = [os.dup(packed[1]["descriptors"][0])]
    value.release()
    adopted = unpack_value(packed, one)
    assert isinstance(adopted, NotifiedProcess)
    assert (adopted.pid, adopted.command) == (value.pid, value.command)
    assert not os.get_inheritable(packed[1]["descriptors"][0])
    one.set_value(adopted)
    await eventually(lambda: any(line == "after" for _, line in one.messages()))
    assert [line for _, line in one.messages()] == ["after", "before"]
    await eventually(lambda: one.status == STOPPED)
    assert any("has been silent for 1 seconds" in line for line in log)


async def test_one_that_has_ended_while_it_is_being_stopped_is_carried_as_what_it_is(
    manager: Supervisor,
) -> None:
    one = python(manager, "tell('READY=1'); time.sleep(1000)")
    value = await manager.start(one)
    value.release()
    packed = pack_value(value)
    assert packed[1]["descriptors"] == []
    adopted = unpack_value(packed, one)
    assert type(adopted) is Process
    assert (adopted.pid, adopted.command) == (value.pid, value.command)


async def test_nothing_is_watched_of_one_that_ended_when_it_was_ready(
    manager: Supervisor, log: list[str]
) -> None:
    one = python(manager, "tell('READY=1')", watchdog=0.05)
    spawn = one.start.spawn

    def slow(*arguments: Any) -> int | None:
        pid: int | None = spawn(*arguments)
        while system.process_table()[pid or 0].state != "Z":
            time.sleep(0.01)
        return pid

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ForkExec, "spawn", lambda _self, *arguments: slow(*arguments))
        value = await manager.start(one)
    assert isinstance(value, NotifiedProcess)
    await eventually(lambda: one.status == STOPPED)
    assert not value._notifications._watchdog.watching  # type: ignore[union-attr]
    assert not any("silent" in line for line in log)


# Respawning


async def test_an_end_before_ready_is_respawned_like_any_other(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    """The first start is reported to who asks for it; later ones nobody waits for."""
    one = shell(
        manager,
        f"echo >>{tmp_path}/starts; case $(wc -l <{tmp_path}/starts) in"
        " 1) echo >&3; exit 0;; 2|3) exit 1;; *) echo >&3; exec sleep 1000;; esac",
        respawn=True,
        respawn_delay=0.01,
    )
    assert await manager.start(one)
    await eventually(lambda: (tmp_path / "starts").read_text().count("\n") == 4)
    await eventually(lambda: one.status == RUNNING)
    assert log.count("Service notifier exited with 1 before it was ready.") == 2
    assert len(one.respawns) == 3


async def test_starts_that_never_succeed_count_against_the_limit(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    one = shell(
        manager,
        f"test -e {tmp_path}/once && exit 1; touch {tmp_path}/once; echo >&3",
        respawn=True,
        respawn_delay=0.01,
        respawn_limit=(3, 60),
    )
    assert await manager.start(one)
    await eventually(lambda: not one.enabled)
    assert "  (Respawning too fast.)" in log
    assert log.count("Respawning notifier.") == 3


async def test_a_respawn_that_is_stopped_is_not_begun_again(
    manager: Supervisor, log: list[str], tmp_path: Path
) -> None:
    one = shell(
        manager,
        f"test -e {tmp_path}/once && exec sleep 1000; touch {tmp_path}/once; echo >&3",
        respawn=True,
        respawn_delay=0.01,
    )
    assert await manager.start(one)
    await eventually(lambda: one.status == STARTING and one.children)
    await manager.stop(one)
    await asyncio.sleep(0.1)
    assert one.status == STOPPED
    assert log.count("Respawning notifier.") == 1
    assert one.enabled


# What is left behind


async def test_a_service_whose_value_is_something_else_leaves_nothing_open(
    manager: Supervisor,
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    started = python(manager, "tell('READY=1'); time.sleep(0.1)").start

    async def start() -> bool:
        return await started() is not False

    one = Service(("other",), start=start, one_shot=True)
    assert await manager.start(one)
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)
    two = python(manager, "tell('READY=1'); time.sleep(0.1)", one_shot=True)
    assert await manager.start(two)
    await eventually(lambda: set(os.listdir("/proc/self/fd")) == before)


@linux
async def test_the_session_counts_after_another_process_is_named(
    subreaper: None, manager: Supervisor
) -> None:
    one = python(
        manager,
        "if os.fork() == 0:\n"
        "    time.sleep(0.2); tell('STATUS=from its sister'); time.sleep(1000)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    time.sleep(1000)\n"
        "tell(f'MAINPID={pid}\\nREADY=1')",
    )
    assert await manager.start(one)
    await eventually(lambda: [line for _, line in one.messages()] == ["from its sister"])


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
