"""An image of a real Hurd, built by `hurd-image build` and run by `hurd-image vm`.

DROVER_HURD_ROOT names a directory with the root of a Hurd for i386 that has an init of its own,
and Python for drover.
Under emulation a boot takes some ten seconds, so each of the few here checks several things.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import guests

COMMAND = (sys.executable, "-m", "image")
REPOSITORY = Path(__file__).parents[2]
PARTITION = "?offset=1048576"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk made from the root, with its own init, and a root that needs no password."""
    path = build(tmp_path_factory.mktemp("hurd") / "hurd.img", "native")
    yield path
    path.unlink()


def build(path: Path, init: str) -> Path:
    """Build a disk with this init from the root that the environment names."""
    root = os.environ.get("DROVER_HURD_ROOT")
    if not root:
        pytest.skip("DROVER_HURD_ROOT is not set")
    guests.require("qemu-system-i386", "grub-mkimage", "e2fsck", "debugfs")
    done = hurd_image(
        "build", "--from", root, "--owners", "root", "--init", init, "--root-password", "",
        "--hostname", "built", "--size", "256M", "-o", path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path


def hurd_image(*words: object) -> subprocess.CompletedProcess[str]:
    """Run `hurd-image` to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=600, check=False,
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def test_a_command_runs_in_the_booted_system(image: Path) -> None:
    before = image.stat().st_mtime_ns, image.read_bytes()
    done = hurd_image("vm", "--run", "uname -a", "--verbose", image)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"GNU built \S+ GNU-Mach \S+/Hurd-\S+ i686-AT386 GNU\n", done.stdout)
    assert "Hurd server bootstrap: ext2fs" in done.stderr
    assert (image.stat().st_mtime_ns, image.read_bytes()) == before


def test_output_and_status_come_as_they_are_and_what_was_written_is_kept(
    image: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.img"
    shutil.copyfile(image, copy)
    command = r"echo kept > /root/mark; printf 'a\tb\r\n\001\021\377no end'; echo error >&2; exit 3"
    done = subprocess.run(
        [*COMMAND, "vm", "--write", "--run", command, str(copy)], capture_output=True,
        timeout=600, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.stdout == b"a\tb\r\n\x01\x11\xffno enderror\n"
    assert (done.returncode, done.stderr) == (3, b"")
    # The guest has shut down cleanly.
    checked = subprocess.run(
        ["/sbin/e2fsck", "-fn", f"{copy}{PARTITION}"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    kept = subprocess.run(
        ["/sbin/debugfs", "-R", "cat /root/mark", f"{copy}{PARTITION}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert kept.stdout == "kept\n"


def test_drover_is_the_first_process_and_shuts_down(tmp_path: Path) -> None:
    disk = build(tmp_path / "drover.img", "drover")
    done = hurd_image(
        "vm", "--write", "--timeout", "150", "--run", "herd status; ps -e; exit 4", disk
    )
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.startswith("Started:\n")
    assert " + root-file-system\n" in done.stdout
    assert re.search(r"^root +1 .* /libexec/runsystem root=\S+ console=com0 single$", done.stdout,
                     re.MULTILINE)  # fmt: skip
    checked = subprocess.run(
        ["/sbin/e2fsck", "-fn", f"{disk}{PARTITION}"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
