"""How a real GNU/Hurd comes down: by command, by a power cut, by the death of PID 1."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vm import ConsoleError, Hurd, filesystem_state

_CUTS = int(os.environ.get("DROVER_HURD_POWER_CUTS", "10"))
_ROUNDS = int(os.environ.get("DROVER_HURD_ROUNDS", "3"))


@contextmanager
def booted(disk: Path) -> Iterator[Hurd]:
    """A machine that somebody has logged in to; one whose root was repaired boots again first."""
    for _ in range(3):
        with Hurd(disk) as machine:
            try:
                machine.login()
            except ConsoleError:
                if "The file system was repaired; rebooting." not in machine.console:
                    raise
                continue
            yield machine
            return
    raise AssertionError("the root is repaired again and again")


@pytest.mark.parametrize("command", ["reboot", "halt"])
def test_the_file_system_is_clean_afterwards(own_disk: Path, command: str) -> None:
    for _ in range(_ROUNDS):
        with Hurd(own_disk) as machine:
            machine.login()
            assert "UNCLEAN" not in machine.console.upper()
            start = len(machine.console)
            machine.type(f"echo change >> /root/file; {command}\n")
            # This kernel cannot turn the machine off: it halts, and QEMU goes on.
            last = "rebooting Mach" if command == "reboot" else "halting Mach"
            machine.until(last, start=start)
            if command == "reboot":
                machine.wait_end()
            else:
                machine.run_for(3)
        assert filesystem_state(own_disk) == ("clean", 0)


def test_a_power_cut_at_any_moment_is_repaired(own_disk: Path) -> None:
    chance = random.Random(20261123)
    for number in range(_CUTS):
        with Hurd(own_disk) as machine:
            machine.until("start ext2fs")
            moment = chance.uniform(0.5, 20.0)
            machine.run_for(moment)
        with booted(own_disk) as machine:
            assert machine.run("herd status multi-user | head -n 2").count("running") == 1, (
                f"cut {number}, {moment:.1f} s after the kernel"
            )
            start = len(machine.console)
            machine.type("reboot\n")
            machine.until("rebooting Mach", start=start)
            machine.wait_end()
        assert filesystem_state(own_disk) == ("clean", 0), number


def test_the_death_of_pid_1_reboots_the_machine(own_disk: Path) -> None:
    with Hurd(own_disk) as machine:
        machine.login()
        start = len(machine.console)
        machine.type("kill -9 1\n")
        machine.until("essential task init died", start=start)
        machine.wait_end()
    assert filesystem_state(own_disk)[1] == 0


def test_other_programs_may_end_the_machine(own_disk: Path) -> None:
    """libc's reboot() goes to /hurd/startup, which asks PID 1 first."""
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run("sleep 8")
        start = len(machine.console)
        machine.type(
            "PYTHONPATH=/usr/lib/drover python3 -c "
            "'from hurd.system.libc import libc; libc.reboot(0)'\n"
        )
        machine.until("rebooting Mach", start=start)
        assert "stopping all services" in machine.console[start:]
        assert "did not stop in time" not in machine.console[start:]
        machine.wait_end()
    assert filesystem_state(own_disk) == ("clean", 0)


def test_pid_1_outlives_the_server_of_its_sockets(own_disk: Path) -> None:
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run("sleep 8")
        machine.run("kill -9 $(ps -A -w | awk '/hurd.pflocal/{print $2; exit}'); sleep 12")
        status = machine.run("herd status")
        assert "+ system-log" in status
        assert "+ term-console" in status
