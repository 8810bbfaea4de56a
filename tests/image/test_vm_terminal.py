"""The console of `hurd-image vm` on a terminal, or on pipes; the guest is that of guest/shell.c."""

from __future__ import annotations

import os
import signal
import socket
from functools import partial
from pathlib import Path

import pytest

from tests.image.running_vm import (
    Running,
    alive,
    children,
    machine,
    piped,
    read_until,
    wait_until,
)


def test_a_session_on_a_terminal(image: Path) -> None:
    with machine(image) as running:
        before = running.modes()
        running.expect(b"login: ")
        assert b"Ctrl-] and then: q quit at once" in running.output()
        assert running.modes() != before
        running.type(b"root\r")
        running.expect(b"sh-5.2# ")
        running.type(b"echo 'one'two\r")
        running.expect(b"\r\nonetwo\r\n")
        running.type(b"\x1di")
        running.expect(b"stand-in.img: running")
        qemu = running.qemu()
        running.type(b"\x1dq")
        assert running.status() == 0
        assert not alive(qemu)
        assert running.modes() == before


def has_come(running: Running, count: int) -> bool:
    """Whether the guest has asked so often who is there."""
    return running.output().count(b"login: ") == count


def test_reset_from_the_terminal(image: Path) -> None:
    with machine(image) as running:
        for count in range(1, 8):
            wait_until(partial(has_come, running, count))
            running.type(b"\x1dr")
        wait_until(lambda: running.output().count(b"login: ") == 8)
        running.type(b"\x1dq")
        assert running.status() == 0


def test_a_guest_that_halts_ends_the_machine(image: Path) -> None:
    with machine(image) as running:
        running.expect(b"login: ")
        running.type(b"root\rhalt\r")
        assert running.status() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_no_qemu_and_a_sane_terminal(image: Path, number: signal.Signals) -> None:
    with machine(image) as running:
        before = running.modes()
        running.expect(b"login: ")
        qemu = running.qemu()
        os.kill(running.pid, number)
        assert running.status() == 128 + number
        assert not alive(qemu)
        assert running.modes() == before


def test_ctrl_c_while_a_command_runs(image: Path) -> None:
    with machine("--run", "hang", image) as running:
        running.expect(b"hanging")
        qemu = running.qemu()
        running.type(b"\x03")
        assert running.status() == 130
        assert not alive(qemu)


def test_a_killed_program_takes_qemu_with_it(image: Path) -> None:
    with machine(image) as running:
        running.expect(b"login: ")
        qemu = running.qemu()
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not alive(qemu))


def test_input_that_is_no_terminal(image: Path) -> None:
    with piped(image) as process:
        assert process.stdin is not None and process.stderr is not None
        read_until(process, b"login: ")
        process.stdin.write(b"root\n\x1dq\n")  # no escape, where a program types
        process.stdin.flush()
        read_until(process, b"not found")
        process.stdin.write(b"echo 'fed'in\nhalt\n")
        process.stdin.close()
        read_until(process, b"\r\nfedin\r\n")
        assert process.wait(20) == 0
        # The end of a line that the guest had begun when it halted.
        assert process.stderr.read() in (b"", b"\n")


def test_output_that_nobody_reads_ends_it(image: Path) -> None:
    with piped(image) as process:
        assert process.stdout is not None and process.stderr is not None
        wait_until(lambda: bool(children(process.pid)))
        (qemu,) = children(process.pid)
        process.stdout.close()
        wait_until(lambda: not alive(qemu))
        assert process.wait(20) == 128 + signal.SIGPIPE
        assert process.stderr.read().strip() == b""


def test_the_network_reaches_this_machine_through_a_forward(image: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with machine("--forward", f"{port}:22", image) as running:
        running.expect(b"login: ")
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass  # QEMU listens; the stand-in has no network to answer with
