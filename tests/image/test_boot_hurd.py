"""An image of a real Hurd, built by `hurd-image build` and run by `hurd-image vm`.

DROVER_HURD_ROOT names a directory with the root of a Hurd for i386 that has an init of its own.
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

COMMAND = (sys.executable, "-m", "image.command")
REPOSITORY = Path(__file__).parents[2]
PARTITION = "?offset=1048576"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk made from the root, with its own init, and a root that needs no password."""
    root = os.environ.get("DROVER_HURD_ROOT")
    if not root:
        pytest.skip("DROVER_HURD_ROOT is not set")
    guests.require("qemu-system-i386", "grub-mkimage", "e2fsck", "debugfs")
    path = tmp_path_factory.mktemp("hurd") / "hurd.img"
    done = hurd_image(
        "build", "--from", root, "--owners", "root", "--init", "native", "--root-password", "",
        "--hostname", "built", "--size", "256M", "-o", path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    yield path
    path.unlink()


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
