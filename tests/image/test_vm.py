"""`hurd-image vm` with QEMU, as a user runs it; the guest is the stand-in of guest/shell.c."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image import guests
from tests.image.running_vm import (
    COMMAND,
    DEADLINE,
    ENVIRONMENT,
    machine,
    wait_until,
)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Disks whose guests do not come up, by the word that says what they do."""
    guests.require("qemu-system-i386", "grub-mkimage")
    directory = tmp_path_factory.mktemp("troubled")

    def make(word: str) -> Path:
        path = directory / f"{word}.img"
        return path if path.exists() else guests.boot_disk(path, guests.stand_in_kernel(), word)

    return make


def vm(
    *words: object, input: bytes | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `hurd-image vm` to its end."""
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(
        command, input=input if input is not None else b"", capture_output=True,
        timeout=DEADLINE, check=False, env=ENVIRONMENT, cwd=cwd,
    )  # fmt: skip


# One command


def test_a_command_prints_its_output_and_ends_with_its_status(image: Path) -> None:
    done = vm("--run", 'echo "hello  there"; uname -a; exit 3', image)
    assert done.stdout == b"hello  there\nGNU stand-in 0.9 GNU-Mach 1.8 i686\n"
    assert (done.returncode, done.stderr) == (3, b"")


def test_the_system_is_single_user_by_default(image: Path) -> None:
    done = vm("--run", "words", image)
    assert done.stdout == b"root=device:hd0s1 console=com0 nopassword single\n"
    assert done.returncode == 0


def test_long_output_and_the_console_in_a_file(image: Path, tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    done = vm("--run", "count", "--verbose", "--serial-log", log, image)
    assert done.stdout == b"".join(b"%d\n" % n for n in range(2000))
    assert b"stand-in kernel: root=" in done.stderr
    assert b"1999\n" not in done.stderr
    assert b"stand-in kernel: root=" in log.read_bytes()


def test_logging_in_boots_as_usual(image: Path) -> None:
    done = vm("--login", "root", "--run", "words", image)
    assert done.stdout == b"root=device:hd0s1 console=com0 nopassword\n"
    assert done.returncode == 0


def test_passwords(image: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("sesame\nmore\n")
    done = vm("--login", "alice", "--password-file", password, "--run", "echo in", image)
    assert (done.returncode, done.stdout) == (0, b"in\n")
    password.write_text("swordfish\n")
    done = vm("--login", "alice", "--password-file", password, "--run", "echo in", image)
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"the guest does not take the password of alice" in done.stderr
    done = vm("--login", "alice", "--run", "echo in", image)
    assert done.returncode == 125
    assert b"give --password-file" in done.stderr


def test_the_image_stays_as_it_was_unless_told_otherwise(image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.img"
    copy.write_bytes(image.read_bytes())
    for options, kept in (((), b""), (("--write",), b"a mark")):
        done = vm("--run", "store 'a mark'", *options, copy)
        assert (done.returncode, done.stderr) == (0, b"")
        assert vm("--run", "load", copy).stdout.strip() == kept
        assert (copy.read_bytes() == image.read_bytes()) == (kept == b"")


def test_qcow2(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "stand-in.qcow2"
    guests.boot_disk(path, guests.stand_in_kernel(), image_format="qcow2")
    before = path.read_bytes()
    assert vm("--run", "store x; load", path).stdout == b"x\n"
    assert path.read_bytes() == before


# Commands and guests that come to no good end


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("reboot", b"the command has not ended: the guest restarted the machine"),
        ("halt", b"the command has not ended: the guest halted"),
        ("panic", b"the guest's kernel panicked: panic {cpu0} shell.c: stand_in: as asked"),
    ],
)
def test_a_command_that_ends_the_machine(image: Path, command: str, said: bytes) -> None:
    done = vm("--run", f"echo before; {command}; echo after", image)
    assert (done.returncode, done.stdout.splitlines()[0]) == (125, b"before")
    assert said in done.stderr
    assert b"after" not in done.stdout.splitlines()


def test_a_command_that_does_not_end(image: Path) -> None:
    done = vm("--timeout", "3", "--run", "hang", image)
    assert (done.returncode, done.stdout) == (124, b"hanging\n")
    assert b"the command has not ended after 3 seconds (--timeout)" in done.stderr


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        ("panic", 125, b"no shell has answered: the guest's kernel panicked: panic {cpu0} shell.c"),
        ("restart", 125, b"no shell has answered: the guest restarted the machine"),
        ("silent", 124, b"no shell has answered after 3 seconds (--timeout)"),
    ],
)
def test_a_guest_that_does_not_come_up(
    troubled: Callable[[str], Path], word: str, status: int, said: bytes
) -> None:
    done = vm("--timeout", "3", "--run", "true", troubled(word))
    assert (done.returncode, done.stdout) == (status, b"")
    assert said in done.stderr


def test_a_guest_that_starts_over_and_over(troubled: Callable[[str], Path]) -> None:
    done = vm(troubled("restart"))
    assert done.returncode == 1
    assert b"the guest starts over and over; the console's last lines:" in done.stderr
    done = vm("--no-reboot", troubled("restart"))
    assert done.returncode == 0
    assert done.stdout.count(b"stand-in kernel") == 1


def test_a_panic_fails_without_a_command_too(troubled: Callable[[str], Path]) -> None:
    done = vm("--no-reboot", troubled("panic"))
    assert done.returncode == 1
    assert b"panicked: panic {cpu0}" in done.stderr


def test_the_deadline_without_a_command(image: Path) -> None:
    done = vm("--timeout", "2", image)
    assert done.returncode == 124
    assert b"login: " in done.stdout
    assert b"the guest still runs after 2 seconds (--timeout)" in done.stderr


# What cannot work


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--memory", "lots"), 2, "--memory: 'lots' is no size"),
        (("--forward", "22"), 2, "--forward: '22' is not"),
        (("--timeout", "soon"), 2, "--timeout: 'soon' is no number of seconds"),
        (("--write",), 2, "--write: goes with --run only"),
        (("--login", "root"), 2, "--login: goes with --run only"),
        (("--disk", "/nowhere.img"), 7, "/nowhere.img: there is no such image"),
        (("--serial-log", "/nowhere/log"), 2, "--serial-log: /nowhere/log: No such file"),
        (("--", "-no-such-option"), 1, "-no-such-option: invalid option"),
        (("--run", "true", "--password-file", "/nowhere"), 2, "--password-file: /nowhere: No"),
        (("--run", "true", "--memory", "lots"), 2, "--memory: 'lots' is no size"),
    ],
)
def test_options_that_cannot_work_are_named(
    image: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    done = vm(image, *words)
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.returncode == status


def test_what_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "zeros.img"
    path.write_bytes(bytes(1 << 20))
    for words in ((), ("--run", "true")):
        done = vm(*words, path)
        assert done.returncode == (125 if words else 7)
        assert str(path).encode() in done.stderr
        assert b"Traceback" not in done.stderr
    done = vm(cwd=tmp_path)
    assert done.returncode == 7
    assert b"hurd.img: there is no such image" in done.stderr


def test_an_image_in_use(image: Path) -> None:
    with machine(image, "--timeout", "30") as running:
        wait_until(lambda: b"login: " in running.output())
        done = vm(image)
        assert done.returncode == 6
        assert f"{image}: in use by another program".encode() in done.stderr
        assert vm("--run", "true", image).returncode == 125


def test_a_port_in_use(image: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = vm("--forward", f"{port}:22", image)
    assert done.returncode == 2
    assert f"--forward: tcp:127.0.0.1:{port}-:22: another program uses" in done.stderr.decode()


def test_a_missing_emulator_names_its_package(image: Path, tmp_path: Path) -> None:
    script = "import image.run, image.command, sys; image.run._ADMINISTRATION.clear();"
    script += "sys.exit(image.command.main(['vm', *sys.argv[1:]]))"
    done = subprocess.run(
        [sys.executable, "-c", script, image], capture_output=True, check=False, timeout=DEADLINE,
        env={**ENVIRONMENT, "PATH": str(tmp_path)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 3
    assert b"qemu-system-i386: not found; install the Debian package qemu-system-x86" in done.stderr
