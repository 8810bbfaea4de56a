"""The file that a disk becomes: whole or as it was before, whatever fails or ends the build."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from image import disk, grub
from image.disk import write_disk
from image.errors import CheckFailed, ImageError, ImageInUse, MissingTool
from tests.image.disks import EPOCH, system_tree
from tests.image.guests import require
from tests.image.users import ROOT

MIB = 1 << 20
LOCK = struct.Struct("hhqqi4x")


@pytest.fixture(autouse=True)
def tools() -> None:
    require("grub-mkimage", "qemu-img", "e2fsck")


def nothing_new(place: Path, action: Callable[[], object], error: type[BaseException]) -> str:
    """The message of an error that left a directory and an old output as they were."""
    output = place / "disk"
    output.write_bytes(b"the old one")
    with pytest.raises(error) as caught:
        action()
    assert [path.name for path in place.iterdir()] == ["disk"]
    assert output.read_bytes() == b"the old one"
    return str(caught.value)


def qemu_img(place: Path, script: str) -> Path:
    """A directory for PATH whose qemu-img is a script of the test's own."""
    directory = place / "bin"
    directory.mkdir()
    tool = directory / "qemu-img"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return directory


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
    tools = qemu_img(tmp_path, 'shift 7\necho partly > "$2"\necho no >&2\nexit 3')
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
    pid = tmp_path / "pid"
    tools = qemu_img(tmp_path, f"sleep 60 &\necho $! > {pid}.new\nmv {pid}.new {pid}\nwait")
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
