"""What HurdSystem does by itself; the rest runs on the real Hurd, or on its stand-in."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import struct
import time

import pytest

from hurd.system import SpawnSpec, posix, swapping
from hurd.system.hurd import HurdSystem


@pytest.fixture
def deaf(monkeypatch):
    """Signals to programs kill them, as the Hurd's do in the first 30 ms."""
    sent: list[int] = []

    def kill(pid: int, number: int) -> None:
        sent.append(number)
        os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(posix.PosixSystem, "kill", lambda self, pid, number: kill(pid, number))
    return sent


def end(system: HurdSystem, *numbers: int, late: bool = False) -> int:
    """The wait status, as the system reports it, of a program that gets these signals."""
    pid = system.spawn(SpawnSpec(["sleep", "60"], ["PATH=/usr/bin:/bin"]))
    if late:
        system._young[pid] -= 1
    for number in numbers:
        system.kill(-pid, number)
    deadline = time.monotonic() + 5
    # Other tests may have left children.
    while (ended := system.reap()) is None or ended[0] != pid:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return ended[1]


def test_early_signal_is_told_by_its_name(deaf):
    system = HurdSystem()
    assert os.WTERMSIG(end(system, signal.SIGTERM)) == signal.SIGTERM
    assert os.WTERMSIG(end(system, signal.SIGHUP)) == signal.SIGHUP
    assert deaf == [signal.SIGTERM, signal.SIGHUP]


def test_sigkill_is_told_as_such(deaf):
    system = HurdSystem()
    assert os.WTERMSIG(end(system, signal.SIGKILL)) == signal.SIGKILL
    assert os.WTERMSIG(end(system, signal.SIGTERM, late=True)) == signal.SIGKILL
    assert os.WTERMSIG(end(system, signal.SIGTERM, signal.SIGKILL)) == signal.SIGKILL
    assert os.WTERMSIG(end(system, signal.SIGCONT)) == signal.SIGKILL


def test_exit_is_told_as_it_was():
    system = HurdSystem()
    pid = system.spawn(SpawnSpec(["sh", "-c", "exit 7"], ["PATH=/usr/bin:/bin"]))
    system._early[pid] = signal.SIGTERM
    while (ended := system.reap()) is None:
        time.sleep(0.005)
    assert os.WEXITSTATUS(ended[1]) == 7


def test_loop_can_be_made_where_the_clock_is_not_known(monkeypatch):
    """glibc 2.41's clock_getres; CPython raises OSError then."""
    known = time.get_clock_info

    def poor(name: str):
        if name == "monotonic":
            raise OSError(errno.EINVAL, "Invalid argument")
        return known(name)

    monkeypatch.setattr(time, "get_clock_info", poor)
    ignored: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda number, what: ignored.append(number))
    HurdSystem().adapt_process()
    assert ignored == [32]
    info = time.get_clock_info("monotonic")
    assert info.resolution == 0.01 and info.monotonic
    assert time.get_clock_info("time").resolution == known("time").resolution
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(asyncio.sleep(0.001, "done")) == "done"
    loop.close()


def test_nodes_are_looked_at_without_starting_what_is_on_them(monkeypatch, tmp_path):
    opened: list[int] = []
    real = os.open

    def spy(path, flags, *more, **named):
        opened.append(flags)
        return real(path, os.O_RDONLY)

    monkeypatch.setattr(os, "open", spy)
    (tmp_path / "node").write_bytes(b"12345")
    assert HurdSystem().lstat(str(tmp_path / "node")).st_size == 5
    assert opened == [0x40 | 0x80]  # O_NOLINK, O_NOTRANS


def test_sender_is_known_if_it_said_so():
    credentials = struct.pack("=iIIIi16I", 77, 1000, 1001, 100, 1, 100, *[0] * 15)
    system = HurdSystem()
    ancillary = [(socket.SOL_SOCKET, 1, b"\3\0\0\0"), (socket.SOL_SOCKET, 3, credentials)]
    assert system.sender_credentials(ancillary) == (77, 1000, 100)
    assert system.sender_credentials([(socket.SOL_SOCKET, 3, b"short")]) is None
    assert system.pass_credentials(socket.socket()) is False


@pytest.fixture
def mounted(monkeypatch):
    """The calls of hurd.translator.mounting.mount."""
    from hurd.translator import mounting

    calls: list[tuple] = []

    class Started:
        def close(self) -> None:
            calls.append(("close",))

    def mount(device, directory, type, options, **_more):
        calls.append((device, directory, type, options))
        return Started()

    monkeypatch.setattr(mounting, "mount", mount)
    return calls


def test_options_of_fstab_are_made_fit_for_a_translator(mounted):
    system = HurdSystem()
    system.mount("/dev/hd0s3", "/home", "", ["defaults,nofail,ro", "x-y=z"])
    system.mount("/src", "/there", "none", ["rbind"])
    assert mounted == [
        ("/dev/hd0s3", "/home", "auto", ["--readonly"]),
        ("close",),
        ("/src", "/there", "none", ["bind"]),
        ("close",),
    ]


@pytest.mark.parametrize(
    ("source", "options", "size"),
    [
        ("tmpfs", [], "50%"),
        ("none", ["size=64M", "mode=1777"], "64M"),
        ("10%", [], "10%"),
        ("10%", ["size=5%"], "5%"),
    ],
)
def test_tmpfs_gets_the_size_that_it_needs(mounted, source, options, size):
    HurdSystem().mount(source, "/run", "tmpfs", options)
    device, _, _, words = mounted[0]
    assert device == size
    assert words == [o for o in options if not o.startswith("size=")]


class Swap:
    """Programs in the place of the Hurd's: `does` says what they do with the list `used`."""

    def __init__(self, directory) -> None:
        self.used = directory / "used"
        self.used.touch()
        self.program = directory / "program"

    def does(self, lines: str) -> None:
        self.program.write_text(f"#!/bin/sh\nused={self.used}\n{lines}\n")
        self.program.chmod(0o755)


@pytest.fixture
def swap(monkeypatch, tmp_path):
    made = Swap(tmp_path)
    monkeypatch.setattr(swapping, "swap_devices", lambda: made.used.read_text().split())
    monkeypatch.setattr(swapping, "SWAPON", str(made.program))
    monkeypatch.setattr(swapping, "SWAPOFF", str(made.program))
    return made


def test_a_device_is_used_for_swapping_until_it_is_not(swap):
    system = HurdSystem()
    swap.does('echo "$1" >>"$used"')
    system.swap_on("/dev/x")
    with pytest.raises(OSError, match=r"busy.*'/dev/x'"):
        system.swap_on("/dev/x")
    swap.does(': >"$used"')
    system.swap_off("/dev/x")
    if os.geteuid() == 0:
        with pytest.raises(OSError, match="Invalid argument: '/dev/x'"):
            system.swap_off("/dev/x")


def test_swap_program_that_fails_says_why(swap):
    swap.does('echo "$1: no swap\n signature" >&2; exit 2')
    with pytest.raises(OSError, match=r"/dev/x: no swap signature.*'/dev/x'"):
        HurdSystem().swap_on("/dev/x")
    swap.does("exit 2")
    with pytest.raises(OSError, match=r"program failed.*'/dev/x'"):
        HurdSystem().swap_on("/dev/x")
    swap.program.unlink()
    with pytest.raises(OSError, match="program"):
        HurdSystem().swap_on("/dev/x")


def test_swap_program_that_succeeds_without_effect_is_not_believed(swap):
    swap.does("exit 0")
    with pytest.raises(OSError, match="not used for swapping: '/dev/x'"):
        HurdSystem().swap_on("/dev/x")
    swap.used.write_text("/dev/x\n")
    with pytest.raises(OSError, match="still used for swapping: '/dev/x'"):
        HurdSystem().swap_off("/dev/x")


def test_swap_program_may_be_reaped_by_others(swap):
    """As PID 1 does in its loop; here the kernel does it."""
    swap.does('echo "$1" >"$used"')
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        HurdSystem().swap_on("/dev/x")
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_pid_1_has_no_descriptors_to_adopt(monkeypatch):
    monkeypatch.setattr(posix.PosixSystem, "adopt_descriptors", lambda _: pytest.fail("looked"))
    monkeypatch.setattr(os, "getpid", lambda: 1)
    HurdSystem().adopt_descriptors()


def test_an_action_that_there_is_not_is_refused():
    with pytest.raises(NotImplementedError, match="kexec"):
        HurdSystem().reboot("kexec")
    HurdSystem().allow_machine_end()  # nobody has asked to be told of an end


def test_host_name_is_only_written_if_it_changes(monkeypatch):
    """It is kept in a file, on a root that may still be read-only."""
    monkeypatch.setattr(socket, "sethostname", lambda name: pytest.fail(f"wrote {name}"))
    HurdSystem().set_hostname(os.uname().nodename)


def test_fallback_console_is_used(monkeypatch):
    monkeypatch.setenv("FALLBACK_CONSOLE", "/dev/null")
    fd = HurdSystem().open_console()
    assert os.path.sameopenfile(fd, os.open("/dev/null", os.O_RDONLY))
    os.close(fd)


def test_limit_of_the_kernel_is_no_reason_to_look_at_everything(monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda _name: -1)
    opened = HurdSystem().open_descriptors()
    assert {0, 1, 2} <= set(opened)
    assert all(fd < 65536 for fd in opened)


def test_a_process_that_is_just_ending_is_one_that_is_not_there(monkeypatch):
    def kill(_self, _pid, _number):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(posix.PosixSystem, "kill", kill)
    system = HurdSystem()
    for number in (signal.SIGKILL, signal.SIGTERM):
        with pytest.raises(ProcessLookupError):
            system.kill(-4711, number)
    with pytest.raises(OSError) as caught:
        system.kill(4711, 12345)
    assert caught.value.errno == errno.EINVAL
