"""A real GNU/Hurd that is not simply to come up: shells first, and disks that are not in order."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from vm import Hurd, build, filesystem_state

_OFFSET = 2048 * 512


def _with_argument(disk: Path, word: str) -> Path:
    """A disk like another whose kernel gets one more word."""
    path = disk.with_name(f"{word}.img")
    build(path, f"--kernel-argument={word}")
    return path


def _debugfs(disk: Path, *commands: str) -> str:
    """Look at the disk's file system, and change it, from outside."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        ["debugfs", "-w", "-f", "-", f"{disk}?offset={_OFFSET}"], input="\n".join(commands) + "\n",
        capture_output=True, text=True, env={**os.environ, "PATH": path}, check=True,
    )  # fmt: skip
    return done.stdout


def _wait_for_shell(machine: Hurd, start: int = 0) -> None:
    machine.until(":/# ", start=start)
    machine.run_for(1)


def _check_job_control(machine: Hurd) -> None:
    assert machine.run("tty") == "/dev/console\n"
    machine.type("sleep 1000\n")
    machine.run_for(2)
    start = len(machine.console)
    machine.type("\x03")
    machine.until("# ", 60, start)  # what is typed before that goes with the interrupt
    assert machine.run("echo alive", 60).endswith("alive\n")
    start = len(machine.console)
    machine.type("sleep 1000\n")
    machine.run_for(2)
    machine.type("\x1a")
    machine.until("Stopped", 60, start)
    machine.until("# ", 60, start)
    assert "Stopped" in machine.run("jobs")
    machine.run("kill %1")


@pytest.mark.parametrize("mode", ["single", "emergency"])
def test_a_shell_comes_before_everything_else(disk: Path, mode: str) -> None:
    with Hurd(_with_argument(disk, mode)) as machine:
        _wait_for_shell(machine)
        assert "login>" not in machine.console
        status = machine.run("herd status")
        assert "+ single-user" in status
        assert ("+ root-file-system" in status) == (mode == "single")
        _check_job_control(machine)
        start = len(machine.console)
        machine.type("exit\n")
        machine.login(start)
        assert "+ multi-user" in machine.run("herd status")


def test_emergency_mode_works_on_a_disk_that_cannot_be_written(disk: Path) -> None:
    path = _with_argument(disk, "emergency")
    _debugfs(path, "ssv state 0")
    with Hurd(path) as machine:
        _wait_for_shell(machine)
        assert "--readonly" in machine.run("fsysopts /")
        assert "tmpfs" in machine.run("fsysopts /run")
        assert machine.run_with_status("touch /root/file 2>/dev/null")[1] != 0
        assert "+ single-user" in machine.run("herd status")
        start = len(machine.console)
        machine.type("exit\n")
        machine.login(start)
        assert "--writable" in machine.run("fsysopts /")


def test_a_broken_configuration_ends_in_a_shell_and_can_be_mended(own_disk: Path) -> None:
    with Hurd(own_disk) as machine:
        machine.login()
        machine.run(
            "cp -p /etc/drover/init.scm /root; echo '(oops' >> /etc/drover/init.scm; "
            "sed -i 's/register-services (hurd/oops (hurd/' /etc/drover/init.scm"
        )
        machine.type("reboot\n")
        machine.wait_end()
    with Hurd(own_disk) as machine:
        _wait_for_shell(machine)
        assert "Nobody can log in: starting a shell on the console." in machine.console
        _check_job_control(machine)
        assert "+ emergency-shell" in machine.run("herd --socket=/run/shepherd/socket status")
        machine.run("fsysopts / --writable; cp /root/init.scm /etc/drover/init.scm")
        start = len(machine.console)
        machine.type("exit\n")
        machine.login(start)


def test_damage_that_needs_a_person_ends_in_a_shell(own_disk: Path) -> None:
    [block] = _debugfs(own_disk, "blocks /etc/fstab").split()[-1:]
    _debugfs(own_disk, f"sif /etc/hostname block[0] {block}", "ssv state 0")
    with Hurd(own_disk) as machine:
        _wait_for_shell(machine)
        assert "RUN fsck MANUALLY" in machine.console
        assert "has damage that was not repaired" in machine.console
        assert "--readonly" in machine.run("fsysopts /")
        machine.run("e2fsck -fy /dev/hd0s1")
        start = len(machine.console)
        machine.type("exit\n")
        machine.login(start)
        assert "--writable" in machine.run("fsysopts /")


def _end_cleanly(machine: Hurd, disk: Path) -> None:
    start = len(machine.console)
    machine.type("reboot\n")
    machine.until("rebooting Mach", start=start)
    machine.wait_end()
    assert filesystem_state(disk) == ("clean", 0)


def test_a_root_that_was_repaired_below_its_server_is_read_anew(own_disk: Path) -> None:
    """The server knew a directory that is no more, and one that had a link too many."""
    _debugfs(own_disk, "clri /run/lock", "ssv state 0")
    with Hurd(own_disk) as machine:
        machine.login()
        assert "Entry 'lock' in /run" in machine.console
        assert machine.run("stat -c %a /run/lock") == "1777\n"
        machine.run("mkdir /run/lock/one; echo text > /run/lock/one/file; sync")
        assert machine.run("cat /run/lock/one/file") == "text\n"
        _end_cleanly(machine, own_disk)


def test_all_damage_is_repaired_if_that_is_wanted_and_then_the_machine_begins_anew(
    disk: Path,
) -> None:
    path = _with_argument(disk, "drover.repair=all")
    [block] = _debugfs(path, "blocks /etc/fstab").split()[-1:]
    _debugfs(path, f"sif /etc/hostname block[0] {block}", "ssv state 0")
    with Hurd(path) as machine:
        console = machine.wait_end()
        assert "RUN fsck MANUALLY" in console
        assert "Repairing '/dev/hd0s1' all the same" in console
        assert "The file system was repaired; rebooting." in console
    with Hurd(path) as machine:
        machine.login()
        assert "fsck" not in machine.console[machine.console.index("start ext2fs") :]
        _end_cleanly(machine, path)


def test_a_missing_network_device_is_reported_and_keeps_nobody_out(
    disk: Path, tmp_path: Path
) -> None:
    """This kernel has no driver for any network card."""
    path = tmp_path / "network.img"
    build(path, "--network=10.0.2.15/24,10.0.2.2")
    with Hurd(path) as machine:
        machine.login()
        machine.run("sleep 5")
        assert "Failed to start" in machine.run("herd status networking")
        assert "[pfinet] " in machine.run("grep /dev/eth0 /var/log/messages")
        assert machine.run("herd status multi-user | head -n 2").count("running") == 1
        assert machine.run(f'python3 -c "{_TCP}"') == "over tcp\n"


_TCP = (
    "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    "c = socket.create_connection(s.getsockname()); a, _ = s.accept(); "
    "c.sendall(b'over'); print(a.recv(9).decode() + ' tcp')"
)
