"""Sessions and terminals, on real pseudo-terminals."""

from __future__ import annotations

import os
import signal
import termios
import time

import pytest
from spawning import in_child

from hurd.system import system, terminal


@pytest.fixture
def pair():
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_session_leader_takes_a_terminal_and_is_interrupted_by_it(pair):
    master, slave = pair

    def body() -> None:
        received: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
        system.become_session_leader()
        assert os.getsid(0) == os.getpid()
        system.become_session_leader()  # nothing more happens
        with pytest.raises(OSError):
            os.close(os.open("/dev/tty", os.O_RDWR))
        system.take_terminal(slave)
        assert os.tcgetpgrp(slave) == os.getpid()
        os.close(os.open("/dev/tty", os.O_RDWR))
        os.write(master, b"\3")
        deadline = time.monotonic() + 5
        while not received and time.monotonic() < deadline:
            time.sleep(0.01)
        assert received == [signal.SIGINT]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    in_child(body)


def test_terminal_that_a_program_left_raw_is_usable_again(pair):
    _, slave = pair
    settings = termios.tcgetattr(slave)
    settings[0] = settings[1] = settings[3] = 0
    settings[2] &= ~termios.CREAD
    settings[6][termios.VINTR] = b"\0"
    settings[6][termios.VEOF] = b"x"
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    termios.tcflow(slave, termios.TCOOFF)
    system.reset_terminal(slave)
    iflag, oflag, cflag, lflag, *_, characters = termios.tcgetattr(slave)
    assert iflag & termios.ICRNL and iflag & termios.IXON
    assert oflag & termios.OPOST and oflag & termios.ONLCR
    assert cflag & termios.CREAD
    for flag in (termios.ISIG, termios.ICANON, termios.ECHO, termios.ECHOE):
        assert lflag & flag
    assert characters[termios.VINTR] == b"\3" and characters[termios.VEOF] == b"\4"


def test_reset_terminal_reads_lines_and_echoes(pair):
    master, slave = pair
    terminal.reset_terminal(slave)
    os.write(master, b"abX\x7fc\r")
    assert os.read(slave, 100) == b"abc\n"
    assert b"abc" in os.read(master, 100).replace(b"X\x08 \x08", b"")


def test_what_is_no_terminal_is_refused():
    reader, writer = os.pipe()
    try:
        for call in (system.reset_terminal, system.take_terminal):
            with pytest.raises(OSError):
                call(reader)
    finally:
        os.close(reader)
        os.close(writer)


def test_opened_terminal_is_not_ours_and_waits(pair):
    _, slave = pair
    name = os.ttyname(slave)

    def body() -> None:
        system.become_session_leader()
        fd = terminal.open_terminal(name)
        assert os.isatty(fd) and os.get_blocking(fd) and not os.get_inheritable(fd)
        with pytest.raises(OSError):
            os.open("/dev/tty", os.O_RDWR)

    in_child(body)
    with pytest.raises(FileNotFoundError) as caught:
        terminal.open_terminal("/dev/no-such-terminal")
    assert caught.value.filename == "/dev/no-such-terminal"
