"""`hurd-image vm`: boot an image in QEMU, with its console on the terminal or to run one command.

Exit statuses: with `--run`, the command's own; 124 if the deadline passed; 125 if the command could
not be run to its end (as with timeout(1) and docker-run(1)).  Without it, 0 when the guest halted
or was told to end, 124 for the deadline, and otherwise those of `image.errors`.  An option that is
wrong is 2 in both cases.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from image import floppy, menu
from image.attended import attend
from image.console import Console, Deadline
from image.errors import ConfigurationError, ExitCode, ImageError, NotAnImage
from image.guest import Login
from image.machine import VirtualMachine
from image.qemu import EMULATORS, Machine, disk_format, parse_forward, parse_memory
from image.unattended import Task, run_task

if TYPE_CHECKING:
    from image.bootable import Bootable

DEFAULT_IMAGE = Path("hurd.img")  # as that of `hurd-image build`
EXIT_DEADLINE = 124
EXIT_NOT_RUN = 125
# Without KVM a system takes seconds to minutes to come up.
RUN_TIMEOUT = 300.0
# What makes every known init stop before the services, with a shell on the console.
_SINGLE_USER = ("single",)
_CONSOLE = re.compile(r"\bconsole=com\d")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hurd-image vm` to `parser`."""
    parser.add_argument(
        "image",
        metavar="IMAGE",
        type=Path,
        nargs="?",
        default=DEFAULT_IMAGE,
        help=f"a raw or qcow2 disk, or an ISO (default: {DEFAULT_IMAGE})",
    )
    parser.set_defaults(qemu_arguments=[])
    parser.add_argument(
        "--run",
        metavar="COMMAND",
        help="boot, run COMMAND with the guest's shell, print its output, and end with its exit"
        " status; the system is single-user (if its init can be that) unless --login is given",
    )
    parser.add_argument(
        "--login", metavar="USER", help="with --run: boot as usual, and log in as USER"
    )
    parser.add_argument(
        "--password-file", metavar="FILE", type=Path, help="the first line is USER's password"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        help=f"end after so long, with status {EXIT_DEADLINE}"
        f" (default: none; {RUN_TIMEOUT:.0f} with --run)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="with --run: show the console on standard error"
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--snapshot",
        action="store_true",
        help="leave the image and all disks as they are (what --run does)",
    )
    kept.add_argument(
        "--write", action="store_true", help="with --run: keep what the command changes"
    )
    parser.add_argument(
        "--memory", metavar="SIZE", default="", help="1024M or 2G (default: 1G i386, 2G amd64)"
    )
    parser.add_argument(
        "--arch", choices=sorted(EMULATORS), help="the machine (default: what the image is for)"
    )
    parser.add_argument(
        "--accelerator", choices=("auto", "kvm", "tcg"), default="auto", help="default: auto"
    )
    parser.add_argument("--network", choices=("user", "none"), default="user", help="default: user")
    parser.add_argument(
        "--forward",
        metavar="[tcp:|udp:][ADDRESS:]HOST:GUEST",
        action="append",
        default=[],
        help="connect port HOST of this machine to port GUEST of the guest; may be repeated",
    )
    parser.add_argument(
        "--disk",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="one more disk; may be repeated",
    )
    parser.add_argument("--graphic", action="store_true", help="open a window with the screen")
    parser.add_argument(
        "--no-reboot", action="store_true", help="end when the guest restarts the machine"
    )
    parser.add_argument(
        "--serial-log", metavar="FILE", type=Path, help="write all the console says to FILE too"
    )


def split_arguments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide a command line at `--`: what is ours, and further arguments of QEMU.

    These become `options.qemu_arguments`; argparse would take them for images.
    """
    if "--" not in words:
        return list(words), []
    at = list(words).index("--")
    return list(words[:at]), list(words[at + 1 :])


def run_vm(options: argparse.Namespace) -> int:
    """Do what the options say and return the exit status.

    Raises ConfigurationError for options that are wrong, and another ImageError only without
    `--run`: with it that is written here, since its exit status would look like the command's.
    """
    try:
        return asyncio.run(_with_signals(options))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        return 128 + signal.SIGPIPE
    except Deadline as error:
        _say(error)
        return EXIT_DEADLINE
    except ImageError as error:
        if options.run is None or isinstance(error, ConfigurationError):
            raise
        _say(error)
        return EXIT_NOT_RUN


def _say(error: ImageError) -> None:
    """Tell the user what went wrong."""
    print(f"hurd-image: error: {error}", file=sys.stderr, flush=True)


async def _with_signals(options: argparse.Namespace) -> int:
    """Have SIGTERM and SIGHUP end the machine too, as asyncio.run has SIGINT do it."""
    task = asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await _boot(options)
    except asyncio.CancelledError:
        if received:
            return 128 + received[0]
        raise


async def _boot(options: argparse.Namespace) -> int:
    """Boot the image, and either run the command or connect the terminal."""
    seconds = _timeout(options)
    login = _login(options)
    with _machine(options) as machine, Console(options.serial_log) as console:
        async with VirtualMachine(machine, console.reset) as running:
            if options.run is None:
                return await attend(running, console, seconds)
            task = Task(options.run, login, verbose=options.verbose, write=options.write)
            return await run_task(running, console, seconds, task)


def _timeout(options: argparse.Namespace) -> float | None:
    """The deadline in seconds, None for none."""
    if options.timeout is None:
        return RUN_TIMEOUT if options.run is not None else None
    try:
        seconds = float(options.timeout)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError("--timeout", f"{options.timeout!r} is no number of seconds")
    return seconds


def _login(options: argparse.Namespace) -> Login:
    """Who logs in where the guest asks; raises ConfigurationError for a file that is not there."""
    path: Path | None = options.password_file
    if path is None:
        return Login(options.login or "root")
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError("--password-file", f"{path}: {problem}") from None
    return Login(options.login or "root", password)


@contextlib.contextmanager
def _machine(options: argparse.Namespace) -> Iterator[Machine]:
    """The machine that the options describe."""
    for name in ("login", "password_file", "write"):
        if options.run is None and getattr(options, name):
            raise ConfigurationError(f"--{name.replace('_', '-')}", "goes with --run only")
    format_ = disk_format(options.image)
    run = options.run is not None
    single = run and options.login is None
    known = None if options.arch and not single else _look_at(options.image)
    architecture = options.arch or (known.architecture if known else "")
    if architecture not in EMULATORS:
        raise NotAnImage(f"{options.image}: no kernel in it tells what machine it is for: --arch")
    with tempfile.TemporaryDirectory(prefix="hurd-image-") as directory:
        boot_floppy = _single_user_floppy(options.image, known, directory) if single else None
        yield Machine(
            image=options.image,
            format=format_,
            architecture=architecture,
            memory=parse_memory(options.memory) if options.memory else 0,
            accelerator=options.accelerator,
            network=options.network == "user",
            forwards=tuple(parse_forward(text) for text in options.forward),
            disks=tuple(options.disk),
            snapshot=options.snapshot or (run and not options.write),
            graphic=options.graphic,
            reboots=not (run or options.no_reboot),
            floppy=boot_floppy,
            extra=tuple(options.qemu_arguments),
        )


def _single_user_floppy(image: Path, known: Bootable | None, directory: str) -> Path:
    """Make the floppy that boots the image single-user, with the console on the serial line."""
    if known is None:
        raise NotAnImage(
            f"{image}: {menu.CONFIGURATION}, which --run changes to boot single-user, is in no"
            " partition that can be read; use --login"
        )
    words = [*_SINGLE_USER]
    if not _CONSOLE.search(known.configuration):
        words.append("console=com0")
    path = Path(directory, "boot.img")
    floppy.write_floppy(floppy.with_words(known.configuration, words), path)
    return path


def _look_at(image: Path) -> Bootable | None:
    """What the image boots."""
    from image.bootable import look_at

    return look_at(image)
