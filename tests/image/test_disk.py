"""Disks: what other tools find on them, sameness of bytes, and no half-written output ever."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image import disk, grub
from image.check import check_image
from image.disk import write_disk
from image.errors import (
    CheckFailed,
    ConfigurationError,
    ImageError,
    ImageInUse,
    MissingTool,
    NoSpace,
    TreeError,
)
from image.partitions import master_boot_record, read_table
from image.run import environment, find_tool
from image.tree import Node, Tree
from tests.image.disks import EPOCH, PARTITION, e2fsck, system_tree
from tests.image.guests import require

MIB = 1 << 20
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def tools() -> None:
    require("grub-mkimage", "qemu-img", "e2fsck")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sfdisk(path: Path) -> dict[str, object]:
    """The partition table as another program reads it."""
    require("sfdisk")
    words = [find_tool("sfdisk"), "--json", str(path)]
    told = subprocess.run(words, capture_output=True, text=True, check=True, env=environment())
    table: dict[str, object] = json.loads(told.stdout)["partitiontable"]
    return table


def test_sfdisk_and_grub_find_what_belongs_there(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    tree = system_tree()
    plan = write_disk(tree, path, epoch=EPOCH)
    table = sfdisk(path)
    assert table["label"] == "dos"
    assert table["id"] == f"0x{int.from_bytes(plan.superblock.uuid[:4], 'little'):08x}"
    assert table["partitions"] == [
        {
            "node": f"{path}1",
            "start": 2048,
            "size": plan.size // 512,
            "type": "83",
            "bootable": True,
        }
    ]
    data = path.read_bytes()
    boot = (grub.grub_directory() / "boot.img").read_bytes()
    assert data[:0x66] == boot[:0x66] and data[0x68:440] == boot[0x68:440]
    core = grub.disk_core(PARTITION)
    assert data[512 : 512 + len(core)] == core
    assert e2fsck(path, PARTITION) == ""
    assert path.stat().st_blocks * 512 < 8 * MIB, "the disk is not sparse"


@given(st.integers(2048, 2**31), st.integers(1, 2**31))
def test_sectors_and_their_older_addresses_agree(start: int, size: int) -> None:
    record = master_boot_record(b"", 1, start, size)
    _, first, _, last, at, count = struct.unpack_from("<B3sB3sII", record, 446)
    assert (at, count) == (start, size)
    for address, sector in ((first, start), (last, start + size - 1)):
        cylinder = address[2] | (address[1] >> 6) << 8
        found = (cylinder * 255 + address[0]) * 63 + (address[1] & 63) - 1
        assert found == sector or (address == b"\xfe\xff\xff" and sector >= 1024 * 255 * 63)
    table = read_table(lambda offset, size: record[offset : offset + size], 2**50)
    (found_partition,) = table.partitions
    assert (found_partition.start, found_partition.size) == (start * 512, size * 512)


def test_the_size_is_that_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_disk(system_tree(), path, epoch=EPOCH, size=100 * MIB)
    assert path.stat().st_size == 100 * MIB
    assert check_image(path, system_tree(), "kernel").problems == ()


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_two_builds_give_the_same_bytes(tmp_path: Path, image_format: disk.Format) -> None:
    digests = set()
    for name in ("one", "another"):
        path = tmp_path / name
        write_disk(system_tree(), path, epoch=EPOCH, image_format=image_format)
        digests.add(digest(path))
    assert len(digests) == 1
    write_disk(system_tree(), path, epoch=EPOCH + 1, image_format=image_format)
    assert digest(path) not in digests


def test_a_qcow2_disk_holds_the_same(tmp_path: Path) -> None:
    raw, qcow2 = tmp_path / "raw", tmp_path / "qcow2"
    write_disk(system_tree(), raw, epoch=EPOCH)
    write_disk(system_tree(), qcow2, epoch=EPOCH, image_format="qcow2")
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, qcow2], check=True)
    subprocess.run(["qemu-img", "check", qcow2], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qcow2", "raw"]


def test_an_ordinary_user_gets_the_same_disk_as_root(tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("not run by root: the other tests are those of an ordinary user")
    require("setpriv")
    ours = tmp_path / "ours"
    write_disk(system_tree(), ours, epoch=EPOCH)
    place = Path("/tmp") / f"drover-nobody-{os.getpid()}"
    place.mkdir()
    try:
        os.chown(place, 65534, 65534)
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True\n"
            "from pathlib import Path\n"
            "from image.disk import write_disk\n"
            "from image.check import check_image\n"
            "from tests.image.disks import EPOCH, system_tree\n"
            "tree = system_tree()\n"
            "check = lambda path: check_image(path, tree, 'kernel').raise_problems()\n"
            "write_disk(tree, Path(sys.argv[2]), epoch=EPOCH, check=check)\n"
        )
        theirs = place / "disk"
        subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
             sys.executable, "-c", code, str(ROOT), str(theirs)],
            check=True,
        )  # fmt: skip
        assert theirs.stat().st_uid == 65534
        assert digest(theirs) == digest(ours)
    finally:
        shutil.rmtree(place)


def nothing_new(place: Path, action: Callable[[], object], error: type[BaseException]) -> str:
    """The message of an error that left a directory and an old output as they were."""
    output = place / "disk"
    output.write_bytes(b"the old one")
    with pytest.raises(error) as caught:
        action()
    assert [path.name for path in place.iterdir()] == ["disk"]
    assert output.read_bytes() == b"the old one"
    return str(caught.value)


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_failed_check_leaves_the_old_output(tmp_path: Path, image_format: disk.Format) -> None:
    output = tmp_path / "disk"

    def refuse(path: Path) -> None:
        assert path.stat().st_size > MIB
        raise CheckFailed("faults")

    def build() -> None:
        write_disk(system_tree(), output, epoch=EPOCH, image_format=image_format, check=refuse)

    nothing_new(tmp_path, build, CheckFailed)


def test_a_failing_tool_leaves_the_old_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "qemu-img").write_text('#!/bin/sh\nshift 7\necho partly > "$2"\necho no >&2\nexit 3\n')
    (tools / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    place = tmp_path / "place"
    place.mkdir()
    message = nothing_new(
        place,
        lambda: write_disk(system_tree(), place / "disk", epoch=EPOCH, image_format="qcow2"),
        ImageError,
    )
    assert message == "qemu-img failed with status 3:\nno"


def test_a_missing_tool_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("image.run._ADMINISTRATION", [])
    message = nothing_new(
        tmp_path, lambda: write_disk(system_tree(), tmp_path / "disk", epoch=EPOCH), MissingTool
    )
    assert message == "grub-mkimage: not found; install the Debian package grub-common"
    monkeypatch.setattr(grub, "_DIRECTORIES", (Path("/nonexistent/i386-pc"),))
    message = nothing_new(
        tmp_path, lambda: write_disk(system_tree(), tmp_path / "disk", epoch=EPOCH), MissingTool
    )
    assert message.endswith("install the Debian package grub-pc-bin")


def test_a_tree_without_a_menu_is_refused(tmp_path: Path) -> None:
    tree = system_tree()
    tree.remove("/boot/grub/grub.cfg")
    with pytest.raises(TreeError, match=r"/boot/grub/grub\.cfg: is not in the root tree"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH)


def test_sizes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    tree = system_tree()
    with pytest.raises(ConfigurationError, match=r"size: .* less than 2 MiB"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=MIB)
    with pytest.raises(ConfigurationError, match=r"size: .* less than 2 TiB"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=3 << 40)
    tree.add("/large", Node("file", content=bytes(2 * MIB)))
    with pytest.raises(NoSpace, match="does not fit"):
        write_disk(tree, tmp_path / "disk", epoch=EPOCH, size=2 * MIB)


def test_uefi_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigurationError, match=r"--uefi: .* GNU Mach cannot start under UEFI"):
        disk.refuse_uefi()


LOCK = struct.Struct("hhqqi4x")


@pytest.mark.parametrize("command", [fcntl.F_OFD_SETLK, fcntl.F_SETLK])
def test_an_image_that_a_machine_uses_is_not_replaced(tmp_path: Path, command: int) -> None:
    output = tmp_path / "disk"
    output.write_bytes(b"the old one")
    with output.open("rb") as file:
        # As QEMU: a shared lock on a byte far behind; in another process, for locks of POSIX.
        lock = LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 100, 1, 0)
        ready, done = os.pipe(), os.pipe()
        child = os.fork()
        if not child:
            fcntl.fcntl(file.fileno(), command, lock)
            os.write(ready[1], b"x")
            os.close(done[1])
            os.read(done[0], 1)
            os._exit(0)
        try:
            os.read(ready[0], 1)
            with pytest.raises(ImageInUse, match="disk: in use by another program"):
                write_disk(system_tree(), output, epoch=EPOCH)
        finally:
            for descriptor in (*ready, *done):
                os.close(descriptor)
            os.waitpid(child, 0)
    assert output.read_bytes() == b"the old one"
    write_disk(system_tree(), output, epoch=EPOCH)


def test_qemu_keeps_its_image(tmp_path: Path) -> None:
    require("qemu-nbd")
    output = tmp_path / "disk"
    output.write_bytes(bytes(MIB))
    with subprocess.Popen(
        ["qemu-nbd", "-f", "raw", f"--socket={tmp_path}/socket", output]
    ) as server:
        try:
            deadline = time.monotonic() + 20
            while not (tmp_path / "socket").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            with pytest.raises(ImageInUse):
                write_disk(system_tree(), output, epoch=EPOCH)
        finally:
            server.terminate()


def run_aside(place: Path, code: str, *wrapper: str) -> subprocess.Popen[str]:
    """Build a large disk in another process; `code` runs after the imports."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from image.disk import write_disk\n"
        "from image.errors import ImageError\n"
        "from image.tree import Node\n"
        "from tests.image.disks import EPOCH, system_tree\n"
        "place = Path(sys.argv[2])\n"
        "tree = system_tree()\n" + code
    )
    return subprocess.Popen(
        [*wrapper, sys.executable, "-c", program, str(ROOT), str(place)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "def advance(count):\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "write_disk(tree, place / 'disk', epoch=EPOCH, advance=advance)\n"
    )
    with run_aside(tmp_path, code) as build:
        assert build.stdout is not None
        assert build.stdout.readline() == "writing\n"
        (aside,) = tmp_path.iterdir()
        assert aside.name.startswith(".disk.")
        build.send_signal(signal.SIGINT)
        assert build.wait(20) == -signal.SIGINT
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_tool_ends_too(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    pid = tmp_path / "pid"
    (tools / "qemu-img").write_text(
        f"#!/bin/sh\nsleep 60 &\necho $! > {pid}.new\nmv {pid}.new {pid}\nwait\n"
    )
    (tools / "qemu-img").chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    code = (
        f"import os; os.environ['PATH'] = {str(tools)!r} + ':' + os.environ['PATH']\n"
        "write_disk(tree, place / 'disk', epoch=EPOCH, image_format='qcow2')\n"
    )
    with run_aside(place, code) as build:
        deadline = time.monotonic() + 30
        while not pid.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        sleeper = int(pid.read_text())
        build.send_signal(signal.SIGINT)
        assert build.wait(30) == -signal.SIGINT
    assert list(place.iterdir()) == []
    state = Path(f"/proc/{sleeper}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    """On a small tmpfs of its own, in a user namespace."""
    require("unshare")
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces on this machine")
    code = (
        "import os, subprocess\n"
        "subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'none', place], check=True)\n"
        "tree.add('/large', Node('file', content=os.urandom(8 << 20)))\n"
        "for kind in ('raw', 'qcow2'):\n"
        "    try:\n"
        "        write_disk(tree, place / 'disk', epoch=EPOCH, image_format=kind)\n"
        "    except ImageError as error:\n"
        "        print(type(error).__name__, error, os.listdir(place))\n"
    )
    with run_aside(tmp_path, code, "unshare", "-Urm") as build:
        output, errors = build.communicate(timeout=60)
    path = tmp_path / "disk"
    line = f"NoSpace {path}: no space left on this machine's disk []\n"
    assert (output, errors) == (line * 2, "")


def test_only_files_are_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    links = tmp_path / "round"
    links.symlink_to(links)
    for path, problem in (
        (tmp_path, "is a directory"),
        (pipe, "is no ordinary file"),
        (Path("/dev/null"), "is no ordinary file"),
        (links, "round: "),
    ):
        with pytest.raises(ImageError, match=problem):
            write_disk(system_tree(), path, epoch=EPOCH)
    assert pipe.is_fifo() and Path("/dev/null").is_char_device()


def test_links_are_followed(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    link = tmp_path / "disk"
    link.symlink_to("elsewhere/real")
    for _ in range(2):
        write_disk(system_tree(), link, epoch=EPOCH)
        assert link.is_symlink()
        assert [path.name for path in place.iterdir()] == ["real"]


def test_progress_tells_all_bytes_of_content(tmp_path: Path) -> None:
    tree = Tree()
    tree.merge(system_tree())
    tree.add("/large", Node("file", content=bytes(5 * MIB)))
    told: list[int] = []
    plan = write_disk(tree, tmp_path / "disk", epoch=EPOCH, advance=told.append)
    assert sum(told) == plan.content >= 5 * MIB
