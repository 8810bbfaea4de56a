"""How the options of `hurd-image vm` become a machine."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from image.errors import ConfigurationError, NotAnImage
from image.floppy import with_words
from image.qemu import (
    Forward,
    Machine,
    command_line,
    disk_format,
    kvm_is_usable,
    parse_forward,
    parse_memory,
)
from image.terminal import Keys
from image.vm import split_arguments


def words(**wanted: object) -> list[str]:
    """QEMU's arguments for a machine."""
    machine = Machine(image=Path("/x/hurd.img"), format="raw", architecture="i386")
    machine = Machine(**{**machine.__dict__, **wanted})
    return command_line(machine, monitor=8, serial=9)


def after(option: str, line: list[str]) -> list[str]:
    """All values of an option."""
    return [value for name, value in itertools.pairwise(line) if name == option]


@pytest.mark.parametrize(
    ("text", "forward"),
    [
        ("2222:22", Forward(2222, 22)),
        ("tcp:2222:22", Forward(2222, 22)),
        ("udp:5353:53", Forward(5353, 53, "udp")),
        ("0.0.0.0:8080:80", Forward(8080, 80, "tcp", "0.0.0.0")),
        ("udp:10.0.0.1:1:2", Forward(1, 2, "udp", "10.0.0.1")),
    ],
)
def test_forwards(text: str, forward: Forward) -> None:
    assert parse_forward(text) == forward


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("22", "'22'"),
        ("", "''"),
        ("ssh:22", "'ssh'"),
        ("2222:0", "'0'"),
        ("2222:65536", "'65536'"),
        ("somewhere:1:2", "'somewhere'"),
        ("sctp:1:2:3", "'sctp:1:2:3'"),
        ("1,guestfwd=:2", "'1,guestfwd='"),
    ],
)
def test_a_forward_that_is_none_is_named(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_forward(text)
    assert str(caught.value).startswith("--forward: ")
    assert named in str(caught.value)


def test_memory() -> None:
    assert [parse_memory(text) for text in ("512", "512M", "1G", "2GiB")] == [512, 512, 1024, 2048]
    for text in ("", "lots", "-1", "1T", "1.5G", "G"):
        with pytest.raises(ConfigurationError, match=r"--memory.*no size"):
            parse_memory(text)
    with pytest.raises(ConfigurationError, match="'16M' is too little"):
        parse_memory("16M")


def test_each_architecture_has_its_memory_and_card() -> None:
    assert after("-m", words()) == ["1024M"]
    assert after("-m", words(architecture="amd64")) == ["2048M"]
    assert after("-m", words(memory=512)) == ["512M"]
    assert after("-nic", words()) == ["user,model=rtl8139"]
    assert after("-nic", words(architecture="amd64")) == ["user,model=e1000"]


def test_the_network() -> None:
    forwards = (Forward(2222, 22), Forward(53, 53, "udp", "0.0.0.0"))
    (card,) = after("-nic", words(forwards=forwards))
    assert card.endswith(",hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp:0.0.0.0:53-:53")
    assert after("-nic", words(network=False)) == ["none"]
    with pytest.raises(ConfigurationError, match="--forward"):
        words(network=False, forwards=forwards)


def test_disks(tmp_path: Path) -> None:
    data = tmp_path / "a,b.qcow2"
    data.write_bytes(b"QFI\xfb" + bytes(100))
    first, second = after("-drive", words(disks=(data,), snapshot=True))
    assert first == "if=ide,index=0,format=raw,snapshot=on,file=/x/hurd.img"
    assert second == f"if=ide,index=1,format=qcow2,snapshot=on,file={tmp_path}/a,,b.qcow2"
    assert after("-boot", words()) == ["c"]
    with pytest.raises(ConfigurationError, match=r"--disk.*room for 3"):
        words(disks=(data,) * 4)


def test_an_iso_is_a_cd() -> None:
    line = words(format="iso", snapshot=True)
    assert after("-drive", line) == ["if=ide,index=0,format=raw,media=cdrom,file=/x/hurd.img"]
    assert after("-boot", line) == ["d"]


def test_further_arguments_come_last() -> None:
    assert words(extra=("-device", "usb"))[-2:] == ["-device", "usb"]
    assert split_arguments(["a.img", "--", "-s", "--"]) == (["a.img"], ["-s", "--"])
    assert split_arguments(["a.img"]) == (["a.img"], [])


def test_formats_are_recognized(tmp_path: Path) -> None:
    raw, qcow2, iso = (tmp_path / name for name in ("raw", "qcow2", "iso"))
    raw.write_bytes(bytes(512))
    qcow2.write_bytes(b"QFI\xfb" + bytes(508))
    iso.write_bytes(b"\xeb\x63" + bytes(0x8001 - 2) + b"CD001" + bytes(100))
    assert [disk_format(path) for path in (raw, qcow2, iso)] == ["raw", "qcow2", "iso"]


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path, problem in (
        (tmp_path / "missing", "there is no such image"),
        (tmp_path, "a directory"),
        (tmp_path / "empty", "an empty file"),
    ):
        with pytest.raises(NotAnImage, match=problem) as caught:
            disk_format(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_the_accelerator_is_what_is_asked_for() -> None:
    assert after("-accel", words(accelerator="tcg")) == ["tcg"]
    assert after("-accel", words(accelerator="kvm")) == ["kvm"]
    assert after("-accel", words()) == ["kvm" if kvm_is_usable() else "tcg"]


def test_words_go_to_every_kernel_of_the_menu() -> None:
    menu = (
        "set timeout=5\nmenuentry 'a' {\n\tmultiboot /boot/gnumach.gz root=x # why\n"
        "  module /hurd/x x '${root}'\n}\nmenuentry 'b' {\n  multiboot /boot/other\n}\n"
    )
    changed = with_words(menu, ["single", "it's"])
    assert "\tmultiboot /boot/gnumach.gz root=x single 'it'\\''s' # why\n" in changed
    assert "  multiboot /boot/other single 'it'\\''s'\n" in changed
    assert "module /hurd/x x '${root}'\n" in changed
    assert changed.rstrip().endswith("set timeout=0")


def test_a_menu_without_a_kernel_is_refused() -> None:
    with pytest.raises(NotAnImage, match="multiboot"):
        with_words("menuentry 'linux' {\n linux /vmlinuz\n}\n", ["single"])


def test_the_escape_divides_what_is_typed() -> None:
    keys = Keys(escapes=True)
    assert keys.divide(b"ls\r\x03") == (b"ls\r\x03", "")
    assert keys.divide(b"a\x1d") == (b"a", "")
    assert keys.divide(b"Qb") == (b"b", "q")
    assert keys.divide(b"\x1d\x1d\x1d]\x1di") == (b"\x1d\x1d", "i")
    assert Keys(escapes=False).divide(b"a\x1dq") == (b"a\x1dq", "")
