"""The command line of QEMU for a virtual machine that runs an image.

A `Machine` says what is wanted in our terms; `command_line` says it in QEMU's.  Nothing is started
here: that is `image.machine`.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from image.errors import ConfigurationError, NotAnImage
from image.recognise import filesystem_name, image_format

# Memory that each kernel is comfortable with, in MiB.
DEFAULT_MEMORY = {"i386": 1024, "amd64": 2048}
EMULATORS = {"i386": "qemu-system-i386", "amd64": "qemu-system-x86_64"}
# The card that each system's usual driver takes: netdde hangs on QEMU's e1000, rumpnet wants it.
_NETWORK_CARDS = {"i386": "rtl8139", "amd64": "e1000"}
# IDE has two channels of two: what else there is finds no place beside the image.
_MOST_EXTRA_DISKS = 3
_KVM_GET_API_VERSION = 0xAE00
_KVM_API_VERSION = 12


@dataclass(frozen=True)
class Forward:
    """A port of this machine whose connections go to a port of the guest."""

    host_port: int
    guest_port: int
    protocol: str = "tcp"  # or "udp"
    address: str = "127.0.0.1"  # of this machine

    @property
    def rule(self) -> str:
        """As QEMU's user network writes it."""
        return f"hostfwd={self.protocol}:{self.address}:{self.host_port}-:{self.guest_port}"


@dataclass(frozen=True)
class Machine:
    """What to run, and on what."""

    image: Path
    format: str  # "raw", "qcow2", …, or "iso"
    architecture: str  # "i386" or "amd64"
    memory: int = 0  # MiB; 0 is the default of the architecture
    accelerator: str = "auto"  # or "kvm", "tcg"
    network: bool = True
    forwards: tuple[Forward, ...] = ()
    disks: tuple[Path, ...] = ()
    snapshot: bool = False  # leave all disks as they are
    graphic: bool = False
    reboots: bool = True  # a reset by the guest starts it again; otherwise it ends QEMU
    floppy: Path | None = None  # boot from this floppy disk instead of the image
    extra: tuple[str, ...] = ()  # arguments for QEMU as they are

    @property
    def emulator(self) -> str:
        """The program to run."""
        return EMULATORS[self.architecture]


def parse_forward(text: str) -> Forward:
    """Read `[tcp:|udp:][ADDRESS:]HOST:GUEST`; raise ConfigurationError naming what is wrong."""
    words = text.split(":")
    protocol = words.pop(0) if words[0] in ("tcp", "udp") else "tcp"
    if len(words) not in (2, 3):
        raise ConfigurationError(
            "--forward", f"{text!r} is not [tcp:|udp:][ADDRESS:]HOST:GUEST, such as 2222:22"
        )
    address = words[0] if len(words) == 3 else "127.0.0.1"
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise ConfigurationError(
            "--forward", f"{text!r}: {address!r} is no IPv4 address of this machine"
        ) from None
    return Forward(_port(text, words[-2]), _port(text, words[-1]), protocol, address)


def _port(text: str, word: str) -> int:
    """Read a port number of a --forward."""
    if word.isascii() and word.isdigit() and 0 < int(word) < 65536:
        return int(word)
    raise ConfigurationError("--forward", f"{text!r}: {word!r} is no port number (1 to 65535)")


def parse_memory(text: str) -> int:
    """Read an amount of memory: MiB, or with the suffix M or G; return MiB."""
    number, factor = text, 1
    for suffix, size in (("M", 1), ("MiB", 1), ("G", 1024), ("GiB", 1024)):
        if text.endswith(suffix) and text.removesuffix(suffix).isdigit():
            number, factor = text.removesuffix(suffix), size
    if not (number.isascii() and number.isdigit()):
        raise ConfigurationError("--memory", f"{text!r} is no size, such as 1024M or 2G")
    mebibytes = int(number) * factor
    if mebibytes < 64:
        raise ConfigurationError("--memory", f"{text!r} is too little: the kernel needs 64M")
    return mebibytes


def disk_format(path: Path) -> str:
    """Return "iso", or what QEMU calls the format: "qcow2", "raw", …

    Raises NotAnImage if there is no such file, or it is none, is empty or cannot be read.
    """
    try:
        if path.is_dir():
            raise NotAnImage(f"{path}: a directory, not a disk image")
        with path.open("rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return file.read(size)

            if not read(0, 1):
                raise NotAnImage(f"{path}: an empty file, not a disk image")
            found = image_format(read)
            return "iso" if found == "raw" and filesystem_name(read) == "ISO 9660" else found
    except FileNotFoundError:
        raise NotAnImage(f"{path}: there is no such image") from None
    except OSError as error:
        raise NotAnImage(f"{path}: cannot be read: {error.strerror}") from None


def kvm_is_usable() -> bool:
    """Whether KVM runs guests here: the device alone does not say so, where it is emulated."""
    try:
        descriptor = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(descriptor, _KVM_GET_API_VERSION) != _KVM_API_VERSION:
            return False
        flags = next(
            line
            for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
            if line.startswith("flags")
        ).split()
    except (OSError, StopIteration, UnicodeDecodeError):
        return False
    finally:
        os.close(descriptor)
    return "vmx" in flags or "svm" in flags


def command_line(machine: Machine, *, monitor: int, serial: int) -> list[str]:
    """Return QEMU's arguments, without its name.

    `monitor` and `serial` are descriptors of connected sockets: QMP, and the guest's first serial
    line.  The machine waits for QMP's `cont`.  Raises ConfigurationError for what has no place.
    """
    accelerator = machine.accelerator
    if accelerator == "auto":
        accelerator = "kvm" if kvm_is_usable() else "tcg"
    words = ["-nodefaults", "-S", "-machine", "pc", "-accel", accelerator]
    words += ["-m", f"{machine.memory or DEFAULT_MEMORY[machine.architecture]}M"]
    words += ["-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"]
    words += ["-chardev", f"socket,id=line,fd={serial}", "-serial", "chardev:line"]
    words += ["-vga", "std"]
    if not machine.graphic:
        words += ["-display", "none"]
    if not machine.reboots:
        words.append("-no-reboot")
    words += _drives(machine)
    words += _network(machine)
    return [*words, *machine.extra]


def _drives(machine: Machine) -> list[str]:
    """The disks: the image is always the first, so that the guest finds its root."""
    if len(machine.disks) > _MOST_EXTRA_DISKS:
        raise ConfigurationError(
            "--disk",
            f"{machine.disks[_MOST_EXTRA_DISKS]}: there is room for {_MOST_EXTRA_DISKS} more disks",
        )
    words: list[str] = []
    # GRUB from a floppy sees no CD; on a disk, a CD's image is the same.
    cd = machine.format == "iso" and machine.floppy is None
    for index, path in enumerate((machine.image, *machine.disks)):
        kind = machine.format if index == 0 else disk_format(path)
        if kind == "iso" and (index or cd):
            rest = "format=raw,media=cdrom"
        elif kind == "iso":
            rest = "format=raw,snapshot=on"
        else:
            rest = f"format={kind}" + (",snapshot=on" if machine.snapshot else "")
        words += ["-drive", f"if=ide,index={index},{rest},file={_quoted(path)}"]
    order = "d" if cd else "c"
    if machine.floppy is not None:
        words += ["-drive", f"if=floppy,format=raw,read-only=on,file={_quoted(machine.floppy)}"]
        order = "a"
    return [*words, "-boot", order]


def _network(machine: Machine) -> list[str]:
    """The user network, which needs no privileges."""
    if not machine.network:
        if machine.forwards:
            raise ConfigurationError(
                "--forward", "there is nothing to forward to without a network"
            )
        return ["-nic", "none"]
    options = [f"user,model={_NETWORK_CARDS[machine.architecture]}"]
    options += [forward.rule for forward in machine.forwards]
    return ["-nic", ",".join(options)]


def _quoted(path: Path) -> str:
    """A file name as a value among QEMU's options, where a comma would begin the next one."""
    return str(path.absolute()).replace(",", ",,")
