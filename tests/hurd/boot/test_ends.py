"""How a real GNU/Hurd comes down: by command, by a power cut, by the death of PID 1."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vm import ConsoleError, Hurd, build, filesystem_state

_CUTS = int(os.environ.get("DROVER_HURD_POWER_CUTS", "10"))
_ROUNDS = int(os.environ.get("DROVER_HURD_ROUNDS", "3"))

# What a program does that calls reboot(2): it asks nobody but /hurd/startup.
_REBOOT = (
    "PYTHONPATH=/usr/lib/drover python3 -c 'from hurd.system.libc import libc; libc.reboot(0)'\n"
)


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


def _seconds_to_login(disk: Path) -> float:
    """How long a boot takes from the kernel's end on; leaves a file that must never be lost."""
    with booted(disk) as machine:
        machine.run("echo precious > /root/kept; sync")
        machine.type("reboot\n")
        machine.wait_end()
    with Hurd(disk) as machine:
        machine.until("start ext2fs")
        begun = time.monotonic()
        machine.until("login> ")
        return time.monotonic() - begun


def _check_what_is_left(disk: Path, where: str) -> None:
    """Boot; see that people can log in, that nothing was lost, and that the next end is clean."""
    state = filesystem_state(disk)
    with booted(disk) as machine:
        print(f"{where}: {state}; then {_of_the_check(machine.console)}")
        assert machine.run("herd status multi-user | head -n 2").count("running") == 1, where
        assert machine.run("cat /root/kept") == "precious\n", where
        start = len(machine.console)
        machine.type("reboot\n")
        machine.until("rebooting Mach", start=start)
        machine.wait_end()
    assert filesystem_state(disk) == ("clean", 0), where


def _of_the_check(console: str) -> list[str]:
    """What a boot has said about repairs."""
    return [line for line in console.splitlines() if "fsck" in line or "Checking" in line]


def test_a_power_cut_at_any_moment_of_the_boot_is_repaired(own_disk: Path) -> None:
    """The moments are spread over the boot and a little after; every second repair is cut, too."""
    chance = random.Random(20261123)
    usual = _seconds_to_login(own_disk)
    for number in range(_CUTS):
        moments = [1.3 * (number + chance.random()) / _CUTS]
        if number % 2:
            moments.append(chance.random())
        for moment in moments:
            with Hurd(own_disk) as machine:
                machine.until("start ext2fs")
                machine.run_for(moment * usual)
        where = ", ".join(f"{100 * moment:.0f} %" for moment in moments)
        _check_what_is_left(own_disk, f"cut {number}, at {where} of a boot")


# What somebody does who works on the machine: new files, in the place of others, and longer ones.
_WRITER = (
    "mkdir -p /root/work; while :; do date > /root/work/new; mv /root/work/new /root/work/file; "
    "echo line >> /root/work/log; rm -f /root/work/$old; old=$RANDOM; date > /root/work/$old; "
    "[ $RANDOM -gt 3000 ] || sync; done > /dev/null 2>&1 &\n"
)


def test_a_power_cut_while_people_work_is_repaired_if_all_damage_may_be(
    disk: Path, tmp_path: Path
) -> None:
    """What was removed a moment ago is damage that a checker asks about, on this file system."""
    path = tmp_path / "repair.img"
    build(path, "--kernel-argument=drover.repair=all")
    chance = random.Random(20261124)
    _seconds_to_login(path)
    for number in range(max(1, _CUTS // 3)):
        with booted(path) as machine:
            machine.type(_WRITER)
            seconds = chance.uniform(1, 10)
            machine.run_for(seconds)
        _check_what_is_left(path, f"cut {number}, after {seconds:.0f} s of work")


@pytest.mark.parametrize(
    ("command", "last"),
    [
        ("herd power-off root", "halting Mach"),
        ("herd stop root", "rebooting Mach"),
        ("kill -INT 1", "rebooting Mach"),
        ("kill -TERM 1", "rebooting Mach"),
    ],
)
def test_every_way_to_end_the_machine_is_an_orderly_one(
    own_disk: Path, command: str, last: str
) -> None:
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run("echo change > /root/file")
        start = len(machine.console)
        machine.type(f"{command}\n")
        console = machine.until(last, start=start)
        assert "Exiting shepherd" in console
        assert "notifying ext2fs" in console
        machine.run_for(3)
    assert filesystem_state(own_disk) == ("clean", 0)


def test_the_death_of_pid_1_reboots_the_machine(own_disk: Path) -> None:
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run("sleep 12")  # that is asked for once the boot has come to rest
        start = len(machine.console)
        machine.type("kill -9 1\n")
        machine.until("essential task init died", start=start)
        machine.wait_end()
    assert filesystem_state(own_disk)[1] == 0


def test_without_essential_the_machine_goes_on_without_pid_1(disk: Path, tmp_path: Path) -> None:
    path = tmp_path / "alone.img"
    build(path, "--kernel-argument=drover.essential=no")
    with Hurd(path) as machine:
        machine.login()
        machine.run("sleep 8; echo change > /root/file")
        assert machine.run("kill -9 1; sleep 5; echo alive").endswith("alive\n")
        assert machine.run_with_status("herd status 2>&1")[1] != 0
        start = len(machine.console)
        machine.type(_REBOOT)
        machine.until("rebooting Mach", start=start)
        assert "essential task" not in machine.console
        machine.wait_end()
    assert filesystem_state(path)[1] == 0


def test_other_programs_may_end_the_machine(own_disk: Path) -> None:
    """libc's reboot() goes to /hurd/startup, which asks PID 1 first."""
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run("sleep 8")
        start = len(machine.console)
        machine.type(_REBOOT)
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
        for service in ("system-log", "term-console", "procfs", "networking", "timer"):
            assert f"+ {service}\n" in status
        # What they are is known as well: the processes that ran before.
        assert machine.run("herd status procfs").count("Main PID: ") == 1
        assert machine.run_with_status("herd restart networking")[1] == 0
