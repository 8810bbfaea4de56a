"""A real GNU/Hurd with a screen and a keyboard: the console client drives them, as a service.

The tests work on the machine over its serial line, where a second getty sits, press keys of QEMU's
keyboard, and read what is on the screen from the console's own node.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from vm import PATIENCE, REPOSITORY, Hurd, build

_KEYS = {" ": "spc", "\n": "ret", "/": "slash", ".": "dot", "-": "minus"}
_SCREEN = (
    "python3 -c \"import sys; cells = open('/dev/vcs/1/display', 'rb').read()[::4]; "
    "print(''.join(chr(c) for c in cells if 32 <= c < 127))\""
)


class Screen(Hurd):
    """A machine with a screen, and a monitor to press its keys with."""

    def __init__(self, disk: Path) -> None:
        self._socket = disk.with_suffix(".monitor")
        super().__init__(
            disk, "-vga", "std", "-serial", "mon:stdio",
            "-monitor", f"unix:{self._socket},server,nowait",
        )  # fmt: skip

    def press(self, text: str) -> None:
        """Type on the keyboard, not on the serial line."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._socket))
            for character in text:
                monitor.sendall(f"sendkey {_KEYS.get(character, character)}\n".encode())
                self.run_for(0.3)

    def until_on_screen(self, text: str, seconds: float = PATIENCE) -> str:
        """Wait until a text is on the first virtual console; return all that is there."""
        end = time.monotonic() + seconds
        while text not in (screen := self.run(_SCREEN)):
            assert time.monotonic() < end, f"no {text!r} in: {screen[-2000:]}"
        return screen

    def pid(self, service: str) -> int:
        """The main process of a service that runs."""
        status = json.loads(self.run(f"herd --json status {service}"))["service"]
        assert status["status"] == "running", status
        return int(status["running"]["pid"])


@pytest.fixture(scope="module")
def screen(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    directory = tmp_path_factory.mktemp("screen")
    init = directory / "init.scm"
    text = (REPOSITORY / "image/data/init.scm").read_text()
    assert "(hurd-services)" in text
    init.write_text(
        text.replace("(hurd-services)", '(hurd-services #:gettys \'("console" "com0"))')
    )
    path = directory / "screen.img"
    build(path, "--console=vga", f"--file={init}:/etc/drover/init.scm")
    with Screen(path) as machine:
        machine.login()
        yield machine


def test_people_can_log_in_at_the_keyboard(screen: Screen) -> None:
    screen.pid("console")
    for number in (1, 2, 3):
        screen.pid(f"term-tty{number}")
        assert "console" in screen.run(f"ls /dev/vcs/{number}")
    screen.until_on_screen("login>")
    assert screen.run("readlink /dev/cons/vcs").strip() == "/dev/vcs/1"
    screen.press("login root\n")
    screen.until_on_screen("root@hurd:~#")
    screen.press("tty\n")
    screen.until_on_screen("/dev/tty1")


def test_the_console_client_comes_back_and_its_terminals_live_on(screen: Screen) -> None:
    client, shell = screen.pid("console"), screen.pid("term-tty1")
    screen.run(f"kill -9 {client}; sleep 3")
    assert screen.pid("console") != client
    assert screen.pid("term-tty1") == shell
    # A key may have been half pressed.  What is typed is echoed; the sum comes from the shell.
    screen.press("\n\nexpr 40000 - 1234\n")
    screen.until_on_screen("38766")


def test_terminals_of_the_screen_stop_and_start_with_the_client(screen: Screen) -> None:
    assert screen.run_with_status("herd stop console")[1] == 0
    status = screen.run("herd status")
    assert "- term-tty1" in status
    assert "+ term-com0" in status
    assert screen.run_with_status("herd start multi-user")[1] == 0
    assert "+ term-tty3" in screen.run("herd status")
    screen.run("sleep 3")
    assert screen.run("readlink /dev/cons/vcs").strip() == "/dev/vcs/1"
    screen.press("\n\nlogin root\nexpr 50000 - 1234\n")
    screen.until_on_screen("48766")
